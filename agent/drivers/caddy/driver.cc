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

namespace lockstep::agent::drivers::caddy {
namespace {

constexpr size_t kMaxConfigBytes = size_t{64} << 20;
// How long an old configuration may hold its QUIC listener after the load that drops it; it takes
// less than a millisecond, but not always none (1 of 40 loads, Caddy 2.6.2).
constexpr Micros kHttp3ClosePatience = Seconds(1);

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
                  std::make_unique<AdminClient>(
                      AdminClient::OverUnixSocket(options.render.admin_socket, options.limits)),
                  Clock::System()) {}

CaddyDriver::CaddyDriver(CaddyOptions options, std::unique_ptr<Admin> admin, const Clock& clock)
    : options_(std::move(options)), admin_(std::move(admin)), clock_(clock) {}

std::vector<std::string> CaddyDriver::Capabilities() {
  if (!FindOwnId().ok()) {
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
  LS_ASSIGN_OR_RETURN(const RenderedConfig config,
                      RenderConfig(desired, options_.render, Http3::kOn));
  if (config.json.size() > kMaxConfigBytes) {
    return ResourceExhausted("caddy config has " + std::to_string(config.json.size()) +
                             " bytes, more than " + std::to_string(kMaxConfigBytes));
  }
  for (const reconcile::Certificate& certificate : desired.certificates) {
    LS_RETURN_IF_ERROR(
        CheckCertificate(certificate).Prefixed("certificate " + Quoted(certificate.name)));
  }
  LS_RETURN_IF_ERROR(CheckAddressesAreHere(ListenAddresses(desired)));
  LS_ASSIGN_OR_RETURN(const std::optional<ConfigId> id, FindOwnId());
  return id ? Status::Ok() : FindForeign().status();
}

Result<std::optional<ConfigId>> CaddyDriver::FindOwnId() {
  LS_ASSIGN_OR_RETURN(std::string text, admin_->GetConfig("/@id"));
  if (text.size() < 2 || text.front() != '"') return std::optional<ConfigId>();
  return ConfigId::Parse(std::string_view(text).substr(1, text.size() - 2));
}

Result<std::optional<ConfigId>> CaddyDriver::PrepareLoad() {
  Result<std::optional<ConfigId>> id = FindOwnId();
  if (id.status().code() == Code::kUnavailable) {
    LS_RETURN_IF_ERROR(RepairAdmin(id.status()));
    id = FindOwnId();
  }
  if (!id.ok() || *id) return id;
  LS_ASSIGN_OR_RETURN(const std::string foreign, FindForeign());
  LS_RETURN_IF_ERROR(KeepForeign(foreign));
  return std::optional<ConfigId>();
}

Result<std::string> CaddyDriver::FindForeign() {
  LS_ASSIGN_OR_RETURN(std::string running, admin_->GetConfig(""));
  LS_ASSIGN_OR_RETURN(const std::string apps, AppsOf(running));
  if (apps.empty()) return std::string();
  if (options_.take_over) return running;
  return FailedPrecondition("caddy at " + options_.render.admin_socket +
                            " runs a config that lockstep did not write (apps: " + apps +
                            "); give lockstep a caddy of its own, or set take_over = true to "
                            "replace that config (a copy is kept)");
}

Status CaddyDriver::KeepForeign(const std::string& config) {
  if (config.empty()) return Status::Ok();
  LS_ASSIGN_OR_RETURN(const std::string path,
                      KeepCopy(options_.copies_directory, config, clock_.Now()));
  log::Warning("caddy.taken_over", {{"copy", path}});
  return Status::Ok();
}

bool CaddyDriver::IsOurCaddyOpenToAll() {
  if (!AcceptsTcp(options_.open_admin)) return false;
  const auto id = AdminClient::OverTcp(options_.open_admin, options_.limits).GetConfig("/@id");
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
  return AdminClient::OverTcp(options_.open_admin, options_.limits)
      .SetConfig("/admin", RenderAdmin(options_.render));
}

Status CaddyDriver::Apply(const reconcile::Desired& desired, const reconcile::Desired* before) {
  LS_ASSIGN_OR_RETURN(const RenderedConfig config,
                      RenderConfig(desired, options_.render, Http3::kOn));
  LS_ASSIGN_OR_RETURN(const std::optional<ConfigId> running, PrepareLoad());
  const bool repair = before == nullptr && applied_ == config.id && running == config.id;
  const bool certificates_differ = running && running->certificates != config.id.certificates;
  const bool renew = repair || (certificates_differ && KeepsOldCertificatesOnHttp3(FindVersion()));
  LS_RETURN_IF_ERROR(renew ? LoadWithHttp3Renewed(desired, config)
                           : admin_->Load(config.json.Reveal()));
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

Status CaddyDriver::LoadWithHttp3Renewed(const reconcile::Desired& desired,
                                         const RenderedConfig& config) {
  LS_ASSIGN_OR_RETURN(std::string shown, admin_->GetConfig(""));
  const crypto::Secret previous(std::move(shown));
  LS_ASSIGN_OR_RETURN(const RenderedConfig without,
                      RenderConfig(desired, options_.render, Http3::kOff));
  LS_RETURN_IF_ERROR(admin_->Load(without.json.Reveal()));
  std::vector<Endpoint> endpoints;
  for (const IpAddress& address : ListenAddresses(desired)) {
    endpoints.push_back({address, options_.render.https_port});
  }
  const MonoTime start = clock_.Mono();
  const Status closed = WaitUntilUdpIsClosed(endpoints, kHttp3ClosePatience);
  const Status loaded = admin_->Load(config.json.Reveal());
  if (!loaded.ok()) {
    const Status restored = admin_->Load(previous.Reveal());
    if (restored.ok()) return loaded;
    return Status(loaded.code(),
                  loaded.message() + "; caddy serves without HTTP/3 now: " + restored.message());
  }
  log::Info("caddy.http3_renewed",
            {{"closed", closed},
             {"closed_for_ms", std::chrono::duration_cast<Millis>(clock_.Mono() - start).count()}});
  return Status::Ok();
}

Status CaddyDriver::CheckAfterLoad(const ConfigId& id) {
  LS_ASSIGN_OR_RETURN(const std::optional<ConfigId> running, FindOwnId());
  if (running != id) return Aborted("somebody else loaded another config into caddy meanwhile");
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
  LS_ASSIGN_OR_RETURN(const std::optional<ConfigId> running, FindOwnId());
  if (!running) return NotFound("caddy lost its config");
  if (running != applied_) return Aborted("caddy runs another config than the one applied");
  LS_ASSIGN_OR_RETURN(std::string shown, admin_->GetConfig(""));
  const bool same = crypto::Sha256(shown) == applied_digest_;
  crypto::Wipe(shown);
  return same ? Status::Ok() : Aborted("somebody changed caddy's config");
}

std::vector<std::string> CaddyDriver::Inspect() {
  std::vector<std::string> out;
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
