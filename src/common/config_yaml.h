// Config from YAML files and --set, and back to YAML. See config_fields.h for how a struct lists
// its fields.
//   PARLEY_TRY(auto config, LoadConfig(AppConfig{}, {"site.yaml"}, {"turn.give_up_ms=4000"}));
// Later files override earlier ones, overrides come last. Unknown keys, keys given twice, values of
// another type and values out of range are errors that name file, line, key, value and what would
// be right.
// Thread:   plain functions.
// Memory:   a file of more than 1 MB is refused.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/config_fields.h"
#include "common/result.h"

namespace parley {

// `origin` stands in front of messages: a file name.
Status ReadYaml(std::string_view text, std::string_view origin,
                const std::vector<ConfigField>& fields);
Status ReadYamlFile(const std::string& path, const std::vector<ConfigField>& fields);

// "section.key=value"; the value is taken as it is, without quotes.
Status ApplyOverride(std::string_view assignment, const std::vector<ConfigField>& fields);

// Every field with its present value, its help and its range as comments above it; reads back as
// the same config. `heading` is put on top, as comment lines.
std::string DumpYaml(const std::vector<ConfigField>& fields, std::string_view heading);

// `config`, changed by the files and the overrides, all or nothing.
template <class C>
Result<C> LoadConfig(C config, const std::vector<std::string>& files,
                     const std::vector<std::string>& overrides) {
  const std::vector<ConfigField> fields = ListFields(config);
  for (const std::string& file : files) PARLEY_TRY_STATUS(ReadYamlFile(file, fields));
  for (const std::string& set : overrides) PARLEY_TRY_STATUS(ApplyOverride(set, fields));
  return config;
}

}  // namespace parley
