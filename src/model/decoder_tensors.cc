// Every tensor that a decoder will ask for, looked for by name and shape before anything is allocated: a shard that is missing
// is found in a moment and not after minutes of loading.
// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include "model/decoder.h"
#include "model/decoder_names.h"

namespace parley::model {

Status CheckDecoderTensors(const weights::Checkpoint& checkpoint, const DecoderGeometry& g) {
  const DecoderNames names = NamesOf(checkpoint);
  const int64_t q = static_cast<int64_t>(g.heads) * g.head_dim;
  const int64_t kv = static_cast<int64_t>(g.kv_heads) * g.head_dim;
  const auto require = [&](const std::string& name, const std::vector<int64_t>& shape) -> Status {
    PARLEY_TRY([[maybe_unused]] const weights::TensorInfo* found, checkpoint.Require(name, shape));
    return {};
  };
  PARLEY_TRY_STATUS(require(names.table, {g.vocabulary, g.hidden}));
  PARLEY_TRY_STATUS(require(names.final_norm, {g.hidden}));
  if (!g.tied_head) PARLEY_TRY_STATUS(require(names.head, {g.vocabulary, g.hidden}));
  for (int32_t layer = 0; layer < g.layers; ++layer) {
    const struct {
      const std::string& part;
      std::vector<int64_t> shape;
    } weights[] = {{names.attn_norm, {g.hidden}},   {names.q, {q, g.hidden}},
                   {names.k, {kv, g.hidden}},       {names.v, {kv, g.hidden}},
                   {names.out, {g.hidden, q}},      {names.ffn_norm, {g.hidden}},
                   {names.gate, {g.ffn, g.hidden}}, {names.up, {g.ffn, g.hidden}},
                   {names.down, {g.hidden, g.ffn}}};
    for (const auto& weight : weights) {
      PARLEY_TRY_STATUS(require(names.Weight(layer, weight.part), weight.shape));
    }
    if (!g.qkv_bias) continue;
    PARLEY_TRY_STATUS(require(names.Bias(layer, names.q), {q}));
    PARLEY_TRY_STATUS(require(names.Bias(layer, names.k), {kv}));
    PARLEY_TRY_STATUS(require(names.Bias(layer, names.v), {kv}));
  }
  return {};
}

}  // namespace parley::model
