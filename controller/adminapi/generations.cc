#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/encoding.h"
#include "controller/adminapi/admin_service.h"
#include "controller/adminapi/paging.h"
#include "controller/adminapi/to_proto.h"

namespace lockstep::controller::adminapi {
namespace {

// Up to here a list also counts what each generation carries, which takes reading it whole.
constexpr size_t kCountedPerPage = 25;

std::string Describe(const model::GenerationResource& resource) {
  const std::string what =
      resource.type == resource.name ? resource.type : resource.type + " " + resource.name;
  return what + " " + HexEncode(resource.sha256.substr(0, 6));
}

// "+site new", "-certificate old", "~site changed".
std::vector<std::string> Differences(const model::Generation& from, const model::Generation& to) {
  std::map<std::pair<std::string, std::string>, std::pair<std::string, std::string>> both;
  for (const auto& resource : from.resources) {
    both[{resource.type, resource.name}].first = resource.sha256;
  }
  for (const auto& resource : to.resources) {
    both[{resource.type, resource.name}].second = resource.sha256;
  }
  std::vector<std::string> lines;
  for (const auto& [key, digests] : both) {
    if (digests.first == digests.second) continue;
    const char* sign = digests.first.empty() ? "+" : digests.second.empty() ? "-" : "~";
    lines.push_back(sign + (key.first == key.second ? key.first : key.first + " " + key.second));
  }
  return lines;
}

std::string WordsFor(const NodeName& node, const publish::Publisher::Progress& progress) {
  if (progress.proved.contains(node)) return "proved";
  if (progress.released.contains(node)) return "on its way";
  return "waits for its wave";
}

// What the rollout waits for at this node; empty if for nothing.
std::string MissingOf(const fleet::LiveNode& live, const publish::Publisher::Progress& progress) {
  const NodeName& name = live.node.name;
  if (live.node.banned || progress.proved.contains(name)) return "";
  const std::string prefix = name.str() + ": ";
  if (!live.connected) return prefix + "is not connected";
  if (!progress.released.contains(name)) return prefix + "waits for its wave";
  const auto lacking = progress.lacking.find(name);
  if (lacking != progress.lacking.end()) return lacking->second;
  if (live.serving_generation == 0) return prefix + "serves nothing yet";
  return prefix + "still serves generation " + std::to_string(live.serving_generation);
}

}  // namespace

void AdminService::FillProgress(v1::Generation& generation) const {
  const auto progress = rooms_.publisher.FindProgress();
  if (progress && progress->generation.number == generation.number()) {
    generation.set_wave(static_cast<uint32_t>(progress->wave));
    generation.set_waves(static_cast<uint32_t>(progress->waves));
    generation.set_nodes_proved(static_cast<uint32_t>(progress->proved.size()));
    if (generation.problem().empty()) generation.set_problem(progress->problem);
  }
  uint32_t nodes = 0;
  uint32_t proved = 0;
  for (const auto& [name, live] : rooms_.fleet.nodes()) {
    if (live.node.banned) continue;
    ++nodes;
    proved += rooms_.publisher.AppliedBy(name) == generation.number() ? 1 : 0;
  }
  generation.set_nodes(nodes);
  if (generation.number() == rooms_.publisher.proved_generation()) {
    generation.set_nodes_proved(proved);
  }
}

grpc::ServerUnaryReactor* AdminService::ListGenerations(Context* context,
                                                        const v1::ListGenerationsRequest* request,
                                                        v1::ListGenerationsResponse* response) {
  const Result<uint64_t> page = NumberOfPage(request->page_token());
  if (!page.ok()) return rpc::FinishNow(context, page.status());
  return OnStrand(context, "ListGenerations", request,
                  [this, request, response, before = *page](const ReplyPtr& reply) {
                    const size_t size = PageSize(request->page_size(), kRecordsPerPage);
                    auto found = std::make_shared<std::vector<model::Generation>>();
                    rooms_.database.Run(
                        [found, size, before](store::Stores& stores) -> Status {
                          LS_ASSIGN_OR_RETURN(*found, stores.generations.List(size + 1, before));
                          if (size > kCountedPerPage) return Status::Ok();
                          for (model::Generation& generation : *found) {
                            LS_ASSIGN_OR_RETURN(generation,
                                                stores.generations.Get(generation.number));
                          }
                          return Status::Ok();
                        },
                        [this, found, size, reply, response](const Status& status) {
                          if (!status.ok()) return reply->Finish(status);
                          if (found->size() > size) {
                            found->resize(size);
                            response->set_next_page_token(std::to_string(found->back().number));
                          }
                          for (const model::Generation& generation : *found) {
                            v1::Generation& out = *response->add_generations();
                            out = ToProto(generation);
                            FillProgress(out);
                          }
                          reply->Finish(Status::Ok());
                        },
                        rooms_.state);
                  });
}

void AdminService::FillNodes(uint64_t number, v1::GetGenerationResponse* response) const {
  const auto progress = rooms_.publisher.FindProgress();
  for (const auto& [name, live] : rooms_.fleet.nodes()) {
    if (progress && progress->generation.number == number) {
      response->add_nodes(name.str() + " " + WordsFor(name, *progress));
      std::string missing = MissingOf(live, *progress);
      if (!missing.empty()) response->add_missing(std::move(missing));
    } else if (rooms_.publisher.AppliedBy(name) == number) {
      response->add_nodes(name.str() + " serves it");
    }
  }
}

grpc::ServerUnaryReactor* AdminService::GetGeneration(Context* context,
                                                      const v1::GetGenerationRequest* request,
                                                      v1::GetGenerationResponse* response) {
  return OnStrand(context, "GetGeneration", request,
                  [this, request, response](const ReplyPtr& reply) {
                    auto found = std::make_shared<model::Generation>();
                    rooms_.database.Run(
                        [found, number = request->number()](store::Stores& stores) -> Status {
                          LS_ASSIGN_OR_RETURN(*found, stores.generations.Get(number));
                          return Status::Ok();
                        },
                        [this, found, reply, response](const Status& status) {
                          if (!status.ok()) return reply->Finish(status);
                          *response->mutable_generation() = ToProto(*found);
                          FillProgress(*response->mutable_generation());
                          for (const auto& resource : found->resources) {
                            response->add_resources(Describe(resource));
                          }
                          FillNodes(found->number, response);
                          reply->Finish(Status::Ok());
                        },
                        rooms_.state);
                  });
}

grpc::ServerUnaryReactor* AdminService::DiffGenerations(Context* context,
                                                        const v1::DiffGenerationsRequest* request,
                                                        v1::DiffGenerationsResponse* response) {
  return OnStrand(
      context, "DiffGenerations", request, [this, request, response](const ReplyPtr& reply) {
        auto found = std::make_shared<std::pair<model::Generation, model::Generation>>();
        rooms_.database.Run(
            [found, from = request->from(), to = request->to()](store::Stores& stores) -> Status {
              LS_ASSIGN_OR_RETURN(found->first, stores.generations.Get(from));
              LS_ASSIGN_OR_RETURN(found->second, stores.generations.Get(to));
              return Status::Ok();
            },
            [found, reply, response](const Status& status) {
              if (!status.ok()) return reply->Finish(status);
              for (std::string& line : Differences(found->first, found->second)) {
                response->add_lines(std::move(line));
              }
              reply->Finish(Status::Ok());
            },
            rooms_.state);
      });
}

}  // namespace lockstep::controller::adminapi
