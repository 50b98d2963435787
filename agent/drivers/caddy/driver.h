// CaddyDriver: the Driver of a local Caddy that Lockstep owns, over its admin socket.
//
// Stateless towards Caddy: what it runs is read from its config's id each time, so that a restart
// of the agent or of Caddy, at any moment, ends with the right config and HTTP/3 listeners opened
// with the right certificates.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/apply/driver.h"
#include "agent/drivers/caddy/admin.h"
#include "agent/drivers/caddy/admin_client.h"
#include "agent/drivers/caddy/config_id.h"
#include "agent/drivers/caddy/quic_listeners.h"
#include "agent/drivers/caddy/render.h"
#include "agent/drivers/caddy/version.h"

namespace lockstep::agent::drivers::caddy {

struct CaddyOptions {
  RenderSettings render;
  AdminLimits limits;
  std::stop_token stop = {};  // after it a Caddy that is silent is waited for no longer
  // Replace a config that is not ours; a copy of it is kept. Else such a Caddy is refused.
  bool take_over = false;
  std::string copies_directory;            // made 0700; of replaced configs, which may hold keys
  std::string program = "/usr/bin/caddy";  // asked for its version
  // Where Caddy opens admin to everybody once it has lost its socket.
  Endpoint open_admin{*IpAddress::Parse("127.0.0.1"), 2019};
};

class CaddyDriver : public apply::Driver {
 public:
  explicit CaddyDriver(CaddyOptions options);
  CaddyDriver(CaddyOptions options, std::unique_ptr<Admin> admin, const Clock& clock,
              QuicListeners::Handshake handshake);

  std::string name() const override { return "caddy"; }
  std::vector<std::string> Capabilities() override;

  // Each key belongs to its certificate, which is the one announced and has the names; the machine
  // has the addresses; Caddy is there and runs nothing foreign. Dates are not looked at: an expired
  // certificate is better than none.
  Status Check(const reconcile::Desired& desired) override;

  // What is served is read from Caddy. `before` tells which certificates changed, and a repair from
  // a change: null, for what this driver has applied already, opens HTTP/3 anew. Where certificates
  // changed and Caddy is older than 2.7, HTTP/3 is closed and opened between two loads: live QUIC
  // connections end, those of HTTP/1 and HTTP/2 do not. Where another server is to have UDP 443 and
  // this Caddy holds it, Caddy is restarted. Where it is to refuse QUIC and is older than 2.7 it
  // goes on serving HTTP/3: to let go of UDP 443 it would have to end, and TCP with it.
  // FAILED_PRECONDITION for a foreign config.
  Status Apply(const reconcile::Desired& desired, const reconcile::Desired* before) override;

  // Ok while Caddy runs what was last applied here (and before anything was). NOT_FOUND once it
  // lost that, as after a restart, ABORTED when somebody else changed it: apply again.
  Status Ensure() override;

  std::vector<std::string> Inspect() override;
  std::vector<std::string> WhyNotRefused() override;

 private:
  // What Caddy runs.
  struct Running {
    enum class Kind { kNothing, kOurs, kForeign, kInterrupted } kind = Kind::kNothing;
    std::optional<ConfigId> id;  // of ours
  };
  Result<Running> FindRunning();
  // The same before a load: admin is repaired, and a foreign config kept or refused.
  Result<Running> PrepareLoad();
  // The config that is not ours, if it may be replaced.
  Result<std::string> FindForeign();
  Status KeepForeign(const std::string& config);
  Status RepairAdmin(const Status& unreachable);
  Status LoadWithHttp3(const reconcile::Desired& desired, const reconcile::Desired* before,
                       const RenderedConfig& config, const Running& running, bool repair);
  Status Renew(const reconcile::Desired& desired, const reconcile::Desired* before,
               const RenderedConfig& config);
  Status LoadWithoutUdp(const reconcile::Desired& desired, const RenderedConfig& config,
                        const Running& running);
  Status GoBackTo(const crypto::Secret& previous, const Status& failed);
  bool IsNew();
  Status Restart();
  Status CheckAfterLoad(const ConfigId& id);
  bool IsOurCaddyOpenToAll();
  const std::optional<Version>& FindVersion();

  const CaddyOptions options_;
  const std::unique_ptr<Admin> admin_;
  const Clock& clock_;
  const QuicListeners listeners_;
  std::optional<Version> version_;
  // Digests of certificates found good: of a thousand, a push changes few.
  std::set<std::string> good_certificates_;
  std::optional<ConfigId> applied_;
  std::string applied_digest_;               // SHA-256 of the config as Caddy shows it
  std::vector<std::string> file_roots_;      // of what was applied
  std::vector<std::string> http3_problems_;  // since the last renewal
  bool cannot_refuse_ = false;               // QUIC, as it was told to
};

}  // namespace lockstep::agent::drivers::caddy
