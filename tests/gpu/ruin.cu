// A library to preload into a whole program: at SIGUSR2 a kernel of it writes to address 0 of GPU 0, as a broken kernel of the
// program would. `talks.py --only ruin` loads it into one of two servers and looks at the other.
// Thread:   one of its own; the signal is blocked in all others.
// Memory:   none.
// SPDX-License-Identifier: Apache-2.0
#include <signal.h>

#include <cstdio>
#include <thread>

#include "gpu/bad_kernels.h"

namespace {

__attribute__((constructor)) void WaitForTheSignal() {
  sigset_t wanted;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGUSR2);
  pthread_sigmask(SIG_BLOCK, &wanted, nullptr);  // threads that start later inherit it
  std::thread([wanted] {
    int got = 0;
    if (sigwait(&wanted, &got) != 0) return;
    cudaSetDevice(0);
    parley::test::LaunchIllegalWrite(nullptr);
    std::fprintf(stderr, "ruin: %s\n", cudaGetErrorString(cudaDeviceSynchronize()));
  }).detach();
}

}  // namespace
