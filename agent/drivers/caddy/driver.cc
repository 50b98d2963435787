#include "agent/drivers/caddy/driver.h"

#include <sys/stat.h>

#include <algorithm>
#include <set>
#include <utility>

#include "agent/drivers/caddy/listeners.h"
#include "agent/drivers/caddy/take_over.h"
#include "common/crypto/certificate.h"
#include "common/crypto/digest.h"
#include "common/log/log.h"
#include "common/net/limit.h"

namespace lockstep::agent::drivers::caddy {
namespace {

// What Caddy shows of it, escaped, must fit into an answer.
constexpr size_t kMaxConfigBytes = size_t{48} << 20;
// How long whatever supervises Caddy may take to start it again.
constexpr Micros kRestartDeadline = Seconds(20);
constexpr Micros kRestartPoll = Millis(20);
// How many names are looked at after HTTP/3 was opened anew, where none is known to differ.
constexpr size_t kMaxSigns = 16;

Status CheckCertificate(const reconcile::Certificate& certificate) {
  LS_ASSIGN_OR_RETURN(const auto chain, crypto::ParseChain(certificate.chain_pem));
  const crypto::Certificate& leaf = chain.front();
  if (leaf.FingerprintSha256Hex() != certificate.leaf_sha256) {
    return FailedPrecondition("the chain's leaf is not the certificate that leaf_sha256 names");
  }
  LS_ASSIGN_OR_RETURN(const auto key, crypto::PrivateKey::FromPem(certificate.key_pem));
  if (!leaf.PublicKeyMatches(key)) {
    return FailedPrecondition("certificate does not match its private key");
  }
  const std::vector<std::string> names = leaf.DnsNames();
  for (const Hostname& host : certificate.hosts) {
    if (std::find(names.begin(), names.end(), host.ascii()) == names.end()) {
      return FailedPrecondition("certificate lacks the name " + host.ascii());
    }
  }
  return Status::Ok();
}

// Everything that CheckCertificate looks at.
std::string DigestOf(const reconcile::Certificate& certificate) {
  crypto::Sha256Stream stream;
  for (const std::string& part :
       {certificate.chain_pem, certificate.key_pem, certificate.leaf_sha256}) {
    stream.Update(crypto::Sha256(part));
  }
  for (const Hostname& host : certificate.hosts) stream.Update(crypto::Sha256(host.ascii()));
  return stream.Finish();
}

Status CheckSize(const reconcile::Desired& desired) {
  size_t bytes = 0;
  for (const reconcile::Certificate& certificate : desired.certificates) {
    bytes += certificate.chain_pem.size() + certificate.key_pem.size();
  }
  for (const reconcile::Site& site : desired.sites) {
    if (const auto* preset = std::get_if<reconcile::Preset>(&site.content)) {
      bytes += preset->body.size();
    }
  }
  if (bytes <= kMaxConfigBytes) return Status::Ok();
  return ResourceExhausted("certificates and preset bodies have " + std::to_string(bytes) +
                           " bytes together, more than " + std::to_string(kMaxConfigBytes));
}

// Names to tell new certificates from old ones by. One that differs tells it for all, since a
// listener gets its certificates when it is opened, and together. Where nothing is known of the old
// ones, one name of each certificate.
std::vector<QuicListeners::Sign> FindSigns(const reconcile::Desired& desired,
                                           const reconcile::Desired* before) {
  std::vector<QuicListeners::Sign> out;
  std::set<std::string> leaves;
  for (const auto& [host, certificate] : reconcile::CertificateByHost(desired)) {
    if (leaves.insert(certificate->leaf_sha256).second) {
      out.push_back({host, certificate->leaf_sha256});
    }
  }
  if (before != nullptr) {
    std::set<std::string> old;
    for (const auto& certificate : before->certificates) old.insert(certificate.leaf_sha256);
    std::stable_partition(out.begin(), out.end(),
                          [&](const auto& sign) { return !old.contains(sign.leaf_sha256); });
  }
  const size_t wanted = before == nullptr ? kMaxSigns : 1;
  if (out.size() > wanted) out.resize(wanted);
  return out;
}

// Whether somebody who is neither the owner nor in the group can reach the socket.
bool IsOpenToOthers(const std::string& socket) {
  struct stat at {};
  if (stat(socket.c_str(), &at) != 0 || (at.st_mode & S_IWOTH) == 0) return false;
  const std::string directory = socket.substr(0, socket.rfind('/') + 1);
  return stat(directory.c_str(), &at) == 0 && (at.st_mode & S_IXOTH) != 0;
}

}  // namespace

CaddyDriver::CaddyDriver(CaddyOptions options)
    : CaddyDriver(options,
                  std::make_unique<AdminClient>(AdminClient::OverUnixSocket(
                      options.render.admin_socket, options.limits, options.stop)),
                  Clock::System(),
                  [](const probe::QuicRequest& request) { return probe::QuicHandshake(request); }) {
}

CaddyDriver::CaddyDriver(CaddyOptions options, std::unique_ptr<Admin> admin, const Clock& clock,
                         QuicListeners::Handshake handshake)
    : options_(std::move(options)),
      admin_(std::move(admin)),
      clock_(clock),
      listeners_(*admin_, options_.render, std::move(handshake)) {}

std::vector<std::string> CaddyDriver::Capabilities() {
  if (!admin_->GetConfig("/@id").ok()) {
    version_.reset();  // another one may come up
    return {};
  }
  const std::optional<Version>& version = FindVersion();
  return {version ? "caddy/" + version->ToString() : "caddy"};
}

const std::optional<Version>& CaddyDriver::FindVersion() {
  if (!version_) {
    const Result<Version> asked = AskVersion(options_.program);
    if (asked.ok()) version_ = *asked;
  }
  return version_;
}

Status CaddyDriver::Check(const reconcile::Desired& desired) {
  LS_RETURN_IF_ERROR(CheckSize(desired));
  std::set<std::string> good;
  for (const reconcile::Certificate& certificate : desired.certificates) {
    std::string digest = DigestOf(certificate);
    if (!good_certificates_.contains(digest)) {
      LS_RETURN_IF_ERROR(
          CheckCertificate(certificate).Prefixed("certificate " + Quoted(certificate.name)));
    }
    good.insert(std::move(digest));
  }
  good_certificates_ = std::move(good);
  LS_RETURN_IF_ERROR(CheckAddressesAreHere(ListenAddresses(desired)));
  LS_ASSIGN_OR_RETURN(const Running running, FindRunning());
  return running.kind == Running::Kind::kForeign ? FindForeign().status() : Status::Ok();
}

Result<CaddyDriver::Running> CaddyDriver::FindRunning() {
  LS_ASSIGN_OR_RETURN(const std::string text, admin_->GetConfig("/@id"));
  if (text.size() > 2 && text.front() == '"') {
    const std::string_view id = std::string_view(text).substr(1, text.size() - 2);
    if (id == kHoldId) return Running{Running::Kind::kInterrupted, std::nullopt};
    if (const auto ours = ConfigId::Parse(id)) return Running{Running::Kind::kOurs, ours};
  }
  LS_ASSIGN_OR_RETURN(const std::string config, admin_->GetConfig(""));
  LS_ASSIGN_OR_RETURN(const std::string apps, AppsOf(config));
  return Running{apps.empty() ? Running::Kind::kNothing : Running::Kind::kForeign, std::nullopt};
}

Result<CaddyDriver::Running> CaddyDriver::PrepareLoad() {
  Result<Running> running = FindRunning();
  if (running.status().code() == Code::kUnavailable) {
    LS_RETURN_IF_ERROR(RepairAdmin(running.status()));
    running = FindRunning();
  }
  if (running.ok() && running->kind == Running::Kind::kForeign) {
    LS_ASSIGN_OR_RETURN(const std::string foreign, FindForeign());
    LS_RETURN_IF_ERROR(KeepForeign(foreign));
  }
  return running;
}

Result<std::string> CaddyDriver::FindForeign() {
  LS_ASSIGN_OR_RETURN(std::string running, admin_->GetConfig(""));
  if (options_.take_over) return running;
  LS_ASSIGN_OR_RETURN(const std::string apps, AppsOf(running));
  return FailedPrecondition("caddy at " + options_.render.admin_socket +
                            " runs a config that lockstep did not write (apps: " + apps +
                            "); give lockstep a caddy of its own, or set take_over = true to "
                            "replace that config (a copy is kept)");
}

Status CaddyDriver::KeepForeign(const std::string& config) {
  LS_ASSIGN_OR_RETURN(const std::string path,
                      KeepCopy(options_.copies_directory, config, clock_.Now()));
  log::Warning("caddy.taken_over", {{"copy", path}});
  return Status::Ok();
}

bool CaddyDriver::IsOurCaddyOpenToAll() {
  if (!AcceptsTcp(options_.open_admin)) return false;
  const auto id =
      AdminClient::OverTcp(options_.open_admin, options_.limits, options_.stop).GetConfig("/@id");
  return id.ok() && id->size() > 2 && ConfigId::Parse(id->substr(1, id->size() - 2)).has_value();
}

// A load without an admin block, even a refused one, moves admin from the socket to a port that is
// open to everybody. Only a Caddy that runs our config is told to move back, and with nothing
// secret: who else listens on that port is not known.
Status CaddyDriver::RepairAdmin(const Status& unreachable) {
  if (!IsOurCaddyOpenToAll()) {
    return AcceptsTcp(options_.open_admin)
               ? unreachable.Prefixed("something answers on " + options_.open_admin.ToString() +
                                      ", as caddy does after a load without an admin block")
               : unreachable;
  }
  log::Warning("caddy.admin_repaired", {{"was", options_.open_admin.ToString()}});
  return AdminClient::OverTcp(options_.open_admin, options_.limits, options_.stop)
      .SetConfig("/admin", RenderAdmin(options_.render));
}

Status CaddyDriver::Apply(const reconcile::Desired& desired, const reconcile::Desired* before) {
  const bool refuse = desired.refuse_quic && desired.quic_server == reconcile::QuicServer::kCaddy;
  cannot_refuse_ = refuse && KeepsOldCertificatesOnHttp3(FindVersion());
  const Http3 http3 = refuse && !cannot_refuse_ ? Http3::kOff : Http3::kOn;
  LS_ASSIGN_OR_RETURN(const RenderedConfig config, RenderConfig(desired, options_.render, http3));
  LS_ASSIGN_OR_RETURN(const Running running, PrepareLoad());
  const bool repair = before == nullptr && applied_ == config.id && running.id == config.id;
  if (desired.quic_server != reconcile::QuicServer::kCaddy) {
    LS_RETURN_IF_ERROR(LoadWithoutUdp(desired, config, running));
  } else {
    LS_RETURN_IF_ERROR(KeepsOldCertificatesOnHttp3(FindVersion())
                           ? LoadWithHttp3(desired, before, config, running, repair)
                           : admin_->Load(config.json.Reveal()));
  }
  LS_RETURN_IF_ERROR(CheckAfterLoad(config.id));
  applied_ = config.id;
  file_roots_.clear();
  for (const reconcile::Site& site : desired.sites) {
    if (const auto* root = std::get_if<reconcile::FileRoot>(&site.content)) {
      file_roots_.push_back(root->path);
    }
  }
  return Status::Ok();
}

Status CaddyDriver::LoadWithHttp3(const reconcile::Desired& desired,
                                  const reconcile::Desired* before, const RenderedConfig& config,
                                  const Running& running, bool repair) {
  std::set<IpAddress> open;
  if (running.kind == Running::Kind::kNothing) http3_problems_.clear();  // a new Caddy
  if (running.kind == Running::Kind::kOurs) {
    LS_ASSIGN_OR_RETURN(open, listeners_.FindOpen());
  }
  LS_ASSIGN_OR_RETURN(std::string shown, admin_->GetConfig(""));
  const crypto::Secret previous(std::move(shown));
  if (!desired.certificates.empty()) {
    for (const IpAddress& address : ListenAddresses(desired)) {
      if (open.contains(address)) continue;
      const Status held = listeners_.Hold(address);
      if (!held.ok())
        log::Warning("caddy.hold_failed", {{"address", address.ToString()}, {"error", held}});
    }
  }
  const bool unknown =
      running.kind == Running::Kind::kForeign || running.kind == Running::Kind::kInterrupted;
  const bool differ = !open.empty() && running.id->certificates != config.id.certificates;
  Status loaded = repair || unknown || differ ? Renew(desired, before, config)
                                              : admin_->Load(config.json.Reveal());
  if (loaded.ok() || running.kind != Running::Kind::kOurs) return loaded;
  return GoBackTo(previous, loaded);
}

Status CaddyDriver::Renew(const reconcile::Desired& desired, const reconcile::Desired* before,
                          const RenderedConfig& config) {
  LS_ASSIGN_OR_RETURN(const RenderedConfig without,
                      RenderConfig(desired, options_.render, Http3::kOff));
  const std::vector<IpAddress> addresses = ListenAddresses(desired);
  const MonoTime start = clock_.Mono();
  LS_ASSIGN_OR_RETURN(http3_problems_, listeners_.Renew(without.json.Reveal(), config.json.Reveal(),
                                                        addresses, FindSigns(desired, before)));
  const auto took = std::chrono::duration_cast<Millis>(clock_.Mono() - start);
  log::Info("caddy.http3_renewed", {{"ms", took.count()}, {"problems", http3_problems_.size()}});
  return Status::Ok();
}

// A Caddy before 2.7 that has served HTTP/3 keeps the UDP sockets until it ends.
Status CaddyDriver::LoadWithoutUdp(const reconcile::Desired& desired, const RenderedConfig& config,
                                   const Running& running) {
  bool held = false;
  bool may_hold = running.kind != Running::Kind::kNothing;
  if (running.kind == Running::Kind::kOurs) {
    LS_ASSIGN_OR_RETURN(const std::string https, admin_->GetConfig("/apps/http/servers/https"));
    may_hold = https != "null";  // else what is bound there is another server's
  }
  if (may_hold && KeepsOldCertificatesOnHttp3(FindVersion())) {
    for (const IpAddress& address : ListenAddresses(desired)) {
      held = held || IsUdpTaken({address, options_.render.https_port});
    }
  }
  if (!held) return admin_->Load(config.json.Reveal());
  LS_ASSIGN_OR_RETURN(std::string shown, admin_->GetConfig(""));
  const crypto::Secret previous(std::move(shown));
  log::Warning("caddy.restarting", {{"why", "it holds UDP sockets that are to be another's"}});
  LS_RETURN_IF_ERROR(Restart());
  const Status loaded = admin_->Load(config.json.Reveal());
  return loaded.ok() ? loaded : GoBackTo(previous, loaded);
}

// After `failed`, it serves again what it did.
Status CaddyDriver::GoBackTo(const crypto::Secret& previous, const Status& failed) {
  const Status restored = admin_->Load(previous.Reveal());
  if (restored.ok()) return failed;
  return Status(failed.code(), failed.message() + "; going back failed too: " + restored.message());
}

// One that is ending may answer still, without any config: what it is given then is lost.
bool CaddyDriver::IsNew() {
  const Result<std::string> admin = admin_->GetConfig("/admin");
  if (!admin.ok() || *admin == "null") return false;
  const Result<Running> running = FindRunning();
  return running.ok() && running->kind == Running::Kind::kNothing;
}

// What supervises Caddy starts it again (deploy/systemd), with an admin socket and nothing else.
Status CaddyDriver::Restart() {
  LS_RETURN_IF_ERROR(admin_->SetConfig("/apps/http/grace_period", R"("1s")"));
  LS_RETURN_IF_ERROR(admin_->Stop());
  const net::Limit limit(kRestartDeadline, options_.stop);
  while (true) {
    if (IsNew()) return Status::Ok();
    if (!limit.Check().ok()) {
      return Unavailable("caddy was stopped to let go of UDP " +
                         std::to_string(options_.render.https_port) +
                         " and did not come back with its admin socket in its config; its unit must"
                         " say Restart=always and name that config");
    }
    const net::Limit pause(kRestartPoll, options_.stop);
    (void)pause.WaitUntil({}, pause.deadline()).ok();
  }
}

Status CaddyDriver::CheckAfterLoad(const ConfigId& id) {
  LS_ASSIGN_OR_RETURN(const Running running, FindRunning());
  if (running.id != id) return Aborted("somebody else loaded another config into caddy meanwhile");
  if (IsOurCaddyOpenToAll()) {
    return FailedPrecondition("caddy's admin is open to everybody on " +
                              options_.open_admin.ToString() + "; restart caddy");
  }
  LS_ASSIGN_OR_RETURN(std::string shown, admin_->GetConfig(""));
  applied_digest_ = crypto::Sha256(shown);
  crypto::Wipe(shown);
  return Status::Ok();
}

Status CaddyDriver::Ensure() {
  if (!applied_) return Status::Ok();
  LS_ASSIGN_OR_RETURN(const Running running, FindRunning());
  if (running.kind == Running::Kind::kNothing) return NotFound("caddy lost its config");
  if (running.id != applied_) return Aborted("caddy runs another config than the one applied");
  LS_ASSIGN_OR_RETURN(std::string shown, admin_->GetConfig(""));
  const bool same = crypto::Sha256(shown) == applied_digest_;
  crypto::Wipe(shown);
  return same ? Status::Ok() : Aborted("somebody changed caddy's config");
}

std::vector<std::string> CaddyDriver::WhyNotRefused() {
  if (!cannot_refuse_) return {};
  return {"caddy before 2.7 keeps UDP " + std::to_string(options_.render.https_port) +
          " open until it ends, and TCP would end with it"};
}

std::vector<std::string> CaddyDriver::Inspect() {
  std::vector<std::string> out = http3_problems_;
  if (const Status serving = Ensure(); !serving.ok()) out.push_back(serving.message());
  if (AcceptsTcp(options_.open_admin)) {
    out.push_back("something answers on " + options_.open_admin.ToString() +
                  "; if it is caddy's admin, everybody on this machine can read the private keys");
  }
  if (IsOpenToOthers(options_.render.admin_socket)) {
    out.push_back("caddy's admin socket " + options_.render.admin_socket +
                  " is open to everybody; keep it 0660 in a directory of caddy and the agent");
  }
  for (const std::string& root : file_roots_) {
    struct stat at {};
    if (stat(root.c_str(), &at) == 0 ? !S_ISDIR(at.st_mode) : errno == ENOENT) {
      out.push_back("file root " + Quoted(root) + " is no directory on this node");
    }
  }
  return out;
}

}  // namespace lockstep::agent::drivers::caddy
