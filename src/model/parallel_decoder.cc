// SPDX-License-Identifier: Apache-2.0
#include "model/parallel_decoder.h"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "common/check.h"
#include "kernels/cuda_devices.h"
#include "kernels/forwarding_backend.h"

namespace parley::model {

using kernels::Backend;
using kernels::KvPool;

namespace {

using RankList = std::vector<std::unique_ptr<Backend>>;

// Runs one function on every rank and waits for all.
class Crew {
 public:
  explicit Crew(size_t ranks) {
    for (size_t rank = 1; rank < ranks; ++rank) {
      workers_.emplace_back([this, rank](const std::stop_token& stop) { Work(rank, stop); });
    }
  }

  void Run(const std::function<void(size_t rank)>& job) {
    {
      const std::lock_guard lock(mutex_);
      job_ = &job;
      left_ = workers_.size();
      ++round_;
    }
    begin_.notify_all();
    job(0);
    std::unique_lock lock(mutex_);
    done_.wait(lock, [&] { return left_ == 0; });
    job_ = nullptr;
  }

 private:
  void Work(size_t rank, const std::stop_token& stop) {
    int64_t seen = 0;
    for (;;) {
      const std::function<void(size_t)>* job = nullptr;
      {
        std::unique_lock lock(mutex_);
        if (!begin_.wait(lock, stop, [&] { return round_ != seen; })) return;
        seen = round_;
        job = job_;
      }
      (*job)(rank);
      const std::lock_guard lock(mutex_);
      if (--left_ == 0) done_.notify_one();
    }
  }

  std::mutex mutex_;
  std::condition_variable_any begin_;
  std::condition_variable_any done_;
  const std::function<void(size_t)>* job_ = nullptr;  // {mutex_}
  size_t left_ = 0;                                   // {mutex_}
  int64_t round_ = 0;                                 // {mutex_}
  std::vector<std::jthread> workers_;                 // last: they stop before what they use goes
};

// Rank 0's operations, and a cache on every rank.
class RankedBackend final : public kernels::ForwardingBackend {
 public:
  explicit RankedBackend(RankList& ranks) : ForwardingBackend(*ranks.front()), ranks_(ranks) {}

  Result<KvPool> AllocateKv(const kernels::KvGeometry& geometry, int32_t pages) override {
    kernels::KvGeometry share = geometry;
    share.kv_heads = geometry.kv_heads / static_cast<int32_t>(ranks_.size());
    std::vector<KvPool> pools;
    for (size_t rank = 0; rank < ranks_.size(); ++rank) {
      auto pool = ranks_[rank]->AllocateKv(share, pages);
      if (!pool) return Context("rank " + std::to_string(rank), std::move(pool).error());
      pools.push_back(*std::move(pool));
    }
    // The handle's memory owns every rank's, and tells which they are.
    auto owner = std::make_shared<std::vector<KvPool>>(std::move(pools));
    return KvPool{geometry, pages, std::shared_ptr<void>(owner, owner.get())};
  }
  void CopyPage(const KvPool& pool, int32_t from, int32_t to) override {
    for (size_t rank = 0; rank < ranks_.size(); ++rank) {
      ranks_[rank]->CopyPage(PoolOf(pool, rank), from, to);
    }
  }
  Status Poll() override {
    Status first;
    for (size_t rank = 0; rank < ranks_.size(); ++rank) {
      Status polled = ranks_[rank]->Poll();
      if (!polled.has_value() && first.has_value()) {
        first = Context("rank " + std::to_string(rank), std::move(polled).error());
      }
    }
    const auto& communicator = ranks_.front()->communicator();
    return first.has_value() && communicator != nullptr ? communicator->Failed() : first;
  }

  static const KvPool& PoolOf(const KvPool& pool, size_t rank) {
    return (*static_cast<const std::vector<KvPool>*>(pool.memory.get()))[rank];
  }

 private:
  RankList& ranks_;
};

class RankedDecoder final : public Decoder {
 public:
  // first: the backend of rank 0, which holds embeddings.
  RankedDecoder(std::vector<std::unique_ptr<Decoder>> ranks, Backend& first)
      : ranks_(std::move(ranks)), first_(first), crew_(ranks_.size()) {}

