#include "agent/quicd/server/server.h"

#include <algorithm>
#include <utility>

namespace lockstep::agent::quicd::server {
namespace {

struct Wanted {
  UdpSocket::Kind kind;
  Endpoint bound;
  Endpoint seen;
};

std::vector<Wanted> WantedSockets(const Settings& settings) {
  std::vector<Wanted> wanted;
  for (const IpAddress& address : settings.service_addresses) {
    const Endpoint endpoint{address, settings.port};
    wanted.push_back({UdpSocket::Kind::kService, endpoint, endpoint});
  }
  for (const auto& preferred : {settings.preferred_v4, settings.preferred_v6}) {
    if (!preferred) continue;
    wanted.push_back({UdpSocket::Kind::kPreferred, preferred->bound, preferred->advertised});
  }
  for (const PreferredAddress& own : settings.witnessed) {
    wanted.push_back({UdpSocket::Kind::kWitnessed, own.bound, own.advertised});
  }
  return wanted;
}

bool Is(const UdpSocket& socket, const Wanted& wanted) {
  return socket.bound() == wanted.bound && socket.seen() == wanted.seen;
}

// How long a client may go on sending to a connection after it was told to finish: one round trip
// to hear of it.
constexpr Millis kGoawayLead(500);

}  // namespace

Server::Server(loop::Loop& loop, MakeUpstream make_upstream)
    : loop_(loop),
      make_upstream_(std::move(make_upstream)),
      batch_([this](const sockaddr* seen) { return FindSocket(seen); }) {}

Server::~Server() {
  CancelDrainTimers();
  connections_.clear();
  for (const auto& socket : sockets_) loop_.Unwatch(socket->fd());
}

Status Server::Configure(Settings settings) {
  LS_ASSIGN_OR_RETURN(std::shared_ptr<const Configuration> made,
                      Configuration::Build(std::move(settings), configuration_.get()));
  LS_ASSIGN_OR_RETURN(Sockets opened, OpenMissing(*made));
  for (const auto& socket : opened) LS_RETURN_IF_ERROR(WatchSocket(*socket));
  CloseUnused(*made);
  std::move(opened.begin(), opened.end(), std::back_inserter(sockets_));
  NameKinds(*made);
  if (upstream_ == nullptr) {
    upstream_ = make_upstream_(loop_, made->settings().upstream);
  } else {
    upstream_->Configure(made->settings().upstream);
  }
  configuration_ = std::move(made);
  if (std::exchange(draining_, false)) FinishDrain();
  return Status::Ok();
}

Result<Server::Sockets> Server::OpenMissing(const Configuration& configuration) {
  Sockets opened;
  for (const Wanted& wanted : WantedSockets(configuration.settings())) {
    const bool there = std::any_of(sockets_.begin(), sockets_.end(),
                                   [&](const auto& socket) { return Is(*socket, wanted); });
    if (there) continue;
    LS_ASSIGN_OR_RETURN(std::unique_ptr<UdpSocket> socket,
                        UdpSocket::Open(wanted.kind, wanted.bound, wanted.seen, counters_));
    opened.push_back(std::move(socket));
  }
  return opened;
}

void Server::CloseUnused(const Configuration& configuration) {
  const std::vector<Wanted> wanted = WantedSockets(configuration.settings());
  const auto unused = [&](const UdpSocket& socket) {
    return std::none_of(wanted.begin(), wanted.end(),
                        [&](const Wanted& one) { return Is(socket, one); });
  };
  for (const auto& [connection, owned] : connections_) {
    const UdpSocket* socket = FindSocket(connection->local());
    if (socket != nullptr && unused(*socket)) connection->CloseNow();
  }
  std::erase_if(sockets_, [&](const std::unique_ptr<UdpSocket>& socket) {
    const bool goes = unused(*socket);
    if (goes) loop_.Unwatch(socket->fd());
    return goes;
  });
}

void Server::NameKinds(const Configuration& configuration) {
  for (const Wanted& wanted : WantedSockets(configuration.settings())) {
    for (const auto& socket : sockets_) {
      if (Is(*socket, wanted)) socket->set_kind(wanted.kind);
    }
  }
}

Status Server::WatchSocket(UdpSocket& socket) {
  return loop_.Watch(socket.fd(), EPOLLIN,
                     [this, &socket](uint32_t events) { OnReady(socket, events); });
}

void Server::OnReady(UdpSocket& socket, uint32_t events) {
  if ((events & EPOLLOUT) != 0 && socket.Flush()) {
    loop_.Change(socket.fd(), EPOLLIN);
    for (Connection* connection : std::exchange(blocked_, {})) connection->WantWrite();
  }
  if ((events & (EPOLLIN | EPOLLERR)) != 0) {
    socket.Receive(*receive_buffer_, [this](const Datagram& datagram) { OnDatagram(datagram); });
  }
}

UdpSocket* Server::FindSocket(const sockaddr* seen) {
  for (const auto& socket : sockets_) {
    if (SameEndpoint(socket->local().addr, seen)) return socket.get();
  }
  return nullptr;
}

void Server::WantWrite(Connection& connection) {
  to_write_.push_back(&connection);
  ScheduleEndOfTurn();
}

void Server::OnHandshakeOver(Connection&) { --half_open_; }

void Server::OnGone(Connection& connection) {
  gone_.push_back(&connection);
  ScheduleEndOfTurn();
}

void Server::ScheduleEndOfTurn() {
  if (std::exchange(end_of_turn_scheduled_, true)) return;
  loop_.Later([this, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) EndOfTurn();
  });
}

