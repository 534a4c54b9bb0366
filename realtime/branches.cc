// SPDX-License-Identifier: Apache-2.0
#include "realtime/branches.h"

#include <memory>
#include <utility>

#include "common/check.h"

namespace parley::realtime {
namespace {

class Sink final : public engine::TokenSink {
 public:
  Sink(int64_t key, Branches::Tell tell) : key_(key), tell_(std::move(tell)) {}
  void OnToken(engine::Stream, TokenId id, engine::Position position) override {
    tell_({key_, BranchNews::Token{id, position}});
  }
  void OnEnded(engine::Stream, const engine::Ended& ended) override { tell_({key_, ended}); }

 private:
  const int64_t key_;
  const Branches::Tell tell_;
};

}  // namespace

Status Branches::Open(Tell tell) {
  tell_ = std::move(tell);
  PARLEY_TRY(trunk_branch_.sequence, engine_.Open(reserve_));
  Rebuild();
  return {};
}

void Branches::Rebuild() {
  trunk_branch_.key = next_key_++;  // news of what was appended before is old
  Edit({0, trunk_.ids(), true}, engine::Urgency::kHousekeeping);
}

void Branches::Edit(const TrunkEdit& edit, engine::Urgency urgency) {
  // A stream may have written more than we have been told: then it is cut in any case.
  if (edit.cuts || trunk_branch_.stream_key != 0) {
    engine_.Rollback(trunk_branch_.sequence, edit.keep);
    trunk_branch_.stream_key = 0;
  }
  if (!edit.append.empty()) AppendTo(trunk_branch_, edit.append, urgency);
}

Branches::Branch& Branches::At(BranchId id) {
  if (id == kTrunk) return trunk_branch_;
  const auto found = branches_.find(id);
  PARLEY_CHECK(found != branches_.end(), "a branch that is gone");
  return found->second;
}

void Branches::AppendTo(Branch& branch, const std::vector<TokenId>& ids, engine::Urgency urgency) {
  for (engine::Input& input : frames_.Inputs(ids)) {
    engine_.Append(branch.sequence, std::move(input), urgency,
                   [key = branch.key, tell = tell_](const Result<engine::Position>& done) {
                     if (done || done.error().code == Code::kCancelled) return;
                     tell({key, BranchNews::AppendFailed{done.error()}});
                   });
  }
}

void Branches::Fork(mind::Fork fork) {
  PARLEY_CHECK(fork.branch != kTrunk && branches_.size() < kMostBranches, "a branch too many");
  Branch& parent = At(fork.parent);
  const std::span<const TokenId> from = ids(fork.parent);
  PARLEY_CHECK(fork.keep <= static_cast<engine::Position>(from.size()),
               "a fork beyond what its parent holds");
  const auto [entry, fresh] = branches_.try_emplace(fork.branch);
  PARLEY_CHECK(fresh, "two branches of one name");
  Branch& branch = entry->second;
  branch.key = next_key_++;
  branch.ids.assign(from.begin(), from.begin() + fork.keep);
  branch.ids.insert(branch.ids.end(), fork.append.begin(), fork.append.end());
  branch.sequence = engine_.Fork(parent.sequence, fork.keep);
  if (!fork.append.empty()) AppendTo(branch, fork.append, fork.urgency);
}

void Branches::Append(mind::Append append) {
  Branch& branch = At(append.branch);
  PARLEY_CHECK(branch.stream_key == 0, "an append under a stream: stop it and wait for its end");
  if (append.branch == kTrunk) {
    for (const TokenId id : append.ids) trunk_.Took(id);
  } else {
    branch.ids.insert(branch.ids.end(), append.ids.begin(), append.ids.end());
  }
  AppendTo(branch, append.ids, append.urgency);
}

void Branches::Generate(mind::Generate generate) {
  Branch& branch = At(generate.branch);
  PARLEY_CHECK(branch.stream_key == 0, "one stream at a time");
  branch.stream_key = next_key_++;
  branch.stream = engine_.Generate(branch.sequence, std::move(generate.options),
                                   std::make_shared<Sink>(branch.stream_key, tell_));
}

void Branches::Stop(BranchId branch) {
  if (At(branch).stream_key != 0) engine_.Stop(At(branch).stream);
}

void Branches::Hurry(BranchId branch, engine::Urgency urgency) {
  if (At(branch).stream_key != 0) engine_.SetUrgency(At(branch).stream, urgency);
}

void Branches::Drop(BranchId branch) {
  PARLEY_CHECK(branches_.erase(branch) == 1, "a branch that is gone");
}

void Branches::DropAll() {
  branches_.clear();
  frames_.Keep(trunk_.ids());
}

void Branches::Adopt(BranchId id) {
  Branch branch = std::move(At(id));
  branches_.erase(id);
  trunk_.Adopt(std::move(branch.ids));
  branch.ids.clear();
  trunk_branch_ = std::move(branch);
}

std::span<const TokenId> Branches::ids(BranchId branch) const {
  if (branch == kTrunk) return trunk_.ids();
  const auto found = branches_.find(branch);
  return found == branches_.end() ? std::span<const TokenId>() : found->second.ids;
}

std::optional<BranchId> Branches::Take(const BranchNews& news) {
  const auto take = [&](BranchId id, Branch& branch) -> std::optional<BranchId> {
    if (std::holds_alternative<BranchNews::AppendFailed>(news.what)) {
      return branch.key == news.key ? std::optional(id) : std::nullopt;
    }
    if (branch.stream_key != news.key) return std::nullopt;
    if (const auto* token = std::get_if<BranchNews::Token>(&news.what)) {
      if (id == kTrunk) {
        trunk_.Took(token->id);
      } else {
        branch.ids.push_back(token->id);
      }
    } else {
      branch.stream_key = 0;
    }
    return id;
  };
  if (const auto id = take(kTrunk, trunk_branch_)) return id;
  for (auto& [id, branch] : branches_) {
    if (const auto found = take(id, branch)) return found;
  }
  return std::nullopt;
}

}  // namespace parley::realtime
