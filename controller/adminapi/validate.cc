#include "controller/adminapi/validate.h"

#include <cstdint>
#include <set>
#include <string>

#include "common/base/hostname.h"
#include "common/base/names.h"
#include "controller/adminapi/paging.h"

namespace lockstep::controller::adminapi {
namespace {

constexpr size_t kMaxNameBytes = 253;
constexpr size_t kMaxTextBytes = 1024;
constexpr size_t kMaxSiteFileBytes = size_t{1} << 20;
constexpr int kMaxHosts = 100;
constexpr uint32_t kMaxPage = 10'000;

Status CheckText(const std::string& text, const std::string& field, size_t max_bytes) {
  if (text.size() > max_bytes) {
    return InvalidArgument(field + ": has " + std::to_string(text.size()) + " bytes, at most " +
                           std::to_string(max_bytes) + " are allowed");
  }
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      return InvalidArgument(field + ": holds a control character");
    }
  }
  return Status::Ok();
}

Status CheckName(const std::string& name, const std::string& field = "name") {
  if (name.empty()) return InvalidArgument(field + ": is missing");
  return CheckText(name, field, kMaxNameBytes);
}

template <typename T>
Status Parses(const std::string& text, const std::string& field) {
  if (text.empty()) return InvalidArgument(field + ": is missing");
  return T::Parse(text).status().Prefixed(field);
}

template <typename Request>
Status CheckPage(const Request& request) {
  if (request.page_size() > kMaxPage) {
    return InvalidArgument("page_size: at most " + std::to_string(kMaxPage) + " are allowed");
  }
  return CheckText(request.page_token(), "page_token", kMaxNameBytes);
}

}  // namespace

Status Validate(const v1::GetStatusRequest&) { return Status::Ok(); }

Status Validate(const v1::ListNodesRequest& request) { return CheckPage(request); }
Status Validate(const v1::GetNodeRequest& request) {
  return Parses<NodeName>(request.name(), "name");
}
Status Validate(const v1::BanNodeRequest& request) {
  LS_RETURN_IF_ERROR(Parses<NodeName>(request.name(), "name"));
  return CheckText(request.reason(), "reason", kMaxTextBytes);
}
Status Validate(const v1::UnbanNodeRequest& request) {
  return Parses<NodeName>(request.name(), "name");
}
Status Validate(const v1::RemoveNodeRequest& request) {
  return Parses<NodeName>(request.name(), "name");
}

Status Validate(const v1::DeclareNodeGoneRequest& request) {
  LS_RETURN_IF_ERROR(Parses<NodeName>(request.name(), "name"));
  if (request.answers_nobody()) return Status::Ok();
  return InvalidArgument("answers_nobody: must be true, for that is what is vouched for");
}

Status Validate(const v1::CreateTokenRequest& request) {
  LS_RETURN_IF_ERROR(Parses<NodeName>(request.node(), "node"));
  LS_RETURN_IF_ERROR(Parses<PopName>(request.pop(), "pop"));
  if (!request.has_lifetime()) return Status::Ok();
  const auto seconds = request.lifetime().seconds();
  if (request.lifetime().nanos() != 0 || seconds < 1 || seconds > int64_t{24} * 3600) {
    return InvalidArgument("lifetime: must be whole seconds between 1 s and 24 h");
  }
  return Status::Ok();
}
Status Validate(const v1::ListTokensRequest& request) { return CheckPage(request); }
Status Validate(const v1::RevokeTokenRequest& request) { return CheckName(request.id(), "id"); }

Status Validate(const v1::ApplySitesRequest& request) {
  if (request.text().empty()) return InvalidArgument("text: is missing");
  if (request.text().size() > kMaxSiteFileBytes) {
    return InvalidArgument("text: has " + std::to_string(request.text().size()) +
                           " bytes, at most 1 MiB are allowed");
  }
  return CheckText(request.file_name(), "file_name", kMaxTextBytes);
}
Status Validate(const v1::ListSitesRequest& request) { return CheckPage(request); }
Status Validate(const v1::GetSiteRequest& request) { return CheckName(request.name()); }
Status Validate(const v1::DeleteSiteRequest& request) { return CheckName(request.name()); }

