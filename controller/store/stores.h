// Stores: all of them, as a transaction sees them.
#pragma once

#include "controller/store/certificate_store.h"
#include "controller/store/challenge_store.h"
#include "controller/store/event_store.h"
#include "controller/store/generation_store.h"
#include "controller/store/meta_store.h"
#include "controller/store/node_store.h"
#include "controller/store/order_store.h"
#include "controller/store/policy_store.h"
#include "controller/store/promise_store.h"
#include "controller/store/proof_store.h"
#include "controller/store/quic_key_store.h"
#include "controller/store/renewal_store.h"
#include "controller/store/resource_store.h"
#include "controller/store/site_store.h"
#include "controller/store/token_store.h"

namespace lockstep::controller::store {

// Valid only inside the transaction that was given it. What all stores hold to:
// * A call blocks for the disk; none is made but on the store strand (Database).
// * Get, Update and Delete of what is not there are NOT_FOUND, naming it; Create of what is there
//   is ALREADY_EXISTS. Find is an empty optional.
// * RESOURCE_EXHAUSTED: the disk is full. UNAVAILABLE: it failed otherwise. DATA_LOSS: what was
//   read is damaged. In all three the transaction leaves no trace.
struct Stores {
  NodeStore& nodes;
  TokenStore& tokens;
  SiteStore& sites;
  CertificateStore& certificates;
  RenewalStore& renewals;
  OrderStore& orders;
  ChallengeStore& challenges;
  GenerationStore& generations;
  ResourceStore& resources;
  ProofStore& proofs;
  EventStore& events;
  MetaStore& meta;
  PolicyStore& policy;
  QuicKeyStore& quic_keys;
  PromiseStore& promises;
};

}  // namespace lockstep::controller::store
