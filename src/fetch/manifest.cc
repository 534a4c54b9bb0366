// SPDX-License-Identifier: Apache-2.0
#include "fetch/manifest.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <numeric>

#include "common/check.h"
#include "fetch/manifest_data.h"

namespace parley::fetch {
namespace {

using Json = nlohmann::json;

// A path that stays inside the folder it is put in.
bool IsSafePath(std::string_view path) {
  if (path.empty() || path.front() == '/' || path.find('\\') != std::string_view::npos) {
    return false;
  }
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view step = path.substr(begin, end - begin);
    if (step.empty() || step == "." || step == ".." || step.find('\0') != std::string_view::npos) {
      return false;
    }
    begin = end + 1;
  }
  return true;
}

bool IsSha256(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// Reads fields of one JSON object; the first fault is kept and the rest is skipped, so that
// reading stays a list of fields.
class Fields {
 public:
  Fields(const Json& object, std::string where) : object_(object), where_(std::move(where)) {
    if (!object.is_object()) Fault("must be an object");
  }
  std::string Text(const char* key) {
    const Json* value = Get(key);
    if (value && !value->is_string()) Fault(std::string(key) + " must be text");
    return value && value->is_string() ? value->get<std::string>() : "";
  }
  std::string Sha256(const char* key) {
    std::string text = Text(key);
    if (!IsSha256(text)) {
      Fault(std::string(key) + " is \"" + text + "\", must be 64 hexadecimal digits");
    }
    return text;
  }
  std::string Path(const char* key) {
    std::string text = Text(key);
    if (!IsSafePath(text)) {
      Fault(std::string(key) + " is \"" + text + "\", must be a relative path without ..");
    }
    return text;
  }
  int64_t Size(const char* key) {
    constexpr int64_t kLargest = int64_t{1} << 50;
    const Json* value = Get(key);
    if (!value) return 0;
    if (!value->is_number_unsigned() || value->get<uint64_t>() > kLargest) {
      Fault(std::string(key) + " must be a number of bytes");
      return 0;
    }
    return value->get<int64_t>();
  }
  const Json& Array(const char* key) {
    static const Json kNone = Json::array();
    const Json* value = Get(key);
    if (value && !value->is_array()) Fault(std::string(key) + " must be a list");
    return value && value->is_array() ? *value : kNone;
  }
  const Json& Object(const char* key) {
    static const Json kNone = Json::object();
    const Json* value = Get(key);
    if (value && !value->is_object()) Fault(std::string(key) + " must be an object");
    return value && value->is_object() ? *value : kNone;
  }
  bool Has(const char* key) const { return object_.is_object() && object_.contains(key); }
  void Fault(const std::string& what) {
    if (status_) status_ = Fail(Code::kCorruptData, where_ + ": " + what);
  }
  void Take(const Status& inner) {
    if (status_ && !inner) status_ = inner;
  }
  const Status& status() const { return status_; }
  const std::string& where() const { return where_; }

 private:
  const Json* Get(const char* key) {
    if (!object_.is_object()) return nullptr;
    const auto found = object_.find(key);
    if (found == object_.end()) {
      Fault(std::string("has no \"") + key + "\"");
      return nullptr;
    }
    return &*found;
  }
  const Json& object_;
  std::string where_;
  Status status_;
};

Result<Source> ReadSource(const std::string& id, const Json& json, const std::string& where) {
  Fields fields(json, where + ", source " + id);
  Source source;
  source.id = id;
  if (fields.Has("huggingface")) {
    source.kind = Source::Kind::kHuggingFace;
    source.package = fields.Path("huggingface");
    source.version = fields.Text("revision");
  } else {
    source.package = fields.Text("pypi");
    source.version = fields.Text("version");
    source.file = fields.Path("file");
    source.size = fields.Size("size");
    source.sha256 = fields.Sha256("sha256");
    if (source.file.find('/') != std::string::npos) fields.Fault("file must be a plain name");
  }
  if (!fields.status()) return fields.status().error();
  return source;
}

Result<ModelFile> ReadFile(const Json& json, const Model& model, bool shipped,
                           const std::string& where) {
  Fields fields(json, where);
  ModelFile file;
  file.path = fields.Path("path");
  file.size = fields.Size("size");
  file.sha256 = fields.Sha256("sha256");
  if (shipped) {
    if (!fields.status()) return fields.status().error();
    return file;
  }
  for (const Json& entry : fields.Array("from")) {
    Fields part(entry, where + ", file " + file.path);
    const std::string id = part.Text("source");
    const auto source = std::find_if(model.sources.begin(), model.sources.end(),
                                     [&](const Source& s) { return s.id == id; });
    if (source == model.sources.end()) part.Fault("there is no source \"" + id + "\"");
    file.parts.push_back(
        {static_cast<size_t>(source - model.sources.begin()), part.Path("member")});
    fields.Take(part.status());
  }
  if (file.parts.empty()) fields.Fault("file " + file.path + " comes from nowhere");
  if (!fields.status()) return fields.status().error();
  const auto of_hub = [&](const Part& part) {
    return model.sources[part.source].kind == Source::Kind::kHuggingFace;
  };
  if (file.parts.size() > 1 && std::any_of(file.parts.begin(), file.parts.end(), of_hub)) {
    return Fail(Code::kCorruptData, where + ", file " + file.path +
                                        ": a file of a Hugging Face repository has one part");
  }
  return file;
}

Result<Model> ReadModel(const Json& json, bool shipped, const std::string& origin) {
  Fields fields(json, origin + ": model");
  Model model;
  model.name = fields.Path("name");
  if (model.name.find('/') != std::string::npos || model.name.starts_with('.')) {
    fields.Fault("the name \"" + model.name + "\" must be a plain folder name");
  }
  const std::string where = origin + ": model " + model.name;
  model.version = fields.Text("version");
  model.purpose = fields.Text("purpose");
  model.licence = fields.Text("licence");
  model.homepage = fields.Text("homepage");
  if (!shipped) {
    for (const auto& [id, source_json] : fields.Object("sources").items()) {
      PARLEY_TRY(Source source, ReadSource(id, source_json, where));
      model.sources.push_back(std::move(source));
    }
  }
  if (!fields.status()) return fields.status().error();
  for (const Json& file_json : fields.Array("files")) {
    PARLEY_TRY(ModelFile file, ReadFile(file_json, model, shipped, where));
    model.files.push_back(std::move(file));
  }
  if (model.files.empty()) fields.Fault("has no files");
  if (!fields.status()) return fields.status().error();
  return model;
}

}  // namespace

int64_t Model::size() const {
  return std::accumulate(files.begin(), files.end(), int64_t{0},
                         [](int64_t sum, const ModelFile& file) { return sum + file.size; });
}

Result<Manifest> Manifest::Load(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Fail(Code::kNotFound, "cannot open the manifest " + path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return Parse(text, path);
}

Result<Manifest> Manifest::Parse(std::string_view json, std::string_view origin_view) {
  const std::string origin(origin_view);
  Json root;
  try {
    root = Json::parse(json);
  } catch (const Json::exception& e) {
    return Fail(Code::kCorruptData, origin + ": " + e.what());
  }
  Fields fields(root, origin);
  if (const int64_t format = fields.Size("format"); format != 1) {
    fields.Fault("format is " + std::to_string(format) + ", this program reads 1");
  }
  Manifest manifest;
  for (const Json& model_json : fields.Array("models")) {
    PARLEY_TRY(Model model, ReadModel(model_json, false, origin));
    if (manifest.Find(model.name)) fields.Fault("model " + model.name + " is there twice");
    manifest.models_.push_back(std::move(model));
  }
  if (fields.Has("shipped")) {
    for (const Json& model_json : fields.Array("shipped")) {
      PARLEY_TRY(Model model, ReadModel(model_json, true, origin));
      if (manifest.Find(model.name)) fields.Fault("model " + model.name + " is there twice");
      manifest.shipped_.push_back(std::move(model));
    }
  }
  for (const Json& name : fields.Array("default")) {
    if (!name.is_string() || !manifest.Find(name.get<std::string>())) {
      fields.Fault("default " + name.dump(-1, ' ', true, Json::error_handler_t::replace) +
                   " is no model");
    } else {
      manifest.defaults_.push_back(name.get<std::string>());
    }
  }
  if (!fields.status()) return fields.status().error();
  return manifest;
}

const Manifest& Manifest::BuiltIn() {
  static const Manifest kManifest = [] {
    Result<Manifest> parsed = Parse(kManifestJson, "models/manifest.json");
    PARLEY_CHECK(parsed.has_value(), parsed.error().message);
    return *std::move(parsed);
  }();
  return kManifest;
}

Result<const Model*> Manifest::Find(std::string_view name) const {
  std::string known;
  for (const Model& model : models_) {
    if (model.name == name) return &model;
    known += (known.empty() ? "" : ", ") + model.name;
  }
  return Fail(Code::kNotFound,
              "there is no model \"" + std::string(name) + "\" in the manifest; it knows " + known);
}

Result<std::vector<const Model*>> Manifest::Select(const std::vector<std::string>& names) const {
  std::vector<const Model*> selected;
  for (const std::string& name : names.empty() ? defaults_ : names) {
    PARLEY_TRY(const Model* model, Find(name));
    if (std::find(selected.begin(), selected.end(), model) == selected.end()) {
      selected.push_back(model);
    }
  }
  return selected;
}

std::string DefaultModelDir() {
  if (const char* dir = std::getenv("PARLEY_MODELS"); dir && *dir) return dir;
  const char* home = std::getenv("HOME");
  return std::string(home ? home : ".") + "/.cache/parley/models";
}

}  // namespace parley::fetch
