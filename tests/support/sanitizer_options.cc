// What the sanitizers must know about libraries that we do not build. Linked into every test when
// PARLEY_SANITIZE is set.
//
// OpenVINO's threading library opens its helper with RTLD_DEEPBIND, which ASan refuses, unless this
// variable is set. It, hwloc and OpenVINO keep a few kilobytes until the process ends.
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
