// A model that thinks as a test wrote, in either style: what it says is a function of the ids of its sequence, as a
// model's is. Whatever of a thought or an answer stands there already is not said again, wherever it was cut.
// Thread:   as the engine that asks it.
// Memory:   the lines of the script.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "realtime/mind/parser.h"
#include "realtime/mind/style.h"
#include "support/word_tokenizer.h"

namespace parley::test {

// Special tokens whose ids are those of the default style.
inline std::vector<std::string> ThinkingSpecials() {
  return {"<|im_start|>", "<|im_end|>",      "<|pad|>",       "{listen}",         "{after}",
          "{none}",       "{note}",          "{note_end}",    "{speech_end}",     "{answer}",
          "{tool_call}",  "{tool_call_end}", "{tool_result}", "{tool_result_end}"};
}

class ScriptedMind {
 public:
  explicit ScriptedMind(std::shared_ptr<const WordTokenizer> tokenizer)
      : tokenizer_(std::move(tokenizer)) {}

  std::deque<std::string> replies, thoughts, early;  // one a turn, the last one again and again
  std::deque<std::string> notes;                     // in the order of the talk, then none
  // Instead of `notes` and `thoughts`: what is thought of the words since the last note, behind those
  // that were noted before. Asked once for each.
  std::function<std::string(const std::string& before, const std::string& words, bool final)>
      take_note;
  std::string unfinished;       // a thought that never ends goes on with this
  std::string without_thought;  // the answer to a prompt that holds no thought; empty: as any other
  bool ends_itself = true;      // false: the turn ends inside the thought

  void NextTurn() {
    for (std::deque<std::string>* lines : {&replies, &thoughts, &early}) {
      if (lines->size() > 1) lines->pop_front();
    }
  }

  std::vector<TokenId> Say(std::span<const TokenId> prompt) {
    const std::span<const TokenId> turn = LastTurn(prompt);
    if (const auto note = LastOf(turn, marks_.note);
        note && !LastOf(turn.subspan(*note), marks_.note_end)) {
      return Note(turn, *note);
    }
    if (const auto speech_end = LastOf(turn, marks_.speech_end)) {
      const auto inside = turn.subspan(*speech_end + 1);
      if (const auto answer = LastOf(inside, marks_.answer)) {
        return Reply(inside.subspan(*answer + 1), Holds(inside.first(*answer), Thought()));
      }
      const auto last = LastOf(turn.first(*speech_end), marks_.note_end);
      const size_t begin = last ? *last + 1 : 0;
      if (take_note) thoughts = {Noted(turn.first(*speech_end), begin, true)};
      return Think(inside, {marks_.answer});
    }
    const std::string text = Text(turn);
    const size_t open = text.rfind("<think>\n");
    if (open == std::string::npos) {
      return without_thought.empty()
                 ? Reply(BehindAssistant(turn), true)
                 : Rest(BehindAssistant(turn), tokenizer_->Encode(without_thought));
    }
    const size_t close = text.find("</think>\n", open);
    std::string thought =
        text.substr(open + 8, close == std::string::npos ? close : close - open - 8);
    for (size_t at; (at = thought.find("\n<tool_response>")) != std::string::npos;) {
      thought.erase(at, thought.find("</tool_response>\n") + 17 - at);
    }
    if (close == std::string::npos)
      return Think(tokenizer_->Encode(thought), tokenizer_->Encode("\n</think>\n"));
    return Reply(tokenizer_->Encode(text.substr(close + 9)),
                 thought.find(Thought()) != std::string::npos);
  }

 private:
  static std::string LineOf(const std::deque<std::string>& lines) {
    return lines.empty() ? "" : lines.front();
  }
  std::string Thought() const { return LineOf(thoughts); }

  std::span<const TokenId> LastTurn(std::span<const TokenId> prompt) const {
    const TokenId start = *tokenizer_->Find("<|im_start|>");
    const std::vector<TokenId> user = tokenizer_->Encode("user\n");
    for (size_t i = prompt.size(); i-- > 0;) {
      if (prompt[i] == start && i + 1 < prompt.size() && prompt[i + 1] == user[0])
        return prompt.subspan(i);
    }
    return prompt;
  }
  static std::optional<size_t> LastOf(std::span<const TokenId> ids, TokenId id) {
    for (size_t i = ids.size(); i-- > 0;) {
      if (ids[i] == id) return i;
    }
    return std::nullopt;
  }
  std::string Text(std::span<const TokenId> ids) const {
    std::string text;
    for (const TokenId id : ids) text += tokenizer_->Bytes(id);
    return text;
  }
  bool Holds(std::span<const TokenId> ids, const std::string& text) const {
    return Text(WithoutResults(ids)).find(Text(Calls(tokenizer_->Encode(text)))) !=
           std::string::npos;
  }
  std::span<const TokenId> BehindAssistant(std::span<const TokenId> turn) const {
    const std::vector<TokenId> open = tokenizer_->Encode("assistant\n");
    const auto found = std::find_end(turn.begin(), turn.end(), open.begin(), open.end());
    return found == turn.end() ? std::span<const TokenId>()
                               : std::span<const TokenId>(found + 2, turn.end());
  }

