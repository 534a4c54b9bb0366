// SPDX-License-Identifier: Apache-2.0
#include "tts/voice.h"

#include <filesystem>

#include "tts/espeak_program.h"
#include "tts/flite_g2p.h"
#include "tts/piper_voice.h"
#include "tts/remote_voice.h"

namespace parley::tts {
namespace {

Result<std::string> OnnxIn(const std::string& dir) {
  std::error_code error;
  std::string found;
  for (const auto& entry : std::filesystem::directory_iterator(dir, error)) {
    if (entry.path().extension() != ".onnx") continue;
    if (!found.empty()) {
      return Fail(Code::kInvalidArgument,
                  dir + ": holds more than one .onnx; a voice's folder holds one voice");
    }
    found = entry.path().string();
  }
  if (found.empty()) {
    return Fail(Code::kNotFound, dir +
                                     ": no voice (NAME.onnx and NAME.onnx.json) in this folder; "
                                     "fetch it with `parley models fetch`");
  }
  return found;
}

Result<std::unique_ptr<Phonemizer>> OpenPhonemizer(const VoiceConfig& config) {
  if (config.phonemizer == PhonemizerKind::kEspeak) {
    PARLEY_TRY(auto espeak, EspeakProgram::Find(config.espeak_program));
    return std::unique_ptr<Phonemizer>(std::move(espeak));
  }
  return std::unique_ptr<Phonemizer>(std::make_unique<FliteG2p>());
}

}  // namespace

Result<std::unique_ptr<Synthesizer>> OpenVoice(const std::string& dir, const VoiceConfig& config) {
  if (config.kind == VoiceKind::kRemote) {
    PARLEY_TRY(auto remote, RemoteVoice::Open(config));
    return std::unique_ptr<Synthesizer>(std::move(remote));
  }
  PARLEY_TRY(const std::string onnx, OnnxIn(dir));
  PARLEY_TRY(auto phonemizer, OpenPhonemizer(config));
  PARLEY_TRY(auto voice, PiperVoice::Load(onnx, config, std::move(phonemizer)));
  PARLEY_TRY_STATUS(voice->WarmUp());
  return std::unique_ptr<Synthesizer>(std::move(voice));
}

}  // namespace parley::tts
