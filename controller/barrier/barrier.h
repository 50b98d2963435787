// Barrier: every node that can receive anycast traffic has *proved* something on the wire.
//
// A pure function of who the members are, what must be seen, and what was seen. It is asked again
// at every change until the commit point, so nothing here remembers.
#pragma once

#include <string>
#include <vector>

#include "common/base/ip.h"
#include "common/base/names.h"
#include "controller/model/proof.h"
#include "controller/model/quic_terms.h"

namespace lockstep::controller::barrier {

// A node that counts as announcing: enrolled, and without a current proof of withdrawal.
struct Member {
  NodeName node;
  // Its session stream is open. A member that is away still counts.
  bool connected = false;
  // Of its agent now; proofs of another boot are void. Empty while it is away: every boot's count
  // as old.
  std::string boot_id;
  // The node's own addresses: where a witness looks.
  std::vector<IpAddress> node_addresses;
  // What its QUIC handshakes must show beside the certificate; null: nothing.
  model::QuicTermsPtr quic = nullptr;
};

// What every member must show.
struct Target {
  model::ProbeKind kind = model::ProbeKind::kTls;
  Hostname host;
  std::string token;     // of a challenge; the mark of a site
  std::string expected;  // body digest or leaf fingerprint, lower-case hex
};

// What to do about a member that has not proved (design: barrier members).
struct Policy {
  enum class Straggler {
    kWait,      // until the deadline
    kPull,      // a member that is away counts once a witness has fetched the right bytes from it
    kTolerate,  // up to `tolerate` members may be missing
  };
  Straggler straggler = Straggler::kWait;
  int tolerate = 0;
};

struct Verdict {
  bool open = false;
  // The members that lack something, with why: "fra1: challenge for www.example.test not proved on
  // 203.0.113.10: timed out". At most three lines a member, then "and 37 more".
  std::vector<std::string> missing;
  std::vector<NodeName> stragglers;
  // Looks that only a witness can take and that are worth asking for now: the member's own side of
  // the same target is proved (or it is away, under kPull).
  std::vector<model::ProofSubject> ask_witness;
  // Members that have proved everything.
  int proved = 0;
  int members = 0;
};

// No members: never open, since nobody proved anything.
Verdict Evaluate(const std::vector<Member>& members, const std::vector<Target>& targets,
                 const std::vector<IpAddress>& service_addresses, const model::ProofBook& proofs,
                 const Policy& policy);

// Why the subject is not proved for this member, empty if it is: the rule behind Evaluate, for
// showing one proof.
std::string Problem(const Member& member, const model::ProofSubject& subject,
                    const std::string& expected, const model::ProofBook& proofs);

// "challenge for www.example.test on 203.0.113.10", "QUIC certificate for … on … (witnessed)",
// "site www.example.test on 203.0.113.10".
std::string Describe(const model::ProofSubject& subject);

}  // namespace lockstep::controller::barrier
