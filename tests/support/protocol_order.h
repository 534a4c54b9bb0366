// The order of a server's events that every client relies on, as a machine that is fed with all of them.
// Thread:   one.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

namespace parley::test {

class ProtocolOrder {
 public:
  using Json = nlohmann::json;

  void See(const Json& event) {
    const std::string type = Text(event["type"]);
    SCOPED_TRACE(type);
    EXPECT_TRUE(ids_.insert(Text(event["event_id"])).second) << "an event_id is used twice";
    if (ids_.size() == 1) {
      EXPECT_EQ(type, "session.created");
    }
    if (type == "input_audio_buffer.committed") Precedes(event["previous_item_id"]);
    if (type == "conversation.item.added") Added(event);
    if (type == "conversation.item.done") {
      // A client may delete an answer while it is being given.
      EXPECT_TRUE(Has(event["item"]["id"]) || deleted_.contains(Text(event["item"]["id"])));
    }
    if (type == "conversation.item.deleted") {
      EXPECT_TRUE(Has(event["item_id"]));
      std::erase(items_, Text(event["item_id"]));
      deleted_.insert(Text(event["item_id"]));
    }
    if (type == "response.created") Created(event["response"]);
    if (type == "response.output_item.added") {
      EXPECT_EQ(event["output_index"], next_index_[Text(event["response_id"])]);
      EXPECT_TRUE(open_.empty()) << "an item is open already";
      open_.insert(Text(event["item"]["id"]));
    }
    if (type == "response.content_part.added") {
      EXPECT_TRUE(open_.contains(Text(event["item_id"]))) << "a part of an item that is not open";
      parts_.insert(Text(event["item_id"]));
    }
    if (type.ends_with(".delta") && type.starts_with("response.output_")) {
      EXPECT_TRUE(parts_.contains(Text(event["item_id"]))) << "a delta outside of an open part";
      const std::string id = Text(event["response_id"]);
      EXPECT_TRUE(next_index_.contains(id) && !done_.contains(id)) << "of a response that is over";
    }
    if (type == "response.content_part.done") {
      EXPECT_EQ(parts_.erase(Text(event["item_id"])), 1U);
    }
    if (type == "response.output_item.done") {
      const Json& item = event["item"];
      EXPECT_FALSE(parts_.contains(Text(item["id"]))) << "its part is still open";
      EXPECT_TRUE(item["status"] == "completed" || item["status"] == "incomplete");
      EXPECT_EQ(open_.erase(Text(item["id"])), 1U);
      ++next_index_[Text(event["response_id"])];
    }
    if (type == "response.done") Done(event["response"]);
  }

  bool quiet() const { return response_.empty() && open_.empty() && parts_.empty(); }
  const std::vector<std::string>& items() const { return items_; }

 private:
  static std::string Text(const Json& json) { return json.get<std::string>(); }
  bool Has(const Json& id) const {
    return std::find(items_.begin(), items_.end(), Text(id)) != items_.end();
  }
  void Precedes(const Json& id) const {
    EXPECT_TRUE(id.is_null() || Has(id)) << "previous_item_id names no item: " << id;
  }
  void Added(const Json& event) {
    Precedes(event["previous_item_id"]);
    EXPECT_FALSE(Has(event["item"]["id"])) << "an item is added twice";
    const Json& after = event["previous_item_id"];
    const auto at =
        after.is_null() ? items_.begin() : std::find(items_.begin(), items_.end(), Text(after)) + 1;
    items_.insert(at, Text(event["item"]["id"]));
  }
  void Created(const Json& response) {
    EXPECT_EQ(response["status"], "in_progress");
    next_index_[Text(response["id"])] = 0;
    if (response["conversation_id"].is_null()) return;
    EXPECT_EQ(response_, "") << "two responses at a time";
    response_ = Text(response["id"]);
  }
  void Done(const Json& response) {
    EXPECT_TRUE(done_.insert(Text(response["id"])).second) << "it is done twice";
    EXPECT_TRUE(response["usage"]["input_token_details"].is_object());
    EXPECT_TRUE(response["usage"]["output_token_details"].is_object());
    EXPECT_TRUE(response.contains("status_details"));
    EXPECT_NE(response["status"], "in_progress");
    if (response["conversation_id"].is_null()) return;
    EXPECT_TRUE(open_.empty() && parts_.empty()) << "something of it is still open";
    EXPECT_EQ(Text(response["id"]), response_);
    response_.clear();
  }

  std::set<std::string> ids_, open_, parts_, done_, deleted_;
  std::map<std::string, int> next_index_;
  std::vector<std::string> items_;
  std::string response_;
};

}  // namespace parley::test