  const DecoderGeometry& geometry() const override { return ranks_.front()->geometry(); }
  size_t weight_bytes() const override {
    size_t bytes = 0;
    for (const auto& rank : ranks_) bytes += rank->weight_bytes();
    return bytes;
  }
  DecoderState NewState(int32_t max_rows, int32_t max_logit_rows) const override {
    DecoderState state = ranks_.front()->NewState(max_rows, max_logit_rows);
    for (size_t rank = 1; rank < ranks_.size(); ++rank) {
      state.others.push_back(
          std::make_shared<DecoderState>(ranks_[rank]->NewState(max_rows, max_logit_rows)));
    }
    return state;
  }
  void Forward(const DecoderInput& input, DecoderState& state) const override {
    if (!input.embeddings
             .empty()) {  // the others read them from rank 0, which must have written them
      float value = 0.0F;
      first_.Download(input.embeddings.Rows(0, 1).Cols(0, 1), {&value, 1});
    }
    crew_.Run([&](size_t rank) {
      kernels::StepBatch batch = *input.batch;
      batch.pool = &RankedBackend::PoolOf(*input.batch->pool, rank);
      DecoderInput mine = input;
      mine.batch = &batch;
      ranks_[rank]->Forward(mine, rank == 0 ? state : *state.others[rank - 1]);
    });
  }

 private:
  std::vector<std::unique_ptr<Decoder>> ranks_;
  Backend& first_;
  mutable Crew crew_;
};

class RankedModel final : public ParallelModel {
 public:
  RankedModel(RankList ranks, std::vector<std::unique_ptr<Decoder>> decoders)
      : ranks_(std::move(ranks)),
        backend_(ranks_),
        decoder_(std::move(decoders), *ranks_.front()) {}
  Backend& backend() override { return backend_; }
  const Decoder& decoder() const override { return decoder_; }

 private:
  RankList ranks_;
  RankedBackend backend_;
  RankedDecoder decoder_;
};

class ModelAlone final : public ParallelModel {
 public:
  ModelAlone(std::unique_ptr<Backend> backend, std::unique_ptr<Decoder> decoder)
      : backend_(std::move(backend)), decoder_(std::move(decoder)) {}
  Backend& backend() override { return *backend_; }
  const Decoder& decoder() const override { return *decoder_; }

 private:
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<Decoder> decoder_;
};

}  // namespace

Result<std::unique_ptr<ParallelModel>> ParallelModel::LoadOnDevices(
    RankList ranks, int32_t max_rows, int32_t max_logit_rows, const weights::Checkpoint& checkpoint,
    kernels::Storage storage) {
  PARLEY_CHECK(!ranks.empty(), "a model on no device");
  if (ranks.size() > 1) {
    PARLEY_TRY(const DecoderGeometry g, ReadDecoderGeometry(checkpoint));
    PARLEY_TRY_STATUS(
        kernels::JoinCudaRanks(ranks, max_rows, max_logit_rows, g.hidden, g.vocabulary));
    return Load(std::move(ranks), checkpoint, storage);
  }
  PARLEY_TRY(auto decoder, Decoder::Load(*ranks.front(), checkpoint, storage));
  return std::unique_ptr<ParallelModel>(
      std::make_unique<ModelAlone>(std::move(ranks.front()), std::move(decoder)));
}

Result<std::unique_ptr<ParallelModel>> ParallelModel::Load(RankList ranks,
                                                           const weights::Checkpoint& checkpoint,
                                                           kernels::Storage storage) {
  PARLEY_CHECK(!ranks.empty(), "a model of no ranks");
  const auto count = static_cast<int32_t>(ranks.size());
  std::vector<std::unique_ptr<Decoder>> decoders(ranks.size());
  std::vector<Status> loaded(ranks.size());
  Crew(ranks.size()).Run([&](size_t rank) {
    auto decoder =
        Decoder::Load(*ranks[rank], checkpoint, storage, {static_cast<int32_t>(rank), count});
    if (decoder) {
      decoders[rank] = *std::move(decoder);
    } else {
      loaded[rank] = std::move(decoder).error();
    }
  });
  for (size_t rank = 0; rank < ranks.size(); ++rank) {
    if (!loaded[rank]) {
      return Context("rank " + std::to_string(rank), std::move(loaded[rank]).error());
    }
  }
  return std::unique_ptr<ParallelModel>(
      std::make_unique<RankedModel>(std::move(ranks), std::move(decoders)));
}

}  // namespace parley::model
