// Why certbot failed, in plain words, dug out of its log.
//
// certbot 2.1 on Python 3.11 hides every error of the CA behind "AttributeError: can't set
// attribute" (a bug of josepy 1.13); the true one is in the traceback before it.
#pragma once

#include <string>
#include <string_view>

#include "common/status/status.h"

namespace lockstep::controller::drivers::certbot {

struct Failure {
  // In words for an operator. FAILED_PRECONDITION: asking again changes nothing before somebody
  // acts, or the challenges were refused; UNAVAILABLE: later may help; RESOURCE_EXHAUSTED: a rate
  // limit of the CA.
  Status status;
  std::string ca_error;  // the CA's own words, empty if it had none
};

// Of one failed run: `log` is letsencrypt.log, `output` what the run printed (used where the log
// says nothing). Both are foreign text: control characters are escaped, lengths bounded.
Failure ExplainFailure(std::string_view log, std::string_view output);

}  // namespace lockstep::controller::drivers::certbot
