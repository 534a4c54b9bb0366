// The graph of Llama and Qwen2 (they differ in biases of q, k and v, and in the head), once, for every backend.
// SPDX-License-Identifier: Apache-2.0
#include "model/decoder.h"

#include <vector>

#include "common/check.h"
#include "model/decoder_names.h"
#include "model/weight_loading.h"

namespace parley::model {

using kernels::Backend;
using kernels::DType;
using kernels::Storage;
using kernels::Tensor;
using kernels::TensorView;
using kernels::WeightPtr;
using weights::Checkpoint;

namespace {

struct LayerWeights {
  Tensor attn_norm;   // [hidden]
  WeightPtr qkv;      // [(heads + 2 kv_heads) * head_dim, hidden]
  Tensor qkv_bias;    // empty without biases
  WeightPtr out;      // [hidden, heads * head_dim]
  Tensor ffn_norm;    // [hidden]
  WeightPtr gate_up;  // [2 ffn, hidden]
  WeightPtr down;     // [hidden, ffn]
};

// The rows of a step, as views into the state.
struct StepViews {
  TensorView x, h, qkv, attn, gate_up, act;
};

class PagedDecoder final : public Decoder {
 public:
  PagedDecoder(Backend& backend, const DecoderGeometry& geometry, Slice slice)
      : backend_(backend),
        geometry_(geometry),
        slice_(slice),
        heads_(geometry.heads / slice.ranks),
        kv_heads_(geometry.kv_heads / slice.ranks),
        ffn_(geometry.ffn / slice.ranks) {}

  Status LoadWeights(const Checkpoint& checkpoint, Storage storage);

  const DecoderGeometry& geometry() const override { return geometry_; }
  size_t weight_bytes() const override;
  DecoderState NewState(int32_t max_rows, int32_t max_logit_rows) const override;
  void Forward(const DecoderInput& input, DecoderState& state) const override;

 private:
  Status LoadLayer(const Checkpoint& checkpoint, const DecoderNames& names, int32_t layer,
                   Storage storage);
  StepViews ViewsOf(const DecoderState& state, int32_t rows) const;
  void Embed(const DecoderInput& input, const TensorView& x) const;
  void Layer(const LayerWeights& w, int32_t layer, const kernels::StepBatch& batch,
             const StepViews& s) const;
  void Head(const DecoderInput& input, const StepViews& s, bool every_row,
            const DecoderState& state) const;

