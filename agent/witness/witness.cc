#include "agent/witness/witness.h"

#include <algorithm>
#include <utility>

#include "common/log/log.h"
#include "common/look/batch.h"

namespace lockstep::agent::witness {

Witness::Witness(task::Executor& strand, task::WorkerPool& looks, look::Observer& observer,
                 NodeName self, WitnessSettings settings)
    : strand_(strand),
      looks_(looks),
      observer_(observer),
      self_(std::move(self)),
      settings_(settings),
      tokens_(settings.burst),
      filled_at_(strand.clock().Mono()) {}

void Witness::OnRequest(const agent::v1::WitnessRequest& request, const Knowledge& knowledge,
                        OnReport on_report) {
  agent::v1::WitnessReport report;
  report.set_request_id(request.request_id());
  Result<std::vector<look::Look>> looks = Authorize(request, self_, knowledge);
  Status refused = looks.status();
  const Micros deadline =
      Seconds(request.deadline().seconds()) + Micros(request.deadline().nanos() / 1000);
  if (refused.ok() && deadline <= Micros(0)) {
    refused = InvalidArgument("deadline is missing");
  }
  if (refused.ok() && !Spend(static_cast<double>(looks->size()))) {
    refused = ResourceExhausted("asked for more looks than this witness makes");
  }
  if (!refused.ok()) {
    log::Warning("witness.refused", {{"request", request.request_id()},
                                     {"subject", Quoted(request.subject())},
                                     {"error", refused}});
    report.set_refused(refused.message());
    return on_report(report);
  }
  look::ObserveAll(looks_, observer_, strand_.clock(), *std::move(looks), settings_.look_deadline,
                   strand_.clock().Mono() + std::min(deadline, kLongestDeadline),
                   [this, report = std::move(report),
                    on_report = std::move(on_report)](look::Observations seen) mutable {
                     report.mutable_observations()->Assign(seen.begin(), seen.end());
                     strand_.Post([report = std::move(report), on_report = std::move(on_report)] {
                       on_report(report);
                     });
                   });
}

bool Witness::Spend(double looks) {
  const MonoTime now = strand_.clock().Mono();
  const double seconds = std::chrono::duration<double>(now - filled_at_).count();
  tokens_ = std::min(settings_.burst, tokens_ + seconds * settings_.per_second);
  filled_at_ = now;
  if (tokens_ < looks) return false;
  tokens_ -= looks;
  return true;
}

}  // namespace lockstep::agent::witness
