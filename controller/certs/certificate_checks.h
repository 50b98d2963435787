// CertificateChecks: looks at every node on the wire again, now, for `lockstep cert check`.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "controller/certs/certificate_book.h"
#include "controller/fleet/fleet.h"
#include "controller/publish/publisher.h"
#include "controller/witness/witnesses.h"

namespace lockstep::controller::certs {

// Lives on the state strand.
class CertificateChecks {
 public:
  CertificateChecks(task::Executor& state, fleet::Fleet& fleet, witness::Witnesses& witnesses,
                    const CertificateBook& book)
      : state_(state), fleet_(fleet), witnesses_(witnesses), book_(book) {}

  // Every announcing node looks at itself and is looked at by another; `done` gets the verdict over
  // what was seen since the call, at the latest after 10 s. NOT_FOUND for an unknown lineage.
  void Check(const std::string& lineage, std::function<void(Result<barrier::Verdict>)> done);

  // What the nodes last showed for this certificate, judged; good or not.
  std::vector<model::Proof> ProofsOf(const model::Certificate& certificate) const;

 private:
  struct Running;
  void Continue(const std::shared_ptr<Running>& running);

  task::Executor& state_;
  fleet::Fleet& fleet_;
  witness::Witnesses& witnesses_;
  const CertificateBook& book_;
};

}  // namespace lockstep::controller::certs
