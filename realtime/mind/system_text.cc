// SPDX-License-Identifier: Apache-2.0
#include "realtime/mind/system_text.h"

namespace parley::realtime {
namespace {

// What a model is told that brings no words of its own.
constexpr const char* kBriefAssistant =
    "You are a friendly voice assistant. Answer in one or two short spoken sentences.";

}  // namespace

std::string SystemText(const MindConfig& config, const Style& style,
                       const std::vector<ToolSpec>& tools) {
  std::string text = !config.system_prompt.empty() ? config.system_prompt
                     : !style.system.empty()       ? style.system
                                                   : kBriefAssistant;
  if (tools.empty()) return text;
  const bool notes = style.style == ThinkingStyle::kInterleaved;
  if (notes) {
    text += "\nTools:";
    for (const ToolSpec& tool : tools) text += "\n" + ToolLine(tool);
    return text;
  }
  text += "\nYou may call these tools, and read their results:";
  for (const ToolSpec& tool : tools) text += "\n" + ToolJson(tool);
  text += "\nTo call one, write <tool_call>{\"name\": \"...\", \"arguments\": {...}}</tool_call>.";
  return text;
}

}  // namespace parley::realtime
