#include "controller/drivers/certbot/hook/challenges_json.h"

#include <nlohmann/json.hpp>
#include <string>

namespace lockstep::controller::drivers::certbot {
namespace {

using Json = nlohmann::json;

const Json* FindText(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? &*found : nullptr;
}

}  // namespace

Status ReadChallenges(std::string_view json, hook::v1::PerformRequest* request) {
  const Json document = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!document.is_object()) return InvalidArgument("standard input is no JSON object");
  const auto challenges = document.find("challenges");
  if (challenges == document.end() || !challenges->is_array()) {
    return InvalidArgument("standard input has no list of challenges");
  }
  for (const Json& challenge : *challenges) {
    if (!challenge.is_object()) return InvalidArgument("a challenge is no JSON object");
    const Json* host = FindText(challenge, "host");
    const Json* token = FindText(challenge, "token");
    const Json* key_authorization = FindText(challenge, "key_authorization");
    if (host == nullptr || token == nullptr || key_authorization == nullptr) {
      return InvalidArgument("a challenge lacks its host, token or key authorization");
    }
    types::v1::Challenge* added = request->add_challenges();
    added->set_host(host->get<std::string>());
    added->set_token(token->get<std::string>());
    added->set_key_authorization(key_authorization->get<std::string>());
  }
  return Status::Ok();
}

}  // namespace lockstep::controller::drivers::certbot
