// The calls of engine.h as messages, and the news that a step makes of them. A step never calls anybody: it leaves
// notices, which the driver (a thread, or a simulated clock) delivers when the step's time is over.
// Thread:   plain values, moved from thread to thread.
// Memory:   calls own what they carry. A token's notice allocates nothing.
// Overload: a call that the mailbox had no room for comes with `refused` and without its payload.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "engine/engine.h"

namespace parley::engine {

struct OpenCall {
  int64_t sequence = 0;
  int32_t pages = 0;  // already promised by Admission
};
struct ForkCall {
  int64_t from = 0;
  int64_t sequence = 0;  // the new one
  Position at = 0;
};
struct RollbackCall {
  int64_t sequence = 0;
  Position to = 0;
};
struct AppendCall {
  int64_t sequence = 0;
  Input input{};
  Urgency urgency = Urgency::kHousekeeping;
  Done done{};
  std::optional<Error> refused{};
};
struct GenerateCall {
  int64_t sequence = 0;
  Stream stream;
  GenerateOptions options{};
  std::shared_ptr<TokenSink> sink{};
  std::optional<Error> refused{};
};
struct StopCall {
  Stream stream;
};
struct SetUrgencyCall {
  Stream stream;
  Urgency urgency = Urgency::kHousekeeping;
};
struct CloseCall {
  int64_t sequence = 0;
};
// Told once, when the device of a sequence is given up, also when nobody waits for anything of it.
using Lost = std::function<void(Error)>;
struct WatchCall {
  int64_t sequence = 0;
  Lost lost{};
};
struct EncodeCall {
  std::vector<float> sound{};
  Urgency urgency = Urgency::kHousekeeping;
  Encoded encoded{};
  std::optional<Error> refused{};
};
struct TranscribeCall {
  TranscribeLane lane;
  std::vector<float> sound{};
  model::TranscribeOptions options{};
  Urgency urgency = Urgency::kHousekeeping;
  Transcribed transcribed{};
  std::optional<Error> refused{};
};
using Call = std::variant<OpenCall, ForkCall, RollbackCall, AppendCall, GenerateCall, StopCall,
                          SetUrgencyCall, CloseCall, WatchCall, EncodeCall, TranscribeCall>;

struct TokenNotice {
  std::shared_ptr<TokenSink> sink;
  Stream stream;
  TokenId id = 0;
  Position position = 0;
};
struct EndedNotice {
  std::shared_ptr<TokenSink> sink;
  Stream stream;
  Ended ended;
};
struct DoneNotice {
  Done done;
  Result<Position> result;
};
struct EncodedNotice {
  Encoded encoded;
  Result<std::shared_ptr<const Embeddings>> result;
};
struct TranscribedNotice {
  Transcribed transcribed;
  Result<model::Transcript> result;
};
struct LostNotice {
  Lost lost;
  Error why;
};
using Notice = std::variant<TokenNotice, EndedNotice, DoneNotice, EncodedNotice, TranscribedNotice,
                            LostNotice>;
using Notices = std::vector<Notice>;

// Tells everybody, in order, and leaves `notices` empty with its memory.
void Deliver(Notices& notices);

}  // namespace parley::engine
