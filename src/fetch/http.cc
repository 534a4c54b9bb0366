// SPDX-License-Identifier: Apache-2.0
#include "fetch/http.h"

#include <curl/curl.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <optional>

#include "common/check.h"

namespace parley::fetch {
namespace {

constexpr long kConnectTimeoutS = 30;
constexpr long kStallS = 30;
constexpr long kMaxRedirects = 8;
constexpr long kRangeNotSatisfiable = 416;

struct FileCloser {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
struct SlistFree {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
struct CurlUrlFree {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

// One transfer: where its bytes go, and why it was broken off.
struct Transfer {
  CURL* curl = nullptr;
  std::optional<int64_t> range_begin;  // of the answer's Content-Range
  // Called once, before the first byte of a good answer's body.
  std::function<Status(long code, std::optional<int64_t> range_begin)> begin;
  std::function<Status(std::string_view bytes)> write;
  bool begun = false;
  Status status;
  std::string error_body;  // of an answer that is not 2xx
};

size_t OnHeader(char* data, size_t size, size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  std::string line(data, size * count);
  for (char& c : line) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (line.starts_with("http/")) transfer.range_begin.reset();  // a new answer after a redirect
  constexpr std::string_view kRange = "content-range: bytes ";
  if (line.starts_with(kRange)) {
    transfer.range_begin = std::strtoll(line.c_str() + kRange.size(), nullptr, 10);
  }
  return size * count;
}

size_t OnBody(char* data, size_t size, size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::string_view bytes(data, size * count);
  long code = 0;
  curl_easy_getinfo(transfer.curl, CURLINFO_RESPONSE_CODE, &code);
  if (code < 200 || code > 299) {
    constexpr size_t kEnough = 300;
    transfer.error_body += bytes.substr(0, kEnough - std::min(kEnough, transfer.error_body.size()));
    return bytes.size();
  }
  if (!transfer.begun) {
    transfer.begun = true;
    transfer.status = transfer.begin(code, transfer.range_begin);
  }
  if (transfer.status) transfer.status = transfer.write(bytes);
  return transfer.status ? bytes.size() : 0;  // 0 ends the transfer
}

// Gives a silent transfer up: libcurl's own low-speed limit looks at an average and takes five seconds longer.
struct Watch {
  std::chrono::steady_clock::time_point last = std::chrono::steady_clock::now();
  std::chrono::seconds stall;
  curl_off_t bytes = 0;
  bool stalled = false;
};

int OnProgress(void* user, curl_off_t, curl_off_t down, curl_off_t, curl_off_t up) {
  auto& watch = *static_cast<Watch*>(user);
  const auto now = std::chrono::steady_clock::now();
  if (down + up != watch.bytes) {
    watch.bytes = down + up;
    watch.last = now;
  }
  watch.stalled = now - watch.last >= watch.stall;
  return watch.stalled ? 1 : 0;
}

// Whether asking again can help.
bool IsTransient(long code) { return code == 408 || code == 429 || code >= 500; }

Error HttpError(const std::string& url, long code, const std::string& body) {
  const Code kind = code == 404                  ? Code::kNotFound
                    : code == 401 || code == 403 ? Code::kInvalidArgument
                                                 : Code::kPeer;
  std::string text = PrintableUrl(url) + " answers " + std::to_string(code);
  const size_t line = std::min(body.find_first_of("\r\n"), body.size());
  if (line > 0 && body[0] != '<') text += ": " + body.substr(0, line);
  return Fail(kind, text);
}

// Set-up is not safe from several threads at once, so it is done once.
void InitCurl() {
  static const bool kDone = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  PARLEY_CHECK(kDone, "libcurl does not start");
}

std::string CertFile(const HttpOptions& options) {
  if (!options.cert.empty()) return options.cert;
  for (const char* name : {"CURL_CA_BUNDLE", "SSL_CERT_FILE"}) {
    if (const char* file = std::getenv(name); file && *file) return file;
  }
  return "";
}

}  // namespace

struct HttpClient::Impl {
  HttpOptions options;
  CURL* curl = nullptr;
  char message[CURL_ERROR_SIZE] = "";

  struct Outcome {
    Status status;
    bool retry = false;
    long code = 0;
    bool progress = false;
  };

  void Prepare(const std::string& url, const curl_slist* headers, Transfer& transfer);
  Outcome Perform(const std::string& url, const std::vector<std::string>& headers,
                  const std::string& range, Transfer& transfer);
  Status WithRetries(const std::function<Outcome()>& attempt);
  Outcome FetchOnce(const Download& download, const HttpProgress& progress, int64_t& furthest);
};

void HttpClient::Impl::Prepare(const std::string& url, const curl_slist* headers,
                               Transfer& transfer) {
  transfer.curl = curl;
  curl_easy_reset(curl);
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, kMaxRedirects);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, kConnectTimeoutS);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, kStallS);
  curl_easy_setopt(curl, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_OPTIONAL));
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "parley");
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, message);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &OnHeader);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &OnBody);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
  if (const std::string cert = CertFile(options); !cert.empty()) {
    curl_easy_setopt(curl, CURLOPT_CAINFO, cert.c_str());
  }
  if (!options.proxy.empty()) curl_easy_setopt(curl, CURLOPT_PROXY, options.proxy.c_str());
}

