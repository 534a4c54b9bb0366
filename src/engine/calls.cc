// SPDX-License-Identifier: Apache-2.0
#include "engine/calls.h"

#include <utility>

namespace parley::engine {
namespace {

struct Teller {
  void operator()(TokenNotice& n) const { n.sink->OnToken(n.stream, n.id, n.position); }
  void operator()(EndedNotice& n) const { n.sink->OnEnded(n.stream, n.ended); }
  void operator()(DoneNotice& n) const {
    if (n.done) n.done(std::move(n.result));
  }
  void operator()(EncodedNotice& n) const {
    if (n.encoded) n.encoded(std::move(n.result));
  }
  void operator()(TranscribedNotice& n) const {
    if (n.transcribed) n.transcribed(std::move(n.result));
  }
  void operator()(LostNotice& n) const { n.lost(std::move(n.why)); }
};

}  // namespace

void Deliver(Notices& notices) {
  for (Notice& notice : notices) std::visit(Teller{}, notice);
  notices.clear();
}

}  // namespace parley::engine
