// SPDX-License-Identifier: Apache-2.0
#include "realtime/tools/tool.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace parley::realtime {
namespace {

// Arguments stand in the order in which the schema lists them.
using Json = nlohmann::ordered_json;

bool IsOfType(const Json& value, const std::string& type) {
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_boolean();
  if (type == "integer") return value.is_number_integer();
  if (type == "number") return value.is_number();
  if (type == "array") return value.is_array();
  if (type == "object") return value.is_object();
  if (type == "null") return value.is_null();
  return true;  // a type we do not know is the tool's own affair
}

Json Parse(const std::string& text) { return Json::parse(text, nullptr, false); }

const Json* Member(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

Status CheckValue(const std::string& tool, const std::string& key, const Json& value,
                  const Json& schema) {
  if (!schema.is_object()) return {};
  if (const Json* type = Member(schema, "type");
      type != nullptr && type->is_string() && !IsOfType(value, type->get<std::string>())) {
    return Fail(Code::kInvalidArgument, tool + ": \"" + key + "\" must be of type " +
                                            type->get<std::string>() + ", not " +
                                            value.type_name());
  }
  if (const Json* all = Member(schema, "enum");
      all != nullptr && all->is_array() &&
      std::find(all->begin(), all->end(), value) == all->end()) {
    return Fail(Code::kInvalidArgument, tool + ": \"" + key + "\" must be one of " + all->dump());
  }
  return {};
}

}  // namespace

Status CheckSpec(const ToolSpec& spec) {
  if (spec.name.empty()) return Fail(Code::kInvalidArgument, "a tool needs a name");
  const Json schema = Parse(spec.parameters);
  const Json* properties = schema.is_object() ? Member(schema, "properties") : nullptr;
  if (!schema.is_object() || (properties != nullptr && !properties->is_object())) {
    return Fail(Code::kInvalidArgument,
                "tool " + spec.name +
                    ": its parameters must be a JSON schema of an object with \"properties\"");
  }
  return {};
}

Status CheckArguments(const ToolSpec& spec, const std::string& arguments) {
  const Json given = Parse(arguments);
  if (!given.is_object()) {
    return Fail(Code::kInvalidArgument, spec.name + ": its arguments must be a JSON object");
  }
  const Json schema = Parse(spec.parameters);
  if (!schema.is_object()) return CheckSpec(spec);
  if (const Json* required = Member(schema, "required"); required != nullptr) {
    for (const Json& key : *required) {
      if (key.is_string() && !given.contains(key.get<std::string>())) {
        return Fail(Code::kInvalidArgument,
                    spec.name + ": \"" + key.get<std::string>() + "\" is missing");
      }
    }
  }
  const Json* properties = Member(schema, "properties");
  for (const auto& [key, value] : given.items()) {
    const Json* one = properties == nullptr ? nullptr : Member(*properties, key.c_str());
    if (one == nullptr) {
      return Fail(Code::kInvalidArgument, spec.name + ": it takes no \"" + key + "\"");
    }
    PARLEY_TRY_STATUS(CheckValue(spec.name, key, value, *one));
  }
  return {};
}

std::string ToolLine(const ToolSpec& spec) {
  std::string line = spec.name + "(";
  const Json schema = Parse(spec.parameters);
  const Json* properties = schema.is_object() ? Member(schema, "properties") : nullptr;
  if (properties != nullptr) {
    for (const auto& [key, value] : properties->items()) {
      if (line.back() != '(') line += ", ";
      line += key;
    }
  }
  return line + "): " + spec.description;
}

std::string ToolJson(const ToolSpec& spec) {
  Json function;
  function["name"] = spec.name;
  function["description"] = spec.description;
  function["parameters"] = Parse(spec.parameters);
  Json tool;
  tool["type"] = "function";
  tool["function"] = std::move(function);
  return tool.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace parley::realtime
