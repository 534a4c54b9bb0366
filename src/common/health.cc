// SPDX-License-Identifier: Apache-2.0
#include "common/health.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>

namespace parley {
namespace {

// What the default models take while they talk, with room for the system.
constexpr double kEnoughGb = 1.5;
constexpr double kComfortableGb = 3.0;

std::string ReadAll(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The rest of the first line that begins with `key`, after its colon.
std::string LineOf(const std::string& text, const std::string& key) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(key)) continue;
    const size_t colon = line.find(':');
    if (colon != std::string::npos) return line.substr(std::min(colon + 2, line.size()));
  }
  return "";
}

bool HasWord(const std::string& words, const std::string& word) {
  std::istringstream in(words);
  return std::find(std::istream_iterator<std::string>(in), {}, word) !=
         std::istream_iterator<std::string>();
}

std::string Gigabytes(double gb) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f GB", gb);
  return text;
}

double KilobytesToGb(const std::string& line) {
  return static_cast<double>(std::strtoll(line.c_str(), nullptr, 10)) * 1024 / 1e9;
}

HealthRow Processor(const MachineFacts& facts) {
  const std::string flags = LineOf(facts.cpuinfo, "flags");
  std::string best = "no AVX2";
  if (HasWord(flags, "avx2")) best = "AVX2";
  if (HasWord(flags, "avx512f") && HasWord(flags, "avx512bw")) best = "AVX-512";
  const bool vnni = HasWord(flags, "avx512_vnni") || HasWord(flags, "avx_vnni");
  if (vnni) best += " with VNNI";
  if (HasWord(flags, "amx_int8")) best += ", AMX";
  HealthRow row{Health::kOk, "processor", LineOf(facts.cpuinfo, "model name") + "; " + best, ""};
  if (best == "no AVX2") {
    row.health = Health::kWarn;
    row.mend = "it will work, but too slowly to talk with; use a processor with AVX2";
  }
  return row;
}

HealthRow Cores(const MachineFacts& facts) {
  HealthRow row{Health::kOk, "cores", std::to_string(facts.usable_cores) + " usable", ""};
  if (facts.usable_cores < 2) {
    row.health = Health::kWarn;
    row.mend = "answers come late on one core; two are enough";
  }
  return row;
}

HealthRow Memory(const MachineFacts& facts) {
  const double total = KilobytesToGb(LineOf(facts.meminfo, "MemTotal"));
  const double available = KilobytesToGb(LineOf(facts.meminfo, "MemAvailable"));
  HealthRow row{Health::kOk, "memory",
                Gigabytes(total) + ", " + Gigabytes(available) + " available", ""};
  if (available < kEnoughGb) {
    row.health = Health::kFail;
    row.mend = "the default models need about " + Gigabytes(kEnoughGb) + ": end other programs";
  } else if (available < kComfortableGb) {
    row.health = Health::kWarn;
    row.mend = "enough for the default models, not for building them too";
  }
  return row;
}

HealthRow HugePages(const MachineFacts& facts) {
  const size_t open = facts.huge_pages.find('[');
  const size_t close = facts.huge_pages.find(']');
  const bool known = open != std::string::npos && close != std::string::npos && open < close;
  const std::string chosen =
      known ? facts.huge_pages.substr(open + 1, close - open - 1) : "unknown";
  HealthRow row{Health::kOk, "huge pages", chosen, ""};
  if (chosen != "always" && chosen != "madvise") {
    row.health = Health::kWarn;
    row.mend =
        "weights read faster with them: "
        "echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled";
  }
  return row;
}

// "max 100000" or "200000 100000": how much of a period the container may use.
int CoresOfQuota(const std::string& cpu_max, int cores) {
  std::istringstream in(cpu_max);
  double quota = 0;
  double period = 0;
  if (!(in >> quota >> period) || quota <= 0 || period <= 0) return cores;
  return std::clamp(static_cast<int>(std::lround(quota / period)), 1, cores);
}

int UsableCores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  const int cores = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
  return CoresOfQuota(ReadAll("/sys/fs/cgroup/cpu.max"), cores);
}

}  // namespace

std::vector<HealthRow> MachineHealth(const MachineFacts& facts) {
  return {Processor(facts), Cores(facts), Memory(facts), HugePages(facts)};
}

std::vector<HealthRow> MachineHealth() {
  return MachineHealth({ReadAll("/proc/cpuinfo"), ReadAll("/proc/meminfo"),
                        ReadAll("/sys/kernel/mm/transparent_hugepage/enabled"), UsableCores()});
}

std::string RenderHealth(const std::vector<HealthRow>& rows) {
  size_t width = 0;
  for (const HealthRow& row : rows) width = std::max(width, row.what.size());
  std::string out;
  for (const HealthRow& row : rows) {
    const char* mark = row.health == Health::kOk     ? "ok    "
                       : row.health == Health::kWarn ? "warn  "
                                                     : "FAIL  ";
    out += mark + row.what + std::string(width - row.what.size() + 2, ' ') + row.found + "\n";
    if (!row.mend.empty()) out += std::string(width + 8, ' ') + "-> " + row.mend + "\n";
  }
  return out;
}

}  // namespace parley
