// What the sanitizers must know about libraries that we do not build; nothing of ours may be named here. Linked into
// every test, and the program, when PARLEY_SANITIZE is set.
//
// OpenVINO's threading library opens its helper with RTLD_DEEPBIND, which ASan refuses, unless this
// variable is set. It, hwloc and OpenVINO keep a few kilobytes until the process ends.
//
// TSan sees only what is compiled with it: what libraries (asio is in our files; libcurl, spdlog's file sinks, libwebsockets
// are not) do with memory and locks between their own threads would be half seen, and is not looked at. OpenVINO is not
// linked there at all: plain_networks.cc.
// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

namespace {

[[gnu::constructor]] void TellThreadingLibrary() {
  setenv("TBB_ENABLE_SANITIZERS", "1", /*overwrite=*/0);
}

}  // namespace

extern "C" const char* __lsan_default_suppressions() {  // NOLINT: the sanitizer's name
  return "leak:libhwloc.so\nleak:libtbb\nleak:libopenvino.so\n";
}

extern "C" const char* __tsan_default_options() {  // NOLINT: the sanitizer's name
  return "ignore_noninstrumented_modules=1";
}
