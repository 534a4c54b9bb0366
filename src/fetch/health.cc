// SPDX-License-Identifier: Apache-2.0
#include "fetch/health.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "fetch/report.h"
#include "fetch/state.h"

namespace parley::fetch {
namespace {

// A default model that is missing is a fault; another one is a choice.
HealthRow RowOf(const ModelState& state, bool is_default) {
  const Model& model = *state.model;
  HealthRow row{Health::kOk, "model " + model.name, "intact, " + PrintSize(model.size()), ""};
  if (state.state == State::kIntact) return row;
  const auto worst =
      std::max_element(state.files.begin(), state.files.end(),
                       [](const FileState& a, const FileState& b) { return a.state < b.state; });
  row.found = worst->detail;
  row.health = is_default || state.state == State::kDamaged ? Health::kFail : Health::kOk;
  row.mend = "parley models fetch " + model.name;
  return row;
}

// Disk space is asked of the nearest folder that exists.
HealthRow SpaceRow(const std::string& dir, int64_t missing) {
  std::filesystem::path folder = std::filesystem::absolute(dir);
  std::error_code error;
  while (!std::filesystem::exists(folder, error) && folder.has_relative_path()) {
    folder = folder.parent_path();
  }
  const std::filesystem::space_info space = std::filesystem::space(folder, error);
  HealthRow row{Health::kOk, "model directory", "", ""};
  if (error) {
    row.health = Health::kFail;
    row.found = dir + ": " + error.message();
    row.mend = "choose another place with PARLEY_MODELS";
    return row;
  }
  const auto free = static_cast<int64_t>(space.available);
  row.found = dir + ", " + PrintSize(free) + " free";
  if (free < 2 * missing) {  // the downloads and what comes out of them
    row.health = Health::kFail;
    row.mend =
        "make room for " + PrintSize(2 * missing) + ", or choose another place with PARLEY_MODELS";
  }
  return row;
}

}  // namespace

std::vector<HealthRow> ModelHealth(const Manifest& manifest, const std::string& dir) {
  std::vector<HealthRow> rows;
  int64_t missing = 0;
  for (const Model& model : manifest.models()) {
    const auto& defaults = manifest.defaults();
    const bool is_default =
        std::find(defaults.begin(), defaults.end(), model.name) != defaults.end();
    const ModelState state = LookAt(dir, model, Depth::kHashes);
    if (is_default && state.state != State::kIntact) missing += model.size();
    rows.push_back(RowOf(state, is_default));
  }
  rows.insert(rows.begin(), SpaceRow(dir, missing));
  return rows;
}

}  // namespace parley::fetch
