// SPDX-License-Identifier: Apache-2.0
#include "model/transcription_job.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "common/check.h"
#include "model/loop_guard.h"

namespace parley::model {
namespace {

constexpr int32_t kLeastPadMs = 3000;  // of the window, kept free of sound
constexpr int32_t kFramesPerRow = 2;   // of mel, for one row of the encoder
constexpr int32_t kRowsPerSecond = 50;
constexpr int32_t kDensePadRows = 25;        // half a second of silence is computed as it is
constexpr int32_t kEdgeRows = 2;             // see AudioEncoder::Begin: they look over the edge
constexpr int32_t kMaxStepRows = 64;         // prompt and draft of one step
constexpr size_t kExtraTokens = 8;           // on top of those the duration allows
constexpr double kFastWordsPerSecond = 4.5;  // that few people say for long
constexpr size_t kExtraWords = 2;
// Whisper's own rule: silence is what it calls silence and was not sure of its words. Of plain zeros it says "you" with
// some certainty, at 0.93 no speech; no clip of the conversation is above 0.42.
constexpr float kSurelyNoSpeech = 0.85F;
constexpr float kNoSpeech = 0.6F;
constexpr float kUnsure = -1.0F;
// Whisper likes to stop behind a first sentence, however much sound is left, but then it is not sure: of 300 turns of a
// sentence and a question it cut 41 so, with a probability of 0.34 to 0.83 for the end; of 253 true ends 230 have more.
constexpr float kSureEnd = -0.174F;  // log 0.84, natural
// Behind a doubted end it says on. What comes is taken if it is sure enough (a segment's own rule) and more than the
// word or two that end a breath: true ends are followed by "Yeah.", "..." or by what was just said once more.
constexpr size_t kLeastMoreWords = 3;

int32_t RowsOf(int64_t samples) {
  const int frames = features::MelFrames(samples);
  return (frames + kFramesPerRow - 1) / kFramesPerRow;
}

// log(sum(exp(x))) of what the mask allows, and the best id of it; ties by lower id.
struct Choice {
  TokenId id = 0;
  float log_prob = 0;
};
Choice Choose(std::span<const float> logits, std::span<const float> mask) {
  size_t best = 0;
  float top = logits[0] + mask[0];
  for (size_t i = 1; i < logits.size(); ++i) {
    const float score = logits[i] + mask[i];
    if (score > top) {
      top = score;
      best = i;
    }
  }
  constexpr float kNegligible =
      20.0F;  // e^-20 times the vocabulary is below a float's resolution of 1
  double sum = 0;
  for (size_t i = 0; i < logits.size(); ++i) {
    const float below = logits[i] + mask[i] - top;
    if (below > -kNegligible) sum += std::exp(static_cast<double>(below));
  }
  return {static_cast<TokenId>(best), static_cast<float>(-std::log(sum))};
}

float LogProbOf(std::span<const float> logits, std::span<const float> mask, TokenId id) {
  const Choice best = Choose(logits, mask);
  const auto at = [&](TokenId i) {
    return logits[static_cast<size_t>(i)] + mask[static_cast<size_t>(i)];
  };
  return best.log_prob + at(id) - at(best.id);
}

std::string Trim(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \n\t");
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \n\t") + 1 - begin);
}

}  // namespace

int32_t WhisperModel::window_ms() const {
  const int32_t positions = encoder->geometry().positions;
  return positions * 1000 / kRowsPerSecond - kLeastPadMs;
}

WhisperJob::WhisperJob(const WhisperModel& model)
    : model_(model),
      log_mel_(model.encoder->geometry().mels, kFramesPerRow * model.encoder->geometry().positions),
      encoder_state_(model.encoder->NewState(kFramesPerRow * model.encoder->geometry().positions)),
      decoder_state_(model.decoder->NewState(model.encoder->geometry().positions, kMaxStepRows)) {
  const EncoderGeometry& g = model.encoder->geometry();
  mel_.resize(static_cast<size_t>(kFramesPerRow) * static_cast<size_t>(g.positions) *
              static_cast<size_t>(g.mels));
  logits_.resize(static_cast<size_t>(model.decoder->geometry().vocabulary));
}

Status WhisperJob::Reset(PcmView sound, const TranscribeOptions& options) {
  const auto most = static_cast<size_t>(model_.window_ms()) * kSampleRateHz / 1000;
  if (sound.size() > most) {
    return Fail(Code::kInvalidArgument,
                "the transcriber was given " + std::to_string(sound.size()) +
                    " samples; it takes " + std::to_string(most) + " (" +
                    std::to_string(model_.window_ms()) + " ms): slide the window");
  }
  PARLEY_TRY(prompt_, WhisperPrompt(model_.vocabulary, *model_.tokenizer, options.language));
  const bool continues =
      sound.size() >= sound_.size() && std::equal(sound_.begin(), sound_.end(), sound.begin());
  draft_.clear();
  if (continues && stage_ == Stage::kDone) draft_ = std::move(result_.tokens);
  if (!continues) {
    log_mel_.Reset();
    sound_.clear();
  }
  log_mel_.Push(sound.subspan(sound_.size()));
  sound_.assign(sound.begin(), sound.end());
  options_ = options;
  result_ = {};
  doubted_.reset();
  if (sound.empty()) {
    result_.no_speech = 1.0F;
    stage_ = Stage::kDone;
    return {};
  }
  PlanRows();
  const double seconds = static_cast<double>(sound.size()) / kSampleRateHz;
  const auto fair = static_cast<size_t>(seconds * static_cast<double>(options.tokens_per_second));
  fair_words_ = kExtraWords + static_cast<size_t>(seconds * kFastWordsPerSecond);
  const auto room = static_cast<size_t>(model_.decoder->geometry().positions) - prompt_.size();
  max_tokens_ = std::min(fair + kExtraTokens, room);
  stage_ = Stage::kMel;
  return {};
}

// The sound, half a second of silence, and then rows of silence that stand for the rest of the pad.
void WhisperJob::PlanRows() {
  const int32_t positions = model_.encoder->geometry().positions;
  const int32_t sound = RowsOf(static_cast<int64_t>(sound_.size()));
  const int32_t wanted = std::max(options_.pad_ms, 0) * kRowsPerSecond / 1000;
  const int32_t pad = std::min(wanted, positions - sound);
  const int32_t stride = std::max(options_.pad_stride, 1);
  const int32_t dense = stride == 1 ? pad : std::min(pad, kDensePadRows);
  tail_ = {.rows = (pad - dense) / stride, .stride = stride};
  const int32_t edge = tail_.rows > 0 ? kEdgeRows : 0;
  mel_frames_ = kFramesPerRow * std::min(sound + dense + edge, positions);
}

Result<bool> WhisperJob::Advance() {
  slice_ = {};
  switch (stage_) {
    case Stage::kMel:
      ComputeMel();
      stage_ = Stage::kConvolve;
      break;
    case Stage::kConvolve:
      PARLEY_TRY_STATUS(Convolve());
      slice_.encoder_rows = encoder_state_.rows;
      stage_ = Stage::kEncode;
      break;
    case Stage::kEncode:
      if (model_.encoder->Advance(encoder_state_)) stage_ = Stage::kHear;
      slice_.encoder_rows = encoder_state_.rows;
      next_layer_ = 0;
      break;
    case Stage::kHear:
      model_.decoder->Hear(encoder_state_.out.view().Rows(0, encoder_state_.out_rows),
                           encoder_state_.tail, next_layer_, decoder_state_);
      slice_.encoder_rows = encoder_state_.out_rows / 4;
      if (++next_layer_ == model_.decoder->geometry().layers) stage_ = Stage::kPrompt;
      break;
    case Stage::kPrompt:
      SayPrompt();
      slice_.decoder_rows = static_cast<int32_t>(say_.size());
      break;
    case Stage::kToken:
      SayToken();
      slice_.decoder_rows = 1;
      break;
    case Stage::kDone:
      return true;
  }
  PARLEY_TRY_STATUS(model_.backend.Poll());
  return stage_ == Stage::kDone;
}

void WhisperJob::ComputeMel() {
  const auto cols = static_cast<size_t>(model_.encoder->geometry().mels);
  log_mel_.Compute(mel_frames_, std::span(mel_).first(static_cast<size_t>(mel_frames_) * cols));
}

Status WhisperJob::Convolve() {
  const int32_t mels = model_.encoder->geometry().mels;
  const kernels::TensorView view{.data = mel_.data(),
                                 .dtype = kernels::DType::kF32,
                                 .rows = mel_frames_,
                                 .cols = mels,
                                 .stride = mels};
  return model_.encoder->Begin(view, tail_, encoder_state_);
}

// A row at a time: 64 of them would be 13 MB, and what follows the first wrong word of a draft is never looked at.
std::span<const float> WhisperJob::Logits(int32_t row) {
  model_.backend.Download(decoder_state_.logits.view().Rows(row, 1), logits_);
  return logits_;
}

// Prompt, forced prefix and draft in one step: row r of the logits says what follows id r.
void WhisperJob::SayPrompt() {
  const auto room = static_cast<size_t>(kMaxStepRows) - prompt_.size();
  std::span<const TokenId> forced(options_.forced_prefix);
  forced = forced.first(std::min({forced.size(), room, max_tokens_}));
  // A draft helps only from where the forced words end.
  std::span<const TokenId> draft(draft_);
  const bool fits =
      draft.size() > forced.size() && std::equal(forced.begin(), forced.end(), draft.begin());
  draft = fits ? draft.subspan(forced.size()) : std::span<const TokenId>{};
  draft = draft.first(std::min(draft.size(), room - forced.size()));

  say_ = prompt_;
  say_.insert(say_.end(), forced.begin(), forced.end());
  say_.insert(say_.end(), draft.begin(), draft.end());
  const auto rows = static_cast<int32_t>(say_.size());
  decoder_state_.length = 0;
  model_.decoder->Forward(say_, rows, decoder_state_);

  const std::span<const float> start = Logits(0);
  const std::vector<float> nothing(start.size(), 0.0F);
  result_.no_speech = std::exp(LogProbOf(start, nothing, model_.vocabulary.no_speech));
  auto row = static_cast<int32_t>(prompt_.size()) - 1;
  for (const TokenId id : forced) {
    const auto& mask =
        result_.tokens.empty() ? model_.vocabulary.first_mask : model_.vocabulary.mask;
    Append(id, LogProbOf(Logits(row++), mask, id));
  }
  // Each row's own choice is what greedy decoding says; the draft only lets us have the next row's logits already.
  stage_ = Stage::kToken;
  size_t agreed = 0;
  while (Take(row) && agreed < draft.size() && result_.tokens.back() == draft[agreed]) {
    ++agreed;
    ++row;
  }
  decoder_state_.length = row + 1;  // forget what the draft said wrongly
}

void WhisperJob::SayToken() {
  say_.assign(1, result_.tokens.back());
  model_.decoder->Forward(say_, 1, decoder_state_);
  Take(0);
}

bool WhisperJob::Take(int32_t row) {
  const WhisperVocabulary& v = model_.vocabulary;
  Choice choice = Choose(Logits(row), result_.tokens.empty() ? v.first_mask : v.mask);
  if (choice.id == v.end && DoubtsEnd(choice.log_prob)) {
    choice = Choose(Logits(row), v.first_mask);  // which has no end
  }
  if (choice.id == v.end || result_.tokens.size() >= max_tokens_) {
    Finish();
    return false;
  }
  Append(choice.id, choice.log_prob);
  if (CutLoop()) {
    Finish();
    return false;
  }
  return true;
}

// An end is said, with `log_prob`. Whether to say on; what is behind a doubted end when no more is said, Finish takes back.
bool WhisperJob::DoubtsEnd(float log_prob) {
  if (result_.tokens.empty()) return false;
  const bool sure = log_prob > kSureEnd;
  if (doubted_) {
    switch (More(log_prob)) {
      case Said::kLittle:
        return !sure;  // a full stop that was missing, say; judged with what comes now
      case Said::kNothing:
        return false;
      case Said::kWords:
        doubted_.reset();
    }
  }
  if (!sure) doubted_ = {.tokens = result_.tokens.size(), .bytes = result_.text.size()};
  return !sure;
}

// What was said behind the doubted end, which ends with `log_prob`.
WhisperJob::Said WhisperJob::More(float log_prob) const {
  const std::string_view text = result_.text;
  const std::string_view more = text.substr(doubted_->bytes);
  if (CountWords(more) < kLeastMoreWords) return Said::kLittle;
  if (SaysAgain(text.substr(0, doubted_->bytes), more)) return Said::kNothing;
  const auto said = std::span(result_.log_probs).subspan(doubted_->tokens);
  const float mean =
      std::accumulate(said.begin(), said.end(), log_prob) / static_cast<float>(said.size() + 1);
  return mean > kUnsure ? Said::kWords : Said::kNothing;
}

void WhisperJob::Append(TokenId id, float log_prob) {
  result_.tokens.push_back(id);
  result_.log_probs.push_back(log_prob);
  result_.text += model_.tokenizer->Bytes(id);
}

// Cuts at a token's edge: what is kept ends with the phrase's first time.
bool WhisperJob::CutLoop() {
  const std::optional<size_t> keep = FindLoop(result_.text, fair_words_);
  if (!keep) return false;
  if (doubted_) return true;  // all that loops is behind it, and goes with it
  size_t bytes = 0;
  size_t count = 0;
  for (const TokenId id : result_.tokens) {
    if (bytes >= *keep) break;
    bytes += model_.tokenizer->Bytes(id).size();
    ++count;
  }
  result_.tokens.resize(count);
  result_.log_probs.resize(count);
  result_.text.resize(std::min(bytes, result_.text.size()));
  result_.loop_cut = true;
  return true;
}

void WhisperJob::Finish() {
  stage_ = Stage::kDone;
  if (doubted_) {  // nothing worth having came behind it: it was the end
    result_.tokens.resize(doubted_->tokens);
    result_.log_probs.resize(doubted_->tokens);
    result_.text.resize(doubted_->bytes);
  }
  const float sum = std::accumulate(result_.log_probs.begin(), result_.log_probs.end(), 0.0F);
  const float mean = sum / static_cast<float>(result_.log_probs.size() + 1);  // the end counts too
  if (result_.no_speech > kSurelyNoSpeech || (result_.no_speech > kNoSpeech && mean < kUnsure)) {
    result_.tokens.clear();
    result_.log_probs.clear();
    result_.text.clear();
  }
  result_.text = Trim(result_.text);
}

}  // namespace parley::model
