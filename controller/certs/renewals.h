// Renewals: nothing expires while the controller lives. A plain timer: two thirds of the real
// lifetime gone, jitter, backoff per certificate.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "controller/certs/certificate_book.h"
#include "controller/certs/orders.h"

namespace lockstep::controller::certs {

// When a certificate that nothing went wrong with is to be renewed: after two thirds of its
// lifetime, brought forward by up to a twentieth of it, the same for the same certificate.
WallTime RenewAt(const model::Certificate& certificate);

// How long to wait after the n-th failure in a row (from 1): 5 minutes doubling to 12 hours, not
// beyond half of what is left of the certificate unless that is less than 15 minutes; with up to a
// quarter of jitter from `name`.
Micros BackoffAfter(uint32_t failures, Micros left, const std::string& name);

// Lives on the state strand.
class Renewals {
 public:
  Renewals(store::Database& database, task::Executor& state, const CertificateBook& book,
           Orders& orders, fleet::Journal& journal);

  void Load(std::vector<model::RenewalState> states);
  void Start();

  // Null if nothing ever went wrong.
  const model::RenewalState* Find(const std::string& lineage) const;
  // When the next order for it is due.
  WallTime DueAt(const model::Certificate& certificate) const;

 private:
  void Tick();
  void OnOrder(const model::Order& order);
  void Put(model::RenewalState state);

  store::Database& database_;
  task::Executor& state_;
  const CertificateBook& book_;
  Orders& orders_;
  fleet::Journal& journal_;
  std::map<std::string, model::RenewalState> states_;
};

}  // namespace lockstep::controller::certs
