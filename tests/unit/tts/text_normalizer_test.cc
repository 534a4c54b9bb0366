// What is written and what is said. In the tables a letter that is spelled stands in capitals and
// a pause stands as its mark.
// SPDX-License-Identifier: Apache-2.0
#include "tts/text_normalizer.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace parley::tts {
namespace {

std::string Show(const std::vector<SpokenWord>& words) {
  std::string line;
  for (const SpokenWord& w : words) {
    if (!line.empty()) line += ' ';
    std::string text = w.text;
    if (w.as == SpokenAs::kLetter) text[0] = static_cast<char>(text[0] - 32);
    line += text;
    if (w.pause != 0) line += w.pause;
  }
  return line;
}

struct Row {
  const char* written;
  const char* spoken;
};

void Check(std::initializer_list<Row> rows) {
  for (const Row& row : rows) {
    EXPECT_EQ(Show(NormalizeText(row.written)), row.spoken) << "written: " << row.written;
  }
}

TEST(NormalizeText, ReadsWordsAndPauses) {
  Check({
      {"", ""},
      {"Hello, world!", "hello, world!"},
      {"Is it far? No; not far: near.", "is it far? no; not far: near."},
      {"Don't say it's o'clock.", "don't say it's o'clock."},
      {"Don’t “quote” ‘me’", "don't quote me"},
      {"well-known e-mail", "well known E mail"},
      {"Wait... what?!", "wait, what!"},
      {"Wait… What?", "wait. what?"},
      {"one — two", "one, two"},
      {"one -- two", "one, two"},
      {"one - two", "one, two"},
      {"the cat (a tabby) sat", "the cat, a tabby, sat"},
      {"He said \"no\".", "he said no."},
      {"A cat and a dog", "a cat and a dog"},
      {"Plan A and vitamin C.", "plan A and vitamin C."},
      {"I think, therefore I am.", "i think, therefore i am."},
      {"x and y", "X and Y"},
      {"first line\nSecond line", "first line. second line"},
      {"a wrapped\nline", "a wrapped, line"},
      {"end.Next one", "end. next one"},
      {"Hmm, shh, psst", "hmm, shh, psst"},
  });
}

TEST(NormalizeText, ReadsCardinals) {
  Check({
      {"0", "zero"},
      {"7", "seven"},
      {"13 and 21", "thirteen and twenty one"},
      {"100", "one hundred"},
      {"101 dalmatians", "one hundred one dalmatians"},
      {"1,234", "one thousand two hundred thirty four"},
      {"12,345,678", "twelve million three hundred forty five thousand six hundred seventy eight"},
      {"1000000", "one million"},
      {"2,000,000,000,000", "two trillion"},
      {"12345678901234567",
       "one two three four five six seven eight nine zero one two three four "
       "five six seven"},
      {"007", "zero zero seven"},
      {"-5", "minus five"},
      {"−5", "minus five"},
      {"#1", "number one"},
      {"call 911", "call nine one one"},
      {"~30 people", "about thirty people"},
      {"I have 3.", "i have three."},
      {"1. Milk\n2. Eggs", "one. milk. two. eggs"},
      {"3, 4 and 5", "three, four and five"},
  });
}

TEST(NormalizeText, ReadsDecimalsOrdinalsAndFractions) {
  Check({
      {"3.14", "three point one four"},
      {"0.5", "zero point five"},
      {".25", "point two five"},
      {"1,234.5", "one thousand two hundred thirty four point five"},
      {"1st 2nd 3rd 4th", "first second third fourth"},
      {"the 21st century", "the twenty first century"},
      {"12th, 20th and 100th", "twelfth, twentieth and one hundredth"},
      {"1/2 cup", "one half cup"},
      {"3/4 of 2/3", "three quarters of two thirds"},
      {"1 1/2 cups", "one and a half cups"},
      {"2 3/4 inches", "two and three quarters inches"},
      {"2½ hours", "two and a half hours"},
      {"½ a loaf", "one half a loaf"},
      {"17/40", "seventeen over forty"},
      {"open 24/7", "open twenty four seven"},
      {"version 1.2.3", "version one dot two dot three"},
      {"192.168.0.1", "one hundred ninety two dot one hundred sixty eight dot zero dot one"},
  });
}

TEST(NormalizeText, ReadsMoney) {
  Check({
      {"$48.75", "forty eight dollars and seventy five cents"},
      {"$1", "one dollar"},
      {"$1.01", "one dollar and one cent"},
      {"$0.99", "ninety nine cents"},
      {"$5.00", "five dollars"},
      {"$1,250", "one thousand two hundred fifty dollars"},
      {"$5 million", "five million dollars"},
      {"$2.5 billion in 2024", "two point five billion dollars in twenty twenty four"},
      {"$10k", "ten thousand dollars"},
      {"-$20", "minus twenty dollars"},
      {"€20 or 20€", "twenty euros or twenty euros"},
      {"£3.50", "three pounds and fifty pence"},
      {"¥500", "five hundred yen"},
      {"50¢", "fifty cents"},
      {"20 USD", "twenty dollars"},
      {"$10-$20", "ten dollars to twenty dollars"},
      {"It costs $5.", "it costs five dollars."},
  });
}

TEST(NormalizeText, ReadsYearsAndDates) {
  Check({
      {"in 1987", "in nineteen eighty seven"},
      {"1905", "nineteen oh five"},
      {"1900 and 2000", "nineteen hundred and two thousand"},
      {"2009, 2010, 2025", "two thousand nine, twenty ten, twenty twenty five"},
      {"the 1990s", "the nineteen nineties"},
      {"the '90s and 80s", "the nineties and eighties"},
      {"1914-1918", "nineteen fourteen to nineteen eighteen"},
      {"1914–1918", "nineteen fourteen to nineteen eighteen"},
      {"March 3rd, 2025", "march third, twenty twenty five"},
      {"March 3, 2025.", "march third, twenty twenty five."},
      {"Mar. 3", "march third"},
      {"July 4", "july fourth"},
      {"December 2024", "december twenty twenty four"},
      {"on 3 March 2025", "on the third of march twenty twenty five"},
      {"the 4th of July", "the fourth of july"},
      {"the 4th July", "the fourth of july"},
      {"2025-03-14", "march fourteenth twenty twenty five"},
      {"3/14/2025", "march fourteenth twenty twenty five"},
      {"May I march 5 miles?", "may i march five miles?"},
      {"Mon. and Fri.", "monday and friday."},
  });
}

TEST(NormalizeText, ReadsTimes) {
  Check({
      {"3:45 pm", "three forty five P M"},
      {"3:45pm", "three forty five P M"},
      {"7 a.m. today", "seven A M today"},
      {"at 7 p.m.", "at seven P M."},
      {"12:05", "twelve oh five"},
      {"5:00", "five o'clock"},
      {"5:00 PM", "five P M"},
      {"14:30", "fourteen thirty"},
      {"2:15:30", "two fifteen and thirty seconds"},
      {"9am-5pm", "nine A M five P M"},
      {"a 3:1 ratio", "a three to one ratio"},
      {"John 3:16", "john three sixteen"},
  });
}

TEST(NormalizeText, ReadsPhoneNumbersInGroups) {
  Check({
      {"555-1234", "five five five, one two three four"},
      {"(555) 123-4567", "five five five, one two three, four five six seven"},
      {"555-123-4567", "five five five, one two three, four five six seven"},
      {"555.123.4567", "five five five, one two three, four five six seven"},
      {"1-800-555-0199.", "one, eight hundred, five five five, zero one nine nine."},
      {"+1 555 123 4567", "plus one, five five five, one two three, four five six seven"},
      {"+44 20 7946 0958", "plus four four, two zero, seven nine four six, zero nine five eight"},
  });
}

TEST(NormalizeText, ReadsUnitsPercentAndRanges) {
  Check({
      {"50%", "fifty percent"},
      {"0.5%", "zero point five percent"},
      {"1%", "one percent"},
      {"5 km", "five kilometers"},
      {"1 km", "one kilometer"},
      {"5kg of flour", "five kilograms of flour"},
      {"100 km/h", "one hundred kilometers per hour"},
      {"65 mph", "sixty five miles per hour"},
      {"16 GB", "sixteen gigabytes"},
      {"3.5 GHz", "three point five gigahertz"},
      {"200 mg", "two hundred milligrams"},
      {"72°F", "seventy two degrees fahrenheit"},
      {"-4 °C", "minus four degrees celsius"},
      {"a 90° turn", "a ninety degrees turn"},
      {"5'10\"", "five foot ten"},
      {"10-20 minutes", "ten to twenty minutes"},
      {"3–5 days", "three to five days"},
      {"5 in the box", "five in the box"},
      {"3x faster", "three times faster"},
      {"1920x1080", "nineteen twenty by one thousand eighty"},
      {"a 5-year-old", "a five year old"},
      {"$5/month", "five dollars per month"},
      {"30 min.", "thirty minutes."},
      {"1500 m away", "fifteen hundred M away"},
      {"1500m", "one thousand five hundred meters"},
  });
}

TEST(NormalizeText, ReadsAbbreviations) {
  Check({
      {"Dr. Smith", "doctor smith"},
      {"Mr. and Mrs. Jones", "mister and missus jones"},
      {"Ms. Lee vs. Prof. Kim", "miz lee versus professor kim"},
      {"St. Mary lives on Main St.", "saint mary lives on main street."},
      {"e.g. apples, i.e. fruit", "for example apples, that is fruit"},
      {"cats, dogs, etc.", "cats, dogs, et cetera."},
      {"No. 5", "number five"},
      {"No. I said no.", "no. i said no."},
      {"approx. 5", "approximately five"},
      {"Acme Inc. and Co.", "acme incorporated and company."},
      {"the U.S. economy", "the U S economy"},
      {"a Ph.D. thesis", "a P H D thesis"},
      {"w/o sugar", "without sugar"},
      {"King Jr. spoke", "king junior spoke"},
      {"Fig. 3", "figure three"},
  });
}

TEST(NormalizeText, ReadsCapitals) {
  Check({
      {"NASA and the FBI", "nasa and the F B I"},
      {"GPUs and a CPU", "G P U's and a C P U"},
      {"IBM's API", "I B M's A P I"},
      {"OK, JSON over HTTP", "okay, json over H T T P"},
      {"do NOT touch", "do not touch"},
      {"THE END IS NEAR", "the end is near"},
      {"HELLO WORLD", "hello world"},
      {"the US and IT", "the U S and I T"},
      {"ASAP", "A S A P"},
      {"COVID-19", "covid nineteen"},
      {"GPT-4", "G P T four"},
      {"B17 and H2O", "B seventeen and H two O"},
      {"iPhone", "i phone"},
      {"OpenAI and ChatGPT", "open A I and chat G P T"},
      {"JavaScript on GitHub", "java script on git hub"},
      {"McDonald", "mcdonald"},
      {"World War II", "world war two"},
      {"Henry VIII", "henry the eighth"},
      {"R&D at AT&T", "R and D at A T and T"},
      {"T-shirt", "T shirt"},
      {"a PhD", "a P H D"},
  });
}

TEST(NormalizeText, ReadsAddresses) {
  Check({
      {"https://www.example.com/a", "W W W dot example dot com slash A"},
      {"example.org.", "example dot org."},
      {"Visit openai.com, now", "visit openai dot com, now"},
      {"jo.doe@example.com", "J O dot doe at example dot com"},
      {"Node.js", "node dot J S"},
      {"a.out", "A dot out"},
  });
}

TEST(NormalizeText, ReadsSigns) {
  Check({
      {"2 + 2 = 4", "two plus two equals four"},
      {"5 - 3 = 2", "five minus three equals two"},
      {"3 × 4 ÷ 2", "three times four divided by two"},
      {"3 * 4", "three times four"},
      {"x^2 + y²", "X squared plus Y squared"},
      {"a < b", "a less than B"},
      {"5 >= 3", "five greater than or equal to three"},
      {"±5", "plus or minus five"},
      {"salt & pepper", "salt and pepper"},
      {"and/or", "and or"},
      {"C++", "C plus plus"},
      {"2πr", "two pi R"},
      {"#parley", "hashtag parley"},
  });
}

TEST(NormalizeText, DropsWhatHasNoSound) {
  Check({
      {"**Yes, it is.** Chicken", "yes, it is. chicken"},
      {"*really* and _so_", "really and so"},
      {"# Title\n- one\n- two", "title. one. two"},
      {"• first\n• second", "first. second"},
      {"```python\nprint\n```", "print."},
      {"use `ls` now", "use L S now"},
      {"[the docs](https://example.com/x)", "the docs"},
      {"Great 😀👍🏽 job", "great job"},
      {"snake_case_name", "snake case name"},
      {"你好 hello Привет", "hello"},
      {"naïve café in Zürich", "naive cafe in zurich"},
      {"Nguyễn and Siobhán", "nguyen and siobhan"},
      {"...", ""},
      {"?!", ""},
      {"<b>bold</b>", "B bold B"},
      {"100™ © ®", "one hundred"},
      {"“”", ""},
      {"\xff\xfe broken \xe2\x82", "broken"},
  });
}

TEST(NormalizeText, CarriesTheBytesOfTheOriginal) {
  const std::string text = "Pay $48.75 — naïve Dr. Ōno.";
  const std::vector<SpokenWord> words = NormalizeText(text);
  const auto original = [&](const SpokenWord& w) {
    return text.substr(w.char_begin, w.char_end - w.char_begin);
  };
  ASSERT_EQ(Show(words), "pay forty eight dollars and seventy five cents, naive doctor ono.");
  EXPECT_EQ(original(words[0]), "Pay");
  for (size_t i = 1; i <= 7; ++i) EXPECT_EQ(original(words[i]), "$48.75");
  EXPECT_EQ(original(words[8]), "naïve");
  EXPECT_EQ(original(words[9]), "Dr.");
  EXPECT_EQ(original(words[10]), "Ōno");
}

void CheckInvariants(const std::string& text) {
  size_t begin = 0;
  size_t end = 0;
  for (const SpokenWord& w : NormalizeText(text)) {
    ASSERT_LT(w.char_begin, w.char_end);
    ASSERT_LE(w.char_end, text.size());
    const bool same = w.char_begin == begin && w.char_end == end;
    ASSERT_TRUE(same || w.char_begin >= end) << "spans overlap or go back in: " << text;
    begin = w.char_begin;
    end = w.char_end;
    ASSERT_FALSE(w.text.empty());
    ASSERT_EQ(w.text.find_first_not_of("abcdefghijklmnopqrstuvwxyz'"), std::string::npos) << w.text;
  }
}

// Random bytes, random code points and random splices of everything that has a reader.
TEST(NormalizeText, KeepsSpansInOrderOnAnyText) {
  const char* const pieces[] = {
      "$",   "48", ".",  ",", "75", "%",  " ",   "\n", "3:45", "pm",   "a.m",     "Dr.",  "St.",
      "1st", "/",  "-",  "–", "(",  ")",  "555", "@",  "com",  "www.", "://",     "U.S",  "AT",
      "iOS", "😀",  "²",  "½", "'",  "s",  "é",   "ß",  "ﬃ",    "€",    "March",   "2025", "k",
      "°C",  "#",  "**", "…", "[",  "](", "`",   "IV", "War",  "\xC3", "\xF0\x9F"};
  std::mt19937 random(7);
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    const int kind = round % 3;
    const size_t length = 1 + random() % 24;
    for (size_t i = 0; i < length; ++i) {
      if (kind == 0) {
        text += pieces[random() % std::size(pieces)];
      } else if (kind == 1) {
        text += static_cast<char>(random() % 256);
      } else {
        const size_t c = 0x80 + random() % 0x2A00;
        if (c < 0x800) {
          text += static_cast<char>(0xC0 | (c >> 6));
        } else {
          text += static_cast<char>(0xE0 | (c >> 12));
          text += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
        }
        text += static_cast<char>(0x80 | (c & 0x3F));
        text += static_cast<char>('0' + random() % 60);
      }
    }
    SCOPED_TRACE("round " + std::to_string(round));
    CheckInvariants(text);
    if (HasFatalFailure()) return;
  }
}

TEST(NormalizeText, IsLinearInLongTexts) {
  std::string digits(200000, '7');
  CheckInvariants(digits);
  std::string dots;
  for (int i = 0; i < 20000; ++i) dots += "a.1,";
  CheckInvariants(dots);
}

}  // namespace
}  // namespace parley::tts
