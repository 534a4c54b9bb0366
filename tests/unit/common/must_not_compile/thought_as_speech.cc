// Private thought is another type than speech. FORBIDDEN=n adds the n-th way to confuse them; each
// must be refused by the compiler, FORBIDDEN=0 must be accepted.
// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "common/spoken_text.h"

namespace parley {

void Say(const AnswerText&);

void Use(const ThoughtText& thought, const CallerText& caller, const AnswerText& answer) {
  Say(answer.Slice(0, 1));
  (void)thought.ForTrace();
  (void)caller.view();
#if FORBIDDEN == 1
  Say(thought);
#elif FORBIDDEN == 2
  AnswerText spoken = static_cast<AnswerText>(thought);
#elif FORBIDDEN == 3
  AnswerText spoken(AnswerText::Key(), std::string(thought.ForTrace()));
#elif FORBIDDEN == 4
  AnswerText spoken(std::string(thought.ForTrace()));
#elif FORBIDDEN == 5
  Say(caller);
#elif FORBIDDEN == 6
  AnswerText spoken({}, std::string(thought.ForTrace()));
#endif
}

}  // namespace parley
