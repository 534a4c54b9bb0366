// What `parley doctor` says about one thing: whether it works, what was found, how to mend it.
// Modules report rows about their own things; src/app prints them.
// Thread:   plain functions.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace parley {

enum class Health { kOk, kWarn, kFail };

struct HealthRow {
  Health health = Health::kOk;
  std::string what;   // "memory"
  std::string found;  // "23.4 GB, 20.1 GB free"
  std::string mend;   // what to do; empty when all is well
};

// The processor, cores, memory and huge pages of this machine.
std::vector<HealthRow> MachineHealth();

// The same from the text of /proc/cpuinfo and /proc/meminfo and of the huge page setting.
struct MachineFacts {
  std::string cpuinfo;
  std::string meminfo;
  std::string huge_pages;  // "always [madvise] never"
  int usable_cores = 1;    // after affinity and container limits
};
std::vector<HealthRow> MachineHealth(const MachineFacts& facts);

// "ok    memory      23.4 GB, 20.1 GB free", and under it what to do.
std::string RenderHealth(const std::vector<HealthRow>& rows);

}  // namespace parley
