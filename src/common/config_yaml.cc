// SPDX-License-Identifier: Apache-2.0
#include "common/config_yaml.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>

#include "common/config_value.h"

namespace parley {
namespace {

constexpr size_t kLargestFile = 1 << 20;

class Reader {
 public:
  Reader(std::string_view origin, const std::vector<ConfigField>& fields)
      : origin_(origin), fields_(fields) {}

  // `section` is "" or "a.b".
  Status ReadMap(const YAML::Node& map, const std::string& section) {
    if (map.IsNull()) return {};  // an empty file or section changes nothing
    if (!map.IsMap()) {
      return At(map, Fail(Code::kInvalidArgument,
                          (section.empty() ? "the file" : section) + " must be keys with values"));
    }
    std::set<std::string> seen;
    for (const auto& entry : map) {
      if (!entry.first.IsScalar()) {
        return At(entry.first, Fail(Code::kInvalidArgument, "a key must be a name"));
      }
      const std::string key =
          section.empty() ? entry.first.Scalar() : section + "." + entry.first.Scalar();
      if (!seen.insert(key).second) {
        return At(entry.first, Fail(Code::kInvalidArgument, key + " is given twice"));
      }
      PARLEY_TRY_STATUS(ReadEntry(entry.first, entry.second, key));
    }
    return {};
  }

 private:
  Status ReadEntry(const YAML::Node& name, const YAML::Node& value, const std::string& key) {
    const Result<const ConfigField*> found = FindField(fields_, key);
    if (!found) return At(name, found.error());
    const ConfigField& field = **found;
    if (field.is_section()) return ReadMap(value, key);
    if (!value.IsScalar()) {
      const char* what = value.IsNull() ? "has no value" : "must be one value, not a list or map";
      return At(name, Fail(Code::kInvalidArgument, key + " " + what));
    }
    if (Status set = SetField(field, value.Scalar()); !set) return At(value, set.error());
    return {};
  }

  Error At(const YAML::Node& node, const Error& error) const {
    const YAML::Mark mark = node.Mark();
    const std::string line = mark.is_null() ? "" : ":" + std::to_string(mark.line + 1);
    return Context(std::string(origin_) + line, error);
  }

  std::string_view origin_;
  const std::vector<ConfigField>& fields_;
};

size_t DepthOf(std::string_view path) {
  return static_cast<size_t>(std::count(path.begin(), path.end(), '.'));
}

}  // namespace

Status ReadYaml(std::string_view text, std::string_view origin,
                const std::vector<ConfigField>& fields) {
  if (text.size() > kLargestFile) {
    return Fail(Code::kInvalidArgument,
                std::string(origin) + " has " + std::to_string(text.size()) +
                    " bytes; a config has at most " + std::to_string(kLargestFile));
  }
  try {
    return Reader(origin, fields).ReadMap(YAML::Load(std::string(text)), "");
  } catch (const YAML::Exception& e) {
    return Fail(Code::kInvalidArgument,
                std::string(origin) + ":" + std::to_string(e.mark.line + 1) + ": " + e.msg);
  }
}

Status ReadYamlFile(const std::string& path, const std::vector<ConfigField>& fields) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Fail(Code::kNotFound, "cannot open the config file " + path);
  std::string text(kLargestFile + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return Fail(Code::kIo, "cannot read the config file " + path);
  text.resize(static_cast<size_t>(file.gcount()));
  return ReadYaml(text, path, fields);
}

Status ApplyOverride(std::string_view assignment, const std::vector<ConfigField>& fields) {
  const size_t equals = assignment.find('=');
  if (equals == std::string_view::npos) {
    return Fail(Code::kInvalidArgument, "--set " + std::string(assignment) +
                                            ": expected section.key=value, found no \"=\"");
  }
  const Result<const ConfigField*> field = FindField(fields, assignment.substr(0, equals));
  if (!field) return Context("--set", field.error());
  if (Status set = SetField(**field, assignment.substr(equals + 1)); !set) {
    return Context("--set", set.error());
  }
  return {};
}

std::string DumpYaml(const std::vector<ConfigField>& fields, std::string_view heading) {
  std::string out;
  for (size_t begin = 0; begin < heading.size();) {
    const size_t end = std::min(heading.find('\n', begin), heading.size());
    out += "# " + std::string(heading.substr(begin, end - begin)) + "\n";
    begin = end + 1;
  }
  for (const ConfigField& field : fields) {
    const std::string indent(DepthOf(field.path) * 2, ' ');
    const std::string name = field.path.substr(field.path.rfind('.') + 1);
    const std::string values = DescribeValues(field);
    if (field.is_section()) out += "\n";
    out += indent + "# " + field.help + (values.empty() ? "" : "; " + values) + "\n";
    out += indent + name + ":" + (field.is_section() ? "" : " " + PrintField(field)) + "\n";
  }
  return out;
}

}  // namespace parley
