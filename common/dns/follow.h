// CNAME chains.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/dns/message.h"
#include "common/dns/resolver.h"
#include "common/status/status.h"

namespace lockstep::dns {

using AskFunction = std::function<Result<Message>(const std::string& name, RecordType type)>;

// For a name and the eight places where CNAMEs may lead.
inline constexpr int kMaxQuestions = 9;

// What a name leads to.
struct Followed {
  std::vector<std::string> chain;  // the name asked for, then each CNAME's target
  std::vector<Record> records;     // of the asked type, at the end of the chain
  bool no_such_name = false;       // the end of the chain does not exist (NXDOMAIN)
  Endpoint server;                 // who said so
};

// Asks for `name` and follows CNAMEs within the answer; where they lead out of it, asks again, at
// most `max_questions` times in all. Fails on loops and on chains of more than eight.
Result<Followed> Follow(const AskFunction& ask, const std::string& name, RecordType type,
                        int max_questions);

// A and AAAA together; `max_questions` is for each. NotFound if the chain's end does not exist, or
// is the name itself and has neither.
Result<Addresses> FollowAddresses(const AskFunction& ask, const std::string& name,
                                  int max_questions);

// "example.test" for "www.example.test"; "" for a single label.
std::string Parent(const std::string& name);

}  // namespace lockstep::dns
