// The agent's door: requests in, one at a time per connection, carried out on the server's thread.
#pragma once

#include <sys/types.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/quicd/loop/loop.h"
#include "agent/quicd/server/server.h"
#include "common/base/fd.h"
#include "common/frame/length_prefix.h"
#include "lockstep/quicd/v1/quicd.pb.h"

namespace lockstep::agent::quicd::control {

class ControlServer {
 public:
  struct Options {
    std::string path;
    std::vector<uid_t> allowed_uids;
    std::string program_version;
  };
  // `loop` and `server` outlive it.
  static Result<std::unique_ptr<ControlServer>> Open(loop::Loop& loop, server::Server& server,
                                                     Options options);
  ~ControlServer();  // removes the socket
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

 private:
  struct Connection {
    Fd socket;
    frame::PrefixedReader in;
    std::string out;
    bool waiting = false;  // for the answer to the last request
  };

  ControlServer(loop::Loop& loop, server::Server& server, Options options, Fd listener)
      : loop_(loop),
        server_(server),
        options_(std::move(options)),
        listener_(std::move(listener)) {}
  void Accept();
  void OnReady(uint64_t id, uint32_t events);
  // False: the connection is over.
  bool Read(Connection& connection);
  bool Write(Connection& connection);
  void Serve(uint64_t id);
  void Carry(uint64_t id, std::string message);
  lockstep::quicd::v1::Response Configure(std::string config);
  lockstep::quicd::v1::Response GetStatus() const;
  lockstep::quicd::v1::Response Release();
  void Drain(uint64_t id, const lockstep::quicd::v1::DrainRequest& request);
  void Answer(uint64_t id, const lockstep::quicd::v1::Response& response);
  void Drop(uint64_t id);

  loop::Loop& loop_;
  server::Server& server_;
  const Options options_;
  const Fd listener_;
  std::map<uint64_t, std::unique_ptr<Connection>> connections_;
  uint64_t next_id_ = 1;
  std::string digest_;  // of the configuration in force
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace lockstep::agent::quicd::control
