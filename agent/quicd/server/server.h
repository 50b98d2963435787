// Server: the sockets, who a packet is for, and what becomes of one that is for nobody here.
//
// All of it belongs to the loop's thread. Configure takes effect as a whole: new handshakes use the
// new configuration at once, connections live on with the one they began with.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/quicd/loop/loop.h"
#include "agent/quicd/server/batch.h"
#include "agent/quicd/server/configuration.h"
#include "agent/quicd/server/connection.h"
#include "agent/quicd/server/connection_table.h"
#include "agent/quicd/server/counters.h"
#include "agent/quicd/server/rate_limit.h"
#include "agent/quicd/server/udp_socket.h"
#include "agent/quicd/upstream/upstream.h"

namespace lockstep::agent::quicd::server {

class Server final : public Connection::Host {
 public:
  using MakeUpstream =
      std::function<std::unique_ptr<upstream::Upstream>(loop::Loop&, upstream::Settings)>;

  Server(loop::Loop& loop, MakeUpstream make_upstream);
  ~Server() override;
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // All or nothing: INVALID_ARGUMENT with every error of the settings, or why a socket could not be
  // opened; what was served before is then served on.
  Status Configure(Settings settings);
  // Takes no new connection, lets the open ones finish for `grace`, then closes them and calls
  // `done`. A second call changes nothing but the time and adds its `done`.
  void Drain(Millis grace, std::function<void()> done);

  // Closes every connection and socket: nothing is served any more, as before the first Configure.
  void Release();

  struct State {
    std::string version;  // of the configuration; "" before the first
    std::vector<Endpoint> listening;
    size_t connections = 0;
    size_t half_open = 0;
    bool draining = false;
  };
  State state() const;
  const Counters& seen() const { return counters_; }

  // Connection::Host
  loop::Loop& loop() override { return loop_; }
  Counters& counters() override { return counters_; }
  ConnectionTable& table() override { return table_; }
  upstream::Upstream& upstream() override { return *upstream_; }
  Batch& batch() override { return batch_; }
  UdpSocket* FindSocket(const sockaddr* seen) override;
  const Configuration* newest() const override { return configuration_.get(); }
  void WantWrite(Connection& connection) override;
  void OnHandshakeOver(Connection& connection) override;
  void OnGone(Connection& connection) override;

 private:
  using Sockets = std::vector<std::unique_ptr<UdpSocket>>;

  Result<Sockets> OpenMissing(const Configuration& configuration);
  // Says goodbye on them first: their clients would wait for an answer that cannot come.
  void CloseUnused(const Configuration& configuration);
  void NameKinds(const Configuration& configuration);
  Status WatchSocket(UdpSocket& socket);
  void OnReady(UdpSocket& socket, uint32_t events);

  // intake.cc
  void OnDatagram(const Datagram& datagram);
  void OnStray(const Datagram& datagram, const ngtcp2_version_cid& ids);
  void OnInitial(const Datagram& datagram, const ngtcp2_pkt_hd& header);
  bool MayBegin(const Datagram& datagram);
  void Accept(const Datagram& datagram, const Connection::First& first);
  void SendVersionNegotiation(const Datagram& datagram, const ngtcp2_version_cid& ids);
  void SendRetry(const Datagram& datagram, const ngtcp2_pkt_hd& header);
  void RefuseInitial(const Datagram& datagram, const ngtcp2_pkt_hd& header, uint64_t code);
  void SendReset(const Datagram& datagram, const ngtcp2_version_cid& ids);

  void EndOfTurn();
  void ScheduleEndOfTurn();
  void CheckDrained();
  void FinishDrain();
  void CancelDrainTimers();

  loop::Loop& loop_;
  const MakeUpstream make_upstream_;
  Counters counters_;
  ConnectionTable table_;
  Batch batch_;
  const std::unique_ptr<ReceiveBuffer> receive_buffer_ = std::make_unique<ReceiveBuffer>();
  std::shared_ptr<const Configuration> configuration_;
  std::unique_ptr<upstream::Upstream> upstream_;
  Sockets sockets_;
  std::unordered_map<Connection*, std::unique_ptr<Connection>> connections_;
  std::vector<Connection*> to_write_;
  std::vector<Connection*> blocked_;
  std::vector<Connection*> gone_;
  bool end_of_turn_scheduled_ = false;
  size_t half_open_ = 0;
  RateLimit resets_;
  bool draining_ = false;
  loop::Loop::TimerId drain_timer_ = 0;
  loop::Loop::TimerId goaway_timer_ = 0;
  std::vector<std::function<void()>> on_drained_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // for work that the loop still has
};

}  // namespace lockstep::agent::quicd::server
