// SPDX-License-Identifier: Apache-2.0
#include "engine/engine.h"

namespace parley::engine {

void Sequence::Release() {
  if (id_ == 0) return;
  const int64_t id = std::exchange(id_, 0);
  const std::shared_ptr<internal::SequenceOwner> owner = std::move(owner_);
  if (owner) owner->Closed(id);
}

Sequence& Sequence::operator=(Sequence&& other) noexcept {
  if (this == &other) return *this;
  Release();
  id_ = std::exchange(other.id_, 0);
  owner_ = std::move(other.owner_);
  return *this;
}

}  // namespace parley::engine
