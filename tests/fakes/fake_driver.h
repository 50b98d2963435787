// A web server that serves what it is told, and eyes that see what it serves.
#pragma once

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/apply/driver.h"
#include "common/crypto/digest.h"
#include "common/look/observer.h"

namespace lockstep::fakes {

// Thread-safe, since tests look at it from another thread than the one it works on.
class FakeDriver : public agent::apply::Driver {
 public:
  std::string name() const override { return "fake"; }
  std::vector<std::string> Capabilities() override { return {"fake/1.0"}; }
  Status Check(const agent::reconcile::Desired&) override {
    const std::lock_guard lock(mutex_);
    return check_;
  }
  Status Apply(const agent::reconcile::Desired& desired,
               const agent::reconcile::Desired*) override {
    const std::lock_guard lock(mutex_);
    ++applied_;
    if (!once_.ok()) return std::exchange(once_, Status::Ok());
    if (!apply_.ok()) return apply_;
    serving_ = desired;
    lost_ = false;
    return Status::Ok();
  }
  Status Ensure() override {
    const std::lock_guard lock(mutex_);
    return lost_ ? NotFound("the server was restarted") : Status::Ok();
  }
  std::vector<std::string> Inspect() override {
    const std::lock_guard lock(mutex_);
    return warnings_;
  }

  void FailCheck(Status status) { Set(check_, std::move(status)); }
  void FailApply(Status status) { Set(apply_, std::move(status)); }
  void RefuseOnce(Status status) { Set(once_, std::move(status)); }
  void Warn(std::vector<std::string> warnings) { Set(warnings_, std::move(warnings)); }
  // As a restart without its configuration.
  void Restart() {
    const std::lock_guard lock(mutex_);
    serving_.reset();
    lost_ = true;
  }
  // Handshakes for `host` show another certificate than the one applied.
  void Misserve(const std::string& host) {
    const std::lock_guard lock(mutex_);
    misserved_.insert(host);
  }
  // The site of `host` is served as it was before, whatever is applied.
  void MisserveSite(const std::string& host) {
    const std::lock_guard lock(mutex_);
    stale_.insert(host);
  }
  void ServeRight() {
    const std::lock_guard lock(mutex_);
    misserved_.clear();
    stale_.clear();
  }

  std::optional<agent::reconcile::Desired> serving() const {
    const std::lock_guard lock(mutex_);
    return serving_;
  }
  int applied() const {
    const std::lock_guard lock(mutex_);
    return applied_;
  }
  // Empty if no certificate is served for `host`.
  std::string LeafOf(const Hostname& host) const {
    const std::lock_guard lock(mutex_);
    if (!serving_) return "";
    for (const agent::reconcile::Certificate& certificate : serving_->certificates) {
      if (std::find(certificate.hosts.begin(), certificate.hosts.end(), host) ==
          certificate.hosts.end()) {
        continue;
      }
      return misserved_.contains(host.ascii()) ? std::string(64, '0') : certificate.leaf_sha256;
    }
    return "";
  }
  bool Shows(const Hostname& host, const SiteMark& mark) const {
    const std::lock_guard lock(mutex_);
    return serving_ && !stale_.contains(host.ascii()) &&
           std::ranges::any_of(serving_->sites, [&](const agent::reconcile::Site& site) {
             return site.mark == mark && std::ranges::find(site.hosts, host) != site.hosts.end();
           });
  }

 private:
  template <typename T>
  void Set(T& what, T to) {
    const std::lock_guard lock(mutex_);
    what = std::move(to);
  }

  mutable std::mutex mutex_;
  Status check_;
  Status apply_;
  Status once_;
  std::vector<std::string> warnings_;
  std::optional<agent::reconcile::Desired> serving_;
  std::set<std::string> misserved_;
  std::set<std::string> stale_;
  bool lost_ = false;
  int applied_ = 0;
};

// Sees what a FakeDriver serves and what lies in a challenge directory, on every address.
class FakeObserver : public look::Observer {
 public:
  explicit FakeObserver(const FakeDriver& driver, std::string challenge_directory = "")
      : driver_(driver), challenge_directory_(std::move(challenge_directory)) {}

  types::v1::Observation Observe(const look::Look& look, Micros, std::stop_token) override {
    ++looks_;
    types::v1::Observation seen = look::Unseen(look, WallTime());
    if (blind_) {
      seen.set_error("connection refused");
    } else if (look.kind == types::v1::PROBE_KIND_CHALLENGE) {
      SeeFile(look.token->str(), seen.mutable_http());
    } else if (look.kind == types::v1::PROBE_KIND_SITE) {
      const bool shown = driver_.Shows(look.host, *look.mark);
      SeeBody(shown ? look.mark->str() : "hello", seen.mutable_http());
    } else {
      const std::string leaf = driver_.LeafOf(look.host);
      if (leaf.empty()) {
        seen.set_error("handshake failed");
      } else if (look.kind == types::v1::PROBE_KIND_TLS) {
        seen.mutable_tls()->set_leaf_sha256(leaf);
      } else {
        seen.mutable_quic()->mutable_tls()->set_leaf_sha256(leaf);
      }
    }
    return seen;
  }

  void set_blind(bool blind) { blind_ = blind; }
  int looks() const { return looks_; }

 private:
  void SeeFile(const std::string& token, types::v1::HttpSeen* seen) const {
    std::ifstream file(challenge_directory_ + "/" + token);
    if (!file) return seen->set_status(404);
    SeeBody(std::string((std::istreambuf_iterator<char>(file)), {}), seen);
  }
  static void SeeBody(const std::string& body, types::v1::HttpSeen* seen) {
    seen->set_status(200);
    seen->set_body_sha256(crypto::Sha256(body));
    seen->set_body_bytes(body.size());
  }

  const FakeDriver& driver_;
  const std::string challenge_directory_;
  std::atomic<bool> blind_{false};
  std::atomic<int> looks_{0};
};

}  // namespace lockstep::fakes
