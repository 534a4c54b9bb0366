// The session that is in force: what a client may change, what it means for the talk, and its echo
// with every default filled in.
// Thread:   plain value; one owner.
// Memory:   instructions and tools, as long as the client made them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "realtime/session.h"
#include "wire/session_object.h"

namespace parley::server {

struct SessionDefaults {
  std::string model;
  std::string voice;
  std::string instructions;
  std::string transcriber;
};

class SessionSettings {
 public:
  SessionSettings(const SessionDefaults& defaults, std::string id, int64_t expires_at);

  // Takes what is known and possible; the rest stays as it was, and the echo says so. An error only
  // where a client would be misled about its sound.
  std::optional<std::string> Merge(const wire::Session& patch);

  const wire::Session& echo() const { return session_; }
  realtime::TalkSettings Talk() const;

  const wire::AudioFormat& input_format() const { return *session_.audio->input->format; }
  const wire::AudioFormat& output_format() const { return *session_.audio->output->format; }
  std::string voice() const { return session_.audio->output->voice->name; }
  std::string instructions() const { return session_.instructions->value_or(""); }
  const std::vector<wire::FunctionTool>& tools() const;
  bool text_only() const { return session_.output_modalities->front() == "text"; }
  bool transcribes() const { return session_.audio->input->transcription->has_value(); }
  bool reasoning_shown() const;
  // Nothing: push to talk.
  const wire::TurnDetection* turns() const;
  bool answers_turns() const { return turns() != nullptr && *turns()->create_response; }
  void ShowReasoning();

 private:
  void MergeInput(const wire::AudioInput& patch, std::optional<std::string>& error);
  void MergeOutput(const wire::AudioOutput& patch, std::optional<std::string>& error);
  void MergeTurns(const wire::Nullable<wire::TurnDetection>& patch);

  wire::Session session_;
};

// What a model reads before the talk: instructions, and how to call the tools that there are.
std::string SystemText(const std::string& instructions,
                       const std::vector<wire::FunctionTool>& tools);

}  // namespace parley::server
