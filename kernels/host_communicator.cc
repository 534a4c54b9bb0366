// Ranks on the host: each brings its part, all wait, each adds all parts, all wait again before a part may be brought anew.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "common/check.h"
#include "kernels/communicator.h"
#include "kernels/host.h"

namespace parley::kernels {
namespace {

class HostCommunicator final : public Communicator {
 public:
  HostCommunicator(int32_t ranks, std::chrono::milliseconds patience)
      : patience_(patience), parts_(static_cast<size_t>(ranks)) {}

  int32_t ranks() const override { return static_cast<int32_t>(parts_.size()); }

  void Sum(int32_t rank, const TensorView& part) override {
    Bring(rank, part);
    if (!Meet()) return;
    for (int32_t r = 0; r < part.rows; ++r) {
      for (int32_t c = 0; c < part.cols; ++c) {
        float sum = 0.0F;
        for (const auto& other : parts_) sum += other[Index(part, r, c)];
        part.F32(r)[c] = sum;
      }
    }
    Meet();
  }

  void Gather(int32_t rank, const TensorView& part, const TensorView& all) override {
    Bring(rank, part);
    if (!Meet()) return;
    if (rank == 0) {
      PARLEY_CHECK(all.cols == part.cols * ranks(), "Gather: all ranks' columns side by side");
      for (size_t from = 0; from < parts_.size(); ++from) {
        for (int32_t r = 0; r < part.rows; ++r) {
          std::copy_n(&parts_[from][Index(part, r, 0)], part.cols,
                      all.F32(r) + static_cast<ptrdiff_t>(from) * part.cols);
        }
      }
    }
    Meet();
  }

  Status Failed() const override {
    const std::lock_guard lock(mutex_);
    if (!broken_) return {};
    return Fail(Code::kDevice, "only " + std::to_string(arrived_) + " of " +
                                   std::to_string(parts_.size()) + " ranks came within " +
                                   std::to_string(patience_.count()) + " ms: one has failed");
  }

 private:
  static size_t Index(const TensorView& part, int32_t row, int32_t col) {
    return static_cast<size_t>(row) * static_cast<size_t>(part.cols) + static_cast<size_t>(col);
  }

  void Bring(int32_t rank, const TensorView& part) {
    host::CheckF32(part, "Sum: a part is f32");
    auto& mine = parts_[static_cast<size_t>(rank)];
    mine.resize(static_cast<size_t>(part.rows) * static_cast<size_t>(part.cols));
    host::Download(part, mine);
  }

  // False: somebody has not come, now or before.
  bool Meet() {
    std::unique_lock lock(mutex_);
    if (broken_) return false;
    const int64_t round = round_;
    if (++arrived_ == parts_.size()) {
      arrived_ = 0;
      ++round_;
      met_.notify_all();
      return true;
    }
    if (met_.wait_for(lock, patience_, [&] { return round_ != round || broken_; })) return !broken_;
    broken_ = true;
    met_.notify_all();
    return false;
  }

  const std::chrono::milliseconds patience_;
  std::vector<std::vector<float>> parts_;
  mutable std::mutex mutex_;
  std::condition_variable met_;
  size_t arrived_ = 0;   // {mutex_}
  int64_t round_ = 0;    // {mutex_}
  bool broken_ = false;  // {mutex_}
};

}  // namespace

std::shared_ptr<Communicator> MakeHostCommunicator(int32_t ranks,
                                                   std::chrono::milliseconds patience) {
  PARLEY_CHECK(ranks > 0, "a communicator of no ranks");
  return std::make_shared<HostCommunicator>(ranks, patience);
}

}  // namespace parley::kernels
