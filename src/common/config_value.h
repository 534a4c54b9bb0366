// One config value as text: set from it, printed as it, described. What YAML and --set share.
// Thread:   plain functions.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/config_fields.h"
#include "common/result.h"

namespace parley {

// Sets `field` from `text`. The message names the field, the text and what would be right.
Status SetField(const ConfigField& field, std::string_view text);

// "0.5", "true", "\"text\"": YAML and --set read it back as the same value (--set without quotes).
std::string PrintField(const ConfigField& field);

// "0.01 to 0.99", "fast | realtime", "true | false"; empty for text and sections.
std::string DescribeValues(const ConfigField& field);

// The field or section of this path; an Error that names the nearest known path otherwise.
Result<const ConfigField*> FindField(const std::vector<ConfigField>& fields, std::string_view path);

}  // namespace parley
