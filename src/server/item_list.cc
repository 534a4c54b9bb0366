// SPDX-License-Identifier: Apache-2.0
#include "server/item_list.h"

#include <iterator>
#include <utility>

#include "common/json.h"

namespace parley::server {
namespace {

void Join(std::string& to, std::string_view more, std::string_view between) {
  if (more.empty()) return;
  if (!to.empty()) to += between;
  to += more;
}

}  // namespace

void ConversationItem::CutAt(int64_t played_samples) {
  if (played_samples >= samples) {
    heard.reset();
    return;
  }
  // A word was heard when more than half of it was played: the ledger's rule.
  size_t end = 0;
  for (size_t i = 0; i < words.size(); ++i) {
    const int64_t stop = i + 1 < words.size() ? words[i + 1].first_sample : samples;
    if (words[i].first_sample + (stop - words[i].first_sample) / 2 >= played_samples) break;
    end = words[i].end;
  }
  heard = std::min(end, text.size());
}

wire::Item ConversationItem::Shown() const {
  wire::Item item = shown;
  if (item.type != "message") return item;
  wire::ContentPart part;
  const std::string text_heard(heard_text());
  if (spoken) {
    part.type = assistant() ? "output_audio" : "input_audio";
    part.transcript = wire::Nullable<std::string>();
    if (!text_heard.empty()) part.transcript = wire::Nullable<std::string>(text_heard);
  } else {
    part.type = assistant() ? "output_text" : "input_text";
    part.text = text_heard;
  }
  item.content = std::vector<wire::ContentPart>{std::move(part)};
  return item;
}

ConversationItem& ItemList::Insert(ConversationItem item, const std::optional<std::string>& after) {
  auto at = items_.begin();
  if (after) {
    const auto entry = by_id_.find(*after);
    at = entry == by_id_.end() ? items_.end() : std::next(entry->second);
  }
  const auto placed = items_.insert(at, std::move(item));
  by_id_[placed->id()] = placed;
  return *placed;
}

bool ItemList::Erase(const std::string& id) {
  const auto entry = by_id_.find(id);
  if (entry == by_id_.end()) return false;
  items_.erase(entry->second);
  by_id_.erase(entry);
  return true;
}

ConversationItem* ItemList::Find(const std::string& id) {
  const auto entry = by_id_.find(id);
  return entry == by_id_.end() ? nullptr : &*entry->second;
}

std::optional<std::string> ItemList::last() const {
  return items_.empty() ? std::nullopt : std::optional(items_.back().id());
}

std::optional<std::string> ItemList::Before(const std::string& id) const {
  const auto entry = by_id_.find(id);
  if (entry == by_id_.end() || entry->second == items_.begin()) return std::nullopt;
  return std::prev(entry->second)->id();
}

ItemList::Reading ItemList::Read(std::string system) const {
  Reading reading;
  reading.past.system = std::move(system);
  auto& exchanges = reading.past.exchanges;
  std::string open;
  bool open_spoken = false;
  bool answered = false;  // the last exchange may get more of its answer
  for (const ConversationItem& item : items_) {
    std::string answer;
    if (item.shown.type == "function_call") {
      JsonLine call;
      call.Add("name", item.shown.name.value_or(""));
      call.AddRaw("arguments", item.shown.arguments.value_or("{}"));
      answer = "<tool_call>\n" + std::move(call).Take() + "\n</tool_call>";
    } else if (item.shown.type == "function_call_output") {
      Join(open, "<tool_response>\n" + item.shown.output.value_or("") + "\n</tool_response>", "\n");
    } else if (item.shown.role == "system") {
      Join(reading.past.system, item.text, "\n\n");
    } else if (!item.assistant()) {
      Join(open, item.text, open_spoken && item.spoken ? " " : "\n");
      open_spoken = item.spoken;
    } else {
      answer = std::string(item.heard_text());
    }
    if (answer.empty()) continue;
    if (open.empty() && answered) {
      Join(exchanges.back().answer, answer, " ");
    } else {
      exchanges.push_back({std::exchange(open, {}), std::move(answer)});
    }
    answered = true;
  }
  if (!open.empty()) reading.open = std::move(open);
  return reading;
}

}  // namespace parley::server