Status Validate(const v1::ApplyPolicyRequest& request) {
  if (request.text().size() > kMaxSiteFileBytes) {
    return InvalidArgument("text: has " + std::to_string(request.text().size()) +
                           " bytes, at most 1 MiB are allowed");
  }
  return CheckText(request.file_name(), "file_name", kMaxTextBytes);
}
Status Validate(const v1::GetPolicyRequest&) { return Status::Ok(); }
Status Validate(const v1::ExplainPolicyRequest& request) {
  LS_RETURN_IF_ERROR(CheckName(request.node(), "node"));
  return request.site().empty() ? Status::Ok() : CheckName(request.site(), "site");
}
Status Validate(const v1::GetQuicKeysRequest&) { return Status::Ok(); }
Status Validate(const v1::RotateQuicKeysRequest&) { return Status::Ok(); }
Status Validate(const v1::GetAltSvcRequest& request) {
  return request.site().empty() ? Status::Ok() : CheckName(request.site(), "site");
}
Status Validate(const v1::SwitchAltSvcRequest& request) {
  if (!request.all()) return CheckName(request.site(), "site");
  return request.site().empty() ? Status::Ok()
                                : InvalidArgument("site: all sites are asked for already");
}
Status Validate(const v1::LintSitesRequest& request) {
  return request.site().empty() ? Status::Ok() : CheckName(request.site(), "site");
}

Status Validate(const v1::IssueCertificateRequest& request) {
  if (request.hosts().empty() || request.hosts_size() > kMaxHosts) {
    return InvalidArgument("hosts: must be 1 to " + std::to_string(kMaxHosts) + ", are " +
                           std::to_string(request.hosts_size()));
  }
  std::string errors;
  std::set<Hostname> seen;
  for (int i = 0; i < request.hosts_size(); ++i) {
    const std::string path = "hosts[" + std::to_string(i) + "]";
    const Result<Hostname> host = Hostname::Parse(request.hosts(i));
    Status status = host.status().Prefixed(path);
    if (host.ok() && !seen.insert(*host).second) {
      status =
          InvalidArgument(path + ": host name " + Quoted(request.hosts(i)) + " is there twice");
    }
    if (!status.ok()) errors += (errors.empty() ? "" : "\n") + status.message();
  }
  if (!errors.empty()) return InvalidArgument(errors);
  return request.name().empty() ? Status::Ok() : Parses<Hostname>(request.name(), "name");
}
Status Validate(const v1::ListCertificatesRequest& request) { return CheckPage(request); }
Status Validate(const v1::GetCertificateRequest& request) { return CheckName(request.name()); }
Status Validate(const v1::CheckCertificateRequest& request) { return CheckName(request.name()); }

Status Validate(const v1::ListOrdersRequest& request) {
  LS_RETURN_IF_ERROR(CheckPage(request));
  return request.page_token().empty() ? Status::Ok()
                                      : Parses<OrderId>(request.page_token(), "page_token");
}
Status Validate(const v1::GetOrderRequest& request) { return Parses<OrderId>(request.id(), "id"); }
Status Validate(const v1::WatchOrderRequest& request) {
  return Parses<OrderId>(request.id(), "id");
}
Status Validate(const v1::ListChallengesRequest& request) { return CheckPage(request); }

Status Validate(const v1::ListGenerationsRequest& request) { return CheckPage(request); }
Status Validate(const v1::GetGenerationRequest& request) {
  return request.number() == 0 ? InvalidArgument("number: is missing") : Status::Ok();
}
Status Validate(const v1::DiffGenerationsRequest& request) {
  if (request.from() == 0) return InvalidArgument("from: is missing");
  return request.to() == 0 ? InvalidArgument("to: is missing") : Status::Ok();
}

Status Validate(const v1::ListEventsRequest& request) {
  LS_RETURN_IF_ERROR(CheckPage(request));
  LS_RETURN_IF_ERROR(NumberOfPage(request.page_token()).status());
  return CheckText(request.subject(), "subject", kMaxNameBytes);
}
Status Validate(const v1::WatchEventsRequest&) { return Status::Ok(); }

}  // namespace lockstep::controller::adminapi
