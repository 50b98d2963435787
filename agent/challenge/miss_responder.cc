#include "agent/challenge/miss_responder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <cerrno>
#include <exception>
#include <filesystem>
#include <optional>
#include <thread>
#include <utility>

#include "agent/challenge/peer_source.h"
#include "common/log/log.h"

namespace lockstep::agent::challenge {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::local::stream_protocol;
using boost::system::error_code;

constexpr uint32_t kMaxHeaderBytes = 8 << 10;
constexpr uint64_t kMaxBodyBytes = 1 << 10;
constexpr size_t kMaxConnections = 256;
constexpr auto kIdle = std::chrono::seconds(30);
constexpr auto kWrite = std::chrono::seconds(5);

using Request = http::request<http::string_body>;
using Response = http::response<http::string_body>;

http::status StatusOf(MissAnswer::Kind kind) {
  switch (kind) {
    case MissAnswer::Kind::kFound:
      return http::status::ok;
    case MissAnswer::Kind::kMethodNotAllowed:
      return http::status::method_not_allowed;
    case MissAnswer::Kind::kOnlyFromDisk:
      return http::status::gone;
    case MissAnswer::Kind::kBusy:
      return http::status::service_unavailable;
    default:
      return http::status::not_found;
  }
}

Response Render(const MissAnswer& answer, const Request& request) {
  Response response(StatusOf(answer.kind), request.version());
  response.set(http::field::content_type, "text/plain");
  response.set(http::field::cache_control, "no-store");
  if (answer.kind == MissAnswer::Kind::kMethodNotAllowed) {
    response.set(http::field::allow, "GET, HEAD");
  }
  response.keep_alive(request.keep_alive());
  response.content_length(answer.body.size());
  if (request.method() != http::verb::head) response.body() = answer.body;
  return response;
}

Status ClearStaleSocket(const std::string& path) {
  struct stat about {};
  if (::lstat(path.c_str(), &about) != 0) {
    return errno == ENOENT ? Status::Ok() : FromErrno(errno, path);
  }
  if (!S_ISSOCK(about.st_mode)) return FailedPrecondition(path + " is there and is no socket");
  return ::unlink(path.c_str()) == 0 ? Status::Ok() : FromErrno(errno, path);
}

Status ShareWithGroup(const std::string& path) {
  const std::string directory = std::filesystem::path(path).parent_path();
  struct stat about {};
  if (::stat(directory.c_str(), &about) != 0) return FromErrno(errno, directory);
  if (::lchown(path.c_str(), static_cast<uid_t>(-1), about.st_gid) != 0 ||
      ::chmod(path.c_str(), 0660) != 0) {
    return FromErrno(errno, path);
  }
  return Status::Ok();
}

}  // namespace

class MissResponder::Server {
 public:
  explicit Server(Handler handler) : handler_(std::move(handler)) {}

  Status Listen(const std::string& path) {
    LS_RETURN_IF_ERROR(ClearStaleSocket(path));
    error_code error;
    acceptor_.open(stream_protocol(), error);
    if (!error) acceptor_.bind(stream_protocol::endpoint(path), error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) return FromErrno(error.value(), path);
    path_ = path;
    return ShareWithGroup(path);
  }

  void Serve() {
    Accept();
    thread_ = std::thread([this] { Loop(); });
  }

  void Stop() {
    if (!thread_.joinable()) return;
    io_.stop();
    thread_.join();
    ::unlink(path_.c_str());
  }

 private:
  class Connection;

  void Loop() {
    while (!io_.stopped()) {
      try {
        io_.run();
        return;
      } catch (const std::exception& error) {
        log::Error("miss.server", {{"error", error.what()}});
      }
    }
  }
  void Accept();

  const Handler handler_;
  std::string path_;
  std::atomic<size_t> connections_ = 0;
  asio::io_context io_{1};  // holds the connections: whatever they use is declared before it
  stream_protocol::acceptor acceptor_{io_};
  std::thread thread_;
};

class MissResponder::Server::Connection
    : public std::enable_shared_from_this<MissResponder::Server::Connection> {
 public:
  Connection(Server& server, stream_protocol::socket socket)
      : server_(server), stream_(std::move(socket)) {
    ++server_.connections_;
  }
  ~Connection() { --server_.connections_; }

  void Read() {
    parser_.emplace();
    parser_->header_limit(kMaxHeaderBytes);
    parser_->body_limit(kMaxBodyBytes);
    stream_.expires_after(kIdle);
    http::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this()](error_code error, size_t) {
                       if (!error) self->Answer();
                     });
  }

 private:
  void Answer() {
    request_ = parser_->release();
    MissRequest miss;
    miss.method = std::string(request_.method_string());
    miss.target = std::string(request_.target());
    miss.host = std::string(request_[http::field::host]);
    miss.from_peer = request_.find(kHopHeader) != request_.end();
    server_.handler_(std::move(miss), [self = shared_from_this()](MissAnswer answer) {
      asio::post(self->stream_.get_executor(),
                 [self, answer = std::move(answer)] { self->Write(answer); });
    });
  }

  void Write(const MissAnswer& answer) {
    response_ = Render(answer, request_);
    stream_.expires_after(kWrite);
    http::async_write(stream_, response_, [self = shared_from_this()](error_code error, size_t) {
      if (!error && self->response_.keep_alive()) self->Read();
    });
  }

  Server& server_;
  beast::basic_stream<stream_protocol> stream_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  Request request_;
  Response response_;
};

void MissResponder::Server::Accept() {
  acceptor_.async_accept([this](error_code error, stream_protocol::socket socket) {
    if (error == asio::error::operation_aborted) return;
    // Beyond the limit a connection is closed at once: the web server answers 502 for it.
    if (!error && connections_ < kMaxConnections) {
      std::make_shared<Connection>(*this, std::move(socket))->Read();
    }
    Accept();
  });
}

Result<std::unique_ptr<MissResponder>> MissResponder::Start(const std::string& path,
                                                            Handler handler) {
  auto server = std::make_unique<Server>(std::move(handler));
  LS_RETURN_IF_ERROR(server->Listen(path));
  server->Serve();
  return std::unique_ptr<MissResponder>(new MissResponder(std::move(server)));
}

MissResponder::MissResponder(std::unique_ptr<Server> server) : server_(std::move(server)) {}
MissResponder::~MissResponder() { Stop(); }
void MissResponder::Stop() { server_->Stop(); }

}  // namespace lockstep::agent::challenge
