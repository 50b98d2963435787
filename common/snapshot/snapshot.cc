#include "common/snapshot/snapshot.h"

#include <openssl/evp.h>

#include <algorithm>

namespace lockstep::snapshot {
namespace {

std::string Sha256(std::string_view bytes) {
  std::string out(32, '\0');
  unsigned int length = 0;
  LS_CHECK(EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(out.data()),
                      &length, EVP_sha256(), nullptr) == 1);
  return out;
}

void AppendSized(std::string* out, const std::string& text) {
  const auto size = static_cast<uint32_t>(text.size());
  for (int shift = 24; shift >= 0; shift -= 8)
    out->push_back(static_cast<char>(size >> shift & 255));
  out->append(text);
}

}  // namespace

void Snapshot::Put(ResourceKey key, Body body) {
  std::string sha256 = Sha256(*body);
  entries_.insert_or_assign(std::move(key), Entry{std::move(body), std::move(sha256)});
}

void Snapshot::Put(ResourceKey key, std::string body) {
  Put(std::move(key), std::make_shared<const std::string>(std::move(body)));
}

void Snapshot::Remove(const ResourceKey& key) { entries_.erase(key); }

const Snapshot::Entry* Snapshot::Find(const ResourceKey& key) const {
  const auto found = entries_.find(key);
  return found == entries_.end() ? nullptr : &found->second;
}

size_t Snapshot::CountOf(const std::string& type) const {
  return static_cast<size_t>(
      std::count_if(entries_.begin(), entries_.end(),
                    [&](const auto& entry) { return entry.first.type == type; }));
}

std::string Snapshot::Digest() const {
  std::string canonical;
  for (const auto& [key, entry] : entries_) {
    AppendSized(&canonical, key.type);
    AppendSized(&canonical, key.name);
    canonical.append(entry.sha256);
  }
  return Sha256(canonical);
}

Delta Difference(const Snapshot& from, const Snapshot& to) {
  Delta delta;
  for (const auto& [key, entry] : to.entries()) {
    const Snapshot::Entry* old = from.Find(key);
    if (old == nullptr || old->sha256 != entry.sha256) delta.upserts.emplace_back(key, entry.body);
  }
  for (const auto& [key, entry] : from.entries()) {
    if (to.Find(key) == nullptr) delta.removals.push_back(key);
  }
  return delta;
}

Result<Snapshot> Patched(const Snapshot& base, const Delta& delta) {
  Snapshot out = base;
  for (const ResourceKey& key : delta.removals) {
    if (out.Find(key) == nullptr) {
      return FailedPrecondition("delta removes " + key.type + " " + key.name +
                                ", which its base does not hold");
    }
    out.Remove(key);
  }
  for (const auto& [key, body] : delta.upserts) out.Put(key, body);
  return out;
}

}  // namespace lockstep::snapshot
