// SPDX-License-Identifier: Apache-2.0
#include "server/session_settings.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "common/json.h"

namespace parley::server {
namespace {

const std::vector<wire::FunctionTool> kNoTools;

wire::TurnDetection Filled(wire::TurnDetection turns) {
  const bool semantic = turns.type == "semantic_vad";
  turns.create_response = turns.create_response.value_or(true);
  turns.interrupt_response = turns.interrupt_response.value_or(true);
  if (semantic) {
    turns.eagerness = turns.eagerness.value_or("auto");
    turns.threshold.reset();
    turns.prefix_padding_ms.reset();
    turns.silence_duration_ms.reset();
    turns.idle_timeout_ms.reset();
  } else {
    turns.threshold = std::clamp(turns.threshold.value_or(0.5), 0.0, 1.0);
    turns.prefix_padding_ms = std::clamp<int64_t>(turns.prefix_padding_ms.value_or(300), 0, 5000);
    turns.silence_duration_ms =
        std::clamp<int64_t>(turns.silence_duration_ms.value_or(500), 100, 10000);
    turns.idle_timeout_ms = wire::Nullable<int64_t>();
    turns.eagerness.reset();
  }
  return turns;
}

// A format of ours, with its rate; nothing: one that we do not speak.
std::optional<wire::AudioFormat> Known(const wire::AudioFormat& format) {
  if (format.type == "audio/pcm") {
    const int64_t rate = format.rate.value_or(24000);
    if (rate < 8000 || rate > 48000) return std::nullopt;
    return wire::AudioFormat{"audio/pcm", rate};
  }
  if (format.type == "audio/pcmu" || format.type == "audio/pcma") {
    return wire::AudioFormat{format.type, std::nullopt};
  }
  if (format.type == "audio/opus") return wire::AudioFormat{"audio/opus", 48000};
  return std::nullopt;
}

std::string Unknown(const wire::AudioFormat& format) {
  return "The audio format '" + format.type +
         "' is not supported: use audio/pcm (8000 to 48000 Hz), audio/pcmu, audio/pcma or "
         "audio/opus.";
}

template <class T>
void Take(std::optional<T>& into, const std::optional<T>& patch) {
  if (patch) into = patch;
}

}  // namespace

SessionSettings::SessionSettings(const SessionDefaults& defaults, std::string id,
                                 int64_t expires_at)
    : voices_(defaults.voices) {
  session_.type = "realtime";
  session_.object = "realtime.session";
  session_.id = std::move(id);
  session_.expires_at = expires_at;
  session_.model = defaults.model;
  session_.output_modalities = {"audio"};
  session_.instructions = wire::Nullable<std::string>(defaults.instructions);
  wire::AudioInput input;
  input.format = wire::AudioFormat{"audio/pcm", 24000};
  input.noise_reduction = wire::Nullable<wire::RawJson>();
  input.transcription = wire::Nullable<wire::Transcription>();
  input.turn_detection = wire::Nullable<wire::TurnDetection>(Filled({}));
  wire::AudioOutput output;
  output.format = wire::AudioFormat{"audio/pcm", 24000};
  output.voice = wire::VoiceName{voices_.front()};
  output.speed = 1.0;
  session_.audio = wire::SessionAudio{std::move(input), std::move(output)};
  session_.tools = wire::Nullable<std::vector<wire::FunctionTool>>(kNoTools);
  session_.tool_choice = wire::RawJson{"\"auto\""};
  session_.max_output_tokens = wire::MaxTokens{};
  session_.truncation = wire::RawJson{"\"auto\""};
  session_.tracing = wire::Nullable<wire::RawJson>();
  session_.include = wire::Nullable<std::vector<std::string>>();
  session_.prompt = wire::Nullable<wire::RawJson>();
}

std::optional<SessionSettings::Refusal> SessionSettings::Merge(const wire::Session& patch) {
  std::optional<Refusal> refusal;
  if (patch.output_modalities && !patch.output_modalities->empty()) {
    // Sound always comes with its transcript, so "audio" wins.
    const auto& wanted = *patch.output_modalities;
    const bool sound = std::find(wanted.begin(), wanted.end(), "audio") != wanted.end();
    session_.output_modalities = {sound ? "audio" : "text"};
  }
  if (patch.instructions) {
    session_.instructions = wire::Nullable<std::string>(patch.instructions->value_or(""));
  }
  if (patch.audio && patch.audio->input) MergeInput(*patch.audio->input, refusal);
  if (patch.audio && patch.audio->output) MergeOutput(*patch.audio->output, refusal);
  if (patch.tools) {
    std::vector<wire::FunctionTool> tools = patch.tools->value_or(kNoTools);
    std::erase_if(tools, [](const auto& t) { return t.type != "function" || t.name.empty(); });
    session_.tools = wire::Nullable<std::vector<wire::FunctionTool>>(std::move(tools));
  }
  Take(session_.tool_choice, patch.tool_choice);
  Take(session_.reasoning, patch.reasoning);
  if (patch.max_output_tokens) {
    session_.max_output_tokens = patch.max_output_tokens;
    auto& limit = session_.max_output_tokens->limit;
    if (limit) limit = std::clamp<int64_t>(*limit, 1, 4096);
  }
  Take(session_.tracing, patch.tracing);
  Take(session_.include, patch.include);
  return refusal;
}

void SessionSettings::MergeInput(const wire::AudioInput& patch, std::optional<Refusal>& refusal) {
  wire::AudioInput& input = *session_.audio->input;
  if (patch.format) {
    if (const auto known = Known(*patch.format)) {
      input.format = known;
    } else {
      refusal = {Unknown(*patch.format), "session.audio.input.format"};
    }
  }
  Take(input.noise_reduction, patch.noise_reduction);
  Take(input.transcription, patch.transcription);
  if (patch.turn_detection) MergeTurns(*patch.turn_detection);
}

void SessionSettings::MergeTurns(const wire::Nullable<wire::TurnDetection>& patch) {
  auto& turns = *session_.audio->input->turn_detection;
  if (!patch) {
    turns.reset();
  } else if (patch->type == "server_vad" || patch->type == "semantic_vad") {
    turns = wire::Nullable<wire::TurnDetection>(Filled(*patch));
  }
}

void SessionSettings::MergeOutput(const wire::AudioOutput& patch, std::optional<Refusal>& refusal) {
  wire::AudioOutput& output = *session_.audio->output;
  if (patch.format) {
    if (const auto known = Known(*patch.format)) {
      output.format = known;
    } else {
      refusal = {Unknown(*patch.format), "session.audio.output.format"};
    }
  }
  if (patch.voice) {
    if (const auto voice = VoiceFor(patch.voice->name, voices_)) {
      output.voice = wire::VoiceName{*voice};
    } else {
      refusal = {NoSuchVoice(patch.voice->name, voices_), "session.audio.output.voice"};
    }
  }
  if (patch.speed) output.speed = std::clamp(*patch.speed, 0.5, 1.5);
}

const std::vector<wire::FunctionTool>& SessionSettings::tools() const {
  return session_.tools->has_value() ? **session_.tools : kNoTools;
}

std::optional<realtime::Effort> SessionSettings::effort() const {
  if (!session_.reasoning || !session_.reasoning->has_value()) return std::nullopt;
  const std::string name = (*session_.reasoning)->effort.value_or("");
  if (name == "none" || name == "minimal") return realtime::Effort::kMinimal;
  if (name == "low") return realtime::Effort::kLow;
  if (name == "medium") return realtime::Effort::kMedium;
  if (name == "high" || name == "xhigh") return realtime::Effort::kHigh;
  return std::nullopt;
}

bool SessionSettings::reasoning_shown() const {
  if (!session_.include->has_value()) return false;
  const auto& include = **session_.include;
  return std::find(include.begin(), include.end(), "reasoning") != include.end();
}

void SessionSettings::ShowReasoning() {
  if (reasoning_shown()) return;
  auto include = session_.include->value_or(std::vector<std::string>());
  include.emplace_back("reasoning");
  session_.include = wire::Nullable<std::vector<std::string>>(std::move(include));
}

const wire::TurnDetection* SessionSettings::turns() const {
  const auto& turns = *session_.audio->input->turn_detection;
  return turns ? &*turns : nullptr;
}

realtime::TalkSettings SessionSettings::Talk() const {
  using End = realtime::TalkSettings::TurnEnd;
  realtime::TalkSettings talk;
  talk.speaks = !text_only();
  talk.client_tools = !tools().empty() && session_.tool_choice->text != "\"none\"";
  talk.speed = static_cast<float>(session_.audio->output->speed.value_or(1.0));
  if (session_.max_output_tokens->limit) {
    talk.answer_tokens = static_cast<int32_t>(*session_.max_output_tokens->limit);
  }
  talk.answers = answers_turns();
  const wire::TurnDetection* turns = this->turns();
  if (turns == nullptr) {
    talk.turn_end = End::kCommit;
    talk.barge_in = false;
    return talk;
  }
  talk.barge_in = *turns->interrupt_response;
  if (turns->type == "server_vad") {
    talk.turn_end = End::kSilence;
    talk.silence_ms = static_cast<int32_t>(*turns->silence_duration_ms);
    talk.voice_threshold = static_cast<float>(*turns->threshold);
    talk.barge_in_at_once = true;
  } else if (*turns->eagerness == "low") {
    talk.patience_ms = 3000;
    talk.end_threshold = 0.7F;
  } else if (*turns->eagerness == "high") {
    talk.patience_ms = 500;
    talk.end_threshold = 0.3F;
  }
  return talk;
}

std::optional<std::string> VoiceFor(std::string_view name, const std::vector<std::string>& voices) {
  static constexpr std::array<std::string_view, 15> kOthers = {
      "",      "default", "alloy", "ash",  "ballad", "cedar",   "coral", "echo",
      "fable", "marin",   "nova",  "onyx", "sage",   "shimmer", "verse"};
  if (std::find(voices.begin(), voices.end(), name) != voices.end()) return std::string(name);
  if (std::find(kOthers.begin(), kOthers.end(), name) != kOthers.end()) return voices.front();
  return std::nullopt;
}

std::string NoSuchVoice(std::string_view name, const std::vector<std::string>& voices) {
  std::string text = "There is no voice '" + std::string(name) + "' here. The voices are: ";
  for (size_t i = 0; i < voices.size(); ++i) text += (i > 0 ? ", " : "") + voices[i];
  return text + ".";
}

std::string SystemText(const std::string& instructions,
                       const std::vector<wire::FunctionTool>& tools) {
  if (tools.empty()) return instructions;
  std::string text = instructions;
  if (!text.empty()) text += "\n\n";
  text +=
      "# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
      "You are provided with function signatures within <tools></tools> XML tags:\n<tools>";
  for (const wire::FunctionTool& tool : tools) {
    JsonLine function;
    function.Add("name", tool.name);
    if (tool.description) function.Add("description", *tool.description);
    if (tool.parameters) function.AddRaw("parameters", tool.parameters->text);
    text +=
        "\n" +
        JsonLine().Add("type", "function").AddRaw("function", std::move(function).Take()).Take();
  }
  text +=
      "\n</tools>\n\nFor each function call, return a json object with function name and arguments "
      "within <tool_call></tool_call> XML tags:\n<tool_call>\n{\"name\": <function-name>, "
      "\"arguments\": <args-json-object>}\n</tool_call>";
  return text;
}

}  // namespace parley::server
