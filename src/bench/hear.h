// What a talk hears of one utterance, without a mind or a voice: turn taker, listener and transcriber
// as the conversation runs them, on the simulated clock of `--pace fast`, and the blocks of words that
// a note-taking model would be given. Training reads this, so that a model learns from what it will
// hear and not from clean text.
//
// The whole sound counts as one turn: pauses in it are pauses, only its end is an end. Notes are not
// written; each is charged `note_ms`, during which the transcriber has half of the processor.
//
// Thread:   one thread at a time.
// Memory:   one transcription's state; the sound of one utterance.
// Overload: none: one utterance after the other.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/pcm.h"
#include "common/result.h"
#include "engine/cost_table.h"
#include "model/transcriber.h"
#include "nn/voice_activity.h"
#include "realtime/listen/listen_config.h"
#include "realtime/listen/sound_marks.h"
#include "realtime/turn/turn_config.h"

namespace parley::bench {

struct HearOptions {
  realtime::TurnConfig turn;
  realtime::ListenConfig listen;
  engine::CostTable costs;
  int32_t block_words = 5;
  int32_t note_ms = 180;  // writing one note
  bool partials = true;   // false: only the transcript at the end, for what thinks afterwards
};

// Times are of the input sound, in milliseconds.
struct HeardStable {
  double at_ms = 0;     // when the words were known to be stable
  double heard_ms = 0;  // by when the last of them had been said
  std::string text;     // the turn so far
};
struct HeardBlock {
  double at_ms = 0;
  double begin_ms = 0, end_ms = 0;  // of the sound in which its words were heard
  std::vector<std::string> words;   // normalised
  bool at_pause = false;
  bool cut_note = false;  // the note before it was not finished
  std::vector<std::string> marks;
  realtime::BlockSound sound;  // what they were told from
};
struct HeardPause {
  double begin_ms = 0, end_ms = 0;  // end: when the voice went on; the last one has none (-1)
};
struct HeardUtterance {
  double sound_ms = 0;
  std::vector<HeardStable> stable;
  std::vector<HeardPause> pauses;
  std::vector<HeardBlock> blocks;
  std::string transcript;          // of the turn, as the transcriber writes it
  std::vector<std::string> words;  // of the transcript, normalised
  std::vector<std::string> tail;   // those behind the blocks
  std::vector<std::string> tail_marks;
  realtime::BlockSound tail_sound;
  double speech_end_ms = -1;  // as the turn taker found it; -1: no voice
  double transcript_ms = -1;  // when the transcript was there
  int transcriptions = 0;
};

class Hearer {
 public:
  static Result<std::unique_ptr<Hearer>> Make(kernels::Backend& backend,
                                              const model::Transcriber& transcriber,
                                              std::unique_ptr<nn::VoiceActivity> voice,
                                              const HearOptions& options);
  virtual ~Hearer() = default;
  // `same_talk`: what is ordinary for its marks is what was heard before.
  virtual Result<HeardUtterance> Hear(PcmView sound, bool same_talk = false) = 0;
};

// One line of JSON, with `id` in front; `evidence`: what the marks were told from.
std::string JsonOf(const std::string& id, const HeardUtterance& heard, bool evidence);
std::string EvidenceJson(const realtime::BlockSound& sound);

}  // namespace parley::bench
