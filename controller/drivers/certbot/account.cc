#include "controller/drivers/certbot/account.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "common/base/encoding.h"
#include "common/crypto/digest.h"
#include "common/crypto/secret.h"
#include "common/fsutil/files.h"

namespace lockstep::controller::drivers::certbot {
namespace {

using Json = nlohmann::json;
constexpr size_t kMaxFileBytes = size_t{64} << 10;

bool IsHex(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
}

}  // namespace

std::string ServerPath(std::string_view directory_url) {
  const size_t scheme = directory_url.find("://");
  if (scheme != std::string_view::npos) directory_url.remove_prefix(scheme + 3);
  return std::string(directory_url.substr(0, directory_url.find_first_of("?#")));
}

Result<std::string> Thumbprint(std::string_view jwk) {
  const Json key = Json::parse(jwk, nullptr, /*allow_exceptions=*/false);
  if (!key.is_object()) return InvalidArgument("the account's key is no JSON object");
  const auto text = [&](const char* member) -> std::string {
    const auto found = key.find(member);
    return found != key.end() && found->is_string() ? found->get<std::string>() : "";
  };
  // The required members alone, in the order of their names, without spaces (RFC 7638 §3.2).
  const std::string type = text("kty");
  Json required;
  if (type == "RSA") required = {{"e", text("e")}, {"kty", type}, {"n", text("n")}};
  if (type == "EC") {
    required = {{"crv", text("crv")}, {"kty", type}, {"x", text("x")}, {"y", text("y")}};
  }
  const bool complete =
      !required.empty() && std::none_of(required.begin(), required.end(), [](const Json& value) {
        return value.get_ref<const std::string&>().empty();
      });
  if (!complete) return InvalidArgument("the account's key is neither RSA nor EC, or incomplete");
  return Base64UrlEncode(crypto::Sha256(required.dump()));
}

Result<std::optional<Account>> FindAccount(const std::string& accounts_directory,
                                           std::string_view directory_url) {
  const std::string directory = accounts_directory + "/" + ServerPath(directory_url);
  Result<std::vector<fsutil::Entry>> entries = fsutil::ListDirectory(directory);
  if (entries.status().code() == Code::kNotFound) return std::optional<Account>();
  if (!entries.ok()) return entries.status();
  for (const fsutil::Entry& entry : *entries) {
    if (entry.kind != fsutil::Entry::Kind::kDirectory || !IsHex(entry.name)) continue;
    const std::string path = directory + "/" + entry.name;
    const auto registration = fsutil::ReadFile(path + "/regr.json", kMaxFileBytes);
    const auto meta = fsutil::ReadFile(path + "/meta.json", kMaxFileBytes);
    Result<std::string> key = fsutil::ReadFile(path + "/private_key.json", kMaxFileBytes);
    if (!registration.ok() || !meta.ok() || !key.ok()) continue;
    const crypto::Secret secret(*std::move(key));
    Result<std::string> thumbprint = Thumbprint(secret.Reveal());
    if (!thumbprint.ok() || !Json::accept(*registration) || !Json::accept(*meta)) continue;
    return std::optional(Account{entry.name, *std::move(thumbprint)});
  }
  return std::optional<Account>();
}

}  // namespace lockstep::controller::drivers::certbot
