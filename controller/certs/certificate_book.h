// CertificateBook: the newest revision of each lineage.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "common/task/executor.h"
#include "controller/model/certificate.h"
#include "controller/store/database.h"

namespace lockstep::controller::certs {

// Lives on the state strand.
class CertificateBook {
 public:
  CertificateBook(store::Database& database, task::Executor& state)
      : database_(database), state_(state) {}

  void Load(std::vector<model::Certificate> certificates);

  // Null if there is none.
  const model::Certificate* Find(const std::string& lineage) const;
  // The lineage of just these hosts, in any order; null if there is none.
  const model::Certificate* FindByHosts(const std::vector<Hostname>& hosts) const;
  const std::map<std::string, model::Certificate>& all() const { return newest_; }
  std::vector<model::Certificate> List() const;

  // Checks names, key, chain and dates, stores it as the next revision of its lineage, and keeps
  // it. What certbot left on disk is a claim until then.
  void Add(const std::string& lineage, const std::vector<Hostname>& hosts, std::string chain_pem,
           std::string key_pem, std::function<void(Result<model::Certificate>)> done);

 private:
  store::Database& database_;
  task::Executor& state_;
  std::map<std::string, model::Certificate> newest_;
};

}  // namespace lockstep::controller::certs
