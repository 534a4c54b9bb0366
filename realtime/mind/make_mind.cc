// SPDX-License-Identifier: Apache-2.0
#include "realtime/mind/make_mind.h"

#include <utility>

#include "realtime/mind/drafted_mind.h"
#include "realtime/mind/interleaved_mind.h"
#include "realtime/mind/plain_mind.h"

namespace parley::realtime {
namespace {

// Ends of thought, openings of answers, results of tools, phrases.
constexpr int32_t kMarksAndPhrases = 96;

}  // namespace

ThinkingStyle ResolveStyle(const MindConfig& config, const Style& own) {
  return config.style == ThinkingStyle::kAuto ? own.style : config.style;
}

Result<std::unique_ptr<Mind>> MakeMind(const MindConfig& config, MindParts parts) {
  switch (ResolveStyle(config, parts.style)) {
    case ThinkingStyle::kInterleaved:
      if (parts.style.style != ThinkingStyle::kInterleaved) {
        return Fail(Code::kUnsupported,
                    "mind.style: interleaved needs a model that was trained to take notes, with a "
                    "style.json beside its weights; this one has none: use auto, drafted or none");
      }
      return std::unique_ptr<Mind>(std::make_unique<InterleavedMind>(config, std::move(parts)));
    case ThinkingStyle::kDrafted:
      return std::unique_ptr<Mind>(std::make_unique<DraftedMind>(config, std::move(parts)));
    case ThinkingStyle::kNone:
    case ThinkingStyle::kAuto:
      break;
  }
  return std::unique_ptr<Mind>(std::make_unique<PlainMind>(config, std::move(parts)));
}

engine::GenerateOptions SampledAs(const MindConfig& config) {
  engine::GenerateOptions options;
  options.sampler.temperature = config.temperature;
  options.sampler.top_p = config.top_p;
  options.sampler.top_k = config.top_k;
  options.sampler.repetition_penalty = config.repetition_penalty;
  options.sampler.seed = static_cast<uint64_t>(config.seed);
  return options;
}

int32_t RoomToAnswer(const MindConfig& config, const Style& own) {
  switch (ResolveStyle(config, own)) {
    case ThinkingStyle::kInterleaved:
      return own.final_tokens + 2 * own.answer_tokens + kMarksAndPhrases;
    case ThinkingStyle::kDrafted:
      return config.thought_tokens + 2 * config.answer_tokens + kMarksAndPhrases;
    case ThinkingStyle::kNone:
    case ThinkingStyle::kAuto:
      break;
  }
  return config.answer_tokens;
}

}  // namespace parley::realtime
