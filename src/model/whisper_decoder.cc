// SPDX-License-Identifier: Apache-2.0
#include "model/whisper_decoder.h"

#include <string>

#include "common/check.h"

namespace parley::model {

using kernels::DType;
using kernels::Storage;
using kernels::TensorView;
using weights::Checkpoint;

namespace {
constexpr float kNormEps = 1e-5F;
}

Status WhisperDecoder::ReadGeometry(const Checkpoint& checkpoint, const AudioNames& names) {
  WhisperGeometry& g = geometry_;
  PARLEY_TRY(const auto* table, checkpoint.Require(names.embeddings + names.weight, {-1, -1}));
  g.vocabulary = static_cast<int32_t>(table->shape[0]);
  g.hidden = static_cast<int32_t>(table->shape[1]);
  PARLEY_TRY(const auto* positions, checkpoint.Require(names.positions, {-1, g.hidden}));
  g.positions = static_cast<int32_t>(positions->shape[0]);
  PARLEY_TRY(const auto* up,
             checkpoint.Require(names.Block(0, names.up) + names.weight, {-1, g.hidden}));
  g.ffn = static_cast<int32_t>(up->shape[0]);
  g.layers = CountBlocks(checkpoint, names);
  PARLEY_TRY(g.heads, RequireCount(checkpoint, {names.heads_key}));
  if (g.hidden % g.heads != 0) {
    return Fail(Code::kCorruptData, names.heads_key + " is " + std::to_string(g.heads) +
                                        ", which does not divide the decoder's width " +
                                        std::to_string(g.hidden));
  }
  return {};
}

Status WhisperDecoder::LoadWeights(const Checkpoint& checkpoint, Storage storage) {
  PARLEY_TRY(const AudioNames names, WhisperDecoderNamesOf(checkpoint));
  PARLEY_TRY_STATUS(ReadGeometry(checkpoint, names));
  const WhisperGeometry& g = geometry_;
  PARLEY_TRY(table_,
             LoadMatrix(backend_, checkpoint, {{names.embeddings + names.weight, g.vocabulary}},
                        g.hidden, storage));
  PARLEY_TRY(positions_, LoadTable(backend_, checkpoint, names.positions, g.positions, g.hidden));
  const AudioLoader load{backend_, checkpoint, names, storage};
  for (int32_t i = 0; i < g.layers; ++i) PARLEY_TRY_STATUS(LoadLayer(load, i));
  PARLEY_TRY(final_norm_, load.Norm(names.final_norm, g.hidden));
  return {};
}

Status WhisperDecoder::LoadLayer(const AudioLoader& load, int32_t layer) {
  const AudioNames& names = load.names;
  const int32_t hidden = geometry_.hidden;
  const auto part = [&](const std::string& name) {
    return name.empty() ? name : names.Block(layer, name);
  };
  LayerWeights w;
  PARLEY_TRY(w.self_norm, load.Norm(part(names.attn_norm), hidden));
  PARLEY_TRY(w.qkv,
             load.Fused(part(names.qkv),
                        {{part(names.q), hidden}, {part(names.k), hidden}, {part(names.v), hidden}},
                        hidden));
  PARLEY_TRY(w.self_out, load.Linear({{part(names.out), hidden}}, hidden));
  PARLEY_TRY(w.cross_norm, load.Norm(part(names.cross_norm), hidden));
  PARLEY_TRY(w.cross_q, load.Linear({{part(names.cross_q), hidden}}, hidden));
  PARLEY_TRY(w.cross_kv,
             load.Fused(part(names.cross_kv),
                        {{part(names.cross_k), hidden}, {part(names.cross_v), hidden}}, hidden));
  PARLEY_TRY(w.cross_out, load.Linear({{part(names.cross_out), hidden}}, hidden));
  PARLEY_TRY(w.ffn_norm, load.Norm(part(names.ffn_norm), hidden));
  PARLEY_TRY(w.up, load.Linear({{part(names.up), geometry_.ffn}}, hidden));
  PARLEY_TRY(w.down, load.Linear({{part(names.down), hidden}}, geometry_.ffn));
  layers_.push_back(std::move(w));
  return {};
}

size_t WhisperDecoder::weight_bytes() const {
  size_t bytes = table_->bytes();
  for (const LayerWeights& w : layers_) {
    for (const LinearWeights* linear :
         {&w.qkv, &w.self_out, &w.cross_q, &w.cross_kv, &w.cross_out, &w.up, &w.down}) {
      bytes += linear->weight->bytes();
    }
  }
  return bytes;
}

WhisperState WhisperDecoder::NewState(int32_t max_heard, int32_t max_rows) const {
  const WhisperGeometry& g = geometry_;
  const auto rows_of = [&](int32_t rows, int32_t cols) {
    return backend_.Allocate(DType::kF32, rows, cols);
  };
  WhisperState state{.x = rows_of(max_rows, g.hidden),
                     .h = rows_of(max_rows, g.hidden),
                     .qkv = rows_of(max_rows, 3 * g.hidden),
                     .attn = rows_of(max_rows, g.hidden),
                     .ffn = rows_of(max_rows, g.ffn),
                     .logits = rows_of(max_rows, g.vocabulary)};
  for (int32_t i = 0; i < g.layers; ++i) {
    state.said.push_back(rows_of(g.positions, 2 * g.hidden));
    state.heard.push_back(rows_of(max_heard, 2 * g.hidden));
  }
  return state;
}

void WhisperDecoder::Hear(const TensorView& encoded, SilentTail tail, int32_t layer,
                          WhisperState& state) const {
  const auto index = static_cast<size_t>(layer);
  const int32_t heard = tail.Keys(encoded.rows);
  PARLEY_CHECK(heard <= state.heard[index].view().rows, "more rows than the state hears");
  const LinearWeights& kv = layers_[index].cross_kv;
  const TensorView keys = state.heard[index].view().Rows(0, heard);
  backend_.Linear(encoded, *kv.weight, kv.bias, keys.Rows(0, encoded.rows));
  tail.Repeat(backend_, keys, encoded.rows);
  state.heard_rows = heard;
  state.length = 0;
}

void WhisperDecoder::Layer(int32_t layer, int32_t rows, WhisperState& state) const {
  const auto index = static_cast<size_t>(layer);
  const LayerWeights& w = layers_[index];
  const int32_t hidden = geometry_.hidden;
  const int32_t head_dim = hidden / geometry_.heads;
  const TensorView x = state.x.view().Rows(0, rows);
  const TensorView h = state.h.view().Rows(0, rows);
  const TensorView qkv = state.qkv.view().Rows(0, rows);
  const TensorView q = qkv.Cols(0, hidden);
  const TensorView attn = state.attn.view().Rows(0, rows);
  const TensorView ffn = state.ffn.view().Rows(0, rows);
  const TensorView said = state.said[index].view().Rows(0, state.length + rows);
  const TensorView heard = state.heard[index].view().Rows(0, state.heard_rows);

  backend_.LayerNorm(x, w.self_norm.weight, w.self_norm.bias, kNormEps, h);
  backend_.Linear(h, *w.qkv.weight, w.qkv.bias, qkv);
  backend_.Copy(qkv.Cols(hidden, 2 * hidden), said.Rows(state.length, rows));
  backend_.AttendDense(q, said.Cols(0, hidden), said.Cols(hidden, hidden), head_dim,
                       /*causal=*/true, attn);
  backend_.Linear(attn, *w.self_out.weight, w.self_out.bias, h);
  backend_.Add(x, h);

  backend_.LayerNorm(x, w.cross_norm.weight, w.cross_norm.bias, kNormEps, h);
  backend_.Linear(h, *w.cross_q.weight, w.cross_q.bias, q);
  backend_.AttendDense(q, heard.Cols(0, hidden), heard.Cols(hidden, hidden), head_dim,
                       /*causal=*/false, attn);
  backend_.Linear(attn, *w.cross_out.weight, w.cross_out.bias, h);
  backend_.Add(x, h);

  backend_.LayerNorm(x, w.ffn_norm.weight, w.ffn_norm.bias, kNormEps, h);
  backend_.Linear(h, *w.up.weight, w.up.bias, ffn);
  backend_.Gelu(ffn);
  backend_.Linear(ffn, *w.down.weight, w.down.bias, h);
  backend_.Add(x, h);
  PARLEY_TAP(backend_, "whisper.layer", layer, x);
}

void WhisperDecoder::Forward(std::span<const TokenId> ids, int32_t logit_rows,
                             WhisperState& state) const {
  const auto rows = static_cast<int32_t>(ids.size());
  PARLEY_CHECK(rows >= 1 && rows <= state.x.view().rows && logit_rows <= rows,
               "rows that the state was made for");
  PARLEY_CHECK(state.length + rows <= geometry_.positions, "more tokens than there are positions");
  const TensorView x = state.x.view().Rows(0, rows);
  backend_.Embed(*table_, ids, x);
  backend_.Add(x, positions_.view().Rows(state.length, rows));
  for (int32_t i = 0; i < geometry_.layers; ++i) Layer(i, rows, state);
  state.length += rows;
  if (logit_rows == 0) return;
  const TensorView last = state.h.view().Rows(0, logit_rows);
  const TensorView logits = state.logits.view().Rows(0, logit_rows);
  backend_.LayerNorm(x.Rows(rows - logit_rows, logit_rows), final_norm_.weight, final_norm_.bias,
                     kNormEps, last);
  backend_.Linear(last, *table_, {}, logits);
  PARLEY_TAP(backend_, "whisper.logits", -1, logits);
}

Result<std::unique_ptr<WhisperDecoder>> WhisperDecoder::Load(kernels::Backend& backend,
                                                             const Checkpoint& checkpoint,
                                                             Storage storage) {
  std::unique_ptr<WhisperDecoder> decoder(new WhisperDecoder(backend));
  PARLEY_TRY_STATUS(decoder->LoadWeights(checkpoint, storage));
  return decoder;
}

}  // namespace parley::model
