// Proofs as a person can take them in: nodes down, ways of looking across.
#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <string>

#include "controller/cli/cli.h"

namespace lockstep::controller::cli {

// One row for each node (and TLS or QUIC): how its own listeners answered, and how it answered
// others from outside, over IPv4 and IPv6. Names that are proved alike share a row; what is not
// good gets a line of its own below. Times count from `since` if given.
void PrintProofs(const Session& session,
                 const google::protobuf::RepeatedPtrField<v1::NodeProof>& proofs,
                 const google::protobuf::Timestamp* since);

// "tls www.example.test on 10.77.1.2, seen by ams1: timed out".
std::string DescribeProof(const v1::NodeProof& proof);

}  // namespace lockstep::controller::cli
