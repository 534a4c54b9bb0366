// SPDX-License-Identifier: Apache-2.0
#include "server/access.h"

#include <arpa/inet.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "server/unix_time.h"
#include "wire/base64.h"

namespace parley::server {
namespace {

constexpr std::string_view kProtocolKey = "openai-insecure-api-key.";

std::string Trimmed(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) {
    text.remove_suffix(1);
  }
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) {
    text.remove_prefix(1);
  }
  return std::string(text);
}

std::vector<std::string> Split(std::string_view list) {
  std::vector<std::string> out;
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    std::string one = Trimmed(list.substr(0, comma));
    if (!one.empty()) out.push_back(std::move(one));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return out;
}

std::array<unsigned char, 32> Sha256(std::string_view text) {
  std::array<unsigned char, 32> digest{};
  unsigned int length = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &length, EVP_sha256(), nullptr);
  return digest;
}

std::string HmacSha256(std::string_view key, std::string_view text) {
  unsigned char digest[32];
  unsigned int length = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest, &length);
  return std::string(reinterpret_cast<const char*>(digest), length);
}

// Base64 for URLs and headers, without padding.
std::string UrlText(std::string_view bytes) {
  std::string text;
  wire::AppendBase64(text, bytes);
  while (!text.empty() && text.back() == '=') text.pop_back();
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  return text;
}

std::string HostOf(std::string_view authority) {  // "host:port", "[::1]:port"
  if (authority.starts_with('[')) {
    const size_t end = authority.find(']');
    return std::string(authority.substr(1, end == std::string_view::npos ? end : end - 1));
  }
  return std::string(authority.substr(0, authority.rfind(':')));
}

wire::Answer Unauthorised(std::string_view code, std::string_view message) {
  wire::Answer answer = wire::ErrorAnswer(401, "invalid_request_error", code, message);
  answer.headers.emplace_back("www-authenticate", "Bearer");
  return answer;
}

}  // namespace

std::string_view KeyOf(const wire::Request& request) {
  const std::string_view authorization = request.Header("authorization");
  if (authorization.size() > 7 &&
      (authorization.starts_with("Bearer ") || authorization.starts_with("bearer "))) {
    return authorization.substr(7);
  }
  if (!request.Header("api-key").empty()) return request.Header("api-key");
  for (const std::string& protocol : request.protocols) {
    if (std::string_view(protocol).starts_with(kProtocolKey)) {
      return std::string_view(protocol).substr(kProtocolKey.size());
    }
  }
  return {};
}

