// The audio encoder, once for Whisper and for Qwen2-Audio / Step-Audio: two convolutions, transformer blocks, and (for
// the latter) pooling before the last norm; and the adaptor that brings its rows to the decoder.
// Thread:   const after Load; the state is the caller's (the engine's thread).
// Memory:   EncoderState is allocated for the longest input it is made for.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "common/pcm.h"
#include "common/result.h"
#include "kernels/backend.h"
#include "weights/checkpoint.h"

namespace parley::model {

struct EncoderGeometry {
  int32_t mels = 80;
  int32_t positions = 1500;
  int32_t hidden = 512;
  int32_t heads = 8;
  int32_t layers = 6;
  int32_t ffn = 2048;
  bool pool = false;  // Qwen2-Audio: average pairs of rows before the last norm
};

// Silence behind the input, mostly not computed: a row of silence looks the same everywhere but for its position, so
// `rows` of them are made from one, `stride` positions apart, and each of them counts as `stride` keys wherever it is
// attended to. With stride 1 the result is that of a longer input.
struct SilentTail {
  int32_t rows = 0;
  int32_t stride = 1;

  // How many keys `all` rows are, the tail being the last of them.
  int32_t Keys(int32_t all) const { return all + rows * (stride - 1); }
  // keys: [Keys(all), …] with the first `all` rows filled; fills the rest.
  void Repeat(kernels::Backend& backend, const kernels::TensorView& keys, int32_t all) const;
};

// One or several sounds at once, which do not see one another: their rows stand one behind another, without padding.
struct EncoderState {
  int32_t max_frames = 0;  // of each sound
  int32_t max_sounds = 0;
  kernels::Tensor mel;    // [max_sounds * max_frames, mels]
  kernels::Tensor conv1;  // [max_frames, hidden], of one sound at a time
  kernels::Tensor x;      // [max_rows, hidden], max_rows = max_sounds * (max_frames + 1) / 2
  kernels::Tensor h, qkv, attn, ffn, out;
  kernels::Tensor keys;  // [positions, keys | values], the tail's rows `stride` times
  SilentTail tail;       // of the input in hand: the last tail.rows of `rows`, and of `out`
  std::vector<int32_t> sound_rows;  // of each sound, after the convolutions, and of the tail
  std::vector<int32_t> sound_out_rows;
  int32_t rows = 0;        // of all
  int32_t out_rows = 0;    // rows of `out` that Advance filled
  int32_t next_layer = 0;  // where the next slice goes on

  void Clear(SilentTail next);  // for the next input
};

class AudioEncoder {
 public:
  // `pool`: also where the checkpoint is of a family that does not.
  static Result<std::unique_ptr<AudioEncoder>> Load(kernels::Backend& backend,
                                                    const weights::Checkpoint& checkpoint,
                                                    kernels::Storage storage, bool pool = false);
  virtual ~AudioEncoder() = default;
  virtual const EncoderGeometry& geometry() const = 0;
  virtual size_t weight_bytes() const = 0;
  // For up to `max_sounds` of up to `max_frames` each.
  virtual EncoderState NewState(int32_t max_frames, int32_t max_sounds) const = 0;
  EncoderState NewState(int32_t max_frames) const { return NewState(max_frames, 1); }

  // mel: [frames, mels] on the host. Begin uploads and runs the convolutions; each Advance runs one block; true when
  // state.out holds the result. In slices, so that a long encoding never holds up a decode step.
  Status Begin(kernels::TensorView mel, EncoderState& state) const {
    return Begin({&mel, 1}, {}, state);
  }
  Status Begin(kernels::TensorView mel, SilentTail tail, EncoderState& state) const {
    return Begin({&mel, 1}, tail, state);
  }
  // With a tail there is one input, and it must end in four rows (eight frames) of silence at least; the last two of them,
  // which see the input's edge, are left out, and the row before them is repeated.
  virtual Status Begin(std::span<const kernels::TensorView> mels, SilentTail tail,
                       EncoderState& state) const = 0;
  // The same of sounds, frames[i] of sound i, where the backend makes features (makes_log_mel).
  virtual Status Begin(std::span<const PcmView> sounds, std::span<const int32_t> frames,
                       EncoderState& state) const = 0;
  virtual bool Advance(EncoderState& state) const = 0;
};

// Step-Audio's adaptor: conv(k3 s2) + GELU, linear + ReLU, linear. 25 Hz rows to 12.5 Hz embeddings of the decoder.
class Adaptor {
 public:
  static Result<std::unique_ptr<Adaptor>> Load(kernels::Backend& backend,
                                               const weights::Checkpoint& checkpoint,
                                               kernels::Storage storage);
  virtual ~Adaptor() = default;
  virtual int32_t OutRows(int32_t encoder_rows) const = 0;  // floor((rows - 1) / 2) + 1
  virtual int32_t out_width() const = 0;
  // encoded: the rows of one or several sounds one behind another, rows[i] of sound i; out: OutRows of each, likewise.
  virtual void Forward(const kernels::TensorView& encoded, std::span<const int32_t> rows,
                       const kernels::TensorView& out) = 0;
  void Forward(const kernels::TensorView& encoded, const kernels::TensorView& out) {
    Forward(encoded, {&encoded.rows, 1}, out);
  }
};

}  // namespace parley::model
