// HookEvents: what certbot's helper wants, as the domain hears it.
#pragma once

#include <functional>
#include <vector>

#include "common/base/names.h"
#include "common/crypto/secret.h"
#include "common/status/status.h"
#include "controller/model/certificate.h"

namespace lockstep::controller::hookapi {

// Called on the state strand; `done` is called once, from any thread.
class HookEvents {
 public:
  using Done = std::function<void(Status)>;

  virtual ~HookEvents() = default;
  // All challenges of an order, 1-100, checked for their form alone: that the secret is the order's
  // (compared in constant time) and the names are its names, is the domain's to find out. OK is the
  // commit point: certbot tells the CA to look.
  virtual void Perform(const OrderId& order, crypto::Secret secret,
                       std::vector<model::Challenge> challenges, Done done) = 0;
  virtual void Cleanup(const OrderId& order, crypto::Secret secret, Done done) = 0;
};

}  // namespace lockstep::controller::hookapi
