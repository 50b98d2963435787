#include "tests/fakes/loopback/dns_server.h"

#include <fcntl.h>
#include <ldns/ldns.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>

#include "common/net/socket.h"
#include "common/status/status.h"
#include "tests/fakes/loopback/servers.h"

namespace lockstep::fakes {
namespace {

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using PacketPtr = std::unique_ptr<ldns_pkt, Deleter<ldns_pkt_free>>;
using RecordPtr = std::unique_ptr<ldns_rr, Deleter<ldns_rr_free>>;

// In lower case.
std::string Text(const ldns_rdf* name) {
  const std::unique_ptr<ldns_rdf, Deleter<ldns_rdf_deep_free>> lower(ldns_rdf_clone(name));
  ldns_dname2canonical(lower.get());
  char* text = ldns_rdf2str(lower.get());
  std::string out = text;
  std::free(text);
  return out;
}

std::string TypeText(ldns_rr_type type) {
  char* text = ldns_rr_type2str(type);
  std::string out = text;
  std::free(text);
  return out;
}

// Closed if somebody else has it.
Fd Bound(int type, const Endpoint& wanted) {
  Fd socket(::socket(wanted.address.is_v6() ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_storage address;
  const socklen_t length = wanted.ToSockaddr(&address);
  if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), length) == 0) return socket;
  LS_CHECK(errno == EADDRINUSE);
  return Fd();
}

// Puts the records for `name` into `answer`, following CNAMEs; false if the name is unknown.
bool Collect(const std::vector<std::string>& records, const std::string& name, ldns_rr_type type,
             bool follow, ldns_pkt* answer) {
  bool known = false;
  std::string next;
  for (const std::string& line : records) {
    ldns_rr* parsed = nullptr;
    LS_CHECK(ldns_rr_new_frm_str(&parsed, line.c_str(), 60, nullptr, nullptr) == LDNS_STATUS_OK);
    RecordPtr record(parsed);
    if (Text(ldns_rr_owner(parsed)) != name) continue;
    known = true;
    if (ldns_rr_get_type(parsed) == LDNS_RR_TYPE_CNAME) next = Text(ldns_rr_rdf(parsed, 0));
    if (ldns_rr_get_type(parsed) == type || ldns_rr_get_type(parsed) == LDNS_RR_TYPE_CNAME) {
      ldns_pkt_push_rr(answer, LDNS_SECTION_ANSWER, record.release());
    }
  }
  const bool loop = ldns_pkt_ancount(answer) > 20;
  if (next.empty() || type == LDNS_RR_TYPE_CNAME || !follow || loop) return known;
  return Collect(records, next, type, follow, answer);
}

std::string Wire(const ldns_pkt* packet) {
  uint8_t* wire = nullptr;
  size_t size = 0;
  LS_CHECK(ldns_pkt2wire(&wire, packet, &size) == LDNS_STATUS_OK);
  std::string out(reinterpret_cast<char*>(wire), size);
  std::free(wire);
  return out;
}

}  // namespace

DnsServer::DnsServer(std::vector<std::string> records, const Endpoint& endpoint)
    : records_(std::move(records)) {
  // A port that the system chose for the one may be taken for the other.
  for (int tries = 0; !tcp_.valid(); ++tries) {
    LS_CHECK(tries < 100 && (tries == 0 || endpoint.port == 0));
    udp_ = Bound(SOCK_DGRAM, endpoint);
    LS_CHECK(udp_.valid());
    endpoint_ = *net::LocalEndpoint(udp_);
    tcp_ = Bound(SOCK_STREAM, endpoint_);
  }
  LS_CHECK(::listen(tcp_.get(), 16) == 0);
  int fds[2];
  LS_CHECK(::pipe2(fds, O_CLOEXEC) == 0);
  stop_read_.Reset(fds[0]);
  stop_write_.Reset(fds[1]);
  thread_ = std::thread([this] { Run(); });
}

DnsServer::~DnsServer() {
  stop_write_.Reset();
  thread_.join();
}

void DnsServer::AnswerRcode(std::string_view name, int rcode) {
  const std::lock_guard lock(mu_);
  behaviour_.rcodes[std::string(name) + "."] = rcode;
}
void DnsServer::StaySilentFor(std::string_view name) {
  const std::lock_guard lock(mu_);
  behaviour_.silent.insert(std::string(name) + ".");
}
void DnsServer::LoseFirst(int datagrams) {
  const std::lock_guard lock(mu_);
  behaviour_.lose = datagrams;
}
void DnsServer::TruncateOverUdp() {
  const std::lock_guard lock(mu_);
  behaviour_.truncate = true;
}
void DnsServer::CloseOverTcp() {
  const std::lock_guard lock(mu_);
  behaviour_.close_tcp = true;
}
void DnsServer::SendForgeriesFirst() {
  const std::lock_guard lock(mu_);
  behaviour_.forge = true;
}
void DnsServer::AnswerWithoutAuthority() {
  const std::lock_guard lock(mu_);
  behaviour_.authoritative = false;
}
void DnsServer::StopAfterCname() {
  const std::lock_guard lock(mu_);
  behaviour_.stop_after_cname = true;
}

