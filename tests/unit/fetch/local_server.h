// A small HTTP server on this machine whose faults can be chosen: cut connections, ignored ranges,
// error answers, redirects, required tokens.
// Thread:   one thread of its own; Serve, Change and requests() may be called from any other.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace parley::test {

struct Route {
  std::string body;
  std::string content_type = "application/octet-stream";
  int status = 200;
  std::string location;           // of a redirect
  std::string token;              // asked for as "Bearer <token>"; 401 without
  bool ranges = true;             // false: every answer is whole
  std::vector<size_t> cut_after;  // the n-th request is cut off after this many bytes of body
  int failures = 0;               // so many requests get 503 first
  bool never_ends = false;        // the connection stays open, silent, behind cut_after bytes
};

struct Request {
  std::string path;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string method;
  std::string body;
};

class LocalServer {
 public:
  LocalServer() {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        listen(listener_, 16) != 0 ||
        getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      std::abort();
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::jthread([this] { Loop(); });
  }
  ~LocalServer() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }

  std::string Url(const std::string& path = "") const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }
  void Serve(const std::string& path, Route route) {
    std::lock_guard lock(mutex_);
    routes_[path] = std::move(route);
  }
  std::vector<Request> requests() const {
    std::lock_guard lock(mutex_);
    return requests_;
  }
  std::vector<Request> requests(const std::string& path) const {
    std::vector<Request> found = requests();
    std::erase_if(found, [&](const Request& r) { return r.path != path; });
    return found;
  }

 private:
  void Loop() {
    for (;;) {
      const int peer = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (peer < 0) return;
      Answer(peer);
      close(peer);
    }
  }

  static std::optional<Request> Read(int peer) {
    std::string text;
    char buffer[4096];
    while (text.find("\r\n\r\n") == std::string::npos) {
      const ssize_t got = recv(peer, buffer, sizeof(buffer), 0);
      if (got <= 0) return {};
      text.append(buffer, static_cast<size_t>(got));
    }
    Request request;
    const size_t path = text.find(' ') + 1;
    request.method = text.substr(0, path - 1);
    request.path = text.substr(path, text.find(' ', path) - path);
    for (size_t at = text.find("\r\n") + 2; text.compare(at, 2, "\r\n") != 0;) {
      const size_t colon = text.find(':', at);
      const size_t end = text.find("\r\n", at);
      std::string name = text.substr(at, colon - at);
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      request.headers[name] = text.substr(colon + 2, end - colon - 2);
      at = end + 2;
    }
    request.body = text.substr(text.find("\r\n\r\n") + 4);
    const auto length = static_cast<size_t>(std::atoll(request.headers["content-length"].c_str()));
    while (request.body.size() < length) {
      const ssize_t got = recv(peer, buffer, sizeof(buffer), 0);
      if (got <= 0) return {};
      request.body.append(buffer, static_cast<size_t>(got));
    }
    return request;
  }

  void Answer(int peer) {
    const std::optional<Request> request = Read(peer);
    if (!request) return;
    std::string head;
    std::string body;
    std::optional<size_t> cut;
    bool never_ends = false;
    {
      std::lock_guard lock(mutex_);
      requests_.push_back(*request);
      const auto found = routes_.find(request->path);
      if (found == routes_.end()) {
        head = "HTTP/1.1 404 Not Found\r\n";
      } else {
        std::tie(head, body) = Compose(*request, found->second);
        if (auto& cuts = found->second.cut_after; !cuts.empty() && !body.empty()) {
          cut = cuts.front();
          cuts.erase(cuts.begin());
          never_ends = found->second.never_ends;
        }
      }
    }
    head += "Content-Length: " + std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n";
    if (cut) body.resize(std::min(*cut, body.size()));
    const std::string all = head + body;
    for (size_t sent = 0; sent < all.size();) {
      const ssize_t put = send(peer, all.data() + sent, all.size() - sent, MSG_NOSIGNAL);
      if (put <= 0) return;
      sent += static_cast<size_t>(put);
    }
    char byte = 0;
    if (never_ends) (void)recv(peer, &byte, 1, 0);  // until the client gives up
  }

  static std::pair<std::string, std::string> Compose(const Request& request, Route& route) {
    const auto header = [&](const char* name) {
      const auto found = request.headers.find(name);
      return found == request.headers.end() ? std::string() : found->second;
    };
    if (route.failures > 0) {
      --route.failures;
      return {"HTTP/1.1 503 Service Unavailable\r\n", "busy"};
    }
    if (!route.token.empty() && header("authorization") != "Bearer " + route.token) {
      return {"HTTP/1.1 401 Unauthorized\r\n", "no token"};
    }
    if (!route.location.empty()) {
      return {"HTTP/1.1 302 Found\r\nLocation: " + route.location + "\r\n", ""};
    }
    const std::string type = "Content-Type: " + route.content_type + "\r\n";
    const std::string range = header("range");  // "bytes=123-"
    if (!range.empty() && route.ranges && route.status == 200) {
      const auto begin = static_cast<size_t>(std::strtoull(range.c_str() + 6, nullptr, 10));
      if (begin >= route.body.size()) return {"HTTP/1.1 416 Range Not Satisfiable\r\n", ""};
      const std::string size = std::to_string(route.body.size());
      return {"HTTP/1.1 206 Partial Content\r\n" + type + "Content-Range: bytes " +
                  std::to_string(begin) + "-" + std::to_string(route.body.size() - 1) + "/" + size +
                  "\r\n",
              route.body.substr(begin)};
    }
    return {"HTTP/1.1 " + std::to_string(route.status) + " X\r\n" + type, route.body};
  }

  int listener_ = -1;
  int port_ = 0;
  mutable std::mutex mutex_;
  std::map<std::string, Route> routes_;  // {mutex_}
  std::vector<Request> requests_;        // {mutex_}
  std::jthread thread_;
};

}  // namespace parley::test
