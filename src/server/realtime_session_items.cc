// SPDX-License-Identifier: Apache-2.0
// The items of a conversation, as a client creates, reads, cuts and deletes them.
#include "server/realtime_session.h"

#include <algorithm>
#include <utility>

#include "common/log.h"

namespace parley::server {

namespace say = wire::server;

void RealtimeSession::On(const wire::client::ItemCreate& event) {
  ConversationItem item{.shown = event.item};
  if (!item.shown.id || item.shown.id->empty()) item.shown.id = NewId("item");
  if (items_.Has(*item.shown.id)) {
    return Fail("invalid_value", "There is an item with the id '" + *item.shown.id + "' already.",
                "item.id");
  }
  if (items_.full()) return Fail("invalid_value", "This conversation has too many items.", "item");
  std::optional<std::string> after = items_.last();
  if (event.previous_item_id) {
    if (*event.previous_item_id == "root") {
      after.reset();
    } else if (items_.Has(*event.previous_item_id)) {
      after = event.previous_item_id;
    } else {
      return Fail("invalid_value", "There is no item '" + *event.previous_item_id + "'.",
                  "previous_item_id");
    }
  }
  const std::string& type = item.shown.type;
  if (type != "message" && type != "function_call" && type != "function_call_output") {
    return Fail("invalid_value", "Items of type '" + type + "' are not supported.", "item.type");
  }
  if (item.shown.content) {
    for (const wire::ContentPart& part : *item.shown.content) {
      const std::string words =
          part.text.value_or(part.transcript.value_or(wire::Nullable<std::string>()).value_or(""));
      if (!item.text.empty() && !words.empty()) item.text += "\n";
      item.text += words;
    }
    item.shown.content.reset();
  }
  if (type == "message" && !item.shown.role) item.shown.role = "user";
  item.shown.object = "realtime.item";
  item.shown.status = "completed";
  const wire::Item shown = items_.Insert(std::move(item), after).Shown();
  out_.Send(say::ItemAdded{after, shown});
  out_.Send(say::ItemDone{after, shown});
  SyncPast();
}

void RealtimeSession::On(const wire::client::ItemRetrieve& event) {
  const ConversationItem* item = items_.Find(event.item_id);
  if (item == nullptr) {
    return Fail("item_retrieve_invalid_item_id",
                "Error retrieving item: the item with id '" + event.item_id + "' does not exist.",
                "item_id");
  }
  out_.Send(say::ItemRetrieved{item->Shown()});
}

void RealtimeSession::On(const wire::client::ItemTruncate& event) {
  ConversationItem* item = items_.Find(event.item_id);
  if (item == nullptr || !item->assistant()) {
    return Fail("item_truncate_invalid_item_id",
                "Error truncating item: there is no answer with the id '" + event.item_id + "'.",
                "item_id");
  }
  const int64_t ms = std::max<int64_t>(0, event.audio_end_ms);
  const int64_t played = ms * item->rate_hz / 1000;
  const int64_t made_ms = item->samples * 1000 / item->rate_hz;
  if (ms > made_ms + 1000) {
    LogInfo("truncated_beyond_its_end", {{"audio_end_ms", ms}, {"made_ms", made_ms}});
  }
  metrics_.cut_audio_ms.Add(std::max<int64_t>(0, made_ms - ms));
  if (item->spoken) {
    item->CutAt(played);
    item->cut_by_client = true;
  }
  out_.Send(say::ItemTruncated{event.item_id, event.content_index, std::min(ms, made_ms)});
  if (event.item_id == answer_item_) talk_->Played(played);
  SyncPast();
}

void RealtimeSession::On(const wire::client::ItemDelete& event) {
  if (!items_.Erase(event.item_id)) {
    return Fail("item_delete_invalid_item_id",
                "Error deleting item: the item with id '" + event.item_id + "' does not exist.",
                "item_id");
  }
  out_.Send(say::ItemDeleted{event.item_id});
  SyncPast();
}

}  // namespace parley::server
