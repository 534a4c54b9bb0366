// SPDX-License-Identifier: Apache-2.0
#include "wire/ws_wakeup.h"

#include <libwebsockets.h>

namespace parley::wire {

void Wakeup::Open(lws_context* context) {
  const std::lock_guard lock(mutex_);
  context_ = context;
}

void Wakeup::Ask(lws* wsi, std::weak_ptr<Outbox> outbox) {
  const std::lock_guard lock(mutex_);
  if (context_ == nullptr) return;
  const bool first = dirty_.empty();
  dirty_.emplace_back(wsi, std::move(outbox));
  if (first) lws_cancel_service(context_);
}

Wakeup::Dirty Wakeup::Take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(dirty_, {});
}

}  // namespace parley::wire
