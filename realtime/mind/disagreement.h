// Does what was said stand against what the whole thought would say? The rule can be computed:
//
//   What counts is the numbers of both texts ("twelve", "12" and "a dozen" are one), their yes and
//   no ("yes", "true", "right", "valid"; "no", "not", "n't", "false", "wrong", "invalid", "never"),
//   and, when neither has any of these, their content words.
//   * A number, or a verdict, that was said and that the whole answer does not have: disagreement.
//   * The said text is whole and has no number, or no verdict, where the whole answer has one:
//     disagreement.
//   * Neither has numbers or verdicts, the said text is whole, and less than a third of its content
//     words stand in the whole answer: disagreement.
//
// Thread:   pure function.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace parley::realtime {

// `said`: so far; `whole`: it is not going to go on.
bool Disagrees(std::string_view said, bool whole, std::string_view answer);

}  // namespace parley::realtime
