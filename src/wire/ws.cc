// SPDX-License-Identifier: Apache-2.0
#include "wire/ws.h"

#include <libwebsockets.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <map>
#include <thread>
#include <utility>

#include "common/log.h"
#include "wire/outbox.h"
#include "wire/ws_answer.h"
#include "wire/ws_request.h"
#include "wire/ws_wakeup.h"

namespace parley::wire {
namespace {

class Server;

// One TCP connection; the wsi is touched by the server's thread only.
struct Peer {
  lws* wsi = nullptr;
  Request request;
  std::shared_ptr<Outbox> outbox;
  std::shared_ptr<SocketListener> listener;  // of a WebSocket
  std::string inbox;                         // the message being received
  std::shared_ptr<AnswerState> answer;       // of an answer under way
};

constexpr std::chrono::microseconds kGoodbye{500'000};

class OutboxSocket final : public Socket {
 public:
  OutboxSocket(std::shared_ptr<Outbox> outbox, std::shared_ptr<std::atomic<int64_t>> slow)
      : outbox_(std::move(outbox)), slow_(std::move(slow)) {}
  bool Send(std::string text, int64_t group) override {
    const Outbox::Put put = outbox_->Push(std::move(text), group);
    if (put == Outbox::Put::kFull) {
      ++*slow_;
      outbox_->Close(1013, "you read too slowly", true);
    }
    return put == Outbox::Put::kTaken;
  }
  size_t TakeBack(int64_t group) override { return outbox_->Drop(group); }
  void Close(uint16_t code, std::string reason) override {
    outbox_->Close(code, std::move(reason));
  }
  size_t queued_bytes() const override { return outbox_->bytes(); }

 private:
  const std::shared_ptr<Outbox> outbox_;
  const std::shared_ptr<std::atomic<int64_t>> slow_;  // a talk may end after the server
};

class Server final : public WsServer {
 public:
  static Result<std::unique_ptr<WsServer>> Start(const WsOptions& options, Handler& handler) {
    std::unique_ptr<Server> server(new Server(options, handler));
    PARLEY_TRY_STATUS(server->Listen());
    server->thread_ = std::jthread([s = server.get()](const std::stop_token& stop) {
      while (!stop.stop_requested() && lws_service(s->context_, 0) >= 0) {
      }
      s->SayGoodbye();
    });
    return std::unique_ptr<WsServer>(std::move(server));
  }
  ~Server() override {
    if (thread_.joinable()) {
      thread_.request_stop();
      lws_cancel_service(context_);
      thread_.join();
    }
    wakeup_->Close();
    if (context_ != nullptr) lws_context_destroy(context_);
  }
  int port() const override { return port_; }
  WsStats stats() const override {
    return {connections_, in_, out_, bytes_in_, bytes_out_, *slow_, too_long_, *queued_};
  }

 private:
  Server(const WsOptions& options, Handler& handler) : options_(options), handler_(handler) {}

  Status Listen();
  void SayGoodbye();
  static int Callback(lws* wsi, lws_callback_reasons reason, void*, void* in, size_t length);
  int On(lws* wsi, lws_callback_reasons reason, void* in, size_t length);
  int ConfirmUpgrade(lws* wsi);
  int Established(lws* wsi);
  int Receive(Peer& peer, const char* data, size_t length);
  int Writeable(Peer& peer);
  int HttpRequest(lws* wsi);
  int HttpDispatch(Peer& peer);
  int HttpWriteable(Peer& peer);
  int CloseWith(Peer& peer, uint16_t code, std::string_view reason);
  void WakeDirty();

  Peer& PeerOf(lws* wsi) {
    auto* peer = static_cast<Peer*>(lws_get_opaque_user_data(wsi));
    if (peer == nullptr) {
      peer = new Peer{.wsi = wsi};
      lws_set_opaque_user_data(wsi, peer);
    }
    return *peer;
  }
  std::shared_ptr<Outbox> NewOutbox(lws* wsi);
  void Forget(lws* wsi);

  const WsOptions options_;
  Handler& handler_;
  std::array<lws_protocols, 2> protocols_{};
  lws_retry_bo_t keepalive_{};
  lws_context* context_ = nullptr;
  int port_ = 0;
  std::string send_buffer_;                          // the thread's
  std::map<lws*, std::shared_ptr<Outbox>> sockets_;  // the thread's
  const std::shared_ptr<Wakeup> wakeup_ = std::make_shared<Wakeup>();
  const std::shared_ptr<std::atomic<int64_t>> queued_ = std::make_shared<std::atomic<int64_t>>(0);
  const std::shared_ptr<std::atomic<int64_t>> slow_ = std::make_shared<std::atomic<int64_t>>(0);
  std::atomic<int64_t> connections_{0}, in_{0}, out_{0}, bytes_in_{0}, bytes_out_{0}, too_long_{0};
  std::jthread thread_;
};

void LogLine(int level, const char* line) {
  std::string_view text(line);
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  if ((level & LLL_ERR) != 0) LogWarn("network", {{"says", text}});
}

Status Server::Listen() {
  lws_set_log_level(LLL_ERR, LogLine);
  protocols_[0] = {.name = "realtime", .callback = &Server::Callback, .rx_buffer_size = 16384};
  protocols_[0].user = this;
  keepalive_.secs_since_valid_ping = 20;
  keepalive_.secs_since_valid_hangup = 60;

  lws_context_creation_info info{};
  info.user = this;
  info.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
  info.fd_limit_per_thread = static_cast<unsigned>(options_.connections + 16);
  info.max_http_header_data = 16384;
  info.pt_serv_buf_size = 16384;
  info.gid = static_cast<gid_t>(-1);
  info.uid = static_cast<uid_t>(-1);
  const bool tls = !options_.cert_file.empty();
  if (tls) info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
  context_ = lws_create_context(&info);
  if (context_ == nullptr) return Fail(Code::kIo, "the network library could not start");
  wakeup_->Open(context_);

  const bool v6 = options_.host.find(':') != std::string::npos;
  const bool all = options_.host == "0.0.0.0" || options_.host == "::";
  info.protocols = protocols_.data();
  info.port = options_.port;
  info.iface = all ? nullptr : options_.host.c_str();
  info.options |= LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND;
  if (!v6) info.options |= LWS_SERVER_OPTION_DISABLE_IPV6;
  info.alpn = "http/1.1";  // HTTP/2 would need its own framing of answers in pieces
  info.timeout_secs = 20;
  info.keepalive_timeout = 30;
  info.retry_and_idle_policy = &keepalive_;
  if (tls) {
    info.ssl_cert_filepath = options_.cert_file.c_str();
    info.ssl_private_key_filepath = options_.key_file.c_str();
  }
  lws_vhost* vhost = lws_create_vhost(context_, &info);
  if (vhost == nullptr) {
    return Fail(Code::kIo,
                "cannot listen on " + options_.host + ":" + std::to_string(options_.port) +
                    (tls ? ": the port is taken, the address is not of this machine, or "
                           "the certificate and key do not fit"
                         : ": the port is taken, or the address is not of this machine") +
                    "; choose another with --listen HOST:PORT");
  }
  port_ = lws_get_vhost_listen_port(vhost);
  return {};
}

// What waits is written, and every WebSocket gets its close frame; then they are cut.
void Server::SayGoodbye() {
  for (const auto& outbox : sockets_) outbox.second->Close(1001, "the server is going away");
  const auto deadline = std::chrono::steady_clock::now() + kGoodbye;
  lws_sorted_usec_list_t alarm{};  // service returns in time though nobody says anything
  lws_sul_schedule(
      context_, 0, &alarm, [](lws_sorted_usec_list_t*) {}, kGoodbye.count());
  while (!sockets_.empty() && std::chrono::steady_clock::now() < deadline &&
         lws_service(context_, 0) >= 0) {
  }
  lws_sul_cancel(&alarm);
}

int Server::Callback(lws* wsi, lws_callback_reasons reason, void*, void* in, size_t length) {
  auto* server = static_cast<Server*>(lws_context_user(lws_get_context(wsi)));
  return server == nullptr ? 0 : server->On(wsi, reason, in, length);
}

int Server::On(lws* wsi, lws_callback_reasons reason, void* in, size_t length) {
  switch (reason) {
    case LWS_CALLBACK_EVENT_WAIT_CANCELLED:
      WakeDirty();
      return 0;
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
      return ConfirmUpgrade(wsi);
    case LWS_CALLBACK_ESTABLISHED:
      return Established(wsi);
    case LWS_CALLBACK_RECEIVE:
      return Receive(PeerOf(wsi), static_cast<const char*>(in), length);
    case LWS_CALLBACK_SERVER_WRITEABLE:
      return Writeable(PeerOf(wsi));
    case LWS_CALLBACK_HTTP:
      return HttpRequest(wsi);
    case LWS_CALLBACK_HTTP_BODY: {
      Peer& peer = PeerOf(wsi);
      if (peer.request.body.size() + length > options_.longest_body) return -1;
      peer.request.body.append(static_cast<const char*>(in), length);
      return 0;
    }
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
      return HttpDispatch(PeerOf(wsi));
    case LWS_CALLBACK_HTTP_WRITEABLE:
      return HttpWriteable(PeerOf(wsi));
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_CLOSED_HTTP:
    case LWS_CALLBACK_WSI_DESTROY:
      Forget(wsi);
      return 0;
    default:
      return 0;
  }
}

// ---- from other threads ----------------------------------------------------------------------------

std::shared_ptr<Outbox> Server::NewOutbox(lws* wsi) {
  // The box wakes the thread with its own name: a wsi may be another connection's by then.
  auto self = std::make_shared<std::weak_ptr<Outbox>>();
  auto outbox = std::make_shared<Outbox>(
      options_.outbox_bytes, [wakeup = wakeup_, wsi, self] { wakeup->Ask(wsi, *self); }, queued_);
  *self = outbox;
  return outbox;
}

void Server::WakeDirty() {
  for (const auto& [wsi, weak] : wakeup_->Take()) {
    const auto outbox = weak.lock();
    if (outbox != nullptr && !outbox->gone()) lws_callback_on_writable(wsi);
  }
}

void Server::Forget(lws* wsi) {
  std::unique_ptr<Peer> peer(static_cast<Peer*>(lws_get_opaque_user_data(wsi)));
  if (peer == nullptr) return;
  lws_set_opaque_user_data(wsi, nullptr);
  if (peer->outbox) peer->outbox->PeerGone();
  if (peer->listener) {
    --connections_;
    sockets_.erase(wsi);
    peer->listener->OnClosed();
  }
}

// ---- WebSocket -------------------------------------------------------------------------------------

int Server::ConfirmUpgrade(lws* wsi) {
  Peer& peer = PeerOf(wsi);
  peer.request = RequestOf(wsi);
  const std::optional<Answer> refusal = handler_.OnUpgrade(peer.request);
  return refusal ? WriteRefusal(wsi, *refusal) : 0;
}

int Server::Established(lws* wsi) {
  Peer& peer = PeerOf(wsi);
  peer.outbox = NewOutbox(wsi);
  peer.listener = handler_.OnOpen(peer.request, std::make_shared<OutboxSocket>(peer.outbox, slow_));
  if (peer.listener == nullptr) return -1;
  ++connections_;
  sockets_[wsi] = peer.outbox;
  return 0;
}

int Server::Receive(Peer& peer, const char* data, size_t length) {
  if (lws_frame_is_binary(peer.wsi) != 0) {
    return CloseWith(peer, 1003, "text frames only: one JSON object each");
  }
  if (peer.inbox.size() + length > options_.longest_message) {
    ++too_long_;
    return CloseWith(peer, 1009, "the message is too long");
  }
  peer.inbox.append(data, length);
  bytes_in_ += static_cast<int64_t>(length);
  if (lws_is_final_fragment(peer.wsi) == 0 || lws_remaining_packet_payload(peer.wsi) != 0) {
    return 0;
  }
  ++in_;
  peer.listener->OnText(std::exchange(peer.inbox, {}));
  return 0;
}

int Server::Writeable(Peer& peer) {
  if (!peer.outbox) return 0;
  while (std::optional<Outbox::Message> message = peer.outbox->Take()) {
    send_buffer_.assign(LWS_PRE, '\0');
    send_buffer_ += message->text;
    auto* payload = reinterpret_cast<unsigned char*>(send_buffer_.data()) + LWS_PRE;
    const size_t size = message->text.size();
    // What the kernel does not take is kept by the library, which says so below.
    if (lws_write(peer.wsi, payload, size, LWS_WRITE_TEXT) < static_cast<int>(size)) return -1;
    ++out_;
    bytes_out_ += static_cast<int64_t>(size);
    if (lws_send_pipe_choked(peer.wsi) != 0) break;
  }
  if (const auto closing = peer.outbox->closing()) {
    return CloseWith(peer, closing->code, closing->reason);
  }
  if (peer.outbox->bytes() > 0) lws_callback_on_writable(peer.wsi);
  return 0;
}

int Server::CloseWith(Peer& peer, uint16_t code, std::string_view reason) {
  std::string text(reason.substr(0, 120));
  lws_close_reason(peer.wsi, static_cast<lws_close_status>(code),
                   reinterpret_cast<unsigned char*>(text.data()), text.size());
  return -1;
}

// ---- HTTP ------------------------------------------------------------------------------------------

int Server::HttpRequest(lws* wsi) {
  Peer& peer = PeerOf(wsi);
  peer.request = RequestOf(wsi);
  peer.inbox.clear();
  lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0);
  const int64_t body = BodyLengthOf(wsi);
  if (body > static_cast<int64_t>(options_.longest_body)) {
    WriteRefusal(wsi, ErrorAnswer(413, "invalid_request_error", "body_too_long",
                                  "The body is longer than this server takes."));
    return -1;
  }
  if (BodyComesInChunks(wsi)) {
    WriteRefusal(wsi, ErrorAnswer(411, "invalid_request_error", "length_required",
                                  "Send the body with a Content-Length."));
    return -1;
  }
  if (body > 0) {
    lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, 60);
    return 0;
  }
  return HttpDispatch(peer);
}

int Server::HttpDispatch(Peer& peer) {
  lws_set_timeout(peer.wsi, NO_PENDING_TIMEOUT, 0);
  if (peer.outbox) peer.outbox->PeerGone();  // of the answer before, on the same connection
  peer.outbox = NewOutbox(peer.wsi);
  peer.answer = std::make_shared<AnswerState>(peer.request.method == "HEAD");
  handler_.OnRequest(std::move(peer.request),
                     std::make_shared<OutboxReply>(peer.outbox, peer.answer));
  peer.request = Request();
  return 0;
}

int Server::HttpWriteable(Peer& peer) {
  if (!peer.answer || !peer.outbox) return 0;
  switch (WriteAnswer(peer.wsi, *peer.answer, *peer.outbox)) {
    case Written::kBroken:
      return -1;
    case Written::kMore:
      return 0;
    case Written::kAll:
      break;
  }
  peer.answer.reset();
  return lws_http_transaction_completed(peer.wsi) != 0 ? -1 : 0;
}

}  // namespace

Result<std::unique_ptr<WsServer>> WsServer::Start(const WsOptions& options, Handler& handler) {
  return Server::Start(options, handler);
}

}  // namespace parley::wire