void Server::EndOfTurn() {
  end_of_turn_scheduled_ = false;
  for (Connection* connection : std::exchange(to_write_, {})) {
    if (!connection->Write()) blocked_.push_back(connection);
  }
  for (const auto& socket : sockets_) {
    if (socket->blocked()) loop_.Change(socket->fd(), EPOLLIN | EPOLLOUT);
  }
  for (Connection* connection : std::exchange(gone_, {})) {
    std::erase(to_write_, connection);
    std::erase(blocked_, connection);
    connections_.erase(connection);
  }
  CheckDrained();
}

void Server::Drain(Millis grace, std::function<void()> done) {
  on_drained_.push_back(std::move(done));
  if (!std::exchange(draining_, true)) {
    for (const auto& [connection, owned] : connections_) connection->AnnounceDrain();
    goaway_timer_ = loop_.At(loop_.now() + std::min(kGoawayLead, grace), [this] {
      goaway_timer_ = 0;
      for (const auto& [connection, owned] : connections_) connection->Drain();
    });
  }
  loop_.Cancel(drain_timer_);
  drain_timer_ = loop_.At(loop_.now() + grace, [this] {
    drain_timer_ = 0;
    for (const auto& [connection, owned] : connections_) connection->CloseNow();
    FinishDrain();
  });
  ScheduleEndOfTurn();
}

void Server::Release() {
  if (std::exchange(draining_, false)) FinishDrain();
  for (const auto& [connection, owned] : connections_) connection->CloseNow();
  for (const auto& socket : sockets_) loop_.Unwatch(socket->fd());
  sockets_.clear();
  configuration_.reset();
}

void Server::CheckDrained() {
  if (draining_ && connections_.empty()) FinishDrain();
}

void Server::CancelDrainTimers() {
  loop_.Cancel(std::exchange(drain_timer_, 0));
  loop_.Cancel(std::exchange(goaway_timer_, 0));
}

void Server::FinishDrain() {
  CancelDrainTimers();
  for (const auto& done : std::exchange(on_drained_, {})) done();
}

Server::State Server::state() const {
  State state;
  if (configuration_ != nullptr) state.version = configuration_->settings().version;
  for (const auto& socket : sockets_) state.listening.push_back(socket->bound());
  state.connections = connections_.size();
  state.half_open = half_open_;
  state.draining = draining_;
  return state;
}

}  // namespace lockstep::agent::quicd::server
