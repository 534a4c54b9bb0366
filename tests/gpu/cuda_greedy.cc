// The likeliest tokens behind a prompt, by a decoder of a Hugging Face folder on the processor or on GPUs: what greedy.py compares
// with transformers. One id a line.
//   cuda_greedy FOLDER cpu|0|0,1 bf16|fp8 COUNT ID...
// The prompt goes in by pieces, as a talk hears it.
// Thread:   one, and one for every further GPU.
// Memory:   the model and a cache for one sequence.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "kernels/backend.h"
#include "kernels/cuda_devices.h"
#include "model/decoder.h"
#include "model/one_sequence.h"
#include "model/parallel_decoder.h"
#include "weights/checkpoint.h"

namespace parley {
namespace {

constexpr size_t kPiece = 13;  // tokens of the prompt that a step appends
constexpr int32_t kMostRows = 64;

template <class T>
T Must(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "%s\n", result.error().message.c_str());
    std::exit(1);
  }
  return *std::move(result);
}
void Must(const Status& status) {
  if (status) return;
  std::fprintf(stderr, "%s\n", status.error().message.c_str());
  std::exit(1);
}

class Greedy {
 public:
  Greedy(const std::string& folder, const std::string& devices, kernels::Storage storage,
         int32_t positions) {
    checkpoint_ = Must(weights::Checkpoint::Open(folder));
    std::vector<std::unique_ptr<kernels::Backend>> ranks;
    if (devices == "cpu") {
      ranks.push_back(kernels::MakeCpuBackend({.threads = 8}));
    } else {
      std::stringstream list(devices);
      for (std::string one; std::getline(list, one, ',');) {
        ranks.push_back(Must(kernels::MakeCudaBackend({.device = std::atoi(one.c_str())})));
      }
    }
    model_ = Must(model::ParallelModel::LoadOnDevices(std::move(ranks), kMostRows, kMostRows,
                                                      *checkpoint_, storage));
    sequence_.emplace(model_->backend(), model_->decoder(), positions, kernels::DType::kBf16,
                      kMostRows);
  }

  // The token that is the likeliest behind the last of `ids`, which are appended.
  int32_t Step(std::span<const int32_t> ids) {
    const kernels::TensorView logits = sequence_->Append(ids, {}, false);
    int32_t id = -1;
    float logit = 0.0F;
    model_->backend().TopK(logits, 1, {&id, 1}, {&logit, 1});
    Must(model_->backend().Poll());
    return id;
  }

 private:
  std::unique_ptr<weights::Checkpoint> checkpoint_;
  std::unique_ptr<model::ParallelModel> model_;
  std::optional<model::OneSequence> sequence_;
};

void Run(Greedy& greedy, std::span<const int32_t> prompt, int32_t count) {
  int32_t next = -1;
  while (!prompt.empty()) {
    const auto piece = prompt.first(std::min(kPiece, prompt.size()));
    next = greedy.Step(piece);
    prompt = prompt.subspan(piece.size());
  }
  for (int32_t i = 0; i < count; ++i) {
    std::printf("%d\n", next);
    next = greedy.Step({&next, 1});
  }
}

}  // namespace
}  // namespace parley

int main(int argc, char** argv) {
  if (argc < 6) {
    std::fprintf(stderr, "cuda_greedy FOLDER cpu|0|0,1 bf16|fp8 COUNT ID...\n");
    return 2;
  }
  const int32_t count = std::atoi(argv[4]);
  std::vector<int32_t> prompt;
  for (int i = 5; i < argc; ++i) prompt.push_back(std::atoi(argv[i]));
  parley::Greedy greedy(argv[1], argv[2],
                        std::string(argv[3]) == "fp8" ? parley::kernels::Storage::kFp8Row
                                                      : parley::kernels::Storage::kAsIs,
                        static_cast<int32_t>(prompt.size()) + count);
  parley::Run(greedy, prompt, count);
  return 0;
}
