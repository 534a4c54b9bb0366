// Any bytes as a YAML config: an Error or a config within its ranges, which then reads back.
// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/check.h"
#include "common/config_fields.h"
#include "common/config_yaml.h"

namespace {

struct Inner {
  int count = 5;
  float share = 0.5F;
  template <class V>
  void VisitFields(V&& v) {
    v("count", count, parley::Range{1, 9}, "how many");
    v("share", share, parley::Range{0, 1}, "how much");
  }
};

struct Outer {
  std::string name = "x";
  bool on = false;
  int64_t bytes = 1;
  Inner inner;
  template <class V>
  void VisitFields(V&& v) {
    v("name", name, "called");
    v("on", on, "whether");
    v("bytes", bytes, parley::Range{0, 1e12}, "size");
    v("inner", inner, "section");
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Outer config;
  const auto fields = parley::ListFields(config);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)parley::ApplyOverride(text, fields);
  if (!parley::ReadYaml(text, "fuzz", fields)) return 0;
  PARLEY_CHECK(config.inner.count >= 1 && config.inner.count <= 9, "out of range");
  PARLEY_CHECK(config.inner.share >= 0 && config.inner.share <= 1, "out of range");
  const std::string dump = parley::DumpYaml(fields, "");
  parley::Status again = parley::ReadYaml(dump, "dump", fields);
  PARLEY_CHECK(again.has_value(), "a dump does not read back: " + dump);
  PARLEY_CHECK(parley::DumpYaml(fields, "") == dump, "a dump reads back as something else");
  return 0;
}
