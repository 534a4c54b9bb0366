// SPDX-License-Identifier: Apache-2.0
#include "weights/json_metadata.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace parley::weights {
namespace {

using Json = nlohmann::json;
constexpr int kMaxDepth = 16;

bool IsNumber(const Json& value) { return value.is_number() || value.is_boolean(); }

double AsNumber(const Json& value) {
  return value.is_boolean() ? (value.get<bool>() ? 1.0 : 0.0) : value.get<double>();
}

Status Flatten(const std::string& key, const Json& value, int depth, CheckpointTable& table) {
  if (depth > kMaxDepth) {
    return Fail(Code::kCorruptData,
                "\"" + key + "\" is nested deeper than " + std::to_string(kMaxDepth));
  }
  const auto child = [&key](const std::string& name) {
    return key.empty() ? name : key + "." + name;
  };
  if (value.is_object()) {
    for (const auto& [name, entry] : value.items()) {
      PARLEY_TRY_STATUS(Flatten(child(name), entry, depth + 1, table));
    }
  } else if (value.is_string()) {
    table.SetText(key, value.get<std::string>());
  } else if (IsNumber(value)) {
    table.SetNumber(key, AsNumber(value));
  } else if (value.is_array()) {
    if (std::all_of(value.begin(), value.end(), IsNumber)) {
      std::vector<double> numbers;
      for (const Json& entry : value) numbers.push_back(AsNumber(entry));
      table.SetNumbers(key, std::move(numbers));
    } else if (std::all_of(value.begin(), value.end(),
                           [](const Json& v) { return v.is_string(); })) {
      table.SetTexts(key, value.get<std::vector<std::string>>());
    } else {
      for (size_t i = 0; i < value.size(); ++i) {
        PARLEY_TRY_STATUS(Flatten(child(std::to_string(i)), value[i], depth + 1, table));
      }
    }
  }
  return {};
}

}  // namespace

Status AddJsonMetadata(const std::string& path, CheckpointTable& table) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return Fail(Code::kNotFound, path + ": cannot open");
  std::stringstream text;
  text << in.rdbuf();
  const Json json = Json::parse(text.str(), nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded() || !json.is_object()) {
    return Fail(Code::kCorruptData, path + ": found no JSON object; fetch it again");
  }
  if (Status status = Flatten("", json, 0, table); !status.has_value()) {
    return Context(path, std::move(status).error());
  }
  return {};
}

Status AddJsonMetadataIfThere(const std::string& path, CheckpointTable& table) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return {};
  return AddJsonMetadata(path, table);
}

}  // namespace parley::weights
