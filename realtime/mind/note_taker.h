// Notes between what is heard: words become blocks on the trunk, each followed by a note that the
// model writes while the user goes on speaking (listen/block_words.h says when a block closes, and
// when a note is cut). When words of a block are corrected while the user speaks on, the trunk goes back
// to that block, and what was said from there on is noted anew.
// Thread:   plain value; one owner. Everything it decides is put at the end of `out`.
// Memory:   the words of one turn and one note.
// Overload: a note has a budget, and is cut when the words run ahead of it; when the trunk is full
//           no more notes are taken and the words wait for the end of the turn.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "realtime/listen/sound_marks.h"
#include "realtime/mind/answering.h"
#include "realtime/mind/note_format.h"

namespace parley::realtime {

class NoteTaker {
 public:
  using Out = std::vector<mind::Action>&;

  NoteTaker(const MindConfig& config, const MindParts& parts, const NoteFormat& format,
            const ThoughtForm& form, Names& names);

  void Hear(const HeardWords& words, Out out);
  void Pause(Out out);   // a possible end: what follows is its tail
  void Resume(Out out);  // it was none
  void Forget(Out out);
  // The turn is forgotten: what was thought in it, and behind it, is known to the next one.
  void Keep(std::string_view final_thought);
  void DropKept() { kept_.clear(); }

  bool writing() const { return state_ == State::kWriting || state_ == State::kCutting; }
  void Cut(Out out);  // the note, before it is finished; OnEnded follows
  void OnToken(TokenId id, Out out);
  void OnEnded(const engine::Ended& ended, Out out);
  void OnFailed(Out out);  // the trunk has been made anew
  bool Waits(int64_t call) const { return call != 0 && call == call_; }
  void OnToolResult(const ToolResult& result, Out out);

  // The whole prompt, if the turn ends with these words. Not while a note is written.
  Answering::Prompt End(const HeardWords& words, Out out);

 private:
  enum class State : uint8_t { kIdle, kWriting, kCutting, kTool };
  struct Block {
    size_t words = 0;            // how many
    engine::Position begin = 0;  // of its first id, behind the trunk's begin()
    size_t notes = 0;            // characters of thought before it
    int32_t note_tokens = 0;     // and tokens
    std::vector<std::string> marks;
    bool final = false;  // a tool was called in its note, or answered: that is not taken back
  };
  void Sounded(size_t words, std::span<const std::string> marks);
  std::optional<size_t> Corrected(const std::vector<std::string>& all) const;
  void Correct(const std::vector<std::string>& all, Out out);
  engine::Position Held(Out out) const;
  void Step(bool paused, Out out);
  void CloseBlock(Out out);
  void Write(int32_t tokens, Out out);
  void EndNote(std::vector<TokenId> before, Out out);
  void Append(std::vector<TokenId> ids, Out out);
  bool Fits(size_t ids) const;
  std::vector<TokenId> Open(TokenId mode) const;

  const MindConfig& config_;
  const MindParts& parts_;
  const NoteFormat& format_;
  const ThoughtForm& form_;
  Names& names_;
  State state_ = State::kIdle;
  bool opened_ = false;  // the user's turn, on the trunk
  bool paused_ = false;
  std::vector<std::string> noted_;    // words that stand in blocks
  std::vector<Block> blocks_;         // of this turn
  std::vector<std::string> pending_;  // stable words that do not
  BlockMarks marks_;                  // of the sound in which they were heard
  size_t heard_ = 0;                  // words of the turn whose sound is in marks_ or in a block
  std::vector<TokenId> kept_;         // of the thought of a turn that was interrupted
  std::string notes_;                 // of this turn
  int32_t note_tokens_ = 0;           // that stand on the trunk
  std::optional<StreamReader> reader_;
  bool extended_ = false;  // the note, for a call that its budget would have cut
  int calls_ = 0;
  ThoughtTeller teller_;
  int64_t call_ = 0;  // that a note waits for, or that was cut under it
  bool call_in_note_ = false;
  std::optional<std::string> late_;  // its result, which no note has read
};

}  // namespace parley::realtime
