// SPDX-License-Identifier: Apache-2.0
#include "realtime/tools/tool_call.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace parley::realtime {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kFunction = "function\n";
constexpr size_t kLongestName = 64;

bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

bool IsNameByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.';
}

// Outside of strings: brackets, numbers, true, false, null and what stands between them.
bool IsJsonByte(char c) {
  return IsSpace(c) || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == 'E' || c == '+' ||
         c == '-' || c == '.' || c == ',' || c == ':';
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
  return text;
}

Error Malformed(const std::string& what) {
  return Fail(Code::kCorruptData, "malformed tool call: " + what);
}

Result<Json> ParseObject(std::string_view text, const std::string& what) {
  Json object = Json::parse(text.begin(), text.end(), nullptr, false);
  if (object.is_discarded()) return Malformed(what + " is not valid JSON");
  if (!object.is_object()) return Malformed(what + " must be a JSON object");
  return object;
}

Result<ToolCall> Checked(std::string_view name, const Json& arguments) {
  if (name.empty() || name.size() > kLongestName ||
      !std::all_of(name.begin(), name.end(), IsNameByte))
    return Malformed("a name of letters, digits, '_', '-' and '.' was expected");
  return ToolCall{std::string(name), arguments.dump()};
}

}  // namespace

Result<ToolCall> ParseToolCall(std::string_view body) {
  ToolCallBody follow;  // bounds depth and length before anything is built from it
  auto state = ToolCallBody::State::kHead;
  body = Trim(body);
  for (const char c : body) {
    if (state == ToolCallBody::State::kComplete) return Malformed("something stands behind it");
    state = follow.Push(c);
    if (state == ToolCallBody::State::kNoCall) {
      return Malformed(R"({"name": …, "arguments": {…}} was expected)");
    }
    if (state == ToolCallBody::State::kBroken) return Malformed("it is broken off, or too long");
  }
  if (state != ToolCallBody::State::kComplete) return Malformed("it is not finished");
  if (body.starts_with(kFunction)) {
    body.remove_prefix(kFunction.size());
    const size_t end = body.find('\n');
    const std::string_view name = Trim(body.substr(0, end));
    PARLEY_TRY(const Json arguments, ParseObject(Trim(body.substr(end)), "what follows the name"));
    return Checked(name, arguments);
  }
  PARLEY_TRY(const Json call, ParseObject(body, "it"));
  const auto name = call.find("name");
  if (name == call.end() || !name->is_string()) return Malformed("it has no \"name\"");
  auto arguments = call.find("arguments");
  if (arguments == call.end()) arguments = call.find("parameters");
  if (arguments == call.end() || arguments->is_null()) {
    return Checked(name->get_ref<const std::string&>(), Json::object());
  }
  if (arguments->is_string()) {  // as the chat protocols carry them
    const auto& text = arguments->get_ref<const std::string&>();
    if (std::count_if(text.begin(), text.end(), [](char c) { return c == '{' || c == '['; }) >
        kDeepestCall) {
      return Malformed("\"arguments\" is nested too deeply");
    }
    PARLEY_TRY(const Json parsed, ParseObject(text, "\"arguments\""));
    return Checked(name->get_ref<const std::string&>(), parsed);
  }
  if (!arguments->is_object()) return Malformed("\"arguments\" must be a JSON object");
  return Checked(name->get_ref<const std::string&>(), *arguments);
}

// ---- a body, character by character --------------------------------------------------------------

ToolCallBody::State ToolCallBody::Push(char c) {
  if (text_.size() >= kLongestCall) return State::kBroken;
  switch (place_) {
    case Place::kHead:
      if (IsSpace(c)) return State::kHead;
      if (c == '{') {
        place_ = Place::kJson;
        return Json(c);
      }
      if (c != kFunction[0]) return State::kNoCall;
      place_ = Place::kFunction;
      [[fallthrough]];
    case Place::kFunction:
      if (c != kFunction[matched_]) return State::kNoCall;
      text_ += c;
      if (++matched_ < kFunction.size()) return State::kHead;
      place_ = Place::kName;
      return State::kOpen;
    case Place::kName:
      if (c == '\n' && text_.size() > kFunction.size()) {
        place_ = Place::kBeforeJson;
      } else if (!IsNameByte(c) || text_.size() - kFunction.size() >= kLongestName) {
        return State::kBroken;
      }
      text_ += c;
      return State::kOpen;
    case Place::kBeforeJson:
      if (c != '{' && !IsSpace(c)) return State::kBroken;
      if (c == '{') place_ = Place::kJson;
      return Json(c);
    case Place::kJson:
      return Json(c);
    case Place::kString:
      if (static_cast<unsigned char>(c) < 0x20) return State::kBroken;
      if (c == '"') place_ = Place::kJson;
      if (c == '\\') place_ = Place::kEscape;
      text_ += c;
      return State::kOpen;
    case Place::kEscape:
      if (static_cast<unsigned char>(c) < 0x20) return State::kBroken;
      place_ = Place::kString;
      text_ += c;
      return State::kOpen;
    case Place::kEnd:
      break;
  }
  return State::kBroken;
}

