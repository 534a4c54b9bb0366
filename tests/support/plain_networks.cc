// The small networks without a runtime: builds for the thread sanitizer link this in place of src/nn's OpenVINO wrapper,
// because the sanitizer sees only what is compiled with it, and what it half sees of another threading library it takes
// for races. Everything above the networks is the program's own: windows, states, chunks, workers, strands.
//
//   voice activity: somebody speaks when the window is not quiet        turn end: yes
//   voice: every symbol lasts 3 frames, every frame is 256 samples of a tone
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "common/check.h"
#include "nn/network.h"

namespace parley::nn {
namespace {

constexpr float kQuiet = 0.003F;  // root mean square of a window
constexpr float kFramesOfASymbol = 3;
constexpr int64_t kSamplesOfAFrame = 256;
constexpr int64_t kChannels = 192;

class PlainNetwork final : public Network {
 public:
  Result<Output> Run(std::span<const Input> inputs, size_t output_index) override {
    if (const Input* state = Find(inputs, "state")) {
      DetectVoice(Floats(*Find(inputs, "input")), Floats(*state));
    } else if (Find(inputs, "input_features") != nullptr) {
      Set({Tensor{{1, 1}, {0.95F}}});
    } else if (Find(inputs, "scales") != nullptr) {
      ReadText(Find(inputs, "input")->shape[1]);
    } else if (inputs.size() == 2) {  // the flow: a window of frames and its mask
      const std::span<const float> window = Floats(inputs[0]);
      Set({Tensor{inputs[0].shape, {window.begin(), window.end()}}});
    } else {
      Sing(inputs[0].shape[2]);
    }
    return OutputOfLastRun(output_index);
  }
  Result<Output> OutputOfLastRun(size_t output_index) const override {
    PARLEY_CHECK(output_index < outputs_.size(), "no output with this index");
    const Tensor& tensor = outputs_[output_index];
    return Output{.shape = tensor.shape, .data = tensor.data};
  }
  Result<std::unique_ptr<Network>> Another() const override {
    return std::unique_ptr<Network>(std::make_unique<PlainNetwork>());
  }
  size_t output_count() const override { return outputs_.size(); }
  std::vector<std::string> input_names() const override { return {}; }

 private:
  struct Tensor {
    std::vector<int64_t> shape;
    std::vector<float> data;
  };

  static const Input* Find(std::span<const Input> inputs, std::string_view name) {
    const auto found = std::ranges::find(inputs, name, &Input::name);
    return found == inputs.end() ? nullptr : &*found;
  }
  static std::span<const float> Floats(const Input& input) {
    return std::get<std::span<const float>>(input.data);
  }
  void Set(std::vector<Tensor> outputs) { outputs_ = std::move(outputs); }

  void DetectVoice(std::span<const float> window, std::span<const float> state) {
    double energy = 0;
    for (const float x : window) energy += double{x} * x;
    const bool voice = std::sqrt(energy / static_cast<double>(window.size())) > kQuiet;
    Set({Tensor{{1, 1}, {voice ? 0.95F : 0.02F}},
         Tensor{{2, 1, 128}, {state.begin(), state.end()}}});
  }
  void ReadText(int64_t symbols) {
    const auto n = static_cast<size_t>(symbols);
    const std::vector<float> zeros(n * kChannels);
    Set({Tensor{{1, 1, symbols}, std::vector<float>(n, kFramesOfASymbol)},
         Tensor{{1, kChannels, symbols}, zeros}, Tensor{{1, kChannels, symbols}, zeros}});
  }
  void Sing(int64_t frames) {
    std::vector<float> sound(static_cast<size_t>(frames * kSamplesOfAFrame));
    for (size_t i = 0; i < sound.size(); ++i) {
      sound[i] = 0.3F * std::sin(0.06F * static_cast<float>(i % 100000));
    }
    Set({Tensor{{1, 1, 1, frames * kSamplesOfAFrame}, std::move(sound)}});
  }

  std::vector<Tensor> outputs_;
};

}  // namespace

Result<std::unique_ptr<Network>> Network::Load(const std::string& path, const NetworkOptions&) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) {
    return Fail(Code::kNotFound, path + ": no such network file");
  }
  return std::unique_ptr<Network>(std::make_unique<PlainNetwork>());
}

Result<std::vector<std::unique_ptr<Network>>> Network::LoadParts(const std::string& path,
                                                                 std::span<const Part> parts) {
  std::vector<std::unique_ptr<Network>> networks;
  for (const Part& part : parts) {
    PARLEY_TRY(auto network, Load(path, part.options));
    networks.push_back(std::move(network));
  }
  return networks;
}

}  // namespace parley::nn
