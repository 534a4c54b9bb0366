// SPDX-License-Identifier: Apache-2.0
#include "app/bench_hear.h"

#include <memory>

#include "app/locate.h"
#include "bench/hear_jobs.h"
#include "nn/voice_activity.h"

namespace parley::app {

Status RunBenchHear(const BenchHearOptions& options, const AppConfig& config) {
  const std::string root = config.models.Dir();
  bench::HearJobs work;
  work.list = options.list;
  work.json = options.json;
  work.jobs = options.jobs;
  work.evidence = options.evidence;
  work.options.partials = !options.final_only;
  work.options.listen = config.talk.listen;
  PARLEY_TRY(work.transcriber, LocateModel(root, config.models.transcriber));
  PARLEY_TRY(const std::string silero, LocateModel(root, "silero-vad"));
  PARLEY_TRY(const std::string network, FileIn(silero, ".onnx"));
  work.voice = [network] { return nn::LoadSilero(network); };
  return bench::RunHearJobs(work);
}

}  // namespace parley::app
