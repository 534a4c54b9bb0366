// Turn end by Smart Turn v3: features, one run, one probability.
// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <utility>

#include "nn/network.h"
#include "nn/smart_turn_features.h"
#include "nn/turn_end.h"

namespace parley::nn {
namespace {

class SmartTurn final : public TurnEnd {
 public:
  explicit SmartTurn(std::unique_ptr<Network> network) : network_(std::move(network)) {}

  Result<float> Probability(PcmView turn) override {
    const std::array<Input, 1> inputs = {
        Input{.name = "input_features",
              .shape = {1, SmartTurnFeatures::kMels, SmartTurnFeatures::kFrames},
              .data = features_.Compute(turn)}};
    PARLEY_TRY(const Output answer, network_->Run(inputs));
    if (answer.data.size() != 1) {
      return Fail(Code::kUnsupported, "the turn end network answers with " +
                                          std::to_string(answer.data.size()) +
                                          " values, expected 1 probability");
    }
    return answer.data[0];  // the graph ends with the sigmoid, though its output is named "logits"
  }

  Result<std::unique_ptr<TurnEnd>> Another() const override {
    PARLEY_TRY(std::unique_ptr<Network> network, network_->Another());
    return std::unique_ptr<TurnEnd>(std::make_unique<SmartTurn>(std::move(network)));
  }

 private:
  std::unique_ptr<Network> network_;
  SmartTurnFeatures features_;
};

}  // namespace

Result<std::unique_ptr<TurnEnd>> LoadSmartTurn(const std::string& path, int threads) {
  PARLEY_TRY(std::unique_ptr<Network> network, Network::Load(path, {.threads = threads}));
  auto smart_turn = std::make_unique<SmartTurn>(std::move(network));
  // The first run is the slow one (the shape is new), and a wrong file shows here.
  if (auto tried = smart_turn->Probability({}); !tried) {
    return Context(path, std::move(tried).error());
  }
  return std::unique_ptr<TurnEnd>(std::move(smart_turn));
}

}  // namespace parley::nn
