// SPDX-License-Identifier: Apache-2.0
#include "tts/piper_voice.h"

#include <algorithm>
#include <utility>

#include "common/check.h"

namespace parley::tts {
namespace {

// Bytes of IPA. No word of a language is longer; a text without blanks may be. It fits the network:
// each symbol and its pad are two numbers.
constexpr size_t kLongestSound = 120;
static_assert(2 * kLongestSound + 8 <= PiperNet::kLongestInput);

void CutLongSound(std::string& sound) {
  if (sound.size() <= kLongestSound) return;
  size_t end = kLongestSound;
  while (end > 0 && (static_cast<unsigned char>(sound[end]) & 0xC0) == 0x80) --end;
  sound.resize(end);
}

bool EndsSentence(char pause) { return pause == '.' || pause == '?' || pause == '!'; }

// How many of `words` the next piece takes: a sentence, or what of it fits the network.
size_t WordsOfPiece(const PiperConfig& piper, std::span<const SpokenWord> words,
                    std::span<const std::string> sounds) {
  size_t sentence = 0;
  while (sentence < words.size() && !EndsSentence(words[sentence].pause)) ++sentence;
  sentence = std::min(sentence + 1, words.size());
  size_t fits = 0;
  size_t pause = 0;
  for (size_t n = 1; n <= sentence; ++n) {
    if (MakePiperInput(piper, words.first(n), sounds.first(n)).ids.size() >
        PiperNet::kLongestInput) {
      break;
    }
    fits = n;
    if (words[n - 1].pause != 0) pause = n;
  }
  if (fits == sentence) return sentence;
  PARLEY_CHECK(fits > 0, "one word always fits");
  // A pause in the last two thirds is a better place than between two words.
  return pause * 3 >= fits ? pause : fits;
}

}  // namespace

struct PiperVoice::Delivery {
  const ChunkSink& sink;
  PiperNet::Style style;
  bool low_latency = true;
  SpeechChunk chunk;
  int64_t delivered = 0;  // samples handed to the sink
  size_t last_begin = 0;  // the span told last: words of one span are told once
  size_t last_end = 0;

  int64_t Now() const { return delivered + static_cast<int64_t>(chunk.samples.size()); }

  void AddWord(const SpokenWord& word, int64_t first_sample) {
    if (word.char_begin == last_begin && word.char_end == last_end) return;
    last_begin = word.char_begin;
    last_end = word.char_end;
    chunk.words.push_back({first_sample, word.char_begin, word.char_end});
  }

  Status Send(bool last) {
    chunk.first_sample = delivered;
    chunk.last = last;
    delivered += static_cast<int64_t>(chunk.samples.size());
    SpeechChunk out = std::exchange(chunk, {});
    if (!sink(std::move(out))) return Fail(Code::kCancelled, "the listener stopped the voice");
    return {};
  }
};

PiperVoice::PiperVoice(PiperConfig piper, const VoiceConfig& config, std::unique_ptr<PiperNet> net,
                       std::unique_ptr<Phonemizer> phonemizer)
    : piper_(std::move(piper)),
      config_(config),
      net_(std::move(net)),
      phonemizer_(std::move(phonemizer)) {}

Result<std::unique_ptr<PiperVoice>> PiperVoice::Load(const std::string& onnx,
                                                     const VoiceConfig& config,
                                                     std::unique_ptr<Phonemizer> phonemizer) {
  PARLEY_TRY(PiperConfig piper, LoadPiperConfig(onnx + ".json"));
  const nn::Precision sound = config.bf16 ? nn::Precision::kBf16 : nn::Precision::kF32;
  PARLEY_TRY(auto net, PiperNet::Load(onnx, {.threads = config.threads,
                                             .text = nn::Precision::kF32,
                                             .flow = sound,
                                             .decoder = sound}));
  return std::unique_ptr<PiperVoice>(
      new PiperVoice(std::move(piper), config, std::move(net), std::move(phonemizer)));
}

PiperNet::Style PiperVoice::StyleOf(const SpeakOptions& options) const {
  const float speed = std::clamp(options.speed * config_.speed, 0.5F, 2.0F);
  const float noise = options.noise >= 0 ? options.noise : config_.noise;
  // One knob for both noises, in the proportion that the voice was published with.
  const float ratio = noise < 0                 ? 1.0F
                      : piper_.noise_scale <= 0 ? 0.0F
                                                : noise / piper_.noise_scale;
  return {.length_scale = piper_.length_scale / speed,
          .noise_scale = piper_.noise_scale * ratio,
          .noise_w = piper_.noise_w * ratio};
}

Status PiperVoice::SpeakView(std::string_view text, const SpeakOptions& options,
                             const ChunkSink& sink) {
  const std::vector<SpokenWord> spoken = NormalizeText(text);
  PARLEY_TRY(std::vector<std::string> sounds, phonemizer_->Phonemize(spoken));
  for (std::string& sound : sounds) CutLongSound(sound);

  Delivery delivery{.sink = sink, .style = StyleOf(options), .low_latency = options.low_latency};
  std::span<const SpokenWord> words(spoken);
  std::span<const std::string> rest(sounds);
  while (!words.empty()) {
    const size_t count = WordsOfPiece(piper_, words, rest);
    const bool silent = std::all_of(rest.begin(), rest.begin() + static_cast<ptrdiff_t>(count),
                                    [](const std::string& s) { return s.empty(); });
    if (silent) {
      for (const SpokenWord& word : words.first(count)) delivery.AddWord(word, delivery.Now());
    } else {
      // What is finished goes out before the next piece begins; the last chunk waits for its mark.
      if (delivery.low_latency && !delivery.chunk.samples.empty()) {
        PARLEY_TRY_STATUS(delivery.Send(false));
      }
      PARLEY_TRY_STATUS(SpeakPiece(MakePiperInput(piper_, words.first(count), rest.first(count)),
                                   words.first(count), delivery));
    }
    words = words.subspan(count);
    rest = rest.subspan(count);
  }
  return delivery.Send(true);
}

Status PiperVoice::SpeakPiece(const PiperInput& input, std::span<const SpokenWord> words,
                              Delivery& delivery) {
  PARLEY_TRY_STATUS(net_->Begin(input.ids, delivery.style));

  const int64_t begin = delivery.Now();
  const std::span<const int> frames = net_->frames_of_ids();
  std::vector<int64_t> first_samples;
  int frame = 0;
  size_t id = 0;
  for (const size_t word_begin : input.word_begin) {
    while (id < word_begin) frame += frames[id++];
    first_samples.push_back(begin + int64_t{frame} * net_->samples_per_frame());
  }

  size_t word = 0;
  for (int at = 0; at < net_->frames();) {
    const bool first = at == 0 && delivery.low_latency;
    if (delivery.low_latency && at > 0) PARLEY_TRY_STATUS(delivery.Send(false));
    const int end = net_->EndOfChunk(at, first);
    PARLEY_TRY_STATUS(net_->Render(at, end, delivery.chunk.samples));
    for (float& sample : delivery.chunk.samples) sample = std::clamp(sample, -1.0F, 1.0F);
    at = end;
    while (word < words.size() && (first_samples[word] < delivery.Now() || at == net_->frames())) {
      delivery.AddWord(words[word], first_samples[word]);
      ++word;
    }
  }
  return {};
}

}  // namespace parley::tts
