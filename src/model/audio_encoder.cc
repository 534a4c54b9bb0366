// Whisper's encoder and its Qwen2-Audio variant, once. A block: x += out(attend(norm(x))); x += down(gelu(up(norm(x)))).
// SPDX-License-Identifier: Apache-2.0
#include "model/audio_encoder.h"

#include <string>
#include <vector>

#include "common/check.h"
#include "features/log_mel.h"
#include "features/mel_filters.h"
#include "model/audio_names.h"

namespace parley::model {

using kernels::Backend;
using kernels::ConvParams;
using kernels::DType;
using kernels::Storage;
using kernels::Tensor;
using kernels::TensorView;
using kernels::WeightPtr;
using weights::Checkpoint;

namespace {

constexpr float kNormEps = 1e-5F;  // PyTorch's LayerNorm; no checkpoint of the family says another
constexpr int32_t kTaps = 3;
constexpr ConvParams kConv1{.kernel = kTaps, .stride = 1, .pad = 1};
constexpr ConvParams kConv2{.kernel = kTaps, .stride = 2, .pad = 1};

struct BlockWeights {
  NormWeights attn_norm;
  LinearWeights qkv;  // [3 hidden, hidden]
  LinearWeights out;  // [hidden, hidden]
  NormWeights ffn_norm;
  LinearWeights up;    // [ffn, hidden]
  LinearWeights down;  // [hidden, ffn]
};

class TransformerEncoder final : public AudioEncoder {
 public:
  explicit TransformerEncoder(Backend& backend) : backend_(backend) {}

  Status LoadWeights(const Checkpoint& checkpoint, Storage storage, bool pool);

  const EncoderGeometry& geometry() const override { return geometry_; }
  size_t weight_bytes() const override;
  using AudioEncoder::Begin;
  EncoderState NewState(int32_t max_frames, int32_t max_sounds) const override;
  Status Begin(std::span<const TensorView> mels, SilentTail tail,
               EncoderState& state) const override;
  Status Begin(std::span<const PcmView> sounds, std::span<const int32_t> frames,
               EncoderState& state) const override;
  bool Advance(EncoderState& state) const override;

 private:
  Status ReadGeometry(const Checkpoint& checkpoint, const AudioNames& names);
  Status LoadConvolutions(const Checkpoint& checkpoint, const AudioNames& names, Storage storage);
  Status LoadFilters();
  Status CheckSounds(std::span<const int32_t> frames, const EncoderState& state) const;
  void Convolve(const TensorView& mel, EncoderState& state) const;
  void AddPositions(const EncoderState& state) const;
  void Block(const BlockWeights& w, int32_t layer, const EncoderState& s) const;
  Status AppendSilence(SilentTail tail, EncoderState& state) const;
  TensorView KeysOf(const TensorView& kv, const EncoderState& s) const;
  void Attend(const TensorView& qkv, const EncoderState& s, const TensorView& out) const;
  void Finish(EncoderState& state) const;

