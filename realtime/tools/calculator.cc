// SPDX-License-Identifier: Apache-2.0
#include "realtime/tools/calculator.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numbers>
#include <optional>
#include <vector>

namespace parley::realtime {
namespace {

constexpr size_t kLongest = 512;
constexpr int kDeepest = 64;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// sum     = product (('+' | '-') product)*
// product = power (('*' | '/' | mod) power | '%' "of" power)*
// power   = sign postfix ('^' power)?          2^-3 and -2^2 as in mathematics
// postfix = atom ('!' | '%')*
// atom    = number | constant | name '(' sum (',' sum)* ')' | '(' sum ')'
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<double> Whole() {
    const double value = Sum();
    SkipSpace();
    if (!error_ && at_ < text_.size()) Wrong("'" + std::string(1, text_[at_]) + "' cannot stand");
    if (!error_ && !std::isfinite(value)) {
      error_ = Fail(Code::kInvalidArgument, "the result is too large, or has no value");
    }
    if (error_) return *error_;
    return value;
  }

 private:
  double Sum() {
    double value = Product();
    while (!error_) {
      if (Eat("+") || EatWord("plus")) {
        value += Product();
      } else if (Eat("-") || Eat("\u2212") || EatWord("minus")) {
        value -= Product();
      } else {
        break;
      }
    }
    return value;
  }

  double Product() {
    double value = Power();
    while (!error_) {
      if (Eat("*") || Eat("\u00d7") || EatWord("x") || EatWord("times") || EatWord("of")) {
        value *= Power();
      } else if (Eat("/") || Eat("\u00f7") || EatWord("divided by") || EatWord("over")) {
        const double by = Power();
        if (by == 0) return Wrong("a division by zero stands");
        value /= by;
      } else if (EatWord("mod") || EatModulo()) {
        const double by = Power();
        if (by == 0) return Wrong("a remainder of a division by zero stands");
        value = std::fmod(value, by);
      } else {
        break;
      }
    }
    return value;
  }

  double Power() {
    bool negative = false;
    for (;;) {
      if (Eat("-") || Eat("\u2212") || EatWord("minus")) {
        negative = !negative;
      } else if (!Eat("+")) {
        break;
      }
    }
    double value = Postfix();
    if (Eat("^") || Eat("**") || EatWord("to the power of")) {
      if (!Enter()) return 0;
      value = std::pow(value, Power());
      --depth_;
    }
    return negative ? -value : value;
  }

  double Postfix() {
    double value = Atom();
    while (!error_) {
      if (Eat("!")) {
        if (value < 0 || value > 170 || value != std::floor(value)) {
          return Wrong("a factorial of no whole number up to 170 stands");
        }
        value = std::round(std::tgamma(value + 1));
      } else if (EatWord("squared")) {
        value *= value;
      } else if (EatWord("percent") || EatPercent()) {
        value /= 100;
      } else {
        break;
      }
    }
    return value;
  }

  double Atom() {
    SkipSpace();
    if (at_ >= text_.size()) return Wrong("something is missing");
    if (Eat("(")) return Bracket();
    if (Eat("\u221a")) return Root();
    const char c = text_[at_];
    if (IsDigit(c) || c == '.') return Number();
    if (IsLetter(c)) return Name();
    return Wrong("'" + std::string(1, c) + "' cannot stand");
  }

  double Bracket() {
    if (!Enter()) return 0;
    const double value = Sum();
    --depth_;
    if (!error_ && !Eat(")")) return Wrong("a closing bracket is missing");
    return value;
  }

  double Root() {
    if (!Enter()) return 0;
    const double value = Postfix();
    --depth_;
    return value < 0 ? Wrong("a root of a negative number stands") : std::sqrt(value);
  }

  // A comma before exactly three digits groups them, except between the arguments of a function.
  double Number() {
    std::string digits;
    const size_t begin = at_;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (IsDigit(c) || c == '.') {
        digits += c;
      } else if (c != ',' || arguments_ > 0 || !GroupFollows()) {
        break;
      }
      ++at_;
    }
    if (at_ + 1 < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
      size_t end = at_ + 1;
      if (text_[end] == '-' || text_[end] == '+') ++end;
      if (end < text_.size() && IsDigit(text_[end])) {
        while (end < text_.size() && IsDigit(text_[end])) ++end;
        digits += text_.substr(at_, end - at_);
        at_ = end;
      }
    }
    double value = 0;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (read.ec != std::errc() || read.ptr != digits.data() + digits.size()) {
      at_ = begin;
      return Wrong("'" + digits + "' is not a number and stands");
    }
    return value;
  }

  bool GroupFollows() const {
    size_t digits = 0;
    while (at_ + 1 + digits < text_.size() && IsDigit(text_[at_ + 1 + digits])) ++digits;
    return digits == 3;
  }

