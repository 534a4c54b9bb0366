// SPDX-License-Identifier: Apache-2.0
#include "fetch/hugging_face.h"

#include <cctype>
#include <cstdlib>
#include <fstream>
#include <optional>

namespace parley::fetch {
namespace {

std::string FirstWordOf(const std::string& path) {
  std::ifstream file(path);
  std::string word;
  file >> word;
  return word;
}

// For a path in a URL: everything but letters, digits and -._~/ is written as %XX.
std::string EscapePath(const std::string& path) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) || std::string_view("-._~/").find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

}  // namespace

HubConfig ReadHubConfig(const Environment& environment) {
  const auto get = [&](const char* name) { return environment(name).value_or(""); };
  HubConfig hub;
  if (const std::string endpoint = get("HF_ENDPOINT"); !endpoint.empty()) hub.endpoint = endpoint;
  while (hub.endpoint.ends_with('/')) hub.endpoint.pop_back();
  hub.token = get("HF_TOKEN");
  if (!hub.token.empty()) return hub;
  std::string file = get("HF_TOKEN_PATH");
  const std::string hf_home = get("HF_HOME");
  if (file.empty() && !hf_home.empty()) file = hf_home + "/token";
  if (file.empty()) file = get("HOME") + "/.cache/huggingface/token";
  hub.token = FirstWordOf(file);
  return hub;
}

HubConfig ReadHubConfig() {
  return ReadHubConfig([](const char* name) -> std::optional<std::string> {
    const char* value = std::getenv(name);
    return value ? std::optional<std::string>(value) : std::nullopt;
  });
}

Download HubDownload(const HubConfig& hub, const Source& source, const std::string& member) {
  Download download;
  download.url = hub.endpoint + "/" + EscapePath(source.package) + "/resolve/" +
                 EscapePath(source.version) + "/" + EscapePath(member);
  if (!hub.token.empty()) download.headers.push_back("Authorization: Bearer " + hub.token);
  return download;
}

Error ExplainHubError(const HubConfig& hub, const Source& source, Error error) {
  if (error.code != Code::kInvalidArgument) return error;  // 401 and 403
  error.message += "; accept the model's terms at " + hub.endpoint + "/" + source.package;
  error.message += hub.token.empty() ? " and set HF_TOKEN to a token of yours"
                                     : "; the token of HF_TOKEN (or the token file) was refused";
  return error;
}

}  // namespace parley::fetch