std::vector<std::string> DnsServer::questions() const {
  const std::lock_guard lock(mu_);
  return questions_;
}

void DnsServer::Run() {
  while (true) {
    pollfd waits[3] = {
        {udp_.get(), POLLIN, 0}, {tcp_.get(), POLLIN, 0}, {stop_read_.get(), POLLIN, 0}};
    LS_CHECK(::poll(waits, 3, -1) > 0);
    if (waits[2].revents != 0) return;
    if (waits[0].revents != 0) ServeUdp();
    if (waits[1].revents != 0) ServeTcp();
  }
}

void DnsServer::ServeUdp() {
  char buffer[2048];
  sockaddr_storage from;
  socklen_t length = sizeof from;
  auto* address = reinterpret_cast<sockaddr*>(&from);
  const ssize_t size = ::recvfrom(udp_.get(), buffer, sizeof buffer, 0, address, &length);
  if (size <= 0) return;
  const std::string answer = Answer({buffer, static_cast<size_t>(size)}, false);
  if (answer.empty()) return;
  const auto send = [&](const std::string& bytes) {
    ::sendto(udp_.get(), bytes.data(), bytes.size(), 0, address, length);
  };
  bool forge = false;
  {
    const std::lock_guard lock(mu_);
    forge = behaviour_.forge;
  }
  if (forge) {
    send("garbage");
    std::string other = answer;
    other[0] = static_cast<char>(other[0] ^ 1);  // the id
    send(other);
    other = answer;
    other[13] = static_cast<char>(other[13] ^ 1);  // the first letter of the question
    send(other);
    other = std::string(buffer, static_cast<size_t>(size));  // the question itself
    send(other);
  }
  send(answer);
}

void DnsServer::ServeTcp() {
  const Fd connection(::accept4(tcp_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  {
    const std::lock_guard lock(mu_);
    if (behaviour_.close_tcp) return;
  }
  char buffer[2048];
  const ssize_t size = ::recv(connection.get(), buffer, sizeof buffer, 0);
  if (size <= 2) return;
  const std::string answer = Answer({buffer + 2, static_cast<size_t>(size) - 2}, true);
  // In two pieces, so that a reader that takes one for the whole is found out.
  WriteAll(connection.get(), std::string(1, static_cast<char>(answer.size() >> 8)));
  WriteAll(connection.get(), static_cast<char>(answer.size() & 0xff) + answer);
}

std::string DnsServer::Answer(std::string_view bytes, bool tcp) {
  ldns_pkt* parsed = nullptr;
  if (ldns_wire2pkt(&parsed, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()) !=
      LDNS_STATUS_OK) {
    return "";
  }
  const PacketPtr query(parsed);
  const ldns_rr* question = ldns_rr_list_rr(ldns_pkt_question(query.get()), 0);
  const std::string name = Text(ldns_rr_owner(question));
  const ldns_rr_type type = ldns_rr_get_type(question);

  const std::lock_guard lock(mu_);
  questions_.push_back(name + " " + TypeText(type) + (tcp ? " tcp" : ""));
  if (behaviour_.silent.contains(name)) return "";
  if (!tcp && behaviour_.lose > 0) {
    --behaviour_.lose;
    return "";
  }
  const PacketPtr answer(
      ldns_pkt_query_new(ldns_rdf_clone(ldns_rr_owner(question)), type, LDNS_RR_CLASS_IN, 0));
  ldns_pkt_set_id(answer.get(), ldns_pkt_id(query.get()));
  ldns_pkt_set_qr(answer.get(), true);
  ldns_pkt_set_aa(answer.get(), behaviour_.authoritative);
  if (const auto rcode = behaviour_.rcodes.find(name); rcode != behaviour_.rcodes.end()) {
    ldns_pkt_set_rcode(answer.get(), static_cast<uint8_t>(rcode->second));
  } else if (behaviour_.truncate && !tcp) {
    ldns_pkt_set_tc(answer.get(), true);
  } else if (!Collect(records_, name, type, !behaviour_.stop_after_cname, answer.get())) {
    ldns_pkt_set_rcode(answer.get(), LDNS_RCODE_NXDOMAIN);
  }
  return Wire(answer.get());
}

}  // namespace lockstep::fakes
