// The session that is in force: what a client may change, what it means for the talk, and its echo
// with every default filled in.
// Thread:   plain value; one owner.
// Memory:   instructions and tools, as long as the client made them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "realtime/mind/mind_config.h"
#include "realtime/session.h"
#include "wire/session_object.h"

namespace parley::server {

struct SessionDefaults {
  std::string model;
  std::vector<std::string> voices;  // the first is the default
  std::string instructions;
  std::string transcriber;
};

class SessionSettings {
 public:
  SessionSettings(const SessionDefaults& defaults, std::string id, int64_t expires_at);

  struct Refusal {
    std::string message, param;
  };
  // Takes what is known and possible; the rest stays as it was, and the echo says so. A refusal only
  // where a client would be misled about its sound: a format or a voice that is not there.
  std::optional<Refusal> Merge(const wire::Session& patch);

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
  std::optional<realtime::Effort> effort() const;  // none: as the operator chose
  // Nothing: push to talk.
  const wire::TurnDetection* turns() const;
  bool answers_turns() const { return turns() != nullptr && *turns()->create_response; }
  void ShowReasoning();
  void KeepReasoning(const std::optional<wire::Nullable<wire::Reasoning>>& reasoning) {
    session_.reasoning = reasoning;
  }

 private:
  void MergeInput(const wire::AudioInput& patch, std::optional<Refusal>& refusal);
  void MergeOutput(const wire::AudioOutput& patch, std::optional<Refusal>& refusal);
  void MergeTurns(const wire::Nullable<wire::TurnDetection>& patch);

  std::vector<std::string> voices_;
  wire::Session session_;
};

// The voice that a client means. OpenAI's own names, and none, mean the default: clients send them
// without being asked to. Nothing: there is no such voice.
std::optional<std::string> VoiceFor(std::string_view name, const std::vector<std::string>& voices);
std::string NoSuchVoice(std::string_view name, const std::vector<std::string>& voices);

// What a model reads before the talk: instructions, and how to call the tools that there are.
std::string SystemText(const std::string& instructions,
                       const std::vector<wire::FunctionTool>& tools);

}  // namespace parley::server