HttpClient::Impl::Outcome HttpClient::Impl::Perform(const std::string& url,
                                                    const std::vector<std::string>& headers,
                                                    const std::string& range, Transfer& transfer) {
  std::unique_ptr<curl_slist, SlistFree> list;
  for (const std::string& header : headers) {
    list.reset(curl_slist_append(list.release(), header.c_str()));
  }
  message[0] = '\0';
  Prepare(url, list.get(), transfer);
  if (!range.empty()) curl_easy_setopt(curl, CURLOPT_RANGE, range.c_str());
  const CURLcode done = curl_easy_perform(curl);
  long code = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code);
  if (!transfer.status) return {transfer.status, false, code};
  if (done != CURLE_OK) {
    const std::string why = message[0] ? message : curl_easy_strerror(done);
    return {Fail(Code::kPeer, "cannot download " + PrintableUrl(url) + ": " + why +
                                  "; check the network, a proxy (https_proxy) or a mirror "
                                  "(PIP_INDEX_URL), and run the same command again"),
            true, code};
  }
  if (code < 200 || code > 299) {
    return {HttpError(url, code, transfer.error_body), IsTransient(code), code};
  }
  return {{}, false, code};
}

Status HttpClient::Impl::WithRetries(const std::function<Outcome()>& attempt) {
  auto pause = options.first_pause;
  for (int left = options.attempts;;) {
    const Outcome outcome = attempt();
    if (outcome.status || !outcome.retry) return outcome.status;
    if (outcome.progress) {
      left = options.attempts;
      pause = options.first_pause;
    }
    if (--left <= 0) return outcome.status;
    // Nobody waits on the other end of this condition: it is a pause between attempts.
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable().wait_for(lock, pause, [] { return false; });
    pause *= 2;
  }
}

// `furthest`: how many bytes were ever there. Only more than that is progress, or a server that
// always breaks off at the same place would be asked for ever.
HttpClient::Impl::Outcome HttpClient::Impl::FetchOnce(const Download& download,
                                                      const HttpProgress& progress,
                                                      int64_t& furthest) {
  std::error_code missing;
  const auto on_disk = std::filesystem::file_size(download.path, missing);
  int64_t have = missing ? 0 : static_cast<int64_t>(on_disk);
  if (have > download.size) have = 0;  // not a beginning of what we want
  if (have == download.size && !missing) return {};
  const int64_t begin = have;
  furthest = std::max(furthest, begin);
  std::unique_ptr<std::FILE, FileCloser> file;
  const auto disk_error = [&] {
    const Code code = errno == ENOSPC || errno == EDQUOT ? Code::kExhausted : Code::kIo;
    return Fail(code, "cannot write " + download.path + ": " + std::strerror(errno));
  };
  Transfer transfer;
  transfer.begin = [&](long code, std::optional<int64_t> range_begin) -> Status {
    const bool resumed = code == 206 && range_begin == have;
    if (code == 206 && !resumed) {
      return Fail(Code::kPeer, PrintableUrl(download.url) + " sends another part than asked for");
    }
    if (!resumed) have = 0;  // the server starts from the beginning, so do we
    file.reset(std::fopen(download.path.c_str(), resumed ? "ab" : "wb"));
    return file ? Status() : disk_error();
  };
  transfer.write = [&](std::string_view bytes) -> Status {
    have += static_cast<int64_t>(bytes.size());
    if (have > download.size) {
      return Fail(Code::kCorruptData, PrintableUrl(download.url) + " sends more than the " +
                                          std::to_string(download.size) +
                                          " bytes the manifest says");
    }
    if (std::fwrite(bytes.data(), 1, bytes.size(), file.get()) != bytes.size()) {
      return disk_error();
    }
    if (progress && !progress(have, download.size)) {
      return Fail(Code::kCancelled, "cancelled; the next run goes on from here");
    }
    return {};
  };
  const std::string range = begin > 0 ? std::to_string(begin) + "-" : "";
  Outcome outcome = Perform(download.url, download.headers, range, transfer);
  if (file && std::fclose(file.release()) != 0 && outcome.status) outcome = {disk_error()};
  if (outcome.code == kRangeNotSatisfiable && begin > 0) {
    // The server's file is shorter than what is here: what is here is no beginning of it.
    std::filesystem::remove(download.path, missing);
    return FetchOnce(download, progress, furthest);
  }
  outcome.progress = have > furthest;
  furthest = std::max(furthest, have);
  if (outcome.status && have < download.size) {
    outcome.status =
        Fail(Code::kPeer, PrintableUrl(download.url) + " ends after " + std::to_string(have) +
                              " of " + std::to_string(download.size) + " bytes");
    outcome.retry = true;
  }
  return outcome;
}

