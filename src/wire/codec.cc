// SPDX-License-Identifier: Apache-2.0
#include "wire/codec.h"

#include <cmath>
#include <concepts>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "common/json.h"
#include "wire/base64.h"

namespace parley::wire {
namespace {

using Json = nlohmann::json;

// ---- writing -------------------------------------------------------------------------------------

class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  template <class T>
  void operator()(std::string_view name, const T& value, RequiredField = {}) {
    if constexpr (requires { Absent(value); }) {
      if (Absent(value)) return;
    }
    if (out_.back() != '{') out_ += ',';
    AppendJsonString(out_, name);
    out_ += ':';
    Put(value);
  }

  void Put(const std::string& value) { AppendJsonString(out_, value); }
  void Put(std::string_view value) { AppendJsonString(out_, value); }
  void Put(int64_t value) { out_ += std::to_string(value); }
  void Put(double value) { AppendJsonNumber(out_, value); }
  void Put(bool value) { out_ += value ? "true" : "false"; }
  void Put(const RawJson& value) { out_ += value.text; }
  void Put(const Bytes& value) {
    out_ += '"';
    AppendBase64(out_, value.bytes);
    out_ += '"';
  }
  void Put(const MaxTokens& value) {
    if (value.limit) return Put(*value.limit);
    Put(std::string_view("inf"));
  }
  void Put(const VoiceName& value) { Put(value.name); }
  template <class T>
  void Put(const std::optional<T>& value) {
    Put(*value);
  }
  template <class T>
  void Put(const Nullable<T>& value) {
    if (value) return Put(*value);
    out_ += "null";
  }
  template <class T>
  void Put(const std::vector<T>& values) {
    out_ += '[';
    for (const T& value : values) {
      if (out_.back() != '[') out_ += ',';
      Put(value);
    }
    out_ += ']';
  }
  template <class T>
  requires requires(T& t, Writer& w) { t.Fields(w); }
  void Put(const T& value) {
    out_ += '{';
    const_cast<T&>(value).Fields(*this);  // one list of fields for both directions
    out_ += '}';
  }

 private:
  template <class T>
  static bool Absent(const std::optional<T>& value) {
    return !value.has_value();
  }
  template <class T>
  static bool Absent(const Nullable<T>&) {
    return false;
  }
  std::string& out_;
};

template <class Event>
std::string EncodeEvent(const Event& event, std::string_view event_id) {
  std::string out = "{";
  Writer writer(out);
  std::visit(
      [&](const auto& e) {
        writer("type", e.kType);
        if (!event_id.empty()) writer("event_id", event_id);
        using E = std::remove_cvref_t<decltype(e)>;
        const_cast<E&>(e).Fields(writer);
      },
      event);
  out += '}';
  return out;
}

// ---- reading -------------------------------------------------------------------------------------

class Reader {
 public:
  Reader(const Json& object, std::string path, bool lenient, std::optional<ErrorBody>& error)
      : object_(object), path_(std::move(path)), lenient_(lenient), error_(error) {}

  template <class T>
  void operator()(std::string_view name, T& value) {
    const auto entry = object_.find(name);
    if (entry != object_.end()) Take(name, *entry, value, false);
  }
  template <class T>
  void operator()(std::string_view name, T& value, RequiredField) {
    const auto entry = object_.find(name);
    if (entry == object_.end()) {
      Refuse("missing_required_parameter", name, "Missing required parameter");
    } else {
      Take(name, *entry, value, true);
    }
  }

 private:
  std::string Path(std::string_view name) const {
    return path_.empty() ? std::string(name) : path_ + "." + std::string(name);
  }
  void Refuse(std::string_view code, std::string_view name, const std::string& what) {
    if (error_) return;  // the first one is the one to mend
    const std::string path = Path(name);
    error_ = ErrorBody{.code = std::string(code), .message = what + ": '" + path + "'."};
    error_->param = path;
  }
  template <class T>
  void Take(std::string_view name, const Json& json, T& value, bool required) {
    if (Get(json, Path(name), value) || lenient_) return;
    if (json.is_null() && !required) return;  // other servers write what they do not know as null
    Refuse("invalid_value", name,
           std::string("Not a value of this field (") + json.type_name() + ")");
  }

