// What this process holds in memory, as the kernel counts it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace parley::app {

int64_t ResidentBytes();      // VmRSS of /proc/self/status; 0 where there is none
int64_t PeakResidentBytes();  // VmHWM
// Gives the system back what the allocator keeps of freed blocks. A model that was loaded leaves 10 to 40 MB of them.
void ReturnFreeMemory();

}  // namespace parley::app
