// What every stage of the way of the sound promises: push any amount, get what is ready; flush at
// the end of a segment; reset and go on with the same memory. However the input is cut into pushes,
// the outputs joined together are the same.
// Thread:   a stage is used by one thread at a time.
// Memory:   the spans that come out are valid until the next call.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <span>

namespace parley {

template <class S>
concept StreamingStage = requires(S s, std::span<const typename S::In> in) {
  { s.Push(in) } -> std::same_as<std::span<const typename S::Out>>;
  { s.Flush() } -> std::same_as<std::span<const typename S::Out>>;
  s.Reset();
};

}  // namespace parley
