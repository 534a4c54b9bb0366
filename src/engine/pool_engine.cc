// SPDX-License-Identifier: Apache-2.0
#include "engine/pool_engine.h"

#include <algorithm>
#include <atomic>
#include <string>
#include <tuple>
#include <utility>

#include "common/check.h"

namespace parley::engine {

// Where its first Open went, everything goes that has no sequence to tell.
class PoolEngine::TalkEngine final : public Engine {
 public:
  TalkEngine(PoolEngine& pool, Lost lost) : pool_(pool), lost_(std::move(lost)) {}

  Result<Sequence> Open(Position reserve) override {
    CallEngine* home = home_.load();
    PARLEY_TRY(Sequence opened, home != nullptr ? home->Open(reserve) : pool_.Open(reserve));
    if (home == nullptr) home_ = home = &pool_.At(opened.id());
    if (lost_) home->OnLost(opened, lost_);
    return opened;
  }
  Sequence Fork(const Sequence& from, Position at) override { return pool_.Fork(from, at); }
  void Rollback(const Sequence& sequence, Position to) override { pool_.Rollback(sequence, to); }
  void Append(const Sequence& sequence, Input input, Urgency urgency, Done done) override {
    pool_.Append(sequence, std::move(input), urgency, std::move(done));
  }
  void Encode(PcmView sound, Urgency urgency, Encoded encoded) override {
    Home().Encode(sound, urgency, std::move(encoded));
  }
  void Transcribe(TranscribeLane lane, PcmView sound, model::TranscribeOptions options,
                  Urgency urgency, Transcribed transcribed) override {
    Home().Transcribe(lane, sound, std::move(options), urgency, std::move(transcribed));
  }
  Stream Generate(const Sequence& sequence, GenerateOptions options,
                  std::shared_ptr<TokenSink> sink) override {
    return pool_.Generate(sequence, std::move(options), std::move(sink));
  }
  void Stop(Stream stream) override { pool_.Stop(stream); }
  void SetUrgency(Stream stream, Urgency urgency) override { pool_.SetUrgency(stream, urgency); }
  EngineStats stats() const override { return pool_.stats(); }

 private:
  CallEngine& Home() {
    CallEngine* home = home_.load();
    PARLEY_CHECK(home != nullptr, "a talk hears before it is opened");
    return *home;
  }
  PoolEngine& pool_;
  const Lost lost_;
  std::atomic<CallEngine*> home_ = nullptr;
};

PoolEngine::PoolEngine(std::vector<std::unique_ptr<CallEngine>> replicas)
    : replicas_(std::move(replicas)) {
  PARLEY_CHECK(!replicas_.empty(), "a pool of no replicas");
}

std::unique_ptr<Engine> PoolEngine::ForTalk(Lost lost) {
  return std::make_unique<TalkEngine>(*this, std::move(lost));
}

CallEngine& PoolEngine::At(int64_t id) const {
  const size_t replica = ReplicaOf(id);
  PARLEY_CHECK(id > 0 && replica < replicas_.size(), "a handle of another pool");
  return *replicas_[replica];
}

std::vector<size_t> PoolEngine::InOrder(Position reserve) const {
  const int32_t pages = EngineCore::PagesToReserve(reserve);
  struct Place {
    size_t replica;
    int32_t left;
    int64_t streams;
  };
  std::vector<Place> places;
  int32_t most = 0;
  for (size_t i = 0; i < replicas_.size(); ++i) {
    if (replicas_[i]->lost()) continue;
    places.push_back({i, replicas_[i]->pages_left(), replicas_[i]->stats().streams});
    most = std::max(most, places.back().left);
  }
  std::ranges::sort(places, {}, [&](const Place& p) {
    return std::tuple((most - p.left) / pages, p.streams, -p.left, p.replica);
  });
  std::vector<size_t> order;
  order.reserve(places.size());
  for (const Place& place : places) order.push_back(place.replica);
  return order;
}

Result<Sequence> PoolEngine::Open(Position reserve) {
  PARLEY_CHECK(reserve >= 0, "a reservation of less than nothing");
  const std::vector<size_t> order = InOrder(reserve);
  if (order.empty()) {
    return Fail(Code::kDevice, "the devices of all " + std::to_string(replicas_.size()) +
                                   " replicas have failed; restart parley");
  }
  Error first;
  for (const size_t replica : order) {
    auto opened = replicas_[replica]->Open(reserve);
    if (opened) return opened;
    if (replica == order.front()) first = std::move(opened).error();
  }
  return Context("each of " + std::to_string(order.size()) + " replicas is at capacity", first);
}

Sequence PoolEngine::Fork(const Sequence& from, Position at) {
  return At(from.id()).Fork(from, at);
}
void PoolEngine::Rollback(const Sequence& sequence, Position to) {
  At(sequence.id()).Rollback(sequence, to);
}
void PoolEngine::Append(const Sequence& sequence, Input input, Urgency urgency, Done done) {
  At(sequence.id()).Append(sequence, std::move(input), urgency, std::move(done));
}
Stream PoolEngine::Generate(const Sequence& sequence, GenerateOptions options,
                            std::shared_ptr<TokenSink> sink) {
  return At(sequence.id()).Generate(sequence, std::move(options), std::move(sink));
}
void PoolEngine::Stop(Stream stream) { At(stream.value).Stop(stream); }
void PoolEngine::SetUrgency(Stream stream, Urgency urgency) {
  At(stream.value).SetUrgency(stream, urgency);
}

void PoolEngine::Encode(PcmView sound, Urgency urgency, Encoded encoded) {
  PARLEY_CHECK(replicas_.size() == 1, "rows of sound belong to a device: use ForTalk");
  replicas_.front()->Encode(sound, urgency, std::move(encoded));
}

void PoolEngine::Transcribe(TranscribeLane lane, PcmView sound, model::TranscribeOptions options,
                            Urgency urgency, Transcribed transcribed) {
  const auto first = static_cast<size_t>(lane.value);
  size_t replica = first % replicas_.size();
  for (size_t i = 0; i < replicas_.size(); ++i) {
    replica = (first + i) % replicas_.size();
    if (!replicas_[replica]->lost()) break;
  }
  replicas_[replica]->Transcribe(lane, sound, std::move(options), urgency, std::move(transcribed));
}

size_t PoolEngine::replicas_lost() const {
  return static_cast<size_t>(
      std::ranges::count_if(replicas_, [](const auto& replica) { return replica->lost(); }));
}

EngineStats PoolEngine::stats() const {
  EngineStats all;
  for (const auto& replica : replicas_) {
    const EngineStats one = replica->stats();
    all.steps += one.steps;
    all.decode_rows += one.decode_rows;
    all.prefill_rows += one.prefill_rows;
    all.forks += one.forks;
    all.rollbacks += one.rollbacks;
    all.pages_copied += one.pages_copied;
    all.pages_total += one.pages_total;
    all.pages_used += one.pages_used;
    all.pages_peak += one.pages_peak;
    all.refused += one.refused;
    all.superseded += one.superseded;
    all.evicted += one.evicted;
    all.sequences += one.sequences;
    all.streams += one.streams;
    all.encoder_slices += one.encoder_slices;
    all.transcriptions += one.transcriptions;
    all.transcribed_ms += one.transcribed_ms;
    all.transcriptions_superseded += one.transcriptions_superseded;
    all.decode_ms += one.decode_ms;
    all.prefill_ms += one.prefill_ms;
    all.encode_ms += one.encode_ms;
  }
  return all;
}

}  // namespace parley::engine
