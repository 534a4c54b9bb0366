// The phones of American dictionaries (ARPAbet, with stress digits) -> IPA in espeak-ng's style,
// which Piper voices were trained on.
// Thread:   a pure function.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace parley::tts {

// {"hh", "ax0", "l", "ow1"} -> "həlˈoʊ". Unknown phones have no sound.
std::string IpaOfArpabet(std::span<const std::string> phones);

}  // namespace parley::tts
