// Voice activity by Silero: windows of 512 samples with the 64 before them, and a recurrent state.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <vector>

#include "nn/network.h"
#include "nn/voice_activity.h"

namespace parley::nn {
namespace {

constexpr size_t kContext = 64;
constexpr size_t kInput = kContext + kVoiceWindow;
constexpr size_t kState = 2 * 1 * 128;

class Silero final : public VoiceActivity {
 public:
  explicit Silero(std::unique_ptr<Network> network) : network_(std::move(network)) {}

  Result<std::span<const float>> Push(PcmView samples) override {
    probabilities_.clear();
    while (!samples.empty()) {
      const size_t piece = std::min(samples.size(), kInput - filled_);
      std::copy_n(samples.begin(), piece, input_.begin() + static_cast<std::ptrdiff_t>(filled_));
      samples = samples.subspan(piece);
      filled_ += piece;
      if (filled_ < kInput) break;
      PARLEY_TRY(const float probability, RunWindow());
      probabilities_.push_back(probability);
    }
    return std::span<const float>(probabilities_);
  }

  void Reset() override {
    input_.fill(0.0f);
    state_.fill(0.0f);
    filled_ = kContext;
  }

  Result<std::unique_ptr<VoiceActivity>> Another() const override {
    PARLEY_TRY(std::unique_ptr<Network> network, network_->Another());
    return std::unique_ptr<VoiceActivity>(std::make_unique<Silero>(std::move(network)));
  }

 private:
  Result<float> RunWindow() {
    const std::array<Input, 2> inputs = {
        Input{.name = "input", .shape = {1, kInput}, .data = std::span<const float>(input_)},
        Input{.name = "state", .shape = {2, 1, 128}, .data = std::span<const float>(state_)}};
    PARLEY_TRY(const Output probability, network_->Run(inputs, 0));
    PARLEY_TRY(const Output state, network_->OutputOfLastRun(1));
    if (probability.data.size() != 1 || state.data.size() != kState) {
      return Fail(Code::kUnsupported,
                  "the voice activity network answers with " +
                      std::to_string(probability.data.size()) + " and " +
                      std::to_string(state.data.size()) +
                      " values, expected 1 and 256: is the file silero_vad_openvino_16k.onnx?");
    }
    std::copy(state.data.begin(), state.data.end(), state_.begin());
    std::copy(input_.end() - kContext, input_.end(), input_.begin());
    filled_ = kContext;
    return probability.data[0];
  }

  std::unique_ptr<Network> network_;
  std::array<float, kInput> input_{};  // context, then the window that is being filled
  std::array<float, kState> state_{};
  size_t filled_ = kContext;
  std::vector<float> probabilities_;
};

}  // namespace

Result<std::unique_ptr<VoiceActivity>> LoadSilero(const std::string& path) {
  PARLEY_TRY(std::unique_ptr<Network> network, Network::Load(path, {}));
  auto silero = std::make_unique<Silero>(std::move(network));
  // One window of silence: a network of another kind is refused here and not in the first talk.
  const std::vector<float> silence(kVoiceWindow);
  if (auto tried = silero->Push(silence); !tried) return Context(path, std::move(tried).error());
  silero->Reset();
  return std::unique_ptr<VoiceActivity>(std::move(silero));
}

}  // namespace parley::nn
