// CertbotIssuer: obtains certificates by running certbot, one directory per lineage, side by side.
//
// certbot calls back through its plugin `lockstep` (plugin/), which runs lockstep-certbot-hook
// (hook/), which calls the controller's hook socket. The order's secret goes that way in a memory
// file: a descriptor that is inherited, its number in the environment.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/names.h"
#include "common/exec/run.h"
#include "common/task/worker_pool.h"
#include "controller/certs/cert_issuer.h"
#include "controller/drivers/certbot/account.h"
#include "controller/drivers/certbot/lineage.h"

namespace lockstep::controller::drivers::certbot {

// Paths are absolute.
struct CertbotOptions {
  std::string certbot = "/usr/bin/certbot";
  std::string plugin_directory;  // holds lockstep_plugin.py
  std::string hook_program;
  std::string hook_socket;
  std::string directory;  // where the lineages and accounts live; made 0700
  std::string server;     // the CA's directory URL
  std::string email;      // empty: registers without
  std::string ca_bundle;  // whom to trust for the CA's own server; empty: the system's
  size_t parallel = 4;    // runs at once
  Micros register_deadline = Seconds(60);
};

class CertbotIssuer : public certs::CertIssuer {
 public:
  // `clock` outlives it.
  explicit CertbotIssuer(CertbotOptions options, const Clock& clock = Clock::System());
  // Ends all runs; their results are CANCELLED.
  ~CertbotIssuer() override;

  void Start(certs::IssueRequest request, std::function<void(certs::IssueResult)> done) override;
  void Cancel(const OrderId& order) override;
  Result<std::string> EnsureAccount() override;

 private:
  // One order, from Start until `done` was called.
  struct Run {
    certs::IssueRequest request;
    std::function<void(certs::IssueResult)> done;
    MonoTime deadline;
    std::stop_source stop;
    bool started = false;  // guarded by mutex_
  };

  // On a worker.
  void Work(const OrderId& order, std::stop_token pool_stop);
  certs::IssueResult Issue(const Run& run);
  Status CheckRequest(const certs::IssueRequest& request) const;
  // The account, registered if need be; one registration at a time, however many orders wait.
  Result<Account> FindOrRegister(Micros deadline, std::stop_token stop);
  Status Register(Micros deadline, std::stop_token stop);
  // What every call of certbot shares.
  exec::Command BaseCommand(const std::string& verb, const LineageDirectory& directory) const;
  exec::Command IssueCommand(const certs::IssueRequest& request, const LineageDirectory& directory,
                             const std::string& account, Micros deadline, int secret_fd) const;
  // Removes the run and calls its `done`; no effect if that has happened.
  void Finish(const OrderId& order, certs::IssueResult result);

  const CertbotOptions options_;
  const Clock& clock_;
  std::mutex account_mutex_;  // held while certbot registers
  std::mutex mutex_;
  std::map<OrderId, std::shared_ptr<Run>> runs_;  // guarded by mutex_
  std::set<std::string> lineages_;                // guarded by mutex_; that have a run
  task::WorkerPool pool_;                         // last: its threads use all of the above
};

}  // namespace lockstep::controller::drivers::certbot
