// PARLEY_CHECK: our own bugs. Logs file, line, condition and message, then aborts, in every build.
// PARLEY_DCHECK is the same in inner loops and disappears with NDEBUG.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace parley {
[[noreturn]] void CheckFailed(const char* file, int line, const char* condition,
                              std::string_view message);
}  // namespace parley

#define PARLEY_CHECK(condition, message)                                \
  do {                                                                  \
    if (!(condition)) [[unlikely]]                                      \
      ::parley::CheckFailed(__FILE__, __LINE__, #condition, (message)); \
  } while (false)

#ifdef NDEBUG
#define PARLEY_DCHECK(condition, message) \
  do {                                    \
  } while (false)
#else
#define PARLEY_DCHECK(condition, message) PARLEY_CHECK(condition, message)
#endif
