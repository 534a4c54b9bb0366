// SPDX-License-Identifier: Apache-2.0
#include "server/response_writer.h"

#include <utility>

namespace parley::server {

namespace say = wire::server;

ResponseWriter::ResponseWriter(Outgoing& out, Begin begin, Added added)
    : out_(out), begin_(std::move(begin)), added_(std::move(added)) {
  out_.Send(say::ResponseCreated{begin_.response});
}

template <class Event>
Event ResponseWriter::Ids() const {
  Event event;
  event.response_id = begin_.response.id;
  event.item_id = item_id_;
  event.output_index = index_;
  event.content_index = 0;
  return event;
}

wire::Item ResponseWriter::Message(std::string_view status, bool with_content) const {
  wire::Item item;
  item.id = item_id_;
  item.object = "realtime.item";
  item.type = "message";
  item.status = std::string(status);
  item.role = "assistant";
  item.content.emplace();
  if (!with_content) return item;
  wire::ContentPart part;
  if (text_only()) {
    part.type = "output_text";
    part.text = text_;
  } else {
    part.type = "output_audio";
    part.transcript = wire::Nullable<std::string>(text_);
  }
  item.content->push_back(std::move(part));
  return item;
}

void ResponseWriter::OpenMessage(const std::string& item_id) {
  if (open_) return;
  open_ = true;
  item_id_ = item_id;
  text_.clear();
  const wire::Item item = Message("in_progress", false);
  out_.Send(say::OutputItemAdded{begin_.response.id, index_, item});
  if (begin_.in_conversation) {
    previous_ = added_(item);
    out_.Send(say::ItemAdded{previous_, item});
  }
  auto part = Ids<say::ContentPartAdded>();
  part.part.type = text_only() ? "text" : "audio";
  if (text_only()) {
    part.part.text = "";
  } else {
    part.part.transcript = wire::Nullable<std::string>("");
  }
  out_.Send(part);
}

void ResponseWriter::Text(const std::string& item_id, std::string_view more,
                          std::optional<double> start_s) {
  OpenMessage(item_id);
  text_ += more;
  if (text_only()) {
    auto delta = Ids<say::OutputTextDelta>();
    delta.delta = std::string(more);
    out_.Send(delta);
  } else {
    auto delta = Ids<say::OutputTranscriptDelta>();
    delta.delta = std::string(more);
    delta.start_time = start_s;
    out_.Send(delta);
  }
}

void ResponseWriter::Sound(const std::string& item_id, std::string bytes) {
  OpenMessage(item_id);
  sounding_ = true;
  auto delta = Ids<say::OutputAudioDelta>();
  delta.delta.bytes = std::move(bytes);
  out_.Send(delta, begin_.group);
}

void ResponseWriter::CloseMessage(std::string_view status) {
  if (!open_) return;
  open_ = false;
  auto part = Ids<say::ContentPartDone>();
  if (text_only()) {
    auto done = Ids<say::OutputTextDone>();
    done.text = text_;
    out_.Send(done);
    part.part.type = "text";
    part.part.text = text_;
  } else {
    out_.Send(Ids<say::OutputAudioDone>());
    auto done = Ids<say::OutputTranscriptDone>();
    done.transcript = text_;
    out_.Send(done);
    part.part.type = "audio";
    part.part.transcript = wire::Nullable<std::string>(text_);
  }
  out_.Send(part);
  wire::Item item = Message(status, true);
  if (begin_.in_conversation) out_.Send(say::ItemDone{previous_, item});
  out_.Send(say::OutputItemDone{begin_.response.id, index_, item});
  begin_.response.output.push_back(std::move(item));
  ++index_;
}

void ResponseWriter::Call(const std::string& item_id, const std::string& call_id,
                          const std::string& name, const std::string& arguments) {
  CloseMessage("completed");
  wire::Item item;
  item.id = item_id;
  item.object = "realtime.item";
  item.type = "function_call";
  item.status = "in_progress";
  item.call_id = call_id;
  item.name = name;
  item.arguments = "";
  out_.Send(say::OutputItemAdded{begin_.response.id, index_, item});
  std::optional<std::string> previous;
  if (begin_.in_conversation) {
    previous = added_(item);
    out_.Send(say::ItemAdded{previous, item});
  }
  out_.Send(say::ArgumentsDelta{begin_.response.id, item_id, index_, call_id, arguments});
  out_.Send(say::ArgumentsDone{begin_.response.id, item_id, index_, call_id, name, arguments});
  item.status = "completed";
  item.arguments = arguments;
  if (begin_.in_conversation) out_.Send(say::ItemDone{previous, item});
  out_.Send(say::OutputItemDone{begin_.response.id, index_, item});
  begin_.response.output.push_back(std::move(item));
  ++index_;
}

void ResponseWriter::Think(std::string_view more, std::optional<int64_t> audio_offset_ms) {
  thought_ += more;
  out_.Send(say::ReasoningDelta{begin_.response.id, "rs_" + begin_.response.id, 0,
                                std::string(more), audio_offset_ms});
}

void ResponseWriter::Finish(std::string_view status, std::optional<wire::StatusDetails> details,
                            const wire::Usage& usage) {
  if (!thought_.empty()) {
    out_.Send(say::ReasoningDone{begin_.response.id, "rs_" + begin_.response.id, 0, thought_});
  }
  CloseMessage(status == "completed" ? "completed" : "incomplete");
  begin_.response.status = std::string(status);
  begin_.response.status_details = wire::Nullable<wire::StatusDetails>(std::move(details));
  begin_.response.usage = wire::Nullable<wire::Usage>(usage);
  out_.Send(say::ResponseDone{begin_.response});
}

}  // namespace parley::server
