// Enrollment: join tokens, and the identities that nodes get for them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/crypto/secret.h"
#include "common/task/executor.h"
#include "controller/fleet/fleet.h"
#include "controller/identity/fleet_ca.h"
#include "controller/model/node.h"
#include "controller/store/database.h"

namespace lockstep::controller::fleet {

// Lives on the state strand.
class Enrollment {
 public:
  Enrollment(const identity::FleetCa& ca, store::Database& database, task::Executor& state,
             Fleet& fleet, Journal& journal)
      : ca_(ca), database_(database), state_(state), fleet_(fleet), journal_(journal) {}

  struct NewToken {
    std::string text;  // secret, shown once
    model::JoinToken token;
  };
  // ALREADY_EXISTS for the name of an enrolled node; INVALID_ARGUMENT for a lifetime outside
  // 1 s - 24 h (0: 10 minutes).
  void CreateToken(const NodeName& node, const PopName& pop, Micros lifetime,
                   std::function<void(Result<NewToken>)> done);
  void ListTokens(std::function<void(Result<std::vector<model::JoinToken>>)> done);
  void RevokeToken(const std::string& id, std::function<void(Status)> done);

  struct Identity {
    std::string certificate_pem;
    std::string ca_pem;
    PopName pop;
    WallTime not_after;
  };
  using Issued = std::function<void(Result<Identity>)>;
  // One token gives one identity, however many ask at once; the same key may ask again.
  void Enroll(const NodeName& node, const std::string& token_id, std::string secret,
              const std::string& csr_pem, Issued done);
  // A fresh certificate for a node that has one; the key may be new.
  void Renew(const NodeName& node, const std::string& csr_pem, Issued done);

 private:
  const identity::FleetCa& ca_;
  store::Database& database_;
  task::Executor& state_;
  Fleet& fleet_;
  Journal& journal_;
};

}  // namespace lockstep::controller::fleet
