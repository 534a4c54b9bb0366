// SPDX-License-Identifier: Apache-2.0
#include "app/doctor.h"

#include <algorithm>
#include <cstdio>

#include "app/runtime.h"
#include "app/version.h"
#include "common/health.h"
#include "fetch/health.h"
#include "fetch/report.h"

namespace parley::app {
namespace {

// What a talk takes, part by part, measured by loading it.
std::vector<HealthRow> MemoryHealth(const AppConfig& config) {
  auto runtime = Runtime::Load(config, "", Pace::kRealtime);
  if (!runtime.has_value()) {
    return {{Health::kFail, "loading", runtime.error().message,
             "run `parley models fetch`, then again"}};
  }
  std::vector<HealthRow> rows;
  for (const MemoryShare& share : (*runtime)->memory()) {
    rows.push_back(
        {Health::kOk, share.what, fetch::PrintSize(static_cast<int64_t>(share.bytes)), ""});
  }
  return rows;
}

}  // namespace

Status RunDoctor(const AppConfig& config) {
  std::printf("%s\n\n", VersionText().c_str());
  std::vector<HealthRow> rows = MachineHealth();
  auto models = fetch::ModelHealth(fetch::Manifest::BuiltIn(), config.models.Dir());
  const bool installed = std::none_of(models.begin(), models.end(), [](const HealthRow& row) {
    return row.health == Health::kFail;
  });
  rows.insert(rows.end(), models.begin(), models.end());
  std::fputs(RenderHealth(rows).c_str(), stdout);
  if (installed) {
    std::printf("\nmemory of a talk, by part\n");
    const auto memory = MemoryHealth(config);
    std::fputs(RenderHealth(memory).c_str(), stdout);
    rows.insert(rows.end(), memory.begin(), memory.end());
  }
  const bool failed = std::any_of(rows.begin(), rows.end(),
                                  [](const HealthRow& row) { return row.health == Health::kFail; });
  if (failed)
    return Fail(Code::kDevice, "something does not work: see the rows above that say fail");
  return {};
}

}  // namespace parley::app
