// SPDX-License-Identifier: Apache-2.0
#include "app/models_command.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "app/locate.h"
#include "fetch/fetch.h"
#include "fetch/report.h"
#include "fetch/state.h"
#include "weights/checkpoint.h"
#include "weights/convert.h"
#include "weights/low_rank_update.h"
#include "weights/synthetic.h"

namespace parley::app {

void AddModelsCommands(CLI::App& app, ModelsOptions& options) {
  app.require_subcommand(1);
  using Action = ModelsOptions::Action;
  auto add = [&](const char* name, const char* help, Action action) {
    CLI::App* command = app.add_subcommand(name, help);
    command->callback([&options, action] { options.action = action; });
    return command;
  };
  add("list", "every model the manifest knows, and whether it is here", Action::kList);
  add("fetch", "download and verify; without names the default set", Action::kFetch)
      ->add_option("NAME", options.names, "models to fetch");
  add("verify", "compare every file with its hash", Action::kVerify)
      ->add_option("NAME", options.names, "models to verify");
  CLI::App* convert = add("convert", "write a checkpoint as safetensors", Action::kConvert);
  convert
      ->add_option("FROM", options.from,
                   "a GGUF, safetensors or CTranslate2 file or folder, or a name")
      ->required();
  convert->add_option("TO", options.to, "the folder to write")->required();
  convert->add_option("--format", options.format, "of the values")
      ->check(CLI::IsMember({"f32", "f16", "bf16"}));
  CLI::App* synth =
      add("synth", "write a checkpoint of a known shape with made-up weights", Action::kSynth);
  synth->add_option("TO", options.to, "the folder to write")->required();
  synth->add_option("--geometry", options.geometry, "whose shape")
      ->check(CLI::IsMember({"step-audio-2-mini", "step-audio-r1", "tiny"}));
  synth->add_option("--config-layout", options.config_layout, "of config.json")
      ->check(CLI::IsMember({"nested", "flat"}));
  synth->add_flag("--index,!--no-index", options.index, "write model.safetensors.index.json");
  synth->add_option("--seed", options.seed, "of the weights");
}

namespace {

// A model that is shipped as an update is written with it, in f32 before `format` rounds it.
Result<std::unique_ptr<weights::Checkpoint>> OpenToConvert(const std::string& from,
                                                           const std::string& root) {
  if (std::filesystem::exists(from) &&
      !std::filesystem::exists(std::filesystem::path(from) / "update.safetensors")) {
    return weights::Checkpoint::Open(from);
  }
  PARLEY_TRY(const LanguageModelFiles files, LocateLanguageModel(root, from));
  if (files.updates.empty()) return weights::Checkpoint::Open(files.weights);
  return weights::OpenUpdated(files.weights, files.updates, kernels::WeightFormat::kF32);
}

Status Convert(const ModelsOptions& options, const std::string& root) {
  PARLEY_TRY(const auto from, OpenToConvert(options.from, root));
  const auto format = options.format == "f32"   ? kernels::WeightFormat::kF32
                      : options.format == "f16" ? kernels::WeightFormat::kF16
                                                : kernels::WeightFormat::kBf16;
  PARLEY_TRY_STATUS(weights::ConvertToSafetensors(*from, options.to, format));
  std::printf("%zu tensors are in %s\n", from->tensors().size(), options.to.c_str());
  return {};
}

Status Synthesize(const ModelsOptions& options) {
  weights::SyntheticOptions how;
  PARLEY_TRY(how.geometry, weights::SyntheticGeometry::Named(options.geometry));
  how.config = options.config_layout == "flat" ? weights::ConfigLayout::kFlat
                                               : weights::ConfigLayout::kNested;
  how.index = options.index;
  how.seed = static_cast<uint64_t>(options.seed);
  PARLEY_TRY_STATUS(weights::WriteSynthetic(options.to, how));
  std::printf("%zu tensors are in %s\n", weights::SyntheticTensors(how.geometry).size(),
              options.to.c_str());
  return {};
}

// Those that come with the program, where they are; one that is nowhere is missing.
std::vector<fetch::ModelState> ShippedStates(const fetch::Manifest& manifest,
                                             const std::vector<std::string>& names,
                                             fetch::Depth depth) {
  std::vector<fetch::ModelState> states;
  for (const fetch::Model& model : manifest.shipped()) {
    if (!names.empty() && std::find(names.begin(), names.end(), model.name) == names.end()) {
      continue;
    }
    const std::filesystem::path at = ShippedModel(model.name);
    states.push_back(fetch::LookAt(at.parent_path().string(), model, depth));
  }
  return states;
}

// Names that are not shipped: nothing left means that nothing else was asked for.
std::vector<std::string> FetchedNames(const fetch::Manifest& manifest,
                                      const std::vector<std::string>& names) {
  std::vector<std::string> fetched;
  for (const std::string& name : names) {
    const auto& shipped = manifest.shipped();
    if (std::none_of(shipped.begin(), shipped.end(),
                     [&](const fetch::Model& model) { return model.name == name; })) {
      fetched.push_back(name);
    }
  }
  return fetched;
}

Status VerifyAll(const fetch::Manifest& manifest, const std::vector<std::string>& names,
                 const std::string& dir) {
  std::vector<fetch::ModelState> states = ShippedStates(manifest, names, fetch::Depth::kHashes);
  const std::vector<std::string> fetched = FetchedNames(manifest, names);
  if (names.empty() || !fetched.empty()) {
    PARLEY_TRY(const auto others, fetch::Verify(manifest, fetched, dir));
    states.insert(states.end(), others.begin(), others.end());
  }
  std::fputs(fetch::RenderVerify(states).c_str(), stdout);
  if (fetch::AllIntact(states)) return {};
  return Fail(Code::kCorruptData,
              "some models are missing or damaged; `parley models fetch` mends what it fetched, "
              "`git checkout models` what came with the program");
}

}  // namespace

Status RunModels(const ModelsOptions& options, const AppConfig& config) {
  const fetch::Manifest& manifest = fetch::Manifest::BuiltIn();
  const std::string dir = config.models.Dir();
  switch (options.action) {
    case ModelsOptions::Action::kList:
      std::fputs(fetch::RenderList(fetch::List(manifest, dir), dir).c_str(), stdout);
      if (!manifest.shipped().empty()) {
        const auto states = ShippedStates(manifest, {}, fetch::Depth::kSizes);
        std::fputs(fetch::RenderList(states, "the program's own folder").c_str(), stdout);
      }
      return {};
    case ModelsOptions::Action::kFetch: {
      fetch::FetchOptions how;
      how.dir = dir;
      how.progress = fetch::ConsoleProgress(stderr);
      PARLEY_TRY(const auto report, fetch::Fetch(manifest, options.names, how));
      std::fputs(fetch::RenderFetch(report, dir).c_str(), stdout);
      return {};
    }
    case ModelsOptions::Action::kVerify:
      return VerifyAll(manifest, options.names, dir);
    case ModelsOptions::Action::kConvert:
      return Convert(options, dir);
    case ModelsOptions::Action::kSynth:
      return Synthesize(options);
  }
  return {};
}

}  // namespace parley::app