  double Name() {
    const size_t begin = at_;
    while (at_ < text_.size() && IsLetter(text_[at_])) ++at_;
    std::string name(text_.substr(begin, at_ - begin));
    for (char& c : name) c = static_cast<char>(c | 0x20);
    if (name == "pi") return std::numbers::pi;
    if (name == "e") return std::numbers::e;
    if (name == "square" || name == "root") {  // "square root of 16"
      EatWord("root");
      EatWord("of");
      return Root();
    }
    if (!Eat("(")) {
      at_ = begin;
      return Wrong("'" + name + "' is unknown and stands");
    }
    if (!Enter()) return 0;
    ++arguments_;
    std::vector<double> arguments = {Sum()};
    while (!error_ && Eat(",")) arguments.push_back(Sum());
    --arguments_;
    --depth_;
    if (!error_ && !Eat(")")) return Wrong("a closing bracket is missing");
    if (error_) return 0;
    const std::optional<double> value = Apply(name, arguments);
    if (!value) {
      at_ = begin;
      return Wrong("'" + name + "' has no value for that, or is unknown, and stands");
    }
    return *value;
  }

  static std::optional<double> Apply(const std::string& name, const std::vector<double>& a) {
    struct One {
      const char* name;
      double (*apply)(double);
    };
    static constexpr std::array<One, 13> kOnes = {
        {{"sqrt", [](double x) { return std::sqrt(x); }},
         {"abs", [](double x) { return std::abs(x); }},
         {"exp", [](double x) { return std::exp(x); }},
         {"ln", [](double x) { return std::log(x); }},
         {"log", [](double x) { return std::log10(x); }},
         {"sin", [](double x) { return std::sin(x); }},
         {"cos", [](double x) { return std::cos(x); }},
         {"tan", [](double x) { return std::tan(x); }},
         {"atan", [](double x) { return std::atan(x); }},
         {"round", [](double x) { return std::round(x); }},
         {"floor", [](double x) { return std::floor(x); }},
         {"ceil", [](double x) { return std::ceil(x); }},
         {"cbrt", [](double x) { return std::cbrt(x); }}}};
    if (name == "max") return *std::max_element(a.begin(), a.end());
    if (name == "min") return *std::min_element(a.begin(), a.end());
    if (name == "pow" && a.size() == 2) return std::pow(a[0], a[1]);
    for (const One& one : kOnes) {
      if (name != one.name || a.size() != 1) continue;
      const double value = one.apply(a[0]);
      if (std::isfinite(value)) return value;
    }
    return std::nullopt;
  }

  // '%' is a remainder when something follows that can be divided by, a hundredth otherwise.
  bool PercentIsModulo() {
    SkipSpace();
    if (at_ >= text_.size() || text_[at_] != '%') return false;
    size_t next = at_ + 1;
    while (next < text_.size() && text_[next] == ' ') ++next;
    return next < text_.size() &&
           (IsDigit(text_[next]) || text_[next] == '(' || text_[next] == '.');
  }
  bool EatModulo() { return PercentIsModulo() && Eat("%"); }
  bool EatPercent() { return !PercentIsModulo() && Eat("%"); }

  void SkipSpace() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n')) {
      ++at_;
    }
  }
  bool Eat(std::string_view mark) {
    if (error_) return false;
    SkipSpace();
    if (!text_.substr(at_).starts_with(mark)) return false;
    at_ += mark.size();
    return true;
  }
  bool EatWord(std::string_view word) {
    if (error_) return false;
    SkipSpace();
    const std::string_view rest = text_.substr(at_);
    if (!rest.starts_with(word) || (rest.size() > word.size() && IsLetter(rest[word.size()]))) {
      return false;
    }
    at_ += word.size();
    return true;
  }
  bool Enter() {
    if (++depth_ <= kDeepest) return true;
    Wrong("too many brackets stand");
    return false;
  }
  double Wrong(const std::string& what) {
    if (!error_) {
      error_ = Fail(Code::kInvalidArgument,
                    "cannot calculate that: " + what + " at character " + std::to_string(at_ + 1));
    }
    return 0;
  }

  const std::string_view text_;
  size_t at_ = 0;
  int depth_ = 0;
  int arguments_ = 0;  // functions we are inside of
  std::optional<Error> error_;
};

}  // namespace

Result<double> Calculate(std::string_view expression) {
  if (expression.size() > kLongest) {
    return Fail(Code::kInvalidArgument, "an expression may have 512 bytes, this one has " +
                                            std::to_string(expression.size()));
  }
  return Parser(expression).Whole();
}

std::string FormatNumber(double value) {
  if (value == 0) return "0";  // also "-0"
  std::array<char, 64> out{};
  if (std::abs(value) < 9007199254740992.0 && value == std::floor(value)) {
    const auto end =
        std::to_chars(out.data(), out.data() + out.size(), static_cast<int64_t>(value));
    return {out.data(), end.ptr};
  }
  const auto end =
      std::to_chars(out.data(), out.data() + out.size(), value, std::chars_format::general, 12);
  return {out.data(), end.ptr};
}

}  // namespace parley::realtime
