// Several engines as one: the replicas of a pool, each a model on devices of its own. A talk is placed where it is opened
// and stays there; its ids say where (call_engine.h), so that every later call finds its way without a table.
//
// Placing:  among the replicas that can keep what the talk reserves, the one with the most pages that nobody was promised;
//           where two differ by less than this talk, the one that decodes fewer streams. None: kExhausted, "at capacity".
// Failure:  a replica whose device was given up refuses its calls itself and is placed on no more; the others never
//           hear of it. Its talks are told (ForTalk). When all are lost Open fails with kDevice, and a server is not ready
//           any more. A lost replica comes back with the program. What CUDA gives up the whole process for, an illegal
//           access, loses all replicas on GPUs (kernels/cuda/README.md).
// Thread:   any, as engine.h; no lock is held while a replica is called, so that none waits for another.
// Memory:   owns the replicas. What they borrow must outlive this.
// Overload: each replica's own; stats() are their sums.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "engine/call_engine.h"

namespace parley::engine {

class PoolEngine final : public Engine {
 public:
  // Replica i was made with EngineParts::replica = i.
  explicit PoolEngine(std::vector<std::unique_ptr<CallEngine>> replicas);

  // An engine for one talk, borrowed from this one: what has no sequence, Encode and Transcribe, goes to the replica on
  // which the talk's Open has placed it. Rows that were encoded on one device are of no use on another.
  // `lost`: called once, on the replica's thread, if its device is given up while the talk is open.
  std::unique_ptr<Engine> ForTalk(Lost lost);

  Result<Sequence> Open(Position reserve) override;
  Sequence Fork(const Sequence& from, Position at) override;
  void Rollback(const Sequence& sequence, Position to) override;
  void Append(const Sequence& sequence, Input input, Urgency urgency, Done done) override;
  // In a pool of several: of a talk only.
  void Encode(PcmView sound, Urgency urgency, Encoded encoded) override;
  // Outside a talk a lane has a replica by its number.
  void Transcribe(TranscribeLane lane, PcmView sound, model::TranscribeOptions options,
                  Urgency urgency, Transcribed transcribed) override;
  Stream Generate(const Sequence& sequence, GenerateOptions options,
                  std::shared_ptr<TokenSink> sink) override;
  void Stop(Stream stream) override;
  void SetUrgency(Stream stream, Urgency urgency) override;
  EngineStats stats() const override;
  size_t replicas() const { return replicas_.size(); }
  size_t replicas_lost() const;

 private:
  class TalkEngine;
  CallEngine& At(int64_t id) const;
  std::vector<size_t> InOrder(Position reserve) const;  // where a talk is best placed first

  const std::vector<std::unique_ptr<CallEngine>> replicas_;
};

}  // namespace parley::engine
