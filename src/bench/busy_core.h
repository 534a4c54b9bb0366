// Takes one core away while it lives: a thread that spins on the last one.
// Thread:   one of its own.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <thread>

namespace parley::bench {

class BusyCore {
 public:
  BusyCore();

 private:
  std::jthread thread_;
};

}  // namespace parley::bench