HttpClient::HttpClient(HttpOptions options) : impl_(std::make_unique<Impl>()) {
  InitCurl();
  impl_->options = std::move(options);
  impl_->curl = curl_easy_init();
  PARLEY_CHECK(impl_->curl != nullptr, "libcurl gives no handle");
}

HttpClient::~HttpClient() { curl_easy_cleanup(impl_->curl); }

Result<HttpAnswer> HttpClient::Get(const std::string& url, const std::vector<std::string>& headers,
                                   size_t max_bytes) {
  HttpAnswer answer;
  const Status got = impl_->WithRetries([&] {
    answer.body.clear();
    Transfer transfer;
    transfer.begin = [](long, std::optional<int64_t>) { return Status(); };
    transfer.write = [&](std::string_view bytes) -> Status {
      if (answer.body.size() + bytes.size() > max_bytes) {
        return Fail(Code::kPeer, PrintableUrl(url) + " answers with more than " +
                                     std::to_string(max_bytes) + " bytes");
      }
      answer.body += bytes;
      return {};
    };
    return impl_->Perform(url, headers, "", transfer);
  });
  if (!got) return got.error();
  const auto info = [&](CURLINFO what) {
    const char* text = nullptr;
    curl_easy_getinfo(impl_->curl, what, &text);
    return std::string(text ? text : "");
  };
  answer.url = info(CURLINFO_EFFECTIVE_URL);
  answer.content_type = info(CURLINFO_CONTENT_TYPE);
  return answer;
}

Status HttpClient::Post(const HttpPost& post, const HttpBody& body) {
  Transfer transfer;
  transfer.begin = [](long, std::optional<int64_t>) { return Status(); };
  transfer.write = [&](std::string_view bytes) -> Status {
    if (body(bytes)) return {};
    return Fail(Code::kCancelled, "cancelled");
  };
  std::unique_ptr<curl_slist, SlistFree> list;
  for (const std::string& header : post.headers) {
    list.reset(curl_slist_append(list.release(), header.c_str()));
  }
  Impl& impl = *impl_;
  impl.message[0] = '\0';
  impl.Prepare(post.url, list.get(), transfer);
  curl_easy_setopt(impl.curl, CURLOPT_POSTFIELDS, post.body.data());
  curl_easy_setopt(impl.curl, CURLOPT_POSTFIELDSIZE_LARGE,
                   static_cast<curl_off_t>(post.body.size()));
  curl_easy_setopt(impl.curl, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(impl.curl, CURLOPT_CONNECTTIMEOUT, static_cast<long>(post.connect.count()));
  Watch watch{.stall = post.stall};
  curl_easy_setopt(impl.curl, CURLOPT_LOW_SPEED_TIME, 0L);
  curl_easy_setopt(impl.curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(impl.curl, CURLOPT_XFERINFOFUNCTION, &OnProgress);
  curl_easy_setopt(impl.curl, CURLOPT_XFERINFODATA, &watch);
  const CURLcode done = curl_easy_perform(impl.curl);
  long code = 0;
  curl_easy_getinfo(impl.curl, CURLINFO_RESPONSE_CODE, &code);
  if (!transfer.status) return transfer.status;
  if (watch.stalled) {
    return Fail(Code::kTimeout, PrintableUrl(post.url) + " was silent for " +
                                    std::to_string(post.stall.count()) + " s");
  }
  if (done != CURLE_OK) {
    const std::string why = impl.message[0] ? impl.message : curl_easy_strerror(done);
    return Fail(done == CURLE_OPERATION_TIMEDOUT ? Code::kTimeout : Code::kPeer,
                PrintableUrl(post.url) + ": " + why);
  }
  if (code < 200 || code > 299) return HttpError(post.url, code, transfer.error_body);
  return {};
}

Status HttpClient::Fetch(const Download& download, const HttpProgress& progress) {
  int64_t furthest = 0;
  return impl_->WithRetries([&] { return impl_->FetchOnce(download, progress, furthest); });
}

std::string PrintableUrl(std::string_view url) {
  const size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return std::string(url);
  const size_t host = scheme + 3;
  const std::string_view authority = url.substr(host, url.find_first_of("/?#", host) - host);
  const size_t at = authority.rfind('@');
  if (at == std::string_view::npos) return std::string(url);
  return std::string(url.substr(0, host)) + std::string(url.substr(host + at + 1));
}

Result<std::string> ResolveUrl(const std::string& base, const std::string& reference) {
  const std::unique_ptr<CURLU, CurlUrlFree> url(curl_url());
  char* text = nullptr;
  if (curl_url_set(url.get(), CURLUPART_URL, base.c_str(), 0) != CURLUE_OK ||
      curl_url_set(url.get(), CURLUPART_URL, reference.c_str(), 0) != CURLUE_OK ||
      curl_url_get(url.get(), CURLUPART_URL, &text, 0) != CURLUE_OK) {
    return Fail(Code::kPeer, PrintableUrl(base) + " links to \"" + reference + "\", no URL");
  }
  std::string resolved(text);
  curl_free(text);
  return resolved;
}

}  // namespace parley::fetch
