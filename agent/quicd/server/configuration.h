// A Configuration: everything one handshake needs to know, built once from Settings, checked as a
// whole, and then shared by pointer. New handshakes take the newest; a connection keeps its own,
// but tells the Alt-Svc of the newest.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agent/quicd/cid/codec.h"
#include "agent/quicd/cid/tokens.h"
#include "agent/quicd/server/credentials.h"
#include "agent/quicd/server/settings.h"
#include "agent/quicd/server/ticket_keyring.h"
#include "common/status/status.h"

namespace lockstep::agent::quicd::server {

struct ServedSite {
  std::shared_ptr<const Credentials> credentials;
  Policy policy;
  std::string alt_svc;
};

class Configuration {
 public:
  // INVALID_ARGUMENT with all errors, one per line. Certificates that `previous` serves already are
  // taken from there.
  static Result<std::shared_ptr<const Configuration>> Build(Settings settings,
                                                            const Configuration* previous);

  // Null for a name that nobody here serves. `host` is in lower case.
  const ServedSite* FindSite(std::string_view host) const;
  const Settings& settings() const { return settings_; }
  const Limits& limits() const { return settings_.limits; }
  const cid::Codec& codec() const { return *codec_; }
  const cid::AddressTokens& tokens() const { return tokens_; }
  const TicketKeyring& tickets() const { return tickets_; }
  bool IsWitness(const IpAddress& address) const;

 private:
  Configuration(Settings settings, TicketKeys tickets)
      : settings_(std::move(settings)), tickets_(std::move(tickets)) {}
  void CheckAddresses(std::vector<std::string>* errors) const;
  void CheckKeys(std::vector<std::string>* errors);
  void CheckLimits(std::vector<std::string>* errors) const;
  void BuildSites(const Configuration* previous, std::vector<std::string>* errors);
  Result<std::shared_ptr<const Credentials>> CredentialsOf(const Site& site,
                                                           const Configuration* previous);

  Settings settings_;
  TicketKeyring tickets_;
  std::shared_ptr<const cid::Codec> codec_;
  cid::AddressTokens tokens_;
  std::vector<std::unique_ptr<ServedSite>> sites_;
  std::map<std::string, const ServedSite*, std::less<>> by_host_;
  std::map<std::string, std::shared_ptr<const Credentials>> by_digest_;  // of chain and key
};

}  // namespace lockstep::agent::quicd::server