  Backend& backend_;
  DecoderGeometry geometry_;
  Slice slice_;
  int32_t heads_, kv_heads_, ffn_;  // this rank's
  WeightPtr table_;
  WeightPtr head_;  // the table's storage when tied
  Tensor final_norm_;
  std::vector<LayerWeights> layers_;
};

Status PagedDecoder::LoadWeights(const Checkpoint& checkpoint, Storage storage) {
  const DecoderNames names = NamesOf(checkpoint);
  const DecoderGeometry& g = geometry_;
  // A table that is only looked up gains nothing from another storage.
  const Storage table_storage = g.tied_head ? storage : Storage::kAsIs;
  PARLEY_TRY(table_, LoadMatrix(backend_, checkpoint, {{names.table, g.vocabulary}}, g.hidden,
                                table_storage));
  head_ = table_;
  if (!g.tied_head) {
    PARLEY_TRY(head_, LoadMatrix(backend_, checkpoint, {{names.head, g.vocabulary}}, g.hidden,
                                 storage, slice_));
  } else if (slice_.ranks > 1) {
    PARLEY_TRY(head_, LoadMatrix(backend_, checkpoint, {{names.table, g.vocabulary}}, g.hidden,
                                 storage, slice_));
  }
  PARLEY_TRY(final_norm_, LoadVector(backend_, checkpoint, names.final_norm, g.hidden));
  layers_.reserve(static_cast<size_t>(g.layers));
  for (int32_t i = 0; i < g.layers; ++i) {
    PARLEY_TRY_STATUS(LoadLayer(checkpoint, names, i, storage));
  }
  return {};
}

Status PagedDecoder::LoadLayer(const Checkpoint& checkpoint, const DecoderNames& names,
                               int32_t layer, Storage storage) {
  const DecoderGeometry& g = geometry_;
  const int32_t q_size = g.heads * g.head_dim;
  const int32_t kv_size = g.kv_heads * g.head_dim;
  const auto weight = [&](const std::string& part) { return names.Weight(layer, part); };
  const auto bias = [&](const std::string& part) { return names.Bias(layer, part); };
  LayerWeights w;
  PARLEY_TRY(w.attn_norm, LoadVector(backend_, checkpoint, weight(names.attn_norm), g.hidden));
  PARLEY_TRY(w.qkv, LoadMatrix(backend_, checkpoint,
                               {{weight(names.q), q_size},
                                {weight(names.k), kv_size},
                                {weight(names.v), kv_size}},
                               g.hidden, storage, slice_));
  if (g.qkv_bias) {
    PARLEY_TRY(
        w.qkv_bias,
        LoadBias(backend_, checkpoint,
                 {{bias(names.q), q_size}, {bias(names.k), kv_size}, {bias(names.v), kv_size}},
                 slice_));
  }
  PARLEY_TRY(w.out, LoadMatrix(backend_, checkpoint, {{weight(names.out), g.hidden}}, q_size,
                               storage, slice_, SliceBy::kColumns));
  PARLEY_TRY(w.ffn_norm, LoadVector(backend_, checkpoint, weight(names.ffn_norm), g.hidden));
  PARLEY_TRY(w.gate_up, LoadMatrix(backend_, checkpoint,
                                   {{weight(names.gate), g.ffn}, {weight(names.up), g.ffn}},
                                   g.hidden, storage, slice_));
  PARLEY_TRY(w.down, LoadMatrix(backend_, checkpoint, {{weight(names.down), g.hidden}}, g.ffn,
                                storage, slice_, SliceBy::kColumns));
  layers_.push_back(std::move(w));
  return {};
}

size_t PagedDecoder::weight_bytes() const {
  size_t bytes = table_->bytes() + (head_ == table_ ? 0 : head_->bytes());
  for (const LayerWeights& w : layers_) {
    bytes += w.qkv->bytes() + w.out->bytes() + w.gate_up->bytes() + w.down->bytes();
  }
  return bytes;
}

DecoderState PagedDecoder::NewState(int32_t max_rows, int32_t max_logit_rows) const {
  const DecoderGeometry& g = geometry_;
  const DType type = backend_.activation_type();
  const auto rows_of = [&](int32_t cols) { return backend_.Allocate(type, max_rows, cols); };
  return {.x = backend_.Allocate(DType::kF32, max_rows, g.hidden),
          .h = rows_of(g.hidden),
          .qkv = rows_of((heads_ + 2 * kv_heads_) * g.head_dim),
          .attn = rows_of(heads_ * g.head_dim),
          .gate_up = rows_of(2 * ffn_),
          .act = rows_of(ffn_),
          .picked_x = backend_.Allocate(DType::kF32, max_logit_rows, g.hidden),
          .picked = backend_.Allocate(type, max_logit_rows, g.hidden),
          .logits_part = slice_.ranks == 1 ? Tensor()
                                           : backend_.Allocate(DType::kF32, max_logit_rows,
                                                               g.vocabulary / slice_.ranks),
          .logits = backend_.Allocate(DType::kF32, max_logit_rows, g.vocabulary)};
}

StepViews PagedDecoder::ViewsOf(const DecoderState& state, int32_t rows) const {
  const TensorView qkv = state.qkv.view().Rows(0, rows);
  return {.x = state.x.view().Rows(0, rows),
          .h = state.h.view().Rows(0, rows),
          .qkv = qkv,
          .attn = state.attn.view().Rows(0, rows),
          .gate_up = state.gate_up.view().Rows(0, rows),
          .act = state.act.view().Rows(0, rows)};
}

// Tokens are looked up, runs of negative ids take the next embeddings as they are.
void PagedDecoder::Embed(const DecoderInput& input, const TensorView& x) const {
  int32_t taken = 0;
  const auto rows = static_cast<int32_t>(input.ids.size());
  for (int32_t begin = 0; begin < rows;) {
    const bool audio = input.ids[static_cast<size_t>(begin)] < 0;
    int32_t end = begin + 1;
    while (end < rows && (input.ids[static_cast<size_t>(end)] < 0) == audio) ++end;
    const int32_t count = end - begin;
    if (audio) {
      PARLEY_CHECK(taken + count <= input.embeddings.rows, "fewer embeddings than negative ids");
      backend_.Copy(input.embeddings.Rows(taken, count), x.Rows(begin, count));
      taken += count;
    } else {
      backend_.Embed(*table_,
                     input.ids.subspan(static_cast<size_t>(begin), static_cast<size_t>(count)),
                     x.Rows(begin, count));
    }
    begin = end;
  }
  PARLEY_CHECK(taken == input.embeddings.rows, "more embeddings than negative ids");
}

// What the layer before left in h joins the residual stream here, in one pass with the norm.
void PagedDecoder::Layer(const LayerWeights& w, int32_t layer, const kernels::StepBatch& batch,
                         const StepViews& s) const {  // s.x: [rows, hidden]
  const float eps = geometry_.norm_eps;
  if (layer == 0) {
    backend_.RmsNorm(s.x, w.attn_norm, eps, s.h);
  } else {
    backend_.ReduceAddRmsNorm(s.x, s.h, w.attn_norm, eps, s.h);
    PARLEY_TAP(backend_, "decoder.layer", layer - 1, s.x);
  }
  backend_.Linear(s.h, *w.qkv, w.qkv_bias, s.qkv);
  backend_.RopeAttend(s.qkv, geometry_.rope, batch, layer, s.attn);
  PARLEY_TAP(backend_, "decoder.attn", layer, s.attn);
  backend_.Linear(s.attn, *w.out, {}, s.h);
  backend_.ReduceAddRmsNorm(s.x, s.h, w.ffn_norm, eps, s.h);  // x += h; h = norm(x)
  backend_.LinearSwiGlu(s.h, *w.gate_up, s.gate_up, s.act);
  backend_.Linear(s.act, *w.down, {}, s.h);
}

// The head is the largest product of a small model: only rows that somebody samples from pay for it.
void PagedDecoder::Head(const DecoderInput& input, const StepViews& s, bool every_row,
                        const DecoderState& state) const {
  const auto wanted = static_cast<int32_t>(input.logit_rows.size());
  const TensorView picked = state.picked.view().Rows(0, wanted);
  if (every_row) {
    backend_.ReduceAddRmsNorm(s.x, s.h, final_norm_, geometry_.norm_eps, picked);
  } else {
    backend_.ReduceAdd(s.x, s.h);
  }
  PARLEY_TAP(backend_, "decoder.layer", geometry_.layers - 1, s.x);
  if (wanted == 0) return;
  if (!every_row) {
    const TensorView rows = state.picked_x.view().Rows(0, wanted);
    for (int32_t i = 0; i < wanted; ++i) {
      backend_.Copy(s.x.Rows(input.logit_rows[static_cast<size_t>(i)], 1), rows.Rows(i, 1));
    }
    backend_.RmsNorm(rows, final_norm_, geometry_.norm_eps, picked);
  }
  const TensorView logits = state.logits.view().Rows(0, wanted);
  if (slice_.ranks == 1) {
    backend_.Linear(picked, *head_, {}, logits);
  } else {
    const TensorView part = state.logits_part.view().Rows(0, wanted);
    backend_.Linear(picked, *head_, {}, part);
    backend_.GatherColumns(part, logits);
  }
  PARLEY_TAP(backend_, "decoder.logits", -1, logits);
}

void PagedDecoder::Forward(const DecoderInput& input, DecoderState& state) const {
  const kernels::StepBatch& batch = *input.batch;
  const auto wanted = static_cast<int32_t>(input.logit_rows.size());
  PARLEY_CHECK(static_cast<size_t>(batch.rows) == input.ids.size(), "one id a row of the batch");
  PARLEY_CHECK(batch.rows <= state.x.view().rows, "more rows than the state was made for");
  PARLEY_CHECK(wanted <= state.picked.view().rows, "more logits than the state was made for");
  bool every_row = wanted == batch.rows;
  for (int32_t i = 0; i < wanted; ++i) {
    const int32_t row = input.logit_rows[static_cast<size_t>(i)];
    PARLEY_CHECK(row >= 0 && row < batch.rows, "logits of a row that is not in the step");
    every_row = every_row && row == i;
  }
  const StepViews s = ViewsOf(state, batch.rows);

  Embed(input, s.x);
  PARLEY_TAP(backend_, "decoder.embed", -1, s.x);
  // Only a step whose rows all go on to logits is the same work every time, worth recording.
  if (backend_.BeginStep(batch, heads_, every_row ? state.x.view().data : nullptr)) {
    for (int32_t i = 0; i < geometry_.layers; ++i) {
      Layer(layers_[static_cast<size_t>(i)], i, batch, s);
    }
    Head(input, s, every_row, state);
  }
  backend_.EndStep();
}

}  // namespace

Status CheckRanks(const DecoderGeometry& g, int32_t ranks) {
  const struct {
    const char* what;
    int32_t count;
  } parts[] = {{"query heads", g.heads},
               {"key-value heads", g.kv_heads},
               {"feed-forward values", g.ffn},
               {"rows of the output head", g.vocabulary}};
  if (ranks < 1) return Fail(Code::kInvalidArgument, "tensor parallel over no ranks");
  for (const auto& part : parts) {
    if (part.count % ranks == 0) continue;
    return Fail(Code::kUnsupported, "this model's " + std::to_string(part.count) + " " + part.what +
                                        " cannot be cut over " + std::to_string(ranks) +
                                        " ranks: take a number that divides them");
  }
  return {};
}

Result<std::unique_ptr<Decoder>> Decoder::Load(Backend& backend, const Checkpoint& checkpoint,
                                               Storage storage, Slice slice) {
  PARLEY_TRY(const DecoderGeometry geometry, ReadDecoderGeometry(checkpoint));
  PARLEY_TRY_STATUS(CheckRanks(geometry, slice.ranks));
  PARLEY_TRY_STATUS(CheckDecoderTensors(checkpoint, geometry));
  auto decoder = std::make_unique<PagedDecoder>(backend, geometry, slice);
  PARLEY_TRY_STATUS(decoder->LoadWeights(checkpoint, storage));
  return std::unique_ptr<Decoder>(std::move(decoder));
}

}  // namespace parley::model