ToolCallBody::State ToolCallBody::Json(char c) {
  if (c == '{' || c == '[') {
    if (open_.size() >= static_cast<size_t>(kDeepestCall)) return State::kBroken;
    open_ += c;
  } else if (c == '}' || c == ']') {
    if (open_.empty() || open_.back() != (c == '}' ? '{' : '[')) return State::kBroken;
    open_.pop_back();
  } else if (c == '"') {
    place_ = Place::kString;
  } else if (!IsJsonByte(c)) {
    return State::kBroken;
  }
  text_ += c;
  if (place_ != Place::kJson || !open_.empty()) return State::kOpen;
  place_ = Place::kEnd;
  return State::kComplete;
}

// ---- calls in a stream ---------------------------------------------------------------------------

std::vector<ToolCallScanner::Piece> ToolCallScanner::Push(std::string_view more) {
  std::vector<Piece> out;
  for (const char c : more) Take(c, out);
  return out;
}

void ToolCallScanner::Take(char c, std::vector<Piece>& out) {
  switch (state_) {
    case State::kOutside:
      return Outside(c, out);
    case State::kBody:
      return Body(c, out);
    case State::kBehind:
      return Behind(c, out);
    case State::kBroken:
      if (c != '<') return;
      state_ = State::kOutside;
      return Outside(c, out);
  }
}

// A mark begins with '<' and has no second one, so what is held back begins at the last '<'.
void ToolCallScanner::Outside(char c, std::vector<Piece>& out) {
  if (c == '<' && !held_.empty()) GiveText(std::exchange(held_, {}), out);
  held_ += c;
  if (held_ == kCallTag) {
    held_.clear();
    body_ = ToolCallBody();
    state_ = State::kBody;
  } else if (held_ == kCallEndTag) {  // of nothing
    held_.clear();
  } else if (!kCallTag.starts_with(held_) && !kCallEndTag.starts_with(held_)) {
    GiveText(std::exchange(held_, {}), out);
  }
}

void ToolCallScanner::Body(char c, std::vector<Piece>& out) {
  switch (body_.Push(c)) {
    case ToolCallBody::State::kHead:
    case ToolCallBody::State::kOpen:
      return;
    case ToolCallBody::State::kComplete:
      state_ = State::kBehind;
      return;
    case ToolCallBody::State::kBroken:
      out.emplace_back(Result<ToolCall>(Malformed("it is broken off, or too long")));
      state_ = State::kBroken;
      return Take(c, out);
    case ToolCallBody::State::kNoCall:  // the mark was only mentioned
      GiveText(body_.text(), out);
      break;
  }
  state_ = State::kOutside;
  Outside(c, out);
}

// White space and the closing mark; a model may forget it.
void ToolCallScanner::Behind(char c, std::vector<Piece>& out) {
  if (held_.empty() && IsSpace(c)) return;
  held_ += c;
  if (held_ != kCallEndTag && kCallEndTag.starts_with(held_)) return;
  GiveBody(out);
  state_ = State::kOutside;
  const std::string rest = held_ == kCallEndTag ? std::string() : held_;
  held_.clear();
  for (const char again : rest) Take(again, out);
}

std::vector<ToolCallScanner::Piece> ToolCallScanner::Flush() {
  std::vector<Piece> out;
  switch (state_) {
    case State::kOutside:
      GiveText(std::exchange(held_, {}), out);
      break;
    case State::kBody:
      if (!body_.text().empty()) {
        out.emplace_back(Result<ToolCall>(Malformed("it is not finished")));
      }
      break;
    case State::kBroken:
      break;
    case State::kBehind:
      GiveBody(out);
      for (const char c : std::exchange(held_, {})) GiveText({&c, 1}, out);
      break;
  }
  state_ = State::kOutside;
  return out;
}

void ToolCallScanner::GiveText(std::string_view text, std::vector<Piece>& out) {
  if (text.empty()) return;
  if (!out.empty() && std::holds_alternative<std::string>(out.back())) {
    std::get<std::string>(out.back()) += text;
  } else {
    out.emplace_back(std::string(text));
  }
}

void ToolCallScanner::GiveBody(std::vector<Piece>& out) {
  out.emplace_back(ParseToolCall(body_.text()));
}

}  // namespace parley::realtime
