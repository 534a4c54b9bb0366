// The items of one conversation as its client sees them: a linked list, in order, each with the id
// that events name it by. It knows what of every answer was heard, and what the talk must remember.
// Thread:   plain value; one owner.
// Memory:   text and word times of every item; no sound.
// Overload: kMostItems; a further one is refused.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "realtime/session.h"
#include "wire/items.h"

namespace parley::server {

struct ConversationItem {
  wire::Item shown;     // without text: Shown() fills it in
  bool spoken = false;  // its content is sound, `text` the transcript
  std::string text;
  // Of a spoken answer.
  std::optional<size_t> heard;  // bytes of `text`; nothing: all of it
  bool cut_by_client = false;   // who knows best
  std::vector<realtime::WordTime> words;
  int32_t rate_hz = 24000;
  int64_t samples = 0;

  const std::string& id() const { return *shown.id; }
  bool assistant() const { return shown.role == "assistant"; }
  std::string_view heard_text() const {
    return std::string_view(text).substr(0, heard.value_or(text.size()));
  }
  // Cuts it where the listener stopped; what was made is the most that can have been heard.
  void CutAt(int64_t played_samples);
  wire::Item Shown() const;
};

class ItemList {
 public:
  static constexpr size_t kMostItems = 4096;

  // Behind the item `after`; nothing: at the front. The ids of both must fit (Has).
  ConversationItem& Insert(ConversationItem item, const std::optional<std::string>& after);
  ConversationItem& Append(ConversationItem item) { return Insert(std::move(item), last()); }
  bool Erase(const std::string& id);
  ConversationItem* Find(const std::string& id);
  bool Has(const std::string& id) const { return by_id_.contains(id); }
  bool full() const { return by_id_.size() >= kMostItems; }
  std::optional<std::string> last() const;
  std::optional<std::string> Before(const std::string& id) const;  // nothing: it is the first

  // What a talk remembers of it, and the user's words at the end that have no answer yet.
  struct Reading {
    realtime::PastTalk past;
    std::optional<std::string> open;
  };
  Reading Read(std::string system) const;

 private:
  using List = std::list<ConversationItem>;
  List items_;
  std::unordered_map<std::string, List::iterator> by_id_;
};

}  // namespace parley::server
