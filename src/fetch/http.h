// HTTP(S): GET of small answers into memory and of files onto the disk with resume; POST whose answer streams.
// Thread:   one client per thread.
// Memory:   an answer is at most `max_bytes`; a file goes straight to disk.
// Overload: a transfer that stalls is given up after 30 s and tried again, where it stopped.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace parley::fetch {

struct HttpOptions {
  std::string cert;   // a file of certificates; empty: SSL_CERT_FILE, CURL_CA_BUNDLE, the system's
  std::string proxy;  // empty: https_proxy, http_proxy, no_proxy
  int attempts = 5;   // without progress; one that brought bytes does not count
  std::chrono::milliseconds first_pause{500};  // before the second attempt, then twice as long
};

struct HttpAnswer {
  std::string body;
  std::string url;  // after redirects
  std::string content_type;
};

struct Download {
  std::string url;
  std::vector<std::string> headers;  // "Name: value"
  std::string path;                  // bytes that are there already are not asked for again
  int64_t size = 0;                  // what is expected
};

struct HttpPost {
  std::string url;
  std::vector<std::string> headers;  // "Name: value"
  std::string body;
  std::chrono::seconds connect{5};
  std::chrono::seconds stall{10};  // without a byte: given up
};

// Called as bytes arrive; false cancels.
using HttpBody = std::function<bool(std::string_view bytes)>;
// Called as bytes arrive; false cancels.
using HttpProgress = std::function<bool(int64_t done, int64_t total)>;

class HttpClient {
 public:
  explicit HttpClient(HttpOptions options);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  Result<HttpAnswer> Get(const std::string& url, const std::vector<std::string>& headers,
                         size_t max_bytes);

  // The body of a good answer, piece by piece. Never tried again, never redirected: a POST may have been acted on.
  Status Post(const HttpPost& post, const HttpBody& body);

  // Until `path` has `size` bytes. The bytes are whatever the server sent: check their hash.
  Status Fetch(const Download& download, const HttpProgress& progress);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Without user and password, for messages.
std::string PrintableUrl(std::string_view url);

// `reference` as a link on the page `base`.
Result<std::string> ResolveUrl(const std::string& base, const std::string& reference);

}  // namespace parley::fetch
