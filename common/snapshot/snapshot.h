// Snapshot: everything a node must serve, as opaque resources with one digest.
//
// Bodies are never parsed here and never re-serialised: agent and controller, one version apart,
// compute the same digest over the same bytes.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/status/status.h"

namespace lockstep::snapshot {

struct ResourceKey {
  std::string type;  // "fleet", "node", "site", "certificate"
  std::string name;
  friend auto operator<=>(const ResourceKey&, const ResourceKey&) = default;
};

// Shared between snapshots and pushes: a certificate is in memory once, however many nodes get it.
using Body = std::shared_ptr<const std::string>;

struct Delta {
  std::vector<std::pair<ResourceKey, Body>> upserts;
  std::vector<ResourceKey> removals;
  bool empty() const { return upserts.empty() && removals.empty(); }
};

// A value; copying shares the bodies.
class Snapshot {
 public:
  struct Entry {
    Body body;
    std::string sha256;  // of the body, 32 bytes
  };

  void Put(ResourceKey key, Body body);
  void Put(ResourceKey key, std::string body);
  void Remove(const ResourceKey& key);
  // Null if absent.
  const Entry* Find(const ResourceKey& key) const;
  const std::map<ResourceKey, Entry>& entries() const { return entries_; }
  bool empty() const { return entries_.empty(); }
  size_t CountOf(const std::string& type) const;

  // SHA-256 over the sorted (type, name, SHA-256(body)), each of type and name with its length
  // before it as 4 bytes big-endian: 32 bytes. The empty snapshot has a digest too.
  std::string Digest() const;

  friend bool operator==(const Snapshot& a, const Snapshot& b) { return a.Digest() == b.Digest(); }

 private:
  std::map<ResourceKey, Entry> entries_;
};

// What turns `from` into `to`.
Delta Difference(const Snapshot& from, const Snapshot& to);

// `base` with `delta` applied. Removing what is not there is an error: the base is another one.
Result<Snapshot> Patched(const Snapshot& base, const Delta& delta);

}  // namespace lockstep::snapshot
