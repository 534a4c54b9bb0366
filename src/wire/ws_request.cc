// SPDX-License-Identifier: Apache-2.0
#include "wire/ws_request.h"

#include <libwebsockets.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

namespace parley::wire {
namespace {

constexpr std::array kHeaderTokens = {
    std::pair{WSI_TOKEN_HOST, "host"},
    std::pair{WSI_TOKEN_ORIGIN, "origin"},
    std::pair{WSI_TOKEN_HTTP_AUTHORIZATION, "authorization"},
    std::pair{WSI_TOKEN_HTTP_CONTENT_TYPE, "content-type"},
    std::pair{WSI_TOKEN_HTTP_USER_AGENT, "user-agent"},
    std::pair{WSI_TOKEN_HTTP_IF_MODIFIED_SINCE, "if-modified-since"},
    std::pair{WSI_TOKEN_X_FORWARDED_FOR, "x-forwarded-for"},
};
constexpr std::array kCustomHeaders = {"api-key", "openai-beta", "x-forwarded-proto",
                                       "access-control-request-headers", "if-none-match"};
constexpr std::array kMethods = {
    std::pair{WSI_TOKEN_GET_URI, "GET"},         std::pair{WSI_TOKEN_POST_URI, "POST"},
    std::pair{WSI_TOKEN_OPTIONS_URI, "OPTIONS"}, std::pair{WSI_TOKEN_PUT_URI, "PUT"},
    std::pair{WSI_TOKEN_PATCH_URI, "PATCH"},     std::pair{WSI_TOKEN_DELETE_URI, "DELETE"},
    std::pair{WSI_TOKEN_HEAD_URI, "HEAD"},
};

std::string HeaderOf(lws* wsi, lws_token_indexes token) {
  const int length = lws_hdr_total_length(wsi, token);
  if (length <= 0) return {};
  std::string value(static_cast<size_t>(length) + 1, '\0');
  const int copied = lws_hdr_copy(wsi, value.data(), length + 1, token);
  value.resize(copied > 0 ? static_cast<size_t>(copied) : 0);
  return value;
}

std::string CustomHeaderOf(lws* wsi, const std::string& name) {
  const std::string with_colon = name + ":";
  const int name_length = static_cast<int>(with_colon.size());
  const int length = lws_hdr_custom_length(wsi, with_colon.c_str(), name_length);
  if (length <= 0) return {};
  std::string value(static_cast<size_t>(length) + 1, '\0');
  const int copied =
      lws_hdr_custom_copy(wsi, value.data(), length + 1, with_colon.c_str(), name_length);
  value.resize(copied > 0 ? static_cast<size_t>(copied) : 0);
  return value;
}

std::vector<std::string> SplitList(const std::string& list) {
  std::vector<std::string> out;
  for (size_t begin = 0; begin < list.size();) {
    size_t end = std::min(list.find(',', begin), list.size());
    size_t first = begin;
    const size_t next = end + 1;
    while (first < end && list[first] == ' ') ++first;
    while (end > first && list[end - 1] == ' ') --end;
    if (end > first) out.push_back(list.substr(first, end - first));
    begin = next;
  }
  return out;
}

}  // namespace

Request RequestOf(lws* wsi) {
  Request request;
  for (const auto& [token, method] : kMethods) {
    std::string uri = HeaderOf(wsi, token);
    if (uri.empty()) continue;
    request.method = method;
    request.path = std::move(uri);
    break;
  }
  for (const auto& [token, name] : kHeaderTokens) {
    std::string value = HeaderOf(wsi, token);
    if (!value.empty()) request.headers.emplace(name, std::move(value));
  }
  for (const char* name : kCustomHeaders) {
    std::string value = CustomHeaderOf(wsi, name);
    if (!value.empty()) request.headers.emplace(name, std::move(value));
  }
  request.protocols = SplitList(HeaderOf(wsi, WSI_TOKEN_PROTOCOL));
  char fragment[2048];
  for (int i = 0;; ++i) {
    const int length =
        lws_hdr_copy_fragment(wsi, fragment, sizeof(fragment), WSI_TOKEN_HTTP_URI_ARGS, i);
    if (length < 0) break;
    const std::string pair(fragment, static_cast<size_t>(length));
    const size_t equals = std::min(pair.find('='), pair.size());
    request.query.emplace_back(pair.substr(0, equals),
                               equals < pair.size() ? pair.substr(equals + 1) : "");
  }
  char address[64] = {};
  lws_get_peer_simple(wsi, address, sizeof(address));
  request.peer = address;
  if (request.peer.starts_with("::ffff:")) request.peer.erase(0, 7);
  request.tls = lws_is_ssl(wsi) != 0;
  return request;
}

int64_t BodyLengthOf(lws* wsi) {
  const std::string length = HeaderOf(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH);
  return length.empty() ? 0 : std::atoll(length.c_str());
}

bool BodyComesInChunks(lws* wsi) {
  return !HeaderOf(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING).empty();
}

}  // namespace parley::wire
