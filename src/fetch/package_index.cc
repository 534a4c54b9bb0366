// SPDX-License-Identifier: Apache-2.0
#include "fetch/package_index.h"

#include <cctype>
#include <nlohmann/json.hpp>
#include <optional>

namespace parley::fetch {
namespace {

constexpr size_t kLargestPage = 64U << 20;  // a project with every nightly build is some 10 MB
constexpr const char* kAccept =
    "Accept: application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, "
    "text/html;q=0.1";

std::string Unescape(std::string_view text) {  // %41 -> A
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto digit = [&](size_t at) {
      return at < text.size() && std::isxdigit(static_cast<unsigned char>(text[at]));
    };
    if (text[i] == '%' && digit(i + 1) && digit(i + 2)) {
      out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::optional<std::string> FindInJson(const std::string& body, std::string_view file) {
  const auto page = nlohmann::json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!page.is_object() || !page.contains("files") || !page["files"].is_array()) return {};
  for (const auto& entry : page["files"]) {
    if (!entry.is_object() || !entry.contains("filename") || entry["filename"] != file) continue;
    if (entry.contains("url") && entry["url"].is_string()) return entry["url"];
  }
  return {};
}

// Every href; its last path component is the file's name.
std::optional<std::string> FindInHtml(std::string_view body, std::string_view file) {
  constexpr std::string_view kHref = "href=";
  for (size_t at = body.find(kHref); at != std::string_view::npos; at = body.find(kHref, at)) {
    at += kHref.size();
    if (at >= body.size() || (body[at] != '"' && body[at] != '\'')) continue;
    const size_t end = body.find(body[at], at + 1);
    if (end == std::string_view::npos) break;
    const std::string_view link = body.substr(at + 1, end - at - 1);
    const std::string_view path = link.substr(0, link.find_first_of("#?"));
    if (Unescape(path.substr(path.rfind('/') + 1)) == file) return std::string(path);
  }
  return {};
}

}  // namespace

std::string NormalisedName(std::string_view package) {
  std::string name;
  for (char c : package) {
    const bool separator = c == '-' || c == '_' || c == '.';
    if (!separator) {
      name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else if (!name.ends_with('-')) {
      name += '-';
    }
  }
  return name;
}

Result<std::string> FindLink(const HttpAnswer& page, std::string_view file) {
  std::optional<std::string> link = page.content_type.find("json") != std::string::npos
                                        ? FindInJson(page.body, file)
                                        : FindInHtml(page.body, file);
  if (!link) {
    return Fail(Code::kNotFound, PrintableUrl(page.url) + " does not offer " + std::string(file));
  }
  return ResolveUrl(page.url, *link);
}

Result<std::string> FindPackageFile(HttpClient& http, const PipConfig& pip,
                                    std::string_view package, std::string_view file) {
  std::optional<Error> first;
  for (const std::string& index : pip.index_urls) {
    const std::string url =
        index + (index.ends_with('/') ? "" : "/") + NormalisedName(package) + "/";
    Result<HttpAnswer> page = http.Get(url, {kAccept}, kLargestPage);
    Result<std::string> link =
        page ? FindLink(*page, file) : Result<std::string>(std::move(page).error());
    if (link) return link;
    if (!first) first = std::move(link).error();
  }
  if (first->code == Code::kNotFound) {
    first->message += "; if your index is an incomplete mirror, name another (PIP_INDEX_URL)";
  }
  return *std::move(first);
}

}  // namespace parley::fetch
