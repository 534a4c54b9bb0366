// `parley models list|fetch|verify|convert|synth`: what is installed, where from, is it intact; and models in another
// container, or of a known shape with made-up weights.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "app/app_config.h"
#include "common/result.h"

namespace CLI {
class App;
}

namespace parley::app {

struct ModelsOptions {
  enum class Action { kList, kFetch, kVerify, kConvert, kSynth };
  Action action = Action::kList;
  std::vector<std::string> names;
  std::string from, to;           // convert; synth writes to `to`
  std::string format = "bf16";    // convert
  std::string geometry = "tiny";  // synth
  std::string config_layout = "nested";
  bool index = true;
  int64_t seed = 1;
};

void AddModelsCommands(CLI::App& app, ModelsOptions& options);
Status RunModels(const ModelsOptions& options, const AppConfig& config);

}  // namespace parley::app
