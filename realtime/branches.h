// What the engine holds of one talk: the trunk's sequence and the few branches that a mind has
// asked for, each with the ids it holds and at most one stream. Every edit of the trunk's claim
// (history/trunk.h) is carried out here, so that claim and cache change together.
// Thread:   the conversation's executor; the engine answers through `tell`, from any thread.
// Memory:   one id a position of every branch, at most kMostBranches of them.
// Overload: news of a branch or a stream that is gone is dropped (Take) and counted by the caller.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "engine/engine.h"
#include "realtime/history/frame_store.h"
#include "realtime/history/trunk.h"
#include "realtime/mind/mind.h"

namespace parley::realtime {

// What the engine reports: of a stream, or of an append.
struct BranchNews {
  struct Token {
    TokenId id = 0;
    engine::Position position = 0;
  };
  struct AppendFailed {
    Error error;
  };
  int64_t key = 0;  // of the stream, or of the branch whose append it was
  std::variant<Token, engine::Ended, AppendFailed> what;
};

class Branches {
 public:
  using Tell = std::function<void(BranchNews)>;

  // The trunk is the conversation's; it outlives this.
  Branches(engine::Engine& engine, Trunk& trunk, engine::Position reserve)
      : engine_(engine), trunk_(trunk), reserve_(reserve) {}

  Status Open(Tell tell);  // a sequence for the trunk; once, first
  // After a failure nobody knows what the trunk's sequence holds: it gets anew what the trunk claims.
  void Rebuild();
  void Edit(const TrunkEdit& edit, engine::Urgency urgency);  // of the trunk, which has made it

  void Fork(mind::Fork fork);
  void Append(mind::Append append);
  void Generate(mind::Generate generate);
  void Stop(BranchId branch);
  void Hurry(BranchId branch, engine::Urgency urgency);
  void Drop(BranchId branch);
  void Adopt(BranchId branch);
  void DropAll();  // but the trunk

  // Sound as rows for the decoder: ids that stand for them, here and in the trunk.
  std::vector<TokenId> AddFrames(std::shared_ptr<const engine::Embeddings> rows, int32_t first,
                                 int32_t count) {
    return frames_.Add(std::move(rows), first, count);
  }
  // Whose news it is; what it says of the ids is noted. Nothing: of something that is gone.
  std::optional<BranchId> Take(const BranchNews& news);

  bool open() const { return static_cast<bool>(trunk_branch_.sequence); }
  size_t size() const { return branches_.size(); }
  std::span<const TokenId> ids(BranchId branch) const;  // that it holds; none of one that is gone
  const engine::Sequence& sequence() const { return trunk_branch_.sequence; }

 private:
  struct Branch {
    int64_t key = 0;  // of the branch itself
    engine::Sequence sequence;
    std::vector<TokenId> ids;  // empty for the trunk: they are Trunk::ids()
    engine::Stream stream{};
    int64_t stream_key = 0;  // 0: nothing is being decoded
  };
  Branch& At(BranchId id);
  void AppendTo(Branch& branch, const std::vector<TokenId>& ids, engine::Urgency urgency);

  engine::Engine& engine_;
  Trunk& trunk_;
  const engine::Position reserve_;
  Tell tell_;
  FrameStore frames_;
  Branch trunk_branch_;
  std::map<BranchId, Branch> branches_;
  int64_t next_key_ = 1;
};

}  // namespace parley::realtime
