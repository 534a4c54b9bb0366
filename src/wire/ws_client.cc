// SPDX-License-Identifier: Apache-2.0
#include "wire/ws_client.h"

#include <libwebsockets.h>

#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "common/log.h"
#include "wire/outbox.h"

namespace parley::wire {
namespace {

void LogLine(int, const char* line) {
  std::string_view text(line);
  while (text.ends_with('\n')) text.remove_suffix(1);
  LogWarn("libwebsockets", {{"line", std::string(text)}});
}

class Client final : public WsClient, public Socket {
 public:
  Client(const WsClientOptions& options, std::shared_ptr<SocketListener> listener)
      : options_(options),
        listener_(std::move(listener)),
        outbox_(options.outbox_bytes, [this] { Wake(); }) {}

  ~Client() override {
    ended_ = true;
    Wake();
    if (thread_.joinable()) thread_.join();
    if (context_ != nullptr) lws_context_destroy(context_);
  }

  Status Start() {
    PARLEY_TRY(url_, ParseUrl(options_.url));
    lws_set_log_level(LLL_ERR, LogLine);
    protocols_[0] = {"realtime", &Callback, 0, 16384, 0, nullptr, 0};
    protocols_[1] = {nullptr, nullptr, 0, 0, 0, nullptr, 0};
    lws_context_creation_info info{};
    info.user = this;
    info.port = CONTEXT_PORT_NO_LISTEN;
    info.protocols = protocols_.data();
    info.gid = static_cast<gid_t>(-1);
    info.uid = static_cast<uid_t>(-1);
    info.pt_serv_buf_size = 16384;
    info.timeout_secs = static_cast<unsigned>(options_.connect_ms / 1000 + 1);
    if (url_.tls) info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    context_ = lws_create_context(&info);
    if (context_ == nullptr) return Fail(Code::kIo, "cannot start a WebSocket client");

    lws_client_connect_info connect{};
    connect.context = context_;
    connect.address = url_.host.c_str();
    connect.port = url_.port;
    connect.path = url_.path.c_str();
    connect.host = url_.host.c_str();
    connect.origin = nullptr;  // that is a browser's
    connect.protocol = protocols_[0].name;
    connect.local_protocol_name = protocols_[0].name;
    connect.pwsi = &wsi_;
    if (url_.tls) {
      connect.ssl_connection = LCCSCF_USE_SSL;
      if (options_.any_certificate) {
        connect.ssl_connection |= LCCSCF_ALLOW_SELFSIGNED | LCCSCF_ALLOW_INSECURE |
                                  LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK;
      }
    }
    if (lws_client_connect_via_info(&connect) == nullptr) {
      return Fail(Code::kPeer, "cannot connect to " + options_.url + Why());
    }
    thread_ = std::thread([this] {
      while (!ended_ && !closed_) lws_service(context_, 0);
    });
    std::unique_lock lock(mutex_);
    const bool answered = answer_.wait_for(lock, std::chrono::milliseconds(options_.connect_ms),
                                           [this] { return open_ || closed_.load(); });
    if (open_) return {};
    return Fail(answered ? Code::kPeer : Code::kTimeout,
                "cannot connect to " + options_.url +
                    (answered ? Why()
                              : ": no answer in " + std::to_string(options_.connect_ms) +
                                    " ms; is the server running there?"));
  }

  // ---- any thread
  Socket& socket() override { return *this; }
  bool Send(std::string text, int64_t group) override {
    const Outbox::Put put = outbox_.Push(std::move(text), group);
    if (put == Outbox::Put::kFull) outbox_.Close(1013, "you read too slowly", true);
    return put == Outbox::Put::kTaken;
  }
  size_t TakeBack(int64_t group) override { return outbox_.Drop(group); }
  void Close(uint16_t code, std::string reason) override { outbox_.Close(code, std::move(reason)); }
  size_t queued_bytes() const override { return outbox_.bytes(); }

 private:
  void Wake() {
    if (context_ != nullptr) lws_cancel_service(context_);
  }
  std::string Why() const { return why_.empty() ? "" : ": " + why_; }

  static int Callback(lws* wsi, lws_callback_reasons reason, void*, void* in, size_t length) {
    auto* client = static_cast<Client*>(lws_context_user(lws_get_context(wsi)));
    return client == nullptr ? 0 : client->On(wsi, reason, in, length);
  }

  // On our thread.
  int On(lws* wsi, lws_callback_reasons reason, void* in, size_t length) {
    switch (reason) {
      case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
        return AddHeaders(wsi, static_cast<unsigned char**>(in), length);
      case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        Ended(in == nullptr ? std::string("the connection failed")
                            : std::string(static_cast<const char*>(in), length));
        return 0;
      case LWS_CALLBACK_CLIENT_ESTABLISHED: {
        const std::lock_guard lock(mutex_);
        open_ = true;
        answer_.notify_all();
        return 0;
      }
      case LWS_CALLBACK_CLIENT_RECEIVE:
        return Receive(static_cast<const char*>(in), length);
      case LWS_CALLBACK_CLIENT_WRITEABLE:
        return Writeable();
      case LWS_CALLBACK_EVENT_WAIT_CANCELLED:
        if (open_ && wsi_ != nullptr) lws_callback_on_writable(wsi_);
        return 0;
      case LWS_CALLBACK_CLIENT_CLOSED:
        Ended("the server has closed the connection");
        return 0;
      default:
        return 0;
    }
  }

