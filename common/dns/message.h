// DNS messages on the wire (RFC 1035 §4), by ldns. The only place that knows ldns.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/ip.h"
#include "common/status/status.h"

namespace lockstep::dns {

inline constexpr uint16_t kDnsPort = 53;

enum class RecordType : uint16_t {
  kA = 1,
  kNs = 2,
  kCname = 5,
  kAaaa = 28,
  kHttps = 65,
  kCaa = 257,
};

struct Query {
  std::string name;  // text form as in RdataReader::TakeName
  RecordType type = RecordType::kA;
  bool recursion_desired = true;
};

struct Record {
  std::string owner;  // text form as in RdataReader::TakeName
  RecordType type = RecordType::kA;
  std::string rdata;  // wire form, names in it uncompressed
  Seconds ttl{0};     // what is left of it, where the server is a resolver
};

// What a server answered. Only the answer section and records of class IN are kept.
struct Message {
  bool truncated = false;
  bool authoritative = false;
  bool no_such_name = false;  // NXDOMAIN
  std::string rcode;          // "NOERROR", "NXDOMAIN", "SERVFAIL"
  std::vector<Record> records;
  Endpoint server;  // who answered; set by Exchange
};

// The bytes of a query with this id, and EDNS(0) that takes 1,232 bytes over UDP.
Result<std::string> RenderQuery(const Query& query, uint16_t id);

// The answer to that query. InvalidArgument for anything else: another id or question, no answer at
// all, or bytes that are no DNS message.
Result<Message> ParseAnswer(std::string_view bytes, const Query& query, uint16_t id);

}  // namespace lockstep::dns
