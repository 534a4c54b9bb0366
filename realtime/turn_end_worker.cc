// SPDX-License-Identifier: Apache-2.0
#include "realtime/turn_end_worker.h"

#include <optional>
#include <utility>

namespace parley::realtime {

ThreadTurnEndWorker::ThreadTurnEndWorker(nn::TurnEnd& network)
    : network_(network), thread_([this](const std::stop_token& stop) {
        while (std::optional<TurnEndQuestion> question = questions_.Pop(stop)) {
          Result<float> probability = network_.Probability(question->sound);
          question->executor->Post([answer = std::move(question->answer),
                                    probability = std::move(probability)] { answer(probability); });
        }
      }) {}

}  // namespace parley::realtime
