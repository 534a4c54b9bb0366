// SPDX-License-Identifier: Apache-2.0
#include "common/config_value.h"

#include <algorithm>
#include <charconv>
#include <system_error>

#include "common/json.h"
#include "common/nearest.h"

namespace parley {
namespace {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

template <class T>
std::string PrintNumber(T value) {
  char digits[64];
  const auto end = std::to_chars(digits, digits + sizeof(digits), value);
  return {digits, end.ptr};
}

std::string PrintBound(double bound) {
  constexpr double kWhole = 9e15;  // whole numbers are exact up to here
  if (std::abs(bound) < kWhole && bound == static_cast<double>(static_cast<int64_t>(bound))) {
    return PrintNumber(static_cast<int64_t>(bound));
  }
  return PrintNumber(bound);
}

std::string Join(const std::vector<std::string_view>& names) {
  std::string all;
  for (std::string_view name : names) {
    if (!all.empty()) all += " | ";
    all += name;
  }
  return all;
}

Error Bad(const ConfigField& field, std::string_view text, std::string_view expected) {
  return Fail(Code::kInvalidArgument, field.path + " is \"" + std::string(text) +
                                          "\", but must be " + std::string(expected) + " (" +
                                          field.help + ")");
}

template <class T>
Status SetNumber(const ConfigField& field, std::string_view text, T& target) {
  constexpr bool kWhole = std::is_integral_v<T>;
  if (text.starts_with('+')) text.remove_prefix(1);
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) {
    return Bad(field, text, "from " + DescribeValues(field));
  }
  if (error != std::errc() || end != text.data() + text.size()) {
    return Bad(field, text, kWhole ? "a whole number" : "a number");
  }
  // A float is compared with the bounds as floats: 0.1 belongs to a range that begins at 0.1.
  using Bound = std::conditional_t<std::is_same_v<T, float>, float, double>;
  const auto wide = static_cast<Bound>(value);
  const bool inside = wide >= static_cast<Bound>(field.range.min) &&
                      wide <= static_cast<Bound>(field.range.max);  // NaN is nowhere inside
  if (!inside) return Bad(field, text, "from " + DescribeValues(field));
  target = value;
  return {};
}

Status SetFlag(const ConfigField& field, std::string_view text, bool& target) {
  if (text != "true" && text != "false") return Bad(field, text, "true or false");
  target = text == "true";
  return {};
}

Status SetEnum(const ConfigField& field, std::string_view text, const EnumField& target) {
  const auto found = std::find(target.names.begin(), target.names.end(), text);
  if (found == target.names.end()) return Bad(field, text, "one of " + Join(target.names));
  target.set(static_cast<size_t>(found - target.names.begin()));
  return {};
}

}  // namespace

Status SetField(const ConfigField& field, std::string_view text) {
  return std::visit(Overloaded{
                        [&](std::monostate) -> Status {
                          return Fail(Code::kInvalidArgument, field.path + " is a section (" +
                                                                  field.help +
                                                                  "): set one of its keys instead");
                        },
                        [&](std::string* target) -> Status {
                          *target = text;
                          return {};
                        },
                        [&](bool* target) { return SetFlag(field, text, *target); },
                        [&](const EnumField& target) { return SetEnum(field, text, target); },
                        [&](auto* target) { return SetNumber(field, text, *target); },
                    },
                    field.target);
}

std::string PrintField(const ConfigField& field) {
  return std::visit(
      Overloaded{
          [](std::monostate) { return std::string(); },
          [](std::string* target) {
            std::string quoted;
            AppendJsonString(quoted, *target);
            return quoted;
          },
          [](bool* target) { return std::string(*target ? "true" : "false"); },
          [](const EnumField& target) { return std::string(target.names[target.get()]); },
          [](auto* target) { return PrintNumber(*target); },
      },
      field.target);
}

std::string DescribeValues(const ConfigField& field) {
  return std::visit(
      Overloaded{
          [](std::monostate) { return std::string(); },
          [](std::string*) { return std::string(); },
          [](bool*) { return std::string("true | false"); },
          [](const EnumField& target) { return Join(target.names); },
          [&](auto*) { return PrintBound(field.range.min) + " to " + PrintBound(field.range.max); },
      },
      field.target);
}

Result<const ConfigField*> FindField(const std::vector<ConfigField>& fields,
                                     std::string_view path) {
  std::vector<std::string_view> known;
  known.reserve(fields.size());
  for (const ConfigField& field : fields) {
    if (field.path == path) return &field;
    known.emplace_back(field.path);
  }
  // The first bytes decide; a key of a megabyte must not cost a megabyte times every name.
  path = path.substr(0, 128);
  std::string message = "unknown key \"" + std::string(path) + "\"";
  for (const std::string_view nearest : NearestNames(path, known, 1)) {
    message += "; the nearest known one is \"" + std::string(nearest) + "\"";
  }
  return Fail(Code::kInvalidArgument, message);
}

}  // namespace parley