  // False: not a value of that kind; then `value` is as it was.
  bool Get(const Json& json, const std::string&, std::string& value) {
    if (!json.is_string()) return false;
    value = json.get_ref<const std::string&>();
    return true;
  }
  bool Get(const Json& json, const std::string&, int64_t& value) {
    if (!json.is_number()) return false;
    const auto number = json.get<double>();
    if (!(std::abs(number) < 9e15)) return false;
    value = json.is_number_float() ? std::llround(number) : json.get<int64_t>();
    return true;
  }
  bool Get(const Json& json, const std::string&, double& value) {
    if (!json.is_number()) return false;
    value = json.get<double>();
    return true;
  }
  bool Get(const Json& json, const std::string&, bool& value) {
    if (!json.is_boolean()) return false;
    value = json.get<bool>();
    return true;
  }
  bool Get(const Json& json, const std::string&, RawJson& value) {
    value.text = json.dump();
    return true;
  }
  bool Get(const Json& json, const std::string&, Bytes& value) {
    if (!json.is_string()) return false;
    std::optional<std::string> bytes = DecodeBase64(json.get_ref<const std::string&>());
    if (!bytes) return false;
    value.bytes = *std::move(bytes);
    return true;
  }
  bool Get(const Json& json, const std::string& path, MaxTokens& value) {
    if (json.is_string() && json.get_ref<const std::string&>() == "inf") {
      value.limit.reset();
      return true;
    }
    int64_t limit = 0;
    if (!Get(json, path, limit)) return false;
    value.limit = limit;
    return true;
  }
  bool Get(const Json& json, const std::string& path, VoiceName& value) {
    if (!json.is_object()) return Get(json, path, value.name);
    const auto id = json.find("id");
    return id != json.end() && Get(*id, path, value.name);
  }
  template <class T>
  bool Get(const Json& json, const std::string& path, std::optional<T>& value) {
    if (json.is_null()) {
      value.reset();
      return true;
    }
    T inner = value.value_or(T());
    if (!Get(json, path, inner)) return false;
    value = std::move(inner);
    return true;
  }
  template <class T>
  bool Get(const Json& json, const std::string& path, Nullable<T>& value) {
    return Get(json, path, static_cast<std::optional<T>&>(value));
  }
  template <class T>
  bool Get(const Json& json, const std::string& path, std::optional<Nullable<T>>& value) {
    Nullable<T> inner;
    if (!Get(json, path, inner)) return false;
    value = std::move(inner);
    return true;
  }
  template <class T>
  bool Get(const Json& json, const std::string& path, std::vector<T>& values) {
    if (!json.is_array()) return false;
    std::vector<T> taken;
    for (size_t i = 0; i < json.size(); ++i) {
      T value{};
      if (Get(json[i], path + "[" + std::to_string(i) + "]", value)) {
        taken.push_back(std::move(value));
      } else if (!lenient_) {
        return false;
      }
    }
    values = std::move(taken);
    return true;
  }
  template <class T>
  requires requires(T& t, Reader& r) { t.Fields(r); }
  bool Get(const Json& json, const std::string& path, T& value) {
    if constexpr (requires { value.FromText(""); }) {
      if (json.is_string()) return value.FromText(json.get_ref<const std::string&>());
    }
    if (!json.is_object()) return false;
    // A session is only ever changed by what is right in it.
    constexpr bool kForgiving = std::same_as<T, Session>;
    Reader reader(json, path, lenient_ || kForgiving, error_);
    value.Fields(reader);
    return true;
  }