  Backend& backend_;
  EncoderGeometry geometry_;
  WeightPtr conv1_, conv2_;
  Tensor conv1_bias_, conv2_bias_;
  Tensor positions_;  // [positions, hidden]
  std::vector<BlockWeights> blocks_;
  NormWeights final_norm_;
  Tensor mel_filters_;  // [bins, mels], where the backend makes features
};

// Sizes are what the tensors are; only the number of heads has to be said somewhere.
Status TransformerEncoder::ReadGeometry(const Checkpoint& checkpoint, const AudioNames& names) {
  EncoderGeometry& g = geometry_;
  PARLEY_TRY(const auto* conv1, checkpoint.Require(names.conv1 + names.weight, {-1, -1, kTaps}));
  g.hidden = static_cast<int32_t>(conv1->shape[0]);
  g.mels = static_cast<int32_t>(conv1->shape[1]);
  PARLEY_TRY(const auto* positions, checkpoint.Require(names.positions, {-1, g.hidden}));
  g.positions = static_cast<int32_t>(positions->shape[0]);
  g.layers = CountBlocks(checkpoint, names);
  if (g.layers == 0) {
    PARLEY_TRY([[maybe_unused]] const auto* missing,
               checkpoint.Require(names.Block(0, names.attn_norm) + names.norm_weight, {g.hidden}));
  }
  PARLEY_TRY(const auto* up,
             checkpoint.Require(names.Block(0, names.up) + names.weight, {-1, g.hidden}));
  g.ffn = static_cast<int32_t>(up->shape[0]);
  PARLEY_TRY(g.heads, RequireCount(checkpoint, {names.heads_key}));
  if (g.hidden % g.heads != 0) {
    return Fail(Code::kCorruptData, names.heads_key + " is " + std::to_string(g.heads) +
                                        ", which does not divide the encoder's width " +
                                        std::to_string(g.hidden));
  }
  g.pool = names.pool;
  return {};
}

Status TransformerEncoder::LoadConvolutions(const Checkpoint& checkpoint, const AudioNames& names,
                                            Storage storage) {
  const EncoderGeometry& g = geometry_;
  // The first layers see raw log-mel with a wide range of values: one scale a row would be too coarse for them.
  const Storage plain = storage == Storage::kF32 ? Storage::kF32 : Storage::kBf16;
  PARLEY_TRY(conv1_, LoadConv(backend_, checkpoint, names.conv1 + names.weight, g.hidden, g.mels,
                              kTaps, plain));
  PARLEY_TRY(conv2_, LoadConv(backend_, checkpoint, names.conv2 + names.weight, g.hidden, g.hidden,
                              kTaps, plain));
  PARLEY_TRY(conv1_bias_, LoadVector(backend_, checkpoint, names.conv1 + names.bias, g.hidden));
  PARLEY_TRY(conv2_bias_, LoadVector(backend_, checkpoint, names.conv2 + names.bias, g.hidden));
  PARLEY_TRY(positions_, LoadTable(backend_, checkpoint, names.positions, g.positions, g.hidden));
  return {};
}

Status TransformerEncoder::LoadWeights(const Checkpoint& checkpoint, Storage storage, bool pool) {
  PARLEY_TRY(AudioNames names, EncoderNamesOf(checkpoint));
  names.pool = names.pool || pool;
  PARLEY_TRY_STATUS(ReadGeometry(checkpoint, names));
  PARLEY_TRY_STATUS(LoadConvolutions(checkpoint, names, storage));
  const AudioLoader load{backend_, checkpoint, names, storage};
  const int32_t hidden = geometry_.hidden;
  for (int32_t i = 0; i < geometry_.layers; ++i) {
    const auto part = [&](const std::string& name) { return names.Block(i, name); };
    BlockWeights w;
    PARLEY_TRY(w.attn_norm, load.Norm(part(names.attn_norm), hidden));
    PARLEY_TRY(
        w.qkv,
        load.Fused(names.qkv.empty() ? "" : part(names.qkv),
                   {{part(names.q), hidden}, {part(names.k), hidden}, {part(names.v), hidden}},
                   hidden));
    PARLEY_TRY(w.out, load.Linear({{part(names.out), hidden}}, hidden));
    PARLEY_TRY(w.ffn_norm, load.Norm(part(names.ffn_norm), hidden));
    PARLEY_TRY(w.up, load.Linear({{part(names.up), geometry_.ffn}}, hidden));
    PARLEY_TRY(w.down, load.Linear({{part(names.down), hidden}}, geometry_.ffn));
    blocks_.push_back(std::move(w));
  }
  PARLEY_TRY(final_norm_, load.Norm(names.final_norm, hidden));
  return LoadFilters();
}

Status TransformerEncoder::LoadFilters() {
  if (!backend_.makes_log_mel()) return {};
  constexpr int kBins = features::kMelWindow / 2 + 1;
  const features::MelFilters filters(geometry_.mels, kBins, kSampleRateHz);
  std::vector<float> values;
  for (int bin = 0; bin < kBins; ++bin) {
    for (int mel = 0; mel < geometry_.mels; ++mel) values.push_back(filters.Weight(mel, bin));
  }
  mel_filters_ = backend_.Allocate(DType::kF32, kBins, geometry_.mels);
  backend_.Upload(values, mel_filters_);
  return backend_.Poll();
}

size_t TransformerEncoder::weight_bytes() const {
  size_t bytes = conv1_->bytes() + conv2_->bytes();
  for (const BlockWeights& w : blocks_) {
    bytes += w.qkv.weight->bytes() + w.out.weight->bytes() + w.up.weight->bytes() +
             w.down.weight->bytes();
  }
  return bytes;
}

EncoderState TransformerEncoder::NewState(int32_t max_frames, int32_t max_sounds) const {
  const EncoderGeometry& g = geometry_;
  PARLEY_CHECK(max_frames >= 1 && max_frames <= 2 * g.positions && max_sounds >= 1,
               "a state for more frames than the encoder has positions");
  const int32_t rows = max_sounds * ((max_frames + 1) / 2);
  const DType type = backend_.activation_type();
  const auto rows_of = [&](int32_t cols) { return backend_.Allocate(type, rows, cols); };
  return {.max_frames = max_frames,
          .max_sounds = max_sounds,
          .mel = backend_.Allocate(DType::kF32, max_sounds * max_frames, g.mels),
          .conv1 = backend_.Allocate(type, max_frames, g.hidden),
          .x = backend_.Allocate(DType::kF32, rows, g.hidden),
          .h = rows_of(g.hidden),
          .qkv = rows_of(3 * g.hidden),
          .attn = rows_of(g.hidden),
          .ffn = rows_of(g.ffn),
          .out = rows_of(g.hidden),
          .keys = backend_.Allocate(type, g.positions, 2 * g.hidden)};
}

Status TransformerEncoder::CheckSounds(std::span<const int32_t> frames,
                                       const EncoderState& state) const {
  if (frames.empty() || frames.size() > static_cast<size_t>(state.max_sounds)) {
    return Fail(Code::kInvalidArgument, "the encoder was given " + std::to_string(frames.size()) +
                                            " sounds; its state holds 1 to " +
                                            std::to_string(state.max_sounds));
  }
  for (const int32_t count : frames) {
    if (count >= 1 && count <= state.max_frames) continue;
    return Fail(Code::kInvalidArgument, "the encoder was given " + std::to_string(count) +
                                            " frames; its state holds 1 to " +
                                            std::to_string(state.max_frames));
  }
  return {};
}

Status TransformerEncoder::Begin(std::span<const TensorView> mels, SilentTail tail,
                                 EncoderState& state) const {
  std::vector<int32_t> frames;
  for (const TensorView& mel : mels) frames.push_back(mel.rows);
  PARLEY_TRY_STATUS(CheckSounds(frames, state));
  PARLEY_CHECK(tail.rows == 0 || mels.size() == 1, "a tail behind one sound");
  state.Clear(tail);
  for (const TensorView& mel : mels) {
    PARLEY_CHECK(mel.cols == geometry_.mels && mel.stride == mel.cols, "mel rows, packed");
    const TensorView input = state.mel.view().Rows(0, mel.rows);
    const size_t values = static_cast<size_t>(mel.rows) * static_cast<size_t>(mel.cols);
    backend_.Upload({mel.F32(), values}, input);
    Convolve(input, state);
  }
  if (tail.rows > 0) PARLEY_TRY_STATUS(AppendSilence(tail, state));
  AddPositions(state);
  return {};
}

Status TransformerEncoder::Begin(std::span<const PcmView> sounds, std::span<const int32_t> frames,
                                 EncoderState& state) const {
  PARLEY_CHECK(!mel_filters_.empty() && sounds.size() == frames.size(),
               "sound goes to a backend that makes features, with the number of frames of each");
  PARLEY_TRY_STATUS(CheckSounds(frames, state));
  state.Clear({});
  std::vector<TensorView>
      mels;  // all of them first: bringing a sound to the device waits for what stands before it
  int32_t first = 0;
  for (size_t i = 0; i < sounds.size(); ++i) {
    mels.push_back(state.mel.view().Rows(first, frames[i]));
    backend_.LogMel(sounds[i], mel_filters_, mels.back());
    first += frames[i];
  }
  for (const TensorView& mel : mels) Convolve(mel, state);
  AddPositions(state);
  return {};
}

// One sound, behind those that were convolved before.
void TransformerEncoder::Convolve(const TensorView& mel, EncoderState& state) const {
  const int32_t rows = (mel.rows + 1) / 2;
  const TensorView conv1 = state.conv1.view().Rows(0, mel.rows);
  const TensorView x = state.x.view().Rows(state.rows, rows);
  backend_.Conv1d(mel, *conv1_, conv1_bias_, kConv1, conv1);
  backend_.Gelu(conv1);
  backend_.Conv1d(conv1, *conv2_, conv2_bias_, kConv2, x);
  backend_.Gelu(x);
  state.sound_rows.push_back(rows);
  state.rows += rows;
}

// Every sound begins at the first position. The rows of a tail have theirs.
void TransformerEncoder::AddPositions(const EncoderState& state) const {
  int32_t first = 0;
  for (const int32_t rows : state.sound_rows) {
    const int32_t dense = rows - state.tail.rows;
    backend_.Add(state.x.view().Rows(first, dense), positions_.view().Rows(0, dense));
    first += rows;
  }
  PARLEY_TAP(backend_, "encoder.conv", -1, state.x.view().Rows(0, state.rows));
}

Status TransformerEncoder::AppendSilence(SilentTail tail, EncoderState& state) const {
  PARLEY_CHECK(tail.stride >= 1 && state.rows >= 4, "a tail behind four rows of silence");
  const int32_t dense = state.rows - 2;
  const int32_t end = dense + tail.rows * tail.stride;
  if (end > geometry_.positions || dense + tail.rows > state.x.view().rows) {
    return Fail(Code::kInvalidArgument, "the encoder was asked for " + std::to_string(end) +
                                            " positions in " + std::to_string(dense + tail.rows) +
                                            " rows; it has " + std::to_string(geometry_.positions) +
                                            ", its state " + std::to_string(state.x.view().rows) +
                                            " rows");
  }
  const TensorView silent = state.h.view().Rows(0, 1);
  backend_.Copy(state.x.view().Rows(dense - 1, 1), silent);
  TensorView positions = positions_.view().Rows(dense, 1);  // every stride-th row from here on
  positions.rows = tail.rows;
  positions.stride *= tail.stride;
  const TensorView rows = state.x.view().Rows(dense, tail.rows);
  backend_.Copy(positions, rows);
  backend_.Add(rows, silent);
  state.rows = dense + tail.rows;
  state.sound_rows = {state.rows};
  return {};
}

bool TransformerEncoder::Advance(EncoderState& state) const {
  if (state.next_layer < geometry_.layers) {
    Block(blocks_[static_cast<size_t>(state.next_layer)], state.next_layer, state);
    ++state.next_layer;
  }
  if (state.next_layer < geometry_.layers) return false;
  if (state.out_rows == 0) Finish(state);
  return true;
}

void TransformerEncoder::Block(const BlockWeights& w, [[maybe_unused]] int32_t layer,
                               const EncoderState& s) const {
  const TensorView x = s.x.view().Rows(0, s.rows);
  const TensorView h = s.h.view().Rows(0, s.rows);
  const TensorView qkv = s.qkv.view().Rows(0, s.rows);
  const TensorView attn = s.attn.view().Rows(0, s.rows);
  const TensorView ffn = s.ffn.view().Rows(0, s.rows);
  backend_.LayerNorm(x, w.attn_norm.weight, w.attn_norm.bias, kNormEps, h);
  backend_.Linear(h, *w.qkv.weight, w.qkv.bias, qkv);
  Attend(qkv, s, attn);
  backend_.LinearAdd(attn, *w.out.weight, w.out.bias, h, x);
  backend_.LayerNorm(x, w.ffn_norm.weight, w.ffn_norm.bias, kNormEps, h);
  backend_.LinearGelu(h, *w.up.weight, w.up.bias, ffn);
  backend_.LinearAdd(ffn, *w.down.weight, w.down.bias, h, x);
  PARLEY_TAP(backend_, "encoder.block", layer, x);
}

void TransformerEncoder::Attend(const TensorView& qkv, const EncoderState& s,
                                const TensorView& out) const {
  const int32_t hidden = geometry_.hidden;
  const int32_t head_dim = hidden / geometry_.heads;
  const TensorView q = qkv.Cols(0, hidden);
  if (s.tail.rows == 0) {
    return backend_.AttendGroups(q, qkv.Cols(hidden, hidden), qkv.Cols(2 * hidden, hidden),
                                 s.sound_rows, head_dim, out);
  }
  const TensorView keys = KeysOf(qkv.Cols(hidden, 2 * hidden), s);
  backend_.AttendDense(q, keys.Cols(0, hidden), keys.Cols(hidden, hidden), head_dim,
                       /*causal=*/false, out);
}

// Keys and values of the rows, those of a thinned tail as often as they count.
TensorView TransformerEncoder::KeysOf(const TensorView& kv, const EncoderState& s) const {
  if (s.tail.Keys(s.rows) == s.rows) return kv;
  const TensorView keys = s.keys.view().Rows(0, s.tail.Keys(s.rows));
  backend_.Copy(kv, keys.Rows(0, s.rows));
  s.tail.Repeat(backend_, keys, s.rows);
  return keys;
}

void TransformerEncoder::Finish(EncoderState& state) const {
  TensorView x = state.x.view().Rows(0, state.rows);
  state.out_rows = state.rows;
  state.sound_out_rows = state.sound_rows;
  if (geometry_.pool) {
    int32_t first = 0;
    state.out_rows = 0;
    for (int32_t& rows : state.sound_out_rows) {
      const TensorView all = x.Rows(first, rows);
      first += rows;
      rows /= 2;  // an odd last row is dropped
      backend_.AvgPool2(all, state.h.view().Rows(state.out_rows, rows));
      state.out_rows += rows;
    }
    x = state.h.view().Rows(0, state.out_rows);
  }
  const TensorView out = state.out.view().Rows(0, state.out_rows);
  backend_.LayerNorm(x, final_norm_.weight, final_norm_.bias, kNormEps, out);
  PARLEY_TAP(backend_, "encoder.out", -1, out);
}

}  // namespace

void EncoderState::Clear(SilentTail next) {
  tail = next;
  sound_rows.clear();
  sound_out_rows.clear();
  rows = out_rows = next_layer = 0;
}

void SilentTail::Repeat(Backend& backend, const TensorView& keys, int32_t all) const {
  const TensorView once = keys.Rows(all - rows, rows);
  for (int32_t i = 1; i < stride; ++i) backend.Copy(once, keys.Rows(all + (i - 1) * rows, rows));
}

Result<std::unique_ptr<AudioEncoder>> AudioEncoder::Load(Backend& backend,
                                                         const Checkpoint& checkpoint,
                                                         Storage storage, bool pool) {
  auto encoder = std::make_unique<TransformerEncoder>(backend);
  PARLEY_TRY_STATUS(encoder->LoadWeights(checkpoint, storage, pool));
  return std::unique_ptr<AudioEncoder>(std::move(encoder));
}

}  // namespace parley::model
