// SPDX-License-Identifier: Apache-2.0
#include "bench/hear_jobs.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <new>
#include <thread>
#include <utility>
#include <vector>

#include "bench/hear_files.h"
#include "kernels/backend.h"
#include "model/transcriber.h"

namespace parley::bench {
namespace {

std::string PartOf(const HearJobs& work, int job) {
  return work.json + ".part" + std::to_string(job);
}

// One job: lines "INDEX<tab>JSON" in a file of its own.
Status RunJob(const HearJobs& work, const std::vector<HearItem>& items, std::atomic<size_t>& next,
              int job) {
  std::ofstream out(PartOf(work, job));
  const auto each = [&](const auto& line_of) {
    for (size_t i; (i = next++) < items.size();) out << i << '\t' << line_of(items[i]) << '\n';
  };
  if (work.marks_only) {
    each(MarkFile);
  } else {
    const auto backend = kernels::MakeCpuBackend({.threads = 1, .huge_pages = false});
    PARLEY_TRY(const auto transcriber, model::Transcriber::Load(*backend, work.transcriber));
    PARLEY_TRY(auto voice, work.voice());
    PARLEY_TRY(auto hearer, Hearer::Make(*backend, *transcriber, std::move(voice), work.options));
    each([&](const HearItem& item) { return HearFile(*hearer, item, work.evidence); });
  }
  out.close();
  if (!out) return Fail(Code::kIo, "cannot write " + PartOf(work, job));
  return {};
}

Status Merge(const HearJobs& work, int jobs, size_t items) {
  std::vector<std::string> lines(items);
  for (int job = 0; job < jobs; ++job) {
    std::ifstream part(PartOf(work, job));
    std::string line;
    while (std::getline(part, line)) {
      const size_t tab = line.find('\t');
      const auto index = static_cast<size_t>(std::atoll(line.c_str()));
      if (tab != std::string::npos && index < items) lines[index] = line.substr(tab + 1);
    }
    std::remove(PartOf(work, job).c_str());
  }
  std::ofstream out(work.json);
  size_t missing = 0;
  for (const std::string& line : lines) {
    if (line.empty()) {
      ++missing;
    } else {
      out << line << '\n';
    }
  }
  out.close();
  if (!out) return Fail(Code::kIo, "cannot write " + work.json);
  if (missing == 0) return {};
  return Fail(Code::kExhausted, std::to_string(missing) + " files were not heard: a job died");
}

}  // namespace

Status RunHearJobs(const HearJobs& work) {
  PARLEY_TRY(const std::vector<HearItem> items, ReadHearList(work.list));
  int jobs = work.jobs;
  if (jobs <= 0) jobs = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  jobs = static_cast<int>(std::min<size_t>(static_cast<size_t>(jobs), items.size()));

  void* shared = mmap(nullptr, sizeof(std::atomic<size_t>), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return Fail(Code::kExhausted, "no memory for a counter");
  auto& next = *new (shared) std::atomic<size_t>(0);
  for (int job = 0; job < jobs; ++job) {
    const pid_t child = fork();
    if (child < 0) return Fail(Code::kExhausted, "cannot start another process");
    if (child > 0) continue;
    const Status ran = RunJob(work, items, next, job);
    if (!ran) std::fprintf(stderr, "job %d: %s\n", job, ran.error().message.c_str());
    std::_Exit(ran ? 0 : 1);
  }
  bool failed = false;
  for (int status = 0; wait(&status) > 0;) failed = failed || status != 0;
  PARLEY_TRY_STATUS(Merge(work, jobs, items.size()));
  if (failed) return Fail(Code::kExhausted, "a job failed; others heard its files");
  return {};
}

}  // namespace parley::bench
