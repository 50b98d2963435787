// One QUIC connection: ngtcp2 driven by datagrams, timers and the wish to write.
#pragma once

#include <ngtcp2/ngtcp2.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/quicd/cid/tokens.h"
#include "agent/quicd/loop/loop.h"
#include "agent/quicd/server/batch.h"
#include "agent/quicd/server/configuration.h"
#include "agent/quicd/server/connection_table.h"
#include "agent/quicd/server/counters.h"
#include "agent/quicd/server/datagram.h"
#include "agent/quicd/server/http3.h"
#include "agent/quicd/server/path_mtu.h"
#include "agent/quicd/server/tls_session.h"
#include "agent/quicd/server/udp_socket.h"
#include "agent/quicd/upstream/upstream.h"

namespace lockstep::agent::quicd::server {

class Connection final : public TlsSession::Owner, public Transport {
 public:
  // What a connection needs of its server.
  class Host {
   public:
    virtual ~Host() = default;
    virtual loop::Loop& loop() = 0;
    virtual Counters& counters() = 0;
    virtual ConnectionTable& table() = 0;
    virtual upstream::Upstream& upstream() = 0;
    virtual Batch& batch() = 0;
    // Null once a newer configuration has closed it.
    virtual UdpSocket* FindSocket(const sockaddr* seen) = 0;
    // What new connections get; null once nothing is served any more.
    virtual const Configuration* newest() const = 0;
    // Calls Write() at the end of the turn.
    virtual void WantWrite(Connection& connection) = 0;
    // The handshake is over, one way or the other. Once per connection.
    virtual void OnHandshakeOver(Connection& connection) = 0;
    // Destroys the connection, not before the end of the turn.
    virtual void OnGone(Connection& connection) = 0;
  };
  // The first packet of a connection, and what its token proved.
  struct First {
    const ngtcp2_pkt_hd& header;
    cid::AddressTokens::Verdict token;
  };

  // Null if the libraries refuse. `host` outlives the connection.
  static std::unique_ptr<Connection> Create(Host& host,
                                            std::shared_ptr<const Configuration> configuration,
                                            const Datagram& datagram, const First& first);
  ~Connection() override;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // What the first datagram came to.
  enum class Verdict { kTaken, kDrop, kRetry };
  Verdict OnFirstDatagram(const Datagram& datagram);
  void OnDatagram(const Datagram& datagram);
  // Sends all that may go now; false: the socket takes no more for the moment.
  bool Write();
  // GOAWAY: finish what is open, begin nothing.
  void AnnounceDrain();
  void Drain();
  // CONNECTION_CLOSE, H3_NO_ERROR.
  void CloseNow();

  bool handshake_over() const { return handshake_over_; }
  // Where its packets come to now.
  const sockaddr* local() const { return ngtcp2_conn_get_path(quic_)->local.addr; }

  // TlsSession::Owner, Transport
  ngtcp2_conn* quic() override { return quic_; }
  const ServedSite* ChooseSite(std::string_view host) override;
  bool says_disable_active_migration() const override {
    return site_ != nullptr && site_->policy.disable_active_migration;
  }
  void WantWrite() override;
  MonoTime now() const override { return host_.loop().now(); }
  const Endpoint& client() const override { return client_; }
  std::string_view AltSvcFor(std::string_view host) const override;

 private:
  friend class Batch;
  struct Hooks;  // what ngtcp2 calls
  enum class State { kOpen, kClosing, kDraining, kGone };

  Connection(Host& host, std::shared_ptr<const Configuration> configuration);
  static ngtcp2_callbacks Callbacks();
  bool Init(const Datagram& datagram, const First& first);
  ngtcp2_transport_params FirstParameters(const First& first, const ngtcp2_cid& scid) const;
  void AddPreferredAddress(ngtcp2_transport_params* params);
  ngtcp2_cid NewConnectionId();
  bool Register(const ngtcp2_cid& id);
  cid::ResetToken ResetToken(const ngtcp2_cid& id) const;

  bool MayComeFrom(const Datagram& datagram) const;
  Verdict Read(const Datagram& datagram);
  bool OnHandshakeCompleted();
  void ReleaseTls();
  bool StartHttp3();
  void SendNewToken(const sockaddr* remote, socklen_t size);
  void OnPathValidated(const ngtcp2_path& path, const ngtcp2_path* old_path, bool wants_token);

  // Before a round of packets: how long they may be on the path as it is now.
  void MindPathMtu();
  // Of one that is no probe, at most.
  size_t PacketBytes() const;
  // One packet; false: there is nothing that may go now.
  bool WritePacket(Batch& batch, ngtcp2_tstamp now);
  ngtcp2_ssize FillPacket(Batch& batch, ngtcp2_path* path, ngtcp2_pkt_info* info,
                          ngtcp2_tstamp now);
  // Ends it with whatever `error_` says.
  void Close();
  void Linger(State state);
  void Vanish();
  void EndHandshake();
  void OnTimer();
  bool HandleExpiry();
  void SetTimer(ngtcp2_tstamp expiry);
  void ArmFor(MonoTime when);
  ngtcp2_tstamp Now() const;
  void FailHttp3(uint64_t code);

  Host& host_;
  const std::shared_ptr<const Configuration> configuration_;
  ngtcp2_conn* quic_ = nullptr;
  std::unique_ptr<TlsSession> tls_;  // until the handshake is complete
  std::unique_ptr<Http3> http3_;
  const ServedSite* site_ = nullptr;
  std::string asked_for_;  // the host of the handshake
  Endpoint client_;
  sockaddr_storage first_local_{};   // of the handshake
  sockaddr_storage first_remote_{};  // as above
  std::vector<CidKey> ids_;
  State state_ = State::kOpen;
  bool handshake_over_ = false;
  bool write_wanted_ = false;
  bool on_preferred_ = false;  // the client has moved there
  PathMtu path_mtu_;
  ngtcp2_path_storage path_mtu_of_{};  // the path that it speaks of
  ngtcp2_ccerr error_{};
  std::vector<uint8_t> close_packet_;
  uint64_t received_while_closing_ = 0;
  loop::Loop::TimerId timer_ = 0;
  MonoTime timer_at_{};
};

}  // namespace lockstep::agent::quicd::server
