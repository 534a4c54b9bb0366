// The engine: sequences over one paged key-value cache, many conversations in one step.
// A sequence can be appended to, decoded, forked (also while it is being decoded) and rolled back; audio is encoded
// and transcribed beside it in slices. LocalEngine runs models; tests script theirs behind the same interface.
//
// Order:    calls on one sequence act in call order. Append, Rollback or Generate on a sequence that is being decoded
//           first ends its stream (Ended::kSuperseded). A sequence's length is what was appended to it plus the tokens
//           that were reported; Fork and Rollback take any position up to it, also of appends that still wait.
//           Beyond it is a checked bug. A Rollback cancels appends behind it (their Done gets kCancelled).
// Failure:  after a failed Append every later Append and Generate of the sequence fails alike, until a Rollback says
//           from where to go on: calls that were already on their way do not go on from the wrong place. A Rollback or
//           Fork to a position that never came about is such a call. Behind position 0 a sequence always goes on.
// Laziness: the last position is computed when somebody wants what follows it (the next Append or Generate). Nobody
//           can see this but a clock: Done means "everything before the last row is in the cache".
// Thread:   every call is a message to the engine's thread and never blocks; safe from any thread. Completions and
//           sinks are called on the engine's thread between steps: they must only pass the news on.
// Memory:   pages of 16 tokens, reference counted; a fork shares full pages and copies at most one. The pool is sized
//           at start. A Sequence is a cheap move-only handle; the last one to go returns its pages.
// Overload: Append and Generate beyond the pool fail with kExhausted at the first Done or sink. Branches of the lowest
//           urgency lose their pages first: their streams end with kFailed/kExhausted, and so does every later call
//           until a Rollback to 0. An answer never fails for pages that were admitted (Open reserves them). Calls
//           beyond the bounded mailbox fail with kExhausted too and are counted (EngineStats::refused).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/ids.h"
#include "common/pcm.h"
#include "common/result.h"
#include "model/sampler.h"
#include "model/transcriber.h"

namespace parley::engine {

using Position = int64_t;  // number of positions that a sequence holds
using Stream = Id<struct StreamTag>;

// What a step does first. Order is priority.
enum class Urgency : uint8_t {
  kFirstWords,         // of an answer whose turn has ended
  kSpeculation,        // at a possible end of turn
  kSpeaking,           // an answer that already plays
  kThinkingSpeaking,   // thought while speaking
  kThinkingListening,  // thought and prefill while listening
  kHousekeeping,
};

// Rows for Append: token ids, or audio embeddings that Encode left on the device.
class Embeddings;  // engine/embeddings.h: rows on the device, shared
struct Input {
  std::vector<TokenId> tokens{};
  std::shared_ptr<const Embeddings> embeddings{};  // used when tokens is empty
};

enum class EndReason : uint8_t {
  kStopToken,
  kStopText,
  kBudget,
  kDeadline,
  kStopped,
  kSuperseded,
  kFailed
};

struct Ended {
  EndReason reason = EndReason::kStopped;
  // Length of the sequence: exactly the tokens that were delivered belong to it. A stop token, the tokens of a stop
  // text, and tokens that were held back because a stop text might begin in them do not.
  Position position = 0;
  // kStopText: what the token in which the match begins says before it; "" when the match begins with a token.
  std::string text{};
  Error error{};  // kFailed
};

// Receives a stream's tokens. Called on the engine's thread; a token is reported once it is sampled, in order.
// `position` is the length of the sequence with this token: Fork(sequence, position) includes it.
class TokenSink {
 public:
  virtual ~TokenSink() = default;
  virtual void OnToken(Stream stream, TokenId id, Position position) = 0;
  virtual void OnEnded(Stream stream, const Ended& ended) = 0;
};

struct GenerateOptions {
  int32_t max_tokens = 256;
  std::optional<Time> deadline{};   // ends the stream at the first step that would pass it
  std::vector<TokenId> stop_ids{};  // not delivered, not kept
  std::vector<std::string>
      stop_texts{};  // matched on the text of the stream, split anywhere; delivered up to the match
  model::SamplerOptions sampler{};  // its history: the ids of the whole sequence, prompt included
  Urgency urgency = Urgency::kFirstWords;
};

namespace internal {
class SequenceOwner;  // who gets told when a handle goes
}

// A handle. Moving it away and letting it go returns the pages; adopting a branch is `trunk = std::move(branch)`.
class Sequence {
 public:
  Sequence() = default;
  Sequence(int64_t id, std::shared_ptr<internal::SequenceOwner> owner)
      : id_(id), owner_(std::move(owner)) {}
  ~Sequence() { Release(); }
  Sequence(Sequence&& other) noexcept : id_(other.id_), owner_(std::move(other.owner_)) {
    other.id_ = 0;
  }
  Sequence& operator=(Sequence&& other) noexcept;
  Sequence(const Sequence&) = delete;
  Sequence& operator=(const Sequence&) = delete;

  explicit operator bool() const { return id_ != 0; }
  int64_t id() const { return id_; }
  void Release();

 private:
  int64_t id_ = 0;
  std::shared_ptr<internal::SequenceOwner> owner_;
};

namespace internal {
class SequenceOwner {
 public:
  virtual ~SequenceOwner() = default;
  virtual void Closed(int64_t id) = 0;  // any thread
};
}  // namespace internal

using Done = std::function<void(Result<Position>)>;
using Encoded = std::function<void(Result<std::shared_ptr<const Embeddings>>)>;
using Transcribed =
    std::function<void(Result<model::Transcript>)>;  // kCancelled: superseded by a newer one

// One lane of transcription per talk: a newer request of the same lane supersedes one that has not finished.
using TranscribeLane = Id<struct TranscribeLaneTag>;

// Counters since start; cheap to copy.
struct EngineStats {
  int64_t steps = 0, decode_rows = 0, prefill_rows = 0, forks = 0, rollbacks = 0, pages_copied = 0;
  int64_t pages_total = 0, pages_used = 0, pages_peak = 0, refused = 0, superseded = 0;
  int64_t evicted = 0;                 // branches that lost their pages to something more urgent
  int64_t sequences = 0, streams = 0;  // alive now
  int64_t encoder_slices = 0, transcriptions = 0, transcribed_ms = 0, transcriptions_superseded = 0;
  double decode_ms = 0, prefill_ms = 0, encode_ms = 0;
};

class Engine {
 public:
  virtual ~Engine() = default;
  // `reserve`: positions that this talk may always use; refused with kExhausted when they cannot be kept.
  virtual Result<Sequence> Open(Position reserve) = 0;
  virtual Sequence Fork(const Sequence& from, Position at) = 0;
  virtual void Rollback(const Sequence& sequence, Position to) = 0;
  virtual void Append(const Sequence& sequence, Input input, Urgency urgency, Done done) = 0;
  virtual void Encode(PcmView sound, Urgency urgency, Encoded encoded) = 0;
  virtual void Transcribe(TranscribeLane lane, PcmView sound, model::TranscribeOptions options,
                          Urgency urgency, Transcribed transcribed) = 0;
  virtual Stream Generate(const Sequence& sequence, GenerateOptions options,
                          std::shared_ptr<TokenSink> sink) = 0;
  virtual void Stop(
      Stream stream) = 0;  // takes effect before the next step; OnEnded(kStopped) follows
  // A speculation that is committed becomes kFirstWords, an answer that plays kSpeaking. No effect once it has ended.
  virtual void SetUrgency(Stream stream, Urgency urgency) = 0;
  virtual EngineStats stats() const = 0;
};

}  // namespace parley::engine
