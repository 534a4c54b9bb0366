// One talk over one sound file: feeds it block by block, as a microphone would, follows the events, and knows when the
// talk is over: the file is never the end of a turn; silence follows until the answer has ended.
// Thread:   RunFileTalk blocks the caller; `follow` is called on the runtime's executor, one event at a time.
// Memory:   the file is streamed; hours of silence take no more than seconds do.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/answer_recorder.h"
#include "app/runtime.h"
#include "app/turn_summary.h"
#include "audio_io/sound_file.h"
#include "common/result.h"
#include "realtime/session.h"

namespace parley::app {

// Fills `summary` as far as the talk came. Events carry the clock of the input sound.
Status RunFileTalk(Runtime& runtime, audio::SoundFile& sound, const AskConfig& config,
                   AnswerRecorder recorder, const realtime::EventSink& follow, AskSummary& summary);

}  // namespace parley::app