  int AddHeaders(lws* wsi, unsigned char** at, size_t room) {
    unsigned char* end = *at + room;
    for (const auto& [name, value] : options_.headers) {
      if (lws_add_http_header_by_name(wsi,
                                      reinterpret_cast<const unsigned char*>((name + ":").c_str()),
                                      reinterpret_cast<const unsigned char*>(value.data()),
                                      static_cast<int>(value.size()), at, end) != 0) {
        return -1;
      }
    }
    return 0;
  }

  int Receive(const char* data, size_t length) {
    if (inbox_.size() + length > options_.longest_message) return -1;
    inbox_.append(data, length);
    if (lws_is_final_fragment(wsi_) == 0 || lws_remaining_packet_payload(wsi_) != 0) return 0;
    if (!ended_) listener_->OnText(std::exchange(inbox_, {}));
    return 0;
  }

  int Writeable() {
    while (std::optional<Outbox::Message> message = outbox_.Take()) {
      send_buffer_.assign(LWS_PRE, '\0');
      send_buffer_ += message->text;
      auto* payload = reinterpret_cast<unsigned char*>(send_buffer_.data()) + LWS_PRE;
      const size_t size = message->text.size();
      if (lws_write(wsi_, payload, size, LWS_WRITE_TEXT) < static_cast<int>(size)) return -1;
      if (lws_send_pipe_choked(wsi_) != 0) break;
    }
    if (const auto closing = outbox_.closing()) {
      std::string text = closing->reason.substr(0, 120);
      lws_close_reason(wsi_, static_cast<lws_close_status>(closing->code),
                       reinterpret_cast<unsigned char*>(text.data()), text.size());
      return -1;
    }
    if (outbox_.bytes() > 0) lws_callback_on_writable(wsi_);
    return 0;
  }

  void Ended(std::string why) {
    outbox_.PeerGone();
    wsi_ = nullptr;
    bool told = false;
    {
      const std::lock_guard lock(mutex_);
      why_ = std::move(why);
      told = open_ && !closed_;
      closed_ = true;
      answer_.notify_all();
    }
    if (told && !ended_) listener_->OnClosed();
  }

  const WsClientOptions options_;
  const std::shared_ptr<SocketListener> listener_;
  Url url_;
  std::array<lws_protocols, 2> protocols_{};
  lws_context* context_ = nullptr;
  Outbox outbox_;
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable answer_;
  bool open_ = false;  // {mutex_}, written on our thread
  std::string why_;    // {mutex_}
  std::atomic<bool> closed_{false};
  std::atomic<bool> ended_{false};  // we end it
  lws* wsi_ = nullptr;              // our thread's, after Start
  std::string inbox_, send_buffer_;
};

}  // namespace

Result<Url> ParseUrl(std::string_view text) {
  const auto bad = [text] {
    return Fail(Code::kInvalidArgument, "\"" + std::string(text) +
                                            "\" is no address of a server; write for example "
                                            "ws://127.0.0.1:8080/v1/realtime");
  };
  Url url;
  const size_t scheme = text.find("://");
  if (scheme == std::string_view::npos) return bad();
  const std::string_view name = text.substr(0, scheme);
  if (name != "ws" && name != "wss" && name != "http" && name != "https") return bad();
  url.tls = name == "wss" || name == "https";
  const std::string_view rest = text.substr(scheme + 3);
  const size_t slash = std::min(rest.find_first_of("/?"), rest.size());
  std::string_view host = rest.substr(0, slash);
  url.path = rest.substr(slash);
  if (!url.path.starts_with('/')) url.path = "/" + url.path;
  url.port = url.tls ? 443 : 80;
  const size_t colon = host.rfind(':');
  if (colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos) {
    const std::string_view port = host.substr(colon + 1);
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), url.port);
    if (error != std::errc() || end != port.data() + port.size() || url.port < 1 ||
        url.port > 65535) {
      return bad();
    }
    host = host.substr(0, colon);
  }
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host.empty()) return bad();
  url.host = host;
  return url;
}

Result<std::unique_ptr<WsClient>> WsClient::Connect(const WsClientOptions& options,
                                                    std::shared_ptr<SocketListener> listener) {
  auto client = std::make_unique<Client>(options, std::move(listener));
  PARLEY_TRY_STATUS(client->Start());
  return std::unique_ptr<WsClient>(std::move(client));
}

}  // namespace parley::wire
