// SPDX-License-Identifier: Apache-2.0
#include "server/item_list.h"

#include <gtest/gtest.h>

namespace parley::server {
namespace {

ConversationItem Item(const std::string& id, const std::string& role, const std::string& text,
                      bool spoken = false) {
  ConversationItem item{.spoken = spoken, .text = text};
  item.shown.id = id;
  item.shown.type = "message";
  item.shown.role = role;
  return item;
}

TEST(ItemList, IsALinkedList) {
  ItemList list;
  EXPECT_EQ(list.last(), std::nullopt);
  list.Append(Item("b", "user", "b"));
  list.Insert(Item("a", "user", "a"), std::nullopt);
  list.Append(Item("d", "user", "d"));
  list.Insert(Item("c", "user", "c"), "b");
  EXPECT_EQ(list.Before("a"), std::nullopt);
  EXPECT_EQ(list.Before("b"), "a");
  EXPECT_EQ(list.Before("c"), "b");
  EXPECT_EQ(list.Before("d"), "c");
  EXPECT_EQ(list.last(), "d");
  EXPECT_TRUE(list.Erase("c"));
  EXPECT_FALSE(list.Erase("c"));
  EXPECT_EQ(list.Before("d"), "b");
  EXPECT_EQ(list.Find("c"), nullptr);
}

TEST(ItemList, ReadsAsExchangesAndWhatIsOpen) {
  ItemList list;
  list.Append(Item("s", "system", "Be kind."));
  list.Append(Item("1", "user", "What is", true));
  list.Append(Item("2", "user", "the time?", true));
  list.Append(Item("3", "assistant", "Noon.", true));
  list.Append(Item("4", "assistant", "Lunch time.", true));
  list.Append(Item("5", "user", "Thanks."));
  const ItemList::Reading reading = list.Read("Be brief.");
  EXPECT_EQ(reading.past.system, "Be brief.\n\nBe kind.");
  ASSERT_EQ(reading.past.exchanges.size(), 1U);
  EXPECT_EQ(reading.past.exchanges[0].user, "What is the time?");
  EXPECT_EQ(reading.past.exchanges[0].answer, "Noon. Lunch time.");
  EXPECT_EQ(reading.open, "Thanks.");
}

TEST(ItemList, WritesCallsAndTheirResultsAsTheModelReadsThem) {
  ItemList list;
  list.Append(Item("1", "user", "Weather?"));
  ConversationItem call;
  call.shown.id = "2";
  call.shown.type = "function_call";
  call.shown.name = "get_weather";
  call.shown.arguments = R"({"city":"Bonn"})";
  list.Append(call);
  ConversationItem output;
  output.shown.id = "3";
  output.shown.type = "function_call_output";
  output.shown.output = "sunny";
  list.Append(output);
  const ItemList::Reading reading = list.Read("");
  ASSERT_EQ(reading.past.exchanges.size(), 1U);
  EXPECT_EQ(
      reading.past.exchanges[0].answer,
      "<tool_call>\n{\"name\":\"get_weather\",\"arguments\":{\"city\":\"Bonn\"}}\n</tool_call>");
  EXPECT_EQ(reading.open, "<tool_response>\nsunny\n</tool_response>");
}

TEST(ConversationItem, IsCutBehindTheLastWordOfWhichMoreThanHalfWasPlayed) {
  ConversationItem item = Item("a", "assistant", "one two three", true);
  item.words = {{0, 0, 3}, {1000, 4, 7}, {2000, 8, 13}};
  item.samples = 3000;
  const auto at = [&](int64_t played) {
    item.CutAt(played);
    return std::string(item.heard_text());
  };
  EXPECT_EQ(at(0), "");
  EXPECT_EQ(at(500), "");
  EXPECT_EQ(at(501), "one");
  EXPECT_EQ(at(1500), "one");
  EXPECT_EQ(at(1501), "one two");
  EXPECT_EQ(at(2999), "one two three");
  EXPECT_EQ(at(99'000), "one two three");
  item.CutAt(1501);
  EXPECT_EQ(item.Shown().content->front().transcript->value(), "one two");
}

TEST(ItemList, TakesNoMoreThanItsLimit) {
  ItemList list;
  for (size_t i = 0; i < ItemList::kMostItems; ++i) {
    EXPECT_FALSE(list.full());
    list.Append(Item(std::to_string(i), "user", ""));
  }
  EXPECT_TRUE(list.full());
}

}  // namespace
}  // namespace parley::server
