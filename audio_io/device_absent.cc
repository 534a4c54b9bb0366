// SPDX-License-Identifier: Apache-2.0
// In place of device.cc where PortAudio was not found when parley was built.
#include "audio_io/device.h"

namespace parley::audio {

bool SoundSystem::built_in() { return false; }
int64_t SoundSystem::lost_streams() { return 0; }

Result<std::unique_ptr<SoundSystem>> SoundSystem::Start() {
  return Fail(
      Code::kUnsupported,
      "this parley was built without PortAudio, so it has no microphone and no loudspeaker; "
      "install portaudio19-dev and build it again");
}

}  // namespace parley::audio
