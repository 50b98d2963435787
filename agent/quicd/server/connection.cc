#include "agent/quicd/server/connection.h"

#include <ngtcp2/ngtcp2_crypto.h>

#include <algorithm>
#include <cstring>

#include "common/base/encoding.h"

namespace lockstep::agent::quicd::server {
namespace {

constexpr uint64_t kClientControlStreams = 8;  // control, QPACK × 2, and some that we must ignore
constexpr uint64_t kControlStreamWindow = 64UL << 10;

ngtcp2_duration Nanos(Millis duration) {
  return static_cast<ngtcp2_duration>(std::chrono::nanoseconds(duration).count());
}

}  // namespace

Connection::Connection(Host& host, std::shared_ptr<const Configuration> configuration)
    : host_(host), configuration_(std::move(configuration)) {
  ngtcp2_ccerr_default(&error_);
  ngtcp2_path_storage_zero(&path_mtu_of_);
}

Connection::~Connection() {
  if (timer_ != 0) host_.loop().Cancel(timer_);
  for (const CidKey& id : ids_) host_.table().Erase(id, this);
  http3_.reset();  // it gives flow control back
  if (quic_ != nullptr) ngtcp2_conn_del(quic_);
}

std::unique_ptr<Connection> Connection::Create(Host& host,
                                               std::shared_ptr<const Configuration> configuration,
                                               const Datagram& datagram, const First& first) {
  std::unique_ptr<Connection> made(new Connection(host, std::move(configuration)));
  return made->Init(datagram, first) ? std::move(made) : nullptr;
}

bool Connection::Init(const Datagram& datagram, const First& first) {
  const Result<Endpoint> client = [&]() -> Result<Endpoint> {
    LS_ASSIGN_OR_RETURN(const IpAddress address, IpAddress::FromSockaddr(datagram.remote.addr));
    const auto port = reinterpret_cast<const sockaddr_in*>(datagram.remote.addr)->sin_port;
    return Endpoint{address, ntohs(port)};
  }();
  if (!client.ok()) return false;
  client_ = *client;
  const ngtcp2_addr local = datagram.socket->local();
  std::memcpy(&first_local_, local.addr, local.addrlen);
  std::memcpy(&first_remote_, datagram.remote.addr, datagram.remote.addrlen);

  const ngtcp2_cid scid = NewConnectionId();
  const ngtcp2_callbacks callbacks = Callbacks();
  ngtcp2_settings settings;
  ngtcp2_settings_default(&settings);
  settings.initial_ts = Now();
  settings.handshake_timeout = Nanos(configuration_->limits().handshake_timeout);
  if (first.token.valid) {
    settings.token = first.header.token;
    settings.tokenlen = first.header.tokenlen;
    settings.token_type = first.token.kind == cid::AddressTokens::Kind::kRetry
                              ? NGTCP2_TOKEN_TYPE_RETRY
                              : NGTCP2_TOKEN_TYPE_NEW_TOKEN;
  }
  const ngtcp2_transport_params params = FirstParameters(first, scid);
  ngtcp2_path path{local, datagram.remote, nullptr};
  if (ngtcp2_conn_server_new(&quic_, &first.header.scid, &scid, &path, first.header.version,
                             &callbacks, &settings, &params, nullptr, this) != 0) {
    return false;
  }
  tls_ = TlsSession::Create(*this, *configuration_);
  if (tls_ == nullptr) return false;
  ngtcp2_conn_set_tls_native_handle(quic_, tls_->handle());
  return Register(first.header.dcid) && Register(scid);
}

// What holds for any site; ChooseSite adds the rest before any of it is sent.
ngtcp2_transport_params Connection::FirstParameters(const First& first,
                                                    const ngtcp2_cid& scid) const {
  const Limits& limits = configuration_->limits();
  ngtcp2_transport_params params;
  ngtcp2_transport_params_default(&params);
  params.initial_max_data = limits.connection_receive_window;
  params.initial_max_stream_data_bidi_remote = limits.stream_receive_window;
  params.initial_max_stream_data_uni = kControlStreamWindow;
  params.initial_max_streams_bidi = limits.max_streams;
  params.initial_max_streams_uni = kClientControlStreams;
  params.max_udp_payload_size = kMaxDatagramBytes;
  params.grease_quic_bit = 1;
  params.original_dcid = first.header.dcid;
  params.original_dcid_present = 1;
  if (first.token.valid && first.token.kind == cid::AddressTokens::Kind::kRetry) {
    params.original_dcid = first.token.original_dcid;
    params.retry_scid = first.header.dcid;
    params.retry_scid_present = 1;
  }
  const cid::ResetToken token = ResetToken(scid);
  std::copy(token.begin(), token.end(), params.stateless_reset_token);
  params.stateless_reset_token_present = 1;
  return params;
}

const ServedSite* Connection::ChooseSite(std::string_view host) {
  site_ = configuration_->FindSite(host);
  if (site_ == nullptr) return nullptr;
  asked_for_ = host;
  ngtcp2_transport_params params = *ngtcp2_conn_get_local_transport_params(quic_);
  params.max_idle_timeout = Nanos(site_->policy.idle_timeout);
  if (site_->policy.use_preferred_address && params.preferred_addr_present == 0) {
    AddPreferredAddress(&params);
  }
  return ngtcp2_conn_set_local_transport_params(quic_, &params) == 0 ? site_ : nullptr;
}

std::string_view Connection::AltSvcFor(std::string_view host) const {
  const Configuration* newest = host_.newest();
  const ServedSite* site =
      newest == nullptr ? nullptr : newest->FindSite(host.empty() ? asked_for_ : host);
  return site == nullptr ? std::string_view() : site->alt_svc;
}

void Connection::AddPreferredAddress(ngtcp2_transport_params* params) {
  const Settings& settings = configuration_->settings();
  if (!settings.preferred_v4 && !settings.preferred_v6) return;
  ngtcp2_preferred_addr& preferred = params->preferred_addr;
  preferred = {};
  sockaddr_storage storage{};
  if (settings.preferred_v4) {
    settings.preferred_v4->advertised.ToSockaddr(&storage);
    std::memcpy(&preferred.ipv4, &storage, sizeof(preferred.ipv4));
    preferred.ipv4_present = 1;
  }
  if (settings.preferred_v6) {
    settings.preferred_v6->advertised.ToSockaddr(&storage);
    std::memcpy(&preferred.ipv6, &storage, sizeof(preferred.ipv6));
    preferred.ipv6_present = 1;
  }
  preferred.cid = NewConnectionId();
  const cid::ResetToken token = ResetToken(preferred.cid);
  std::copy(token.begin(), token.end(), preferred.stateless_reset_token);
  params->preferred_addr_present = Register(preferred.cid) ? 1 : 0;
}

ngtcp2_cid Connection::NewConnectionId() {
  const cid::ConnectionId made = configuration_->codec().Make();
  ngtcp2_cid id;
  ngtcp2_cid_init(&id, made.data(), made.size());
  return id;
}

bool Connection::Register(const ngtcp2_cid& id) {
  const CidKey key(id);
  if (!host_.table().Insert(key, this)) return false;
  ids_.push_back(key);
  return true;
}

cid::ResetToken Connection::ResetToken(const ngtcp2_cid& id) const {
  return cid::ResetTokenFor(configuration_->settings().reset_key, id);
}

// disable_active_migration holds for the address of the handshake (RFC 9000 §18.2), and a client
// that does not obey is answered with silence (§9): to end its connection would let third parties
// end it. Another port of the same client is no migration of the client's making but a NAT's.
bool Connection::MayComeFrom(const Datagram& datagram) const {
  const bool began_here =
      SameEndpoint(datagram.socket->local().addr, reinterpret_cast<const sockaddr*>(&first_local_));
  const UdpSocket::Kind kind = datagram.socket->kind();
  if (!began_here && kind != UdpSocket::Kind::kService) {
    return kind == UdpSocket::Kind::kPreferred &&
           (site_ == nullptr || site_->policy.use_preferred_address);
  }
  if (!says_disable_active_migration()) return true;
  return began_here &&
         SameAddress(datagram.remote.addr, reinterpret_cast<const sockaddr*>(&first_remote_));
}

Connection::Verdict Connection::OnFirstDatagram(const Datagram& datagram) { return Read(datagram); }

void Connection::OnDatagram(const Datagram& datagram) {
  if (state_ == State::kClosing) {
    // RFC 9000 §10.2.1: say it again, ever more rarely.
    ++received_while_closing_;
    if ((received_while_closing_ & (received_while_closing_ - 1)) == 0) {
      datagram.socket->Send(datagram.remote, 0, close_packet_, close_packet_.size());
    }
    return;
  }
  if (state_ != State::kOpen) return;
  if (!MayComeFrom(datagram)) return host_.counters().Dropped(Drop::kMigrationBarred);
  if (Read(datagram) == Verdict::kDrop) Vanish();
}

Connection::Verdict Connection::Read(const Datagram& datagram) {
  const ngtcp2_path path{datagram.socket->local(), datagram.remote, nullptr};
  const ngtcp2_pkt_info info{datagram.ecn};
  const int rv = ngtcp2_conn_read_pkt(quic_, &path, &info, datagram.bytes.data(),
                                      datagram.bytes.size(), Now());
  switch (rv) {
    case 0:
      if (tls_ != nullptr && ngtcp2_conn_get_handshake_completed(quic_) != 0) ReleaseTls();
      WantWrite();
      return Verdict::kTaken;
    case NGTCP2_ERR_DRAINING:
      Linger(State::kDraining);
      return Verdict::kTaken;
    case NGTCP2_ERR_RETRY:
      return Verdict::kRetry;
    case NGTCP2_ERR_DROP_CONN:
      return Verdict::kDrop;
    case NGTCP2_ERR_CRYPTO:
      ngtcp2_ccerr_set_tls_alert(&error_, ngtcp2_conn_get_tls_alert(quic_), nullptr, 0);
      break;
    default:
      if (error_.error_code == 0) ngtcp2_ccerr_set_liberr(&error_, rv, nullptr, 0);
  }
  Close();
  return Verdict::kTaken;
}

bool Connection::OnHandshakeCompleted() {
  Counters& counters = host_.counters();
  ++counters.handshakes;
  if (tls_->resumed()) ++counters.resumptions;
  tls_->SendTicket();
  SendNewToken(reinterpret_cast<const sockaddr*>(&first_remote_), sizeof(first_remote_));
  EndHandshake();
  return true;
}

// A QUIC server has nothing to hear of TLS after the handshake, and all keys are ngtcp2's by then:
// what the session holds, a sixth of an idle connection's memory, serves nobody any more.
void Connection::ReleaseTls() {
  ngtcp2_conn_set_tls_native_handle(quic_, nullptr);
  tls_.reset();
}

bool Connection::StartHttp3() {
  http3_ = Http3::Create(*this, *configuration_, host_.upstream(), host_.counters());
  return http3_ != nullptr;
}

void Connection::SendNewToken(const sockaddr* remote, socklen_t size) {
  const std::vector<uint8_t> token =
      configuration_->tokens().MakeRegular({remote, size}, Clock::System().Now());
  if (!token.empty()) ngtcp2_conn_submit_new_token(quic_, token.data(), token.size());
}

void Connection::OnPathValidated(const ngtcp2_path& path, const ngtcp2_path* old_path,
                                 bool wants_token) {
  if (wants_token) SendNewToken(path.remote.addr, path.remote.addrlen);
  Counters& counters = host_.counters();
  const UdpSocket* socket = host_.FindSocket(path.local.addr);
  if (socket != nullptr && socket->kind() == UdpSocket::Kind::kPreferred &&
      !std::exchange(on_preferred_, true)) {
    ++counters.preferred_address_migrations;
  } else if (old_path != nullptr && SameAddress(path.remote.addr, old_path->remote.addr)) {
    ++counters.rebindings;
  } else if (old_path != nullptr) {
    ++counters.other_migrations;
  }
}

void Connection::EndHandshake() {
  if (std::exchange(handshake_over_, true)) return;
  if (ngtcp2_conn_get_handshake_completed(quic_) == 0) ++host_.counters().handshakes_failed;
  host_.OnHandshakeOver(*this);
}

void Connection::FailHttp3(uint64_t code) {
  ngtcp2_ccerr_set_application_error(&error_, code, nullptr, 0);
}

ngtcp2_tstamp Connection::Now() const {
  return static_cast<ngtcp2_tstamp>(
      std::chrono::nanoseconds(host_.loop().now().time_since_epoch()).count());
}

}  // namespace lockstep::agent::quicd::server
