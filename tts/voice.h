// Opens the voice that the configuration names.
// Thread:   loading starts threads of its own and joins them.
// Memory:   see the voice.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "common/result.h"
#include "tts/synthesizer.h"
#include "tts/voice_config.h"

namespace parley::tts {

// `dir` holds one Piper voice: NAME.onnx and NAME.onnx.json. The voice is warm when it returns. A remote voice needs no
// `dir`, and is not called before somebody speaks.
Result<std::unique_ptr<Synthesizer>> OpenVoice(const std::string& dir, const VoiceConfig& config);

}  // namespace parley::tts
