// A non-blocking TLS 1.3 connection over OpenSSL, as lean as it goes: no session tickets, buffers
// released while idle.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "common/base/fd.h"
#include "common/base/ip.h"
#include "common/crypto/certificate.h"
#include "common/crypto/key.h"
#include "common/status/status.h"

struct ssl_ctx_st;
struct ssl_st;

namespace lockstep::bench {

class TlsContext {
 public:
  // Trusts `ca` alone; both sides present certificates.
  static Result<TlsContext> Client(const crypto::Certificate& ca);
  static Result<TlsContext> Server(const crypto::Certificate& ca, const std::string& chain_file,
                                   const std::string& key_file);
  ssl_ctx_st* raw() const { return context_.get(); }

 private:
  explicit TlsContext(std::shared_ptr<ssl_ctx_st> context) : context_(std::move(context)) {}
  std::shared_ptr<ssl_ctx_st> context_;
};

class TlsConnection {
 public:
  // `fd` is non-blocking; a connect may still be under way.
  static TlsConnection Accept(const TlsContext& context, Fd fd);
  static TlsConnection Connect(const TlsContext& context, Fd fd,
                               const crypto::Certificate& certificate,
                               const crypto::PrivateKey& key);

  // Goes on as far as the socket allows: handshake, waiting output, input (appended to `input`).
  Status Drive(std::string* input);
  // Writes now what the socket takes and keeps the rest.
  Status Write(std::string_view bytes);
  // Whether to wait until the socket can be written.
  bool wants_write() const { return wants_write_; }
  bool established() const { return established_; }
  int fd() const { return fd_.get(); }

 private:
  TlsConnection(Fd fd, ssl_st* ssl);
  Status Handshake();
  Status Flush();
  Status Read(std::string* input);

  Fd fd_;
  std::unique_ptr<ssl_st, void (*)(ssl_st*)> ssl_;
  bool established_ = false;
  bool wants_write_ = false;
  std::string output_;
};

// A non-blocking TCP connection to `endpoint`, under way.
Result<Fd> StartConnect(const Endpoint& endpoint);
// A listening, non-blocking TCP socket.
Result<Fd> Listen(const Endpoint& endpoint);
void SetNoDelay(int fd);

}  // namespace lockstep::bench
