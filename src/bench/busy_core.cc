// SPDX-License-Identifier: Apache-2.0
#include "bench/busy_core.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>

namespace parley::bench {

BusyCore::BusyCore()
    : thread_([](const std::stop_token& stop) {
        cpu_set_t last;
        CPU_ZERO(&last);
        CPU_SET(std::max(1U, std::thread::hardware_concurrency()) - 1, &last);
        pthread_setaffinity_np(pthread_self(), sizeof(last), &last);
        std::atomic<uint64_t> spins = 0;
        while (!stop.stop_requested()) spins.fetch_add(1, std::memory_order_relaxed);
      }) {}

}  // namespace parley::bench
