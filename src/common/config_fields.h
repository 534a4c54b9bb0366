// The fields of a config struct, listed once by the struct itself and walked by everything else:
// reading YAML, --set, validation, printing, help, the generated configs/default.yaml.
//
//   struct TurnConfig {
//     float speech_threshold = 0.5F;
//     int give_up_ms = 8000;
//     Pace pace = Pace::kFast;
//     PauseConfig pause;
//     template <class V>
//     void VisitFields(V&& v) {
//       v("speech_threshold", speech_threshold, Range{0.01, 0.99}, "above it a frame is speech");
//       v("give_up_ms", give_up_ms, Range{0, 60000}, "silence after which ask ends [ms]");
//       v("pace", pace, EnumNames<Pace>{{Pace::kFast, "fast"}, {Pace::kRealtime, "realtime"}},
//         "how fast sound is fed");
//       v("pause", pause, "what counts as a pause");
//     }
//   };
//
// Goals:     one list per struct; ranges and units stand where the field stands.
// Non-goals: lists and maps. What repeats (pools, trunks) is named in a file of its own.
// Thread:   plain values.
// Memory:   a ConfigField borrows from the struct it describes.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "common/check.h"

namespace parley {

// Both ends belong to it.
struct Range {
  double min = 0;
  double max = 0;
};

template <class E>
using EnumNames = std::vector<std::pair<E, std::string_view>>;

// An enum seen through its names.
struct EnumField {
  std::vector<std::string_view> names;
  std::function<size_t()> get;      // index into names
  std::function<void(size_t)> set;  // index into names
};

struct ConfigField {
  std::string path;  // "turn.pause.min_ms"
  std::string help;
  Range range;  // numbers only
  // monostate: a section, whose fields follow.
  std::variant<std::monostate, int32_t*, int64_t*, float*, double*, bool*, std::string*, EnumField>
      target;
  bool is_section() const { return std::holds_alternative<std::monostate>(target); }
};

namespace config_internal {

template <class T>
concept Number = std::same_as<T, int32_t> || std::same_as<T, int64_t> || std::same_as<T, float> ||
    std::same_as<T, double>;
template <class T>
concept TextOrFlag = std::same_as<T, bool> || std::same_as<T, std::string>;

class Collector {
 public:
  Collector(std::string prefix, std::vector<ConfigField>& out)
      : prefix_(std::move(prefix)), out_(out) {}

  template <Number T>
  void operator()(std::string_view name, T& value, Range range, std::string_view help) {
    out_.push_back({Path(name), std::string(help), range, &value});
  }
  template <TextOrFlag T>
  void operator()(std::string_view name, T& value, std::string_view help) {
    out_.push_back({Path(name), std::string(help), {}, &value});
  }
  template <class E>
  requires std::is_enum_v<E>
  void operator()(std::string_view name, E& value, EnumNames<E> names, std::string_view help) {
    EnumField field;
    for (const auto& entry : names) field.names.push_back(entry.second);
    field.get = [&value, names] {
      for (size_t i = 0; i < names.size(); ++i) {
        if (names[i].first == value) return i;
      }
      CheckFailed(__FILE__, __LINE__, "named", "an enum value of a config field has no name");
    };
    field.set = [&value, names](size_t i) { value = names[i].first; };
    out_.push_back({Path(name), std::string(help), {}, std::move(field)});
  }
  template <class S>
  requires std::is_class_v<S> &&(!TextOrFlag<S>)void operator()(std::string_view name, S& section,
                                                                std::string_view help) {
    out_.push_back({Path(name), std::string(help), {}, std::monostate{}});
    section.VisitFields(Collector(Path(name), out_));
  }

 private:
  std::string Path(std::string_view name) const {
    return prefix_.empty() ? std::string(name) : prefix_ + "." + std::string(name);
  }
  std::string prefix_;
  std::vector<ConfigField>& out_;
};

}  // namespace config_internal

// All fields of `config` and of its sections, in the order of their lists. They point into
// `config`, which must stay where it is while they are used.
template <class C>
std::vector<ConfigField> ListFields(C& config) {
  std::vector<ConfigField> fields;
  config.VisitFields(config_internal::Collector("", fields));
  return fields;
}

}  // namespace parley
