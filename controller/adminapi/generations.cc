// Generations.
#include <charconv>
#include <map>

#include "common/base/encoding.h"
#include "controller/adminapi/handlers.h"
#include "controller/adminapi/translate.h"

namespace lockstep::controller::adminapi {
namespace {

std::string NodeLine(const Rooms& rooms, const fleet::LiveNode& live, uint64_t number) {
  const NodeName& name = live.node.name;
  if (live.node.banned) return name.str() + " is banned";
  if (!live.connected) return name.str() + " is not connected";
  if (rooms.publisher.AppliedBy(name) == number) {
    const auto progress = rooms.publisher.FindProgress();
    const bool running = progress && progress->generation.number == number;
    return name.str() + (running && !progress->proved.contains(name) ? " acknowledged" : " proved");
  }
  if (rooms.publisher.TargetOf(name) == number) return name.str() + " was sent it";
  return name.str() + " serves generation " + std::to_string(live.serving_generation);
}

using ResourceMap = std::map<std::pair<std::string, std::string>, std::string>;

ResourceMap ByName(const model::Generation& generation) {
  ResourceMap out;
  for (const model::GenerationResource& resource : generation.resources) {
    out[{resource.type, resource.name}] = resource.sha256;
  }
  return out;
}

}  // namespace

void Handle(Rooms& rooms, const v1::ListGenerationsRequest& request,
            v1::ListGenerationsResponse* response, ReplyPtr reply) {
  const auto page = ReadPage(request.page_size(), request.page_token(), 100);
  if (!page.ok()) return reply->Finish(page.status());
  uint64_t before = 0;
  const char* end = page->after.data() + page->after.size();
  if (!page->after.empty() && std::from_chars(page->after.data(), end, before).ptr != end) {
    return reply->Finish(InvalidArgument("page_token: is not one of ours"));
  }
  ReadThen<std::vector<model::Generation>>(
      rooms, reply,
      [before, size = page->size](store::Stores& stores) -> Result<std::vector<model::Generation>> {
        LS_ASSIGN_OR_RETURN(auto listed, stores.generations.List(size, before));
        for (model::Generation& generation : listed) {
          LS_ASSIGN_OR_RETURN(generation, stores.generations.Get(generation.number));
        }
        return listed;
      },
      [&rooms, response, size = page->size](const std::vector<model::Generation>& generations) {
        for (const model::Generation& generation : generations) {
          Translate(rooms, generation, response->add_generations());
        }
        if (generations.size() == size) {
          response->set_next_page_token(std::to_string(generations.back().number));
        }
        return Status::Ok();
      });
}

void Handle(Rooms& rooms, const v1::GetGenerationRequest& request,
            v1::GetGenerationResponse* response, ReplyPtr reply) {
  ReadThen<model::Generation>(
      rooms, reply,
      [number = request.number()](store::Stores& stores) { return stores.generations.Get(number); },
      [&rooms, response](const model::Generation& generation) {
        Translate(rooms, generation, response->mutable_generation());
        for (const model::GenerationResource& resource : generation.resources) {
          response->add_resources(resource.type + " " + resource.name + " " +
                                  HexEncode(resource.sha256).substr(0, 12));
        }
        for (const auto& [name, live] : rooms.fleet.nodes()) {
          response->add_nodes(NodeLine(rooms, live, generation.number));
        }
        return Status::Ok();
      });
}

void Handle(Rooms& rooms, const v1::DiffGenerationsRequest& request,
            v1::DiffGenerationsResponse* response, ReplyPtr reply) {
  using Pair = std::pair<model::Generation, model::Generation>;
  ReadThen<Pair>(
      rooms, reply,
      [from = request.from(), to = request.to()](store::Stores& stores) -> Result<Pair> {
        LS_ASSIGN_OR_RETURN(auto first, stores.generations.Get(from));
        LS_ASSIGN_OR_RETURN(auto second, stores.generations.Get(to));
        return Pair(std::move(first), std::move(second));
      },
      [response](const Pair& pair) {
        const ResourceMap before = ByName(pair.first);
        const ResourceMap after = ByName(pair.second);
        for (const auto& [key, digest] : after) {
          const auto old = before.find(key);
          if (old != before.end() && old->second == digest) continue;
          response->add_lines((old == before.end() ? "+" : "~") + key.first + " " + key.second);
        }
        for (const auto& [key, digest] : before) {
          if (!after.contains(key)) response->add_lines("-" + key.first + " " + key.second);
        }
        return Status::Ok();
      });
}

}  // namespace lockstep::controller::adminapi
