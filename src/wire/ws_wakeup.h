// Which connections of a server have something to write, told from any thread: libwebsockets lets another thread only wake
// its own, which then takes the list. Whoever fills an outbox may outlive the server.
// Thread:   Ask: any. The rest: the server's.
// Memory:   one entry for each time a box was filled since the last Take.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "wire/outbox.h"

struct lws;
struct lws_context;

namespace parley::wire {

class Wakeup {
 public:
  using Dirty = std::vector<std::pair<lws*, std::weak_ptr<Outbox>>>;
  void Open(lws_context* context);
  void Close() { Open(nullptr); }  // from here on nobody is woken
  void Ask(lws* wsi, std::weak_ptr<Outbox> outbox);
  Dirty Take();

 private:
  std::mutex mutex_;
  lws_context* context_ = nullptr;  // {mutex_}
  Dirty dirty_;                     // {mutex_}
};

}  // namespace parley::wire
