// SPDX-License-Identifier: Apache-2.0
#include "tts/piper_net.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "common/check.h"
#include "tts/gaussian.h"

namespace parley::tts {
namespace {

constexpr int kChannels = 192;

// Tensors of the graph as Piper exports it.
constexpr const char* kDurationNoise = "/dp/RandomNormalLike_output_0";
constexpr const char* kDurations = "/Ceil_output_0";
constexpr const char* kMean = "/enc_p/Split_output_0";
constexpr const char* kLogSpread = "/enc_p/Split_output_1";
constexpr const char* kNoisy = "/Add_output_0";
constexpr const char* kMask = "/Cast_2_output_0";
constexpr const char* kLatent = "/Mul_7_output_0";

// Each costs 5-15 MB and 60 ms when loading; between them a clause pays for padding.
constexpr std::array<int, 5> kTextLengths{64, 96, 128, 192, 256};
static_assert(kTextLengths.back() == PiperNet::kLongestInput);

// How far a frame is heard: the flow is four couplings of four convolutions of five, the decoder
// reaches 10.6 frames. A window makes its inner frames exactly; the clause's own ends need nothing.
constexpr int kFlowReach = 32;
constexpr int kDecoderReach = 11;

// The decoder has a small window for the first sound and a large one that wastes less afterwards.
// The flow has one: with two its weights would be held twice, 27 MB, to save 4 ms once.
constexpr int kFirstChunk = 20;  // 232 ms
constexpr int kChunk = 40;       // 464 ms
constexpr int kFlowWindow = 128;
constexpr int kFirstDecoderWindow = kFirstChunk + kDecoderReach;
constexpr int kDecoderWindow = kChunk + 2 * kDecoderReach;
static_assert(kFlowWindow >= kDecoderWindow + 2 * kFlowReach);

constexpr int kLongestPhoneme = 200;  // frames; a draw beyond that is a fault of the network

// [frames, channels] -> [channels, frames of the window], zero where there is no frame.
void FillWindow(std::span<const float> frames, int begin, int length, int count,
                std::vector<float>& window) {
  const auto stride = static_cast<size_t>(length);
  window.assign(kChannels * stride, 0.0F);
  const int used = std::min(length, count - begin);
  for (int f = 0; f < used; ++f) {
    const float* row = frames.data() + static_cast<ptrdiff_t>(begin + f) * kChannels;
    for (size_t c = 0; c < kChannels; ++c) window[c * stride + static_cast<size_t>(f)] = row[c];
  }
}

}  // namespace

PiperNet::PiperNet(std::vector<std::unique_ptr<nn::Network>> parts)
    : text_(std::move(parts[0])),
      flow_(std::move(parts[1])),
      first_decoder_(std::move(parts[2])),
      decoder_(std::move(parts[3])) {}

Result<std::unique_ptr<PiperNet>> PiperNet::Load(const std::string& onnx, const Options& options) {
  const auto precision = [&](nn::Precision p) {
    return nn::NetworkOptions{.threads = options.threads, .precision = p};
  };
  const auto decoder = [&](int64_t frames) {
    return nn::Part{.inputs = {{kLatent, {1, kChannels, frames}}},
                    .outputs = {"output"},
                    .options = precision(options.decoder)};
  };
  const std::array<nn::Part, 4> parts{
      nn::Part{.inputs = {{"input", {1, -1}},
                          {"input_lengths", {1}},
                          {"scales", {3}},
                          {kDurationNoise, {1, 2, -1}}},
               .outputs = {kDurations, kMean, kLogSpread},
               .options = precision(options.text)},
      nn::Part{.inputs = {{kNoisy, {1, kChannels, kFlowWindow}}, {kMask, {1, 1, kFlowWindow}}},
               .outputs = {kLatent},
               .options = precision(options.flow)},
      decoder(kFirstDecoderWindow), decoder(kDecoderWindow)};
  PARLEY_TRY(auto networks, nn::Network::LoadParts(onnx, parts));
  std::unique_ptr<PiperNet> net(new PiperNet(std::move(networks)));

  // One run of the short window also tells how many samples a frame has.
  const std::vector<float> silence(static_cast<size_t>(kChannels * kFirstDecoderWindow));
  PARLEY_TRY(const nn::Output sound, net->RunDecoder(silence));
  net->samples_per_frame_ = static_cast<int>(sound.data.size()) / kFirstDecoderWindow;
  if (sound.data.size() != static_cast<size_t>(net->samples_per_frame_) * kFirstDecoderWindow ||
      net->samples_per_frame_ < 1) {
    return Fail(Code::kUnsupported,
                onnx + ": the decoder makes " + std::to_string(sound.data.size()) + " samples of " +
                    std::to_string(kFirstDecoderWindow) + " frames, expected a multiple");
  }
  return net;
}

Status PiperNet::WarmUp() {
  for (const int length : kTextLengths) {
    const std::vector<int64_t> ids(static_cast<size_t>(length));
    PARLEY_TRY([[maybe_unused]] const nn::Output out, RunText(ids, {.noise_w = 1.0F}));
  }
  const std::vector<float> frames(static_cast<size_t>(kChannels * kFlowWindow));
  const std::vector<float> mask(static_cast<size_t>(kFlowWindow), 1.0F);
  PARLEY_TRY([[maybe_unused]] const nn::Output latent, RunFlow(frames, mask));
  for (const int length : {kFirstDecoderWindow, kDecoderWindow}) {
    const std::vector<float> window(static_cast<size_t>(kChannels * length));
    PARLEY_TRY([[maybe_unused]] const nn::Output out, RunDecoder(window));
  }
  return {};
}

Status PiperNet::Begin(std::span<const int64_t> ids, const Style& style) {
  PARLEY_CHECK(!ids.empty() && ids.size() <= kLongestInput, "a clause must fit the longest input");
  style_ = style;
  noise_state_ = style.seed;
  frames_of_ids_.clear();
  id_of_frame_.clear();
  noisy_.clear();
  latent_.clear();

  PARLEY_TRY(const nn::Output durations, RunText(ids, style));
  for (size_t i = 0; i < ids.size(); ++i) {
    const float frames = durations.data[i];
    if (!(frames >= 0.0F)) return Fail(Code::kDevice, "the voice gave no duration for a phoneme");
    frames_of_ids_.push_back(std::min(static_cast<int>(frames), kLongestPhoneme));
  }
  PARLEY_TRY(const nn::Output mean, text_->OutputOfLastRun(1));
  PARLEY_TRY(const nn::Output log_spread, text_->OutputOfLastRun(2));
  mean_.assign(mean.data.begin(), mean.data.end());
  log_spread_.assign(log_spread.data.begin(), log_spread.data.end());
  padded_ids_ = mean_.size() / kChannels;

  int total = 0;
  for (const int frames : frames_of_ids_) total += frames;
  // "Yes." may be shorter than a window: its silence at the end is drawn out.
  frames_of_ids_.back() += std::max(0, kFirstDecoderWindow - total);
  for (size_t i = 0; i < ids.size(); ++i) {
    id_of_frame_.insert(id_of_frame_.end(), static_cast<size_t>(frames_of_ids_[i]),
                        static_cast<int>(i));
  }
  return {};
}

int PiperNet::EndOfChunk(int frame, bool first) const {
  if (first && frames() - frame > kFirstDecoderWindow) return frame + kFirstChunk;
  // What is left fits one window, with what is heard from before.
  if (frames() - frame <= kDecoderWindow - kDecoderReach) return frames();
  return frame + kChunk;
}

Status PiperNet::Render(int begin, int end, std::vector<float>& samples) {
  const int from = std::max(0, begin - kDecoderReach);
  const int to = std::min(frames(), end + kDecoderReach);
  const bool small = to - from <= kFirstDecoderWindow || frames() < kDecoderWindow;
  const int length = small ? kFirstDecoderWindow : kDecoderWindow;
  PARLEY_CHECK(begin < end && end <= frames(), "frames of the clause");
  if (to - from > length) {  // the clause is shorter than the large window: in two small ones
    const int half = from + kFirstDecoderWindow - kDecoderReach;
    PARLEY_TRY_STATUS(Render(begin, half, samples));
    return Render(half, end, samples);
  }
  const int start = std::min(from, frames() - length);
  PARLEY_TRY_STATUS(Flow(start + length));
  FillWindow(latent_, start, length, start + length, window_);
  PARLEY_TRY(const nn::Output sound, RunDecoder(window_));
  const auto at = [&](int frame) {
    return sound.data.begin() + static_cast<ptrdiff_t>(frame - start) * samples_per_frame_;
  };
  samples.insert(samples.end(), at(begin), at(end));
  return {};
}

void PiperNet::DrawNoisy(int frames) {
  for (int f = static_cast<int>(noisy_.size()) / kChannels; f < frames; ++f) {
    const auto id = static_cast<size_t>(id_of_frame_[static_cast<size_t>(f)]);
    for (size_t c = 0; c < kChannels; c += 2) {
      const GaussianPair noise =
          style_.noise_scale > 0 ? NextGaussians(noise_state_) : GaussianPair{};
      const auto draw = [&](size_t channel, float n) {
        const size_t at = channel * padded_ids_ + id;
        noisy_.push_back(mean_[at] + style_.noise_scale * n * std::exp(log_spread_[at]));
      };
      draw(c, noise.first);
      draw(c + 1, noise.second);
    }
  }
}

Status PiperNet::Flow(int wanted) {
  while (static_cast<int>(latent_.size()) / kChannels < wanted) {
    const int done = static_cast<int>(latent_.size()) / kChannels;
    const int start = std::max(0, done - kFlowReach);
    const int count = std::min(start + kFlowWindow, frames());
    DrawNoisy(count);
    FillWindow(noisy_, start, kFlowWindow, count, window_);
    mask_.assign(static_cast<size_t>(kFlowWindow), 0.0F);
    std::fill_n(mask_.begin(), count - start, 1.0F);
    PARLEY_TRY(const nn::Output latent, RunFlow(window_, mask_));
    const int exact = count == frames() ? count : count - kFlowReach;
    for (int f = done; f < exact; ++f) {
      for (int c = 0; c < kChannels; ++c) {
        latent_.push_back(latent.data[static_cast<size_t>(c * kFlowWindow + f - start)]);
      }
    }
  }
  return {};
}

Result<nn::Output> PiperNet::RunText(std::span<const int64_t> ids, const Style& style) {
  const auto padded = static_cast<size_t>(
      *std::lower_bound(kTextLengths.begin(), kTextLengths.end(), static_cast<int>(ids.size())));
  std::vector<int64_t> input(ids.begin(), ids.end());
  input.resize(padded, 0);
  const std::array<int64_t, 1> length{static_cast<int64_t>(ids.size())};
  const std::array<float, 3> scales{style.noise_scale, style.length_scale, style.noise_w};
  std::vector<float> noise(2 * padded, 0.0F);
  if (style.noise_w > 0) {
    uint64_t state = ~style.seed;
    for (size_t i = 0; i < ids.size(); ++i) {  // by phoneme: the padding changes nothing
      const GaussianPair pair = NextGaussians(state);
      noise[i] = pair.first;
      noise[padded + i] = pair.second;
    }
  }
  const auto extent = static_cast<int64_t>(padded);
  const std::array<nn::Input, 4> inputs{
      nn::Input{"input", {1, extent}, std::span<const int64_t>(input)},
      nn::Input{"input_lengths", {1}, std::span<const int64_t>(length)},
      nn::Input{"scales", {3}, std::span<const float>(scales)},
      nn::Input{kDurationNoise, {1, 2, extent}, std::span<const float>(noise)}};
  return text_->Run(inputs);
}

Result<nn::Output> PiperNet::RunFlow(std::span<const float> window, std::span<const float> mask) {
  const auto length = static_cast<int64_t>(mask.size());
  const std::array<nn::Input, 2> inputs{nn::Input{kNoisy, {1, kChannels, length}, window},
                                        nn::Input{kMask, {1, 1, length}, mask}};
  return flow_->Run(inputs);
}

Result<nn::Output> PiperNet::RunDecoder(std::span<const float> window) {
  const auto length = static_cast<int64_t>(window.size() / kChannels);
  const std::array<nn::Input, 1> inputs{nn::Input{kLatent, {1, kChannels, length}, window}};
  return length == kFirstDecoderWindow ? first_decoder_->Run(inputs) : decoder_->Run(inputs);
}

}  // namespace parley::tts
