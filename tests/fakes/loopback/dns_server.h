// A name server on this machine (UDP and TCP) for one set of records.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "common/base/fd.h"
#include "common/base/ip.h"

namespace lockstep::fakes {

class DnsServer {
 public:
  // Records in zone file form: "www.example.test. 60 IN A 192.0.2.1". It follows CNAMEs among them,
  // answers NOERROR without records for a name that has others, and NXDOMAIN for all else.
  explicit DnsServer(std::vector<std::string> records,
                     const Endpoint& endpoint = *Endpoint::Parse("127.0.0.1:0"));
  ~DnsServer();

  Endpoint endpoint() const { return endpoint_; }

  // How it misbehaves; each from any thread.
  void AnswerRcode(std::string_view name, int rcode);  // 2 = SERVFAIL, 5 = REFUSED
  void StaySilentFor(std::string_view name);
  void LoseFirst(int datagrams);  // drops that many questions
  void TruncateOverUdp();         // UDP answers are empty with TC set
  void CloseOverTcp();            // accepts and closes
  void SendForgeriesFirst();      // wrong id, wrong question, garbage, then the truth
  void AnswerWithoutAuthority();
  void StopAfterCname();  // one CNAME an answer, as a server of one zone does

  // "name. TYPE" of each question so far, with " tcp" where it came that way.
  std::vector<std::string> questions() const;

 private:
  void Run();
  void ServeUdp();
  void ServeTcp();
  // The answer to a question; empty = none.
  std::string Answer(std::string_view question, bool tcp);

  struct Behaviour {
    std::map<std::string, int> rcodes;
    std::set<std::string> silent;
    int lose = 0;
    bool truncate = false;
    bool close_tcp = false;
    bool forge = false;
    bool stop_after_cname = false;
    bool authoritative = true;
  };

  const std::vector<std::string> records_;
  mutable std::mutex mu_;
  Behaviour behaviour_;                 // guarded by mu_
  std::vector<std::string> questions_;  // guarded by mu_
  Fd udp_;
  Fd tcp_;
  Fd stop_read_;
  Fd stop_write_;
  Endpoint endpoint_;
  std::thread thread_;
};

}  // namespace lockstep::fakes
