// One response, as the protocol wants it told: opened once, its item and part opened before their
// first delta, everything that is open closed before the one `response.done`, in this order.
// Thread:   plain value; one owner.
// Memory:   the text of the response.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/outgoing.h"
#include "wire/items.h"

namespace parley::server {

class ResponseWriter {
 public:
  struct Begin {
    wire::Response response;  // its id, formats, metadata
    int64_t group = 0;        // of its sound in the outbox
    bool in_conversation = true;
  };
  // Asked for an item's predecessor when the item is added to the conversation.
  using Added = std::function<std::optional<std::string>(const wire::Item&)>;

  ResponseWriter(Outgoing& out, Begin begin, Added added);  // sends response.created

  bool text_only() const { return begin_.response.output_modalities.front() == "text"; }
  const std::string& id() const { return begin_.response.id; }
  const std::string& item_id() const { return item_id_; }  // of the message; "" before it is open
  const std::string& text() const { return text_; }
  bool sounding() const { return sounding_; }

  // The message item, opened at the first of these.
  void Open(const std::string& item_id) { OpenMessage(item_id); }
  void Text(const std::string& item_id, std::string_view more, std::optional<double> start_s);
  void Sound(const std::string& item_id, std::string bytes);
  void CloseMessage(std::string_view status);
  void Call(const std::string& item_id, const std::string& call_id, const std::string& name,
            const std::string& arguments);
  void Think(std::string_view more, std::optional<int64_t> audio_offset_ms);

  // Closes what is open. `details`: nothing for a completed response.
  void Finish(std::string_view status, std::optional<wire::StatusDetails> details,
              const wire::Usage& usage);

 private:
  void OpenMessage(const std::string& item_id);
  wire::Item Message(std::string_view status, bool with_content) const;
  template <class Event>
  Event Ids() const;

  Outgoing& out_;
  Begin begin_;
  const Added added_;
  std::string item_id_, text_, thought_;
  std::optional<std::string> previous_;
  int64_t index_ = 0;  // of the item that is open, or comes next
  bool open_ = false, sounding_ = false;
};

}  // namespace parley::server
