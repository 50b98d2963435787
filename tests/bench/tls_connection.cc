#include "tests/bench/tls_connection.h"

#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace lockstep::bench {
namespace {

constexpr unsigned char kAlpn[] = {2, 'h', '2'};

std::string TlsReason() {
  const unsigned long error = ERR_get_error();  // NOLINT(google-runtime-int): OpenSSL's type
  const char* reason = error == 0 ? nullptr : ERR_reason_error_string(error);
  ERR_clear_error();
  return reason == nullptr ? "connection closed" : reason;
}

Result<std::shared_ptr<SSL_CTX>> MakeContext(const SSL_METHOD* method,
                                             const crypto::Certificate& ca) {
  const std::shared_ptr<SSL_CTX> context(SSL_CTX_new(method), SSL_CTX_free);
  if (context == nullptr) return Internal("no TLS context: " + TlsReason());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_ENABLE_PARTIAL_WRITE);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context.get(), 0);
  if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), ca.raw()) != 1) {
    return InvalidArgument("the CA certificate is refused: " + TlsReason());
  }
  return context;
}

int SelectAlpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
               unsigned int in_size, void*) {
  unsigned char* chosen = nullptr;
  const int rc = SSL_select_next_proto(&chosen, out_size, kAlpn, sizeof kAlpn, in, in_size);
  *out = chosen;
  return rc == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

}  // namespace

Result<TlsContext> TlsContext::Client(const crypto::Certificate& ca) {
  LS_ASSIGN_OR_RETURN(const std::shared_ptr<SSL_CTX> context, MakeContext(TLS_client_method(), ca));
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_alpn_protos(context.get(), kAlpn, sizeof kAlpn);
  return TlsContext(context);
}

Result<TlsContext> TlsContext::Server(const crypto::Certificate& ca, const std::string& chain_file,
                                      const std::string& key_file) {
  LS_ASSIGN_OR_RETURN(const std::shared_ptr<SSL_CTX> context, MakeContext(TLS_server_method(), ca));
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_alpn_select_cb(context.get(), SelectAlpn, nullptr);
  if (SSL_CTX_use_certificate_chain_file(context.get(), chain_file.c_str()) != 1 ||
      SSL_CTX_use_PrivateKey_file(context.get(), key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    return InvalidArgument("cannot use " + chain_file + " and its key: " + TlsReason());
  }
  return TlsContext(context);
}

TlsConnection::TlsConnection(Fd fd, SSL* ssl) : fd_(std::move(fd)), ssl_(ssl, SSL_free) {
  LS_CHECK(ssl != nullptr);
  SSL_set_fd(ssl, fd_.get());
}

TlsConnection TlsConnection::Accept(const TlsContext& context, Fd fd) {
  TlsConnection connection(std::move(fd), SSL_new(context.raw()));
  SSL_set_accept_state(connection.ssl_.get());
  return connection;
}

TlsConnection TlsConnection::Connect(const TlsContext& context, Fd fd,
                                     const crypto::Certificate& certificate,
                                     const crypto::PrivateKey& key) {
  TlsConnection connection(std::move(fd), SSL_new(context.raw()));
  SSL* ssl = connection.ssl_.get();
  LS_CHECK(SSL_use_certificate(ssl, certificate.raw()) == 1);
  LS_CHECK(SSL_use_PrivateKey(ssl, key.raw()) == 1);
  SSL_set_connect_state(ssl);
  connection.wants_write_ = true;  // until the TCP connection stands
  return connection;
}

Status TlsConnection::Drive(std::string* input) {
  if (!established_) {
    LS_RETURN_IF_ERROR(Handshake());
    if (!established_) return Status::Ok();
  }
  if (!output_.empty()) LS_RETURN_IF_ERROR(Flush());
  return Read(input);
}

Status TlsConnection::Handshake() {
  const int rc = SSL_do_handshake(ssl_.get());
  established_ = rc == 1;
  const int why = established_ ? SSL_ERROR_NONE : SSL_get_error(ssl_.get(), rc);
  wants_write_ = why == SSL_ERROR_WANT_WRITE;
  if (established_ || wants_write_ || why == SSL_ERROR_WANT_READ) return Status::Ok();
  return Unavailable("TLS handshake failed: " + TlsReason());
}

Status TlsConnection::Write(std::string_view bytes) {
  if (bytes.empty()) return Status::Ok();
  if (established_ && output_.empty()) {
    const int written = SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
    if (written > 0) bytes.remove_prefix(static_cast<size_t>(written));
    if (bytes.empty()) return Status::Ok();
  }
  output_.append(bytes);
  return established_ ? Flush() : Status::Ok();
}

Status TlsConnection::Flush() {
  size_t done = 0;
  while (done < output_.size()) {
    const int rc =
        SSL_write(ssl_.get(), output_.data() + done, static_cast<int>(output_.size() - done));
    if (rc > 0) {
      done += static_cast<size_t>(rc);
      continue;
    }
    const int why = SSL_get_error(ssl_.get(), rc);
    if (why == SSL_ERROR_WANT_WRITE || why == SSL_ERROR_WANT_READ) break;
    return Unavailable("TLS write failed: " + TlsReason());
  }
  output_.erase(0, done);
  wants_write_ = !output_.empty();
  if (output_.empty()) std::string().swap(output_);
  return Status::Ok();
}

Status TlsConnection::Read(std::string* input) {
  // One buffer for all connections of the thread: an idle one has none of its own.
  thread_local char buffer[65536];
  while (true) {
    const int rc = SSL_read(ssl_.get(), buffer, sizeof buffer);
    if (rc > 0) {
      input->append(buffer, static_cast<size_t>(rc));
      continue;
    }
    const int why = SSL_get_error(ssl_.get(), rc);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return Status::Ok();
    return Unavailable("TLS read failed: " + TlsReason());
  }
}

Result<Fd> StartConnect(const Endpoint& endpoint) {
  const int family = endpoint.address.is_v6() ? AF_INET6 : AF_INET;
  Fd fd(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return FromErrno(errno, "socket");
  SetNoDelay(fd.get());
  sockaddr_storage address{};
  const socklen_t size = endpoint.ToSockaddr(&address);
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0 &&
      errno != EINPROGRESS) {
    return FromErrno(errno, "connect to " + endpoint.ToString());
  }
  return fd;
}

Result<Fd> Listen(const Endpoint& endpoint) {
  const int family = endpoint.address.is_v6() ? AF_INET6 : AF_INET;
  Fd fd(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return FromErrno(errno, "socket");
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_storage address{};
  const socklen_t size = endpoint.ToSockaddr(&address);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      listen(fd.get(), 4096) != 0) {
    return FromErrno(errno, "listen on " + endpoint.ToString());
  }
  return fd;
}

void SetNoDelay(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

}  // namespace lockstep::bench