bool IsLoopback(std::string_view host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

Result<bool> InNetwork(const std::string& address, const std::string& network) {
  const size_t slash = network.find('/');
  const std::string base = network.substr(0, slash);
  unsigned char a[16], b[16];
  const int family = base.find(':') != std::string::npos ? AF_INET6 : AF_INET;
  const int most = family == AF_INET6 ? 128 : 32;
  int bits = most;
  if (slash != std::string::npos) bits = std::atoi(network.c_str() + slash + 1);
  if (inet_pton(family, base.c_str(), b) != 1 || bits < 0 || bits > most) {
    return Fail(Code::kInvalidArgument,
                "\"" + network + "\" is no network: write it like 10.0.0.0/8 or fd00::/8");
  }
  if (inet_pton(family, address.c_str(), a) != 1) return false;
  for (int bit = 0; bit < bits; ++bit) {
    const int mask = 0x80 >> (bit % 8);
    if ((a[bit / 8] & mask) != (b[bit / 8] & mask)) return false;
  }
  return true;
}

std::string ClientAddress(const wire::Request& request, const std::string& proxy_network) {
  const auto is_proxy = [&](const std::string& address) {
    const auto inside = InNetwork(address, proxy_network);
    return inside.has_value() && *inside;
  };
  if (proxy_network.empty() || !is_proxy(request.peer)) return request.peer;
  const std::vector<std::string> hops = Split(request.Header("x-forwarded-for"));
  const auto client = std::find_if_not(hops.rbegin(), hops.rend(), is_proxy);
  return client == hops.rend() ? request.peer : *client;
}

Result<Access> Access::Open(const ServerConfig& config) {
  Access access;
  std::vector<std::string> keys;
  if (!config.keys_file.empty()) {
    std::ifstream file(config.keys_file);
    if (!file) return Fail(Code::kIo, "cannot read the keys in " + config.keys_file);
    for (std::string line; std::getline(file, line);) {
      line = Trimmed(line.substr(0, line.find('#')));
      if (!line.empty()) keys.push_back(std::move(line));
    }
    if (keys.empty()) {
      return Fail(Code::kInvalidArgument,
                  config.keys_file + " holds no key: one a line, # begins a comment");
    }
  } else if (const char* list = std::getenv("PARLEY_API_KEYS")) {
    keys = Split(list);
  }
  for (const std::string& key : keys) access.keys_.push_back(Sha256(key));
  access.origins_ = Split(config.origins);
  access.any_origin_ =
      std::find(access.origins_.begin(), access.origins_.end(), "*") != access.origins_.end();
  // With keys, every server that knows them can read the secrets of the others.
  if (keys.empty()) {
    access.signing_key_.resize(32);
    RAND_bytes(reinterpret_cast<unsigned char*>(access.signing_key_.data()), 32);
  } else {
    access.signing_key_ = HmacSha256(keys.front(), "parley ephemeral secrets");
  }
  return access;
}

std::optional<std::string> Access::Known(std::string_view key) const {
  const Digest digest = Sha256(key);
  std::optional<std::string> name;
  for (size_t i = 0; i < keys_.size(); ++i) {  // all of them, whichever it is
    if (CRYPTO_memcmp(keys_[i].data(), digest.data(), digest.size()) == 0) {
      name = "key " + std::to_string(i + 1);
    }
  }
  return name;
}

std::string Access::Mint(std::string_view session_json, int64_t expires_at) const {
  const std::string claim = std::to_string(expires_at) + " " + std::string(session_json);
  return "ek_" + UrlText(claim) + "." + UrlText(HmacSha256(signing_key_, claim));
}

std::optional<std::string> Access::SessionOf(std::string_view secret) const {
  if (!secret.starts_with("ek_")) return std::nullopt;
  secret.remove_prefix(3);
  const size_t dot = secret.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto claim = wire::DecodeBase64(secret.substr(0, dot));
  const auto signature = wire::DecodeBase64(secret.substr(dot + 1));
  if (!claim || !signature) return std::nullopt;
  const std::string wanted = HmacSha256(signing_key_, *claim);
  if (signature->size() != wanted.size() ||
      CRYPTO_memcmp(signature->data(), wanted.data(), wanted.size()) != 0) {
    return std::nullopt;
  }
  if (std::atoll(claim->c_str()) < UnixNow()) return std::nullopt;
  const size_t space = claim->find(' ');
  return space == std::string::npos ? std::string() : claim->substr(space + 1);
}

bool Access::OriginAllowed(const wire::Request& request) const {
  const std::string_view origin = request.Header("origin");
  if (origin.empty() || any_origin_) return true;  // no web page, or any
  if (std::find(origins_.begin(), origins_.end(), origin) != origins_.end()) return true;
  const size_t scheme = origin.find("://");
  if (scheme == std::string_view::npos) return false;
  const std::string_view authority = origin.substr(scheme + 3);
  const std::string host = HostOf(request.Header("host"));
  if (IsLoopback(HostOf(authority)) && IsLoopback(host)) return true;
  return authority == request.Header("host") && !open_to_all();
}

std::optional<wire::Answer> Access::RefuseOrigin(const wire::Request& request) const {
  // A name that was bent to this machine (DNS rebinding) is not a name of it.
  const std::string host = HostOf(request.Header("host"));
  unsigned char bytes[16];
  const bool number =
      inet_pton(AF_INET, host.c_str(), bytes) == 1 || inet_pton(AF_INET6, host.c_str(), bytes) == 1;
  if (open_to_all() && !host.empty() && !number && !IsLoopback(host)) {
    return wire::ErrorAnswer(403, "invalid_request_error", "wrong_host",
                             "This server has no keys and answers to localhost only.");
  }
  if (OriginAllowed(request)) return std::nullopt;
  return wire::ErrorAnswer(403, "invalid_request_error", "origin_not_allowed",
                           "Pages of this origin may not connect; allow it with --origin.");
}

std::optional<wire::Answer> Access::Refuse(const wire::Request& request, Guest& guest) const {
  if (auto refusal = RefuseOrigin(request)) return refusal;
  const std::string_view key = KeyOf(request);
  if (auto session = SessionOf(key)) {
    guest = {"ephemeral", *std::move(session)};
    return std::nullopt;
  }
  if (open_to_all()) return std::nullopt;
  if (key.empty()) {
    return Unauthorised("missing_api_key",
                        "Send an API key: Authorization: Bearer KEY, or api-key: KEY.");
  }
  const auto name = Known(key);
  if (!name) return Unauthorised("invalid_api_key", "This API key is not known here.");
  guest = {*name, ""};
  return std::nullopt;
}

}  // namespace parley::server