  const Json& object_;
  const std::string path_;
  const bool lenient_;
  std::optional<ErrorBody>& error_;
};

// An object, or what is wrong with it.
std::variant<Json, ErrorBody> Parse(std::string_view text) {
  if (TooDeep(text)) {
    return ErrorBody{.code = "invalid_json",
                     .message = "The message is nested more than " + std::to_string(kMaxDepth) +
                                " levels deep."};
  }
  Json json = Json::parse(text, nullptr, false);
  if (json.is_object()) return json;
  return ErrorBody{
      .code = "invalid_json",
      .message = "The message is not a JSON object: send one object in each text frame."};
}

std::string TextOf(const Json& json, std::string_view name) {
  const auto entry = json.find(name);
  return entry != json.end() && entry->is_string() ? entry->get<std::string>() : std::string();
}

template <class Event, size_t I = 0>
bool MakeEvent(std::string_view type, Event& event) {
  if constexpr (I < std::variant_size_v<Event>) {
    if (type == std::variant_alternative_t<I, Event>::kType) {
      event.template emplace<I>();
      return true;
    }
    return MakeEvent<Event, I + 1>(type, event);
  }
  return false;
}

template <class Message>
std::variant<Message, ErrorBody> DecodeMessage(std::string_view text) {
  auto parsed = Parse(text);
  if (auto* error = std::get_if<ErrorBody>(&parsed)) return std::move(*error);
  const Json& json = std::get<Json>(parsed);
  Message message;
  message.event_id = TextOf(json, "event_id");
  const std::string type = TextOf(json, "type");
  std::optional<ErrorBody> error;
  if (type.empty()) {
    error = ErrorBody{.code = "missing_required_parameter",
                      .message = "Missing required parameter: 'type'."};
    error->param = "type";
  } else if (!MakeEvent(type, message.event)) {
    error = ErrorBody{.code = "invalid_value",
                      .message = "Unknown event type: '" + type.substr(0, 100) + "'."};
    error->param = "type";
  } else {
    std::visit(
        [&](auto& event) {
          Reader reader(json, "", false, error);
          event.Fields(reader);
        },
        message.event);
  }
  if (!error) return message;
  if (!message.event_id.empty()) error->event_id = message.event_id;
  return std::move(*error);
}

}  // namespace

bool AudioFormat::FromText(std::string_view name) {
  if (name == "pcm16") {
    *this = {"audio/pcm", 24000};
  } else if (name == "g711_ulaw") {
    *this = {"audio/pcmu", std::nullopt};
  } else if (name == "g711_alaw") {
    *this = {"audio/pcma", std::nullopt};
  } else {
    return false;
  }
  return true;
}

bool TooDeep(std::string_view text) {
  int open = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++open > kMaxDepth) return true;
    } else if (c == '}' || c == ']') {
      --open;
    }
  }
  return false;
}

std::variant<ClientMessage, ErrorBody> DecodeClient(std::string_view text) {
  return DecodeMessage<ClientMessage>(text);
}
std::variant<ServerMessage, ErrorBody> DecodeServer(std::string_view text) {
  return DecodeMessage<ServerMessage>(text);
}
std::string Encode(const ServerEvent& event, std::string_view event_id) {
  return EncodeEvent(event, event_id);
}
std::string Encode(const ClientEvent& event, std::string_view event_id) {
  return EncodeEvent(event, event_id);
}
std::string_view TypeOf(const ServerEvent& event) {
  return std::visit([](const auto& e) { return e.kType; }, event);
}
std::string_view TypeOf(const ClientEvent& event) {
  return std::visit([](const auto& e) { return e.kType; }, event);
}

std::string EncodeSession(const Session& session) {
  std::string out;
  Writer(out).Put(session);
  return out;
}

std::variant<Session, ErrorBody> DecodeSession(std::string_view text) {
  auto parsed = Parse(text);
  if (auto* error = std::get_if<ErrorBody>(&parsed)) return std::move(*error);
  Session session;
  std::optional<ErrorBody> error;
  Reader reader(std::get<Json>(parsed), "", true, error);
  session.Fields(reader);
  return session;
}

}  // namespace parley::wire
