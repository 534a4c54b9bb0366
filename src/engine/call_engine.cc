// SPDX-License-Identifier: Apache-2.0
#include "engine/call_engine.h"

#include <string>
#include <utility>

#include "common/check.h"

namespace parley::engine {

Result<Sequence> CallEngine::Open(Position reserve) {
  PARLEY_CHECK(reserve >= 0, "a reservation of less than nothing");
  const int32_t pages = EngineCore::PagesToReserve(reserve);
  if (!admission_.TryPromise(pages)) {
    open_refused_.fetch_add(1, std::memory_order_relaxed);
    if (admission_.closed()) {
      return Fail(Code::kDevice, "the device has failed and was given up; restart parley");
    }
    return Fail(Code::kExhausted,
                "at capacity: " + std::to_string(reserve) + " positions need " +
                    std::to_string(pages) + " pages, " + std::to_string(admission_.promised()) +
                    " of " + std::to_string(admission_.pages()) +
                    " are promised to other talks; try again when one has ended, or raise "
                    "engine.kv_mb");
  }
  const int64_t id = next_sequence_.fetch_add(1, std::memory_order_relaxed);
  Post(OpenCall{.sequence = id, .pages = pages});
  return Sequence(id, owner_);
}

void CallEngine::OnLost(const Sequence& sequence, Lost lost) {
  PARLEY_CHECK(static_cast<bool>(sequence), "a watch on an empty handle");
  PARLEY_CHECK(lost != nullptr, "a watch needs somebody to tell");
  Post(WatchCall{.sequence = sequence.id(), .lost = std::move(lost)});
}

Sequence CallEngine::Fork(const Sequence& from, Position at) {
  PARLEY_CHECK(static_cast<bool>(from), "fork of an empty handle");
  const int64_t id = next_sequence_.fetch_add(1, std::memory_order_relaxed);
  Post(ForkCall{.from = from.id(), .sequence = id, .at = at});
  return Sequence(id, owner_);
}

void CallEngine::Rollback(const Sequence& sequence, Position to) {
  PARLEY_CHECK(static_cast<bool>(sequence), "rollback of an empty handle");
  Post(RollbackCall{.sequence = sequence.id(), .to = to});
}

void CallEngine::Append(const Sequence& sequence, Input input, Urgency urgency, Done done) {
  PARLEY_CHECK(static_cast<bool>(sequence), "append to an empty handle");
  Post(AppendCall{.sequence = sequence.id(),
                  .input = std::move(input),
                  .urgency = urgency,
                  .done = std::move(done)});
}

void CallEngine::Encode(PcmView sound, Urgency urgency, Encoded encoded) {
  Post(EncodeCall{
      .sound = {sound.begin(), sound.end()}, .urgency = urgency, .encoded = std::move(encoded)});
}

void CallEngine::Transcribe(TranscribeLane lane, PcmView sound, model::TranscribeOptions options,
                            Urgency urgency, Transcribed transcribed) {
  Post(TranscribeCall{.lane = lane,
                      .sound = {sound.begin(), sound.end()},
                      .options = std::move(options),
                      .urgency = urgency,
                      .transcribed = std::move(transcribed)});
}

Stream CallEngine::Generate(const Sequence& sequence, GenerateOptions options,
                            std::shared_ptr<TokenSink> sink) {
  PARLEY_CHECK(static_cast<bool>(sequence), "generate on an empty handle");
  PARLEY_CHECK(sink != nullptr, "a stream needs a sink");
  const Stream stream{next_stream_.fetch_add(1, std::memory_order_relaxed)};
  Post(GenerateCall{.sequence = sequence.id(),
                    .stream = stream,
                    .options = std::move(options),
                    .sink = std::move(sink)});
  return stream;
}

void CallEngine::Stop(Stream stream) { Post(StopCall{.stream = stream}); }

void CallEngine::SetUrgency(Stream stream, Urgency urgency) {
  Post(SetUrgencyCall{.stream = stream, .urgency = urgency});
}

void CallEngine::Owner::Closed(int64_t id) {
  const std::lock_guard lock(mutex_);
  if (engine_ != nullptr) engine_->Post(CloseCall{.sequence = id});
}

void CallEngine::Owner::Forget() {
  const std::lock_guard lock(mutex_);
  engine_ = nullptr;
}

void Refuse(Call& call, const Error& why) {
  if (auto* append = std::get_if<AppendCall>(&call)) {
    append->input = {};
    append->refused = why;
  } else if (auto* generate = std::get_if<GenerateCall>(&call)) {
    generate->options = {};
    generate->refused = why;
  } else if (auto* encode = std::get_if<EncodeCall>(&call)) {
    encode->sound = {};
    encode->refused = why;
  } else if (auto* transcribe = std::get_if<TranscribeCall>(&call)) {
    transcribe->sound = {};
    transcribe->refused = why;
  }
}

}  // namespace parley::engine