  // `words`: of a turn, with the notes between them; those from `begin` on are new.
  std::string Noted(std::span<const TokenId> words, size_t begin, bool final) {
    std::string before;
    bool inside = false;  // of a note
    for (const TokenId id : words.first(begin)) {
      inside = (inside || id == marks_.note) && id != marks_.note_end;
      if (!inside) before += tokenizer_->Bytes(id);
    }
    const std::string text = Text(words.subspan(begin));
    const auto [entry, fresh] = noted_.try_emplace({before + text, final});
    if (fresh) entry->second = take_note(before, text, final);
    return entry->second;
  }

  // What of `whole` does not stand at the end of `so_far` yet, as far as `so_far` begins it.
  static std::vector<TokenId> Rest(std::span<const TokenId> so_far,
                                   const std::vector<TokenId>& whole) {
    for (size_t n = std::min(so_far.size(), whole.size()); n > 0; --n) {
      if (std::equal(whole.begin(), whole.begin() + static_cast<int64_t>(n),
                     so_far.end() - static_cast<int64_t>(n))) {
        return {whole.begin() + static_cast<int64_t>(n), whole.end()};
      }
    }
    return whole;
  }

  std::vector<TokenId> Note(std::span<const TokenId> turn, size_t at) {
    std::string note;
    const auto before = turn.first(at);
    if (take_note) {
      const auto last = LastOf(before, marks_.note_end);
      note = Noted(before, last ? *last + 1 : 0, false);
    } else {
      auto index = static_cast<size_t>(std::count(before.begin(), before.end(), marks_.note));
      // One before the first word is what an interruption has left of an earlier thought.
      const auto mode = LastOf(before, marks_.listen);
      if (mode && *mode + 1 < before.size() && before[*mode + 1] == marks_.note) --index;
      if (index < notes.size()) note = notes[index];
    }
    std::vector<TokenId> ids =
        Rest(WithoutResults(turn.subspan(at + 1)), Calls(tokenizer_->Encode(note)));
    ids.push_back(marks_.note_end);
    return ids;
  }

  std::vector<TokenId> Think(std::span<const TokenId> so_far, const std::vector<TokenId>& end) {
    const std::vector<TokenId> whole = Calls(tokenizer_->Encode(Thought()));
    const std::vector<TokenId> own = WithoutResults(so_far);
    const bool all = whole.empty() ||
                     std::search(own.begin(), own.end(), whole.begin(), whole.end()) != own.end();
    std::vector<TokenId> ids = all ? std::vector<TokenId>() : Rest(own, whole);
    if (!unfinished.empty()) {
      const std::vector<TokenId> more = Calls(tokenizer_->Encode(unfinished));
      for (int i = 0; i < 200; ++i) ids.insert(ids.end(), more.begin(), more.end());
      return ids;
    }
    if (!ends_itself) return ids;
    ids.insert(ids.end(), end.begin(), end.end());
    const std::vector<TokenId> reply = tokenizer_->Encode(LineOf(replies));
    ids.insert(ids.end(), reply.begin(), reply.end());
    return ids;
  }

  std::vector<TokenId> Reply(std::span<const TokenId> so_far, bool thought_through) const {
    const std::string text = thought_through || early.empty() ? LineOf(replies) : LineOf(early);
    return Rest(so_far, tokenizer_->Encode(text));
  }

  // "{tool_call}" in a line is the mark.
  std::vector<TokenId> Calls(std::vector<TokenId> ids) const {
    const std::string text = Text(ids);
    return text.find("{tool") == std::string::npos
               ? ids
               : tokenizer_->Encode(text, model::SpecialTokens::kParse);
  }
  // What was thought, without what tools have answered: the thought goes on behind its call.
  std::vector<TokenId> WithoutResults(std::span<const TokenId> so_far) const {
    std::vector<TokenId> ids;
    bool result = false;
    for (const TokenId id : so_far) {
      if (id == marks_.tool_result) result = true;
      if (!result) ids.push_back(id);
      if (id == marks_.tool_result_end) result = false;
    }
    return ids;
  }

  std::shared_ptr<const WordTokenizer> tokenizer_;
  const realtime::StyleMarks marks_;
  std::map<std::pair<std::string, bool>, std::string> noted_;
};

}  // namespace parley::test
