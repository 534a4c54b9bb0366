// SPDX-License-Identifier: Apache-2.0
#include "fetch/pip_config.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>

namespace parley::fetch {
namespace {

using Settings = std::map<std::string, std::string>;

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

// "Index_URL" and "--index-url" are "index-url" to pip.
std::string KeyName(std::string_view key) {
  std::string name(key.substr(std::min(key.find_first_not_of('-'), key.size())));
  for (char& c : name) {
    c = c == '_' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return name;
}

std::vector<std::string> Words(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

void Apply(const Settings& settings, PipConfig& config) {
  const auto value = [&](const char* key) -> const std::string* {
    const auto found = settings.find(key);
    return found == settings.end() ? nullptr : &found->second;
  };
  if (const std::string* index = value("index-url"); index && !index->empty()) {
    config.index_urls[0] = *index;
  }
  if (const std::string* extra = value("extra-index-url")) {
    config.index_urls.resize(1);
    for (std::string& url : Words(*extra)) config.index_urls.push_back(std::move(url));
  }
  if (const std::string* cert = value("cert")) config.cert = *cert;
  if (const std::string* proxy = value("proxy")) config.proxy = *proxy;
}

std::string ReadIfThere(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

void ApplyPipConf(std::string_view text, PipConfig& config) {
  std::map<std::string, Settings> sections;
  std::string section;
  std::string key;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    const std::string_view content = Trim(line);
    if (content.empty() || content.front() == '#' || content.front() == ';') continue;
    const bool continues = line.front() == ' ' || line.front() == '\t';
    if (continues && !key.empty()) {
      sections[section][key] += "\n" + std::string(content);
    } else if (content.front() == '[') {
      section = content.substr(1, std::min(content.find(']'), content.size()) - 1);
      key.clear();
    } else if (const size_t sign = content.find_first_of("=:"); sign != std::string_view::npos) {
      key = KeyName(Trim(content.substr(0, sign)));
      sections[section][key] = Trim(content.substr(sign + 1));
    }
  }
  for (const char* name : {"global", "install", "download"}) Apply(sections[name], config);
}

PipConfig ReadPipConfig(const Environment& environment) {
  const auto get = [&](const char* name) { return environment(name).value_or(""); };
  const std::string home = get("HOME");
  const std::string named = get("PIP_CONFIG_FILE");
  PipConfig config;
  if (named != "/dev/null") {  // pip's way of saying: no files
    std::vector<std::string> files{"/etc/xdg/pip/pip.conf", "/etc/pip.conf",
                                   home + "/.pip/pip.conf"};
    const std::string xdg = get("XDG_CONFIG_HOME");
    files.push_back((xdg.empty() ? home + "/.config" : xdg) + "/pip/pip.conf");
    if (const std::string venv = get("VIRTUAL_ENV"); !venv.empty()) {
      files.push_back(venv + "/pip.conf");
    }
    if (!named.empty()) files.push_back(named);
    for (const std::string& file : files) ApplyPipConf(ReadIfThere(file), config);
  }
  Settings from_environment;
  for (const auto& [variable, key] : {std::pair{"PIP_INDEX_URL", "index-url"},
                                      {"PIP_EXTRA_INDEX_URL", "extra-index-url"},
                                      {"PIP_CERT", "cert"},
                                      {"PIP_PROXY", "proxy"}}) {
    if (auto value = environment(variable)) from_environment[key] = *value;
  }
  Apply(from_environment, config);
  return config;
}

PipConfig ReadPipConfig() {
  return ReadPipConfig([](const char* name) -> std::optional<std::string> {
    const char* value = std::getenv(name);
    return value ? std::optional<std::string>(value) : std::nullopt;
  });
}

}  // namespace parley::fetch
