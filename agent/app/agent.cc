#include "agent/app/agent.h"

#include <pwd.h>
#include <unistd.h>

#include <cstring>
#include <future>
#include <utility>

#include "agent/apply/applier.h"
#include "agent/apply/apply_queue.h"
#include "agent/apply/driver_pair.h"
#include "agent/challenge/directory.h"
#include "agent/challenge/lane.h"
#include "agent/challenge/miss_lookup.h"
#include "agent/challenge/miss_responder.h"
#include "agent/drivers/announce_file/file_announcer.h"
#include "agent/drivers/bird/bird_announcer.h"
#include "agent/drivers/caddy/driver.h"
#include "agent/drivers/quicd/driver.h"
#include "agent/session/client.h"
#include "agent/session/controller_link.h"
#include "agent/session/controller_source.h"
#include "agent/session/conversation.h"
#include "agent/session/renewal.h"
#include "agent/state/generations.h"
#include "agent/state/identity.h"
#include "agent/state/node_key.h"
#include "agent/state/wish.h"
#include "agent/witness/witness.h"
#include "common/base/encoding.h"
#include "common/crypto/secret.h"
#include "common/fsutil/files.h"
#include "common/log/log.h"
#include "common/look/wire_observer.h"
#include "common/task/lifecycle.h"
#include "common/task/strand.h"
#include "common/task/worker_pool.h"

namespace lockstep::agent::app {
namespace {

constexpr size_t kBootIdBytes = 16;
constexpr size_t kProbeThreads = 8;
constexpr size_t kLookThreads = 8;
constexpr size_t kWitnessThreads = 8;
constexpr size_t kSweepThreads = 2;
constexpr size_t kMissThreads = 4;

uint64_t RandomSeed() {
  const std::string bytes = RandomBytes(sizeof(uint64_t));
  uint64_t seed = 0;
  std::memcpy(&seed, bytes.data(), sizeof(seed));
  return seed;
}

// Kept over restarts: an agent that starts anew disturbs neither server, and connections from
// before a restart of lockstep-quicd can still be reset.
struct NodeKeys {
  std::string plain_listener;
  crypto::Secret reset;
};

Result<NodeKeys> LoadNodeKeys(const Config& config) {
  const std::string directory = config.state_dir + "/quic";
  LS_RETURN_IF_ERROR(fsutil::MakePrivateDirectory(config.state_dir));
  LS_RETURN_IF_ERROR(fsutil::MakePrivateDirectory(directory));
  NodeKeys keys;
  LS_ASSIGN_OR_RETURN(const crypto::Secret listener,
                      state::LoadOrMakeKey(directory + "/listener.key"));
  keys.plain_listener = HexEncode(listener.Reveal());
  LS_ASSIGN_OR_RETURN(keys.reset, state::LoadOrMakeKey(directory + "/reset.key"));
  return keys;
}

drivers::quicd::QuicdOptions QuicdOptionsOf(const Config& config, NodeKeys keys,
                                            std::stop_token stop) {
  drivers::quicd::QuicdOptions options;
  options.control.socket = config.quicd_control_socket;
  options.control.server_uids = {::geteuid()};
  // Before there are threads. On a node without lockstep-quicd there is no such user.
  if (const passwd* user = ::getpwnam(config.quicd_user.c_str())) {
    options.control.server_uids.push_back(user->pw_uid);
  }
  options.control.stop = std::move(stop);
  options.render.upstream = config.quicd_upstream;
  options.render.secret = std::move(keys.plain_listener);
  options.render.reset_key = std::move(keys.reset);
  options.render.controllers = {config.session.address, config.enroll.address};
  return options;
}

drivers::caddy::CaddyOptions CaddyOptionsOf(const Config& config, const NodeKeys& keys,
                                            std::stop_token stop) {
  drivers::caddy::CaddyOptions options;
  options.render.admin_socket = config.caddy_admin_socket;
  options.render.challenge_directory = config.challenge_directory;
  options.render.miss_socket = config.miss_socket;
  options.render.plain_listener = config.quicd_upstream;
  options.render.plain_key = keys.plain_listener;
  options.take_over = config.caddy_take_over;
  options.copies_directory = config.state_dir + "/replaced";
  options.stop = std::move(stop);
  return options;
}

std::unique_ptr<apply::Announcer> MakeAnnouncer(const Config& config, std::stop_token stop) {
  if (config.bird_socket) {
    return std::make_unique<drivers::bird::BirdAnnouncer>(
        drivers::bird::BirdOptions{.socket = *config.bird_socket,
                                   .stop = std::move(stop),
                                   .may_disable = config.bird_may_disable});
  }
  if (config.announce_file) {
    return std::make_unique<drivers::announce_file::FileAnnouncer>(*config.announce_file);
  }
  return nullptr;
}

}  // namespace

Result<Surroundings> RealSurroundings(const Config& config) {
  LS_ASSIGN_OR_RETURN(NodeKeys keys, LoadNodeKeys(config));
  const std::stop_source stopping;
  auto web = std::make_unique<drivers::caddy::CaddyDriver>(
      CaddyOptionsOf(config, keys, stopping.get_token()));
  auto quic = std::make_unique<drivers::quicd::QuicdDriver>(
      QuicdOptionsOf(config, std::move(keys), stopping.get_token()));
  Surroundings out{.parts = {},
                   .driver = std::make_unique<apply::DriverPair>(*web, *quic),
                   .announcer = MakeAnnouncer(config, stopping.get_token()),
                   .observer = std::make_unique<look::WireObserver>(),
                   .stopping = stopping};
  out.parts.push_back(std::move(web));
  out.parts.push_back(std::move(quic));
  return out;
}

namespace {

rpc::CertificateFiles FilesOf(const state::IdentityStore& store) {
  return {store.CertificatePath(), store.KeyPath(), store.CaPath()};
}

}  // namespace

// In the order of their construction; destroyed in the reverse one, after Stop.
struct Agent::Parts {
  Parts(Config config_in, fsutil::DirectoryLock lock_in, state::IdentityStore store_in,
        state::Identity identity_in, state::Generations generations_in,
        challenge::Directory directory_in, std::unique_ptr<session::ControllerLink> link_in,
        Surroundings surroundings)
      : config(std::move(config_in)),
        lock(std::move(lock_in)),
        store(std::move(store_in)),
        identity(std::move(identity_in)),
        generations(std::move(generations_in)),
        directory(std::move(directory_in)),
        link(std::move(link_in)),
        outside(std::move(surroundings)),
        wishes(config.state_dir),
        applier({*outside.driver, *outside.observer, probes, strand.clock(), generations,
                 identity.authority()}),
        conversation(strand, {LOCKSTEP_VERSION, RandomBytes(kBootIdBytes), config.addresses}),
        queue({strand, apply_worker, sweeps, *outside.observer, *outside.driver,
               outside.announcer.get(), applier, &wishes},
              conversation, QueueSettingsOf(config)),
        lane({strand, lane_writer, looks, *outside.observer, directory}, conversation),
        witness(strand, witness_looks, *outside.observer, identity.node),
        client(strand, *link, conversation, RandomSeed()),
        renewal(strand, errands, *link, store, RandomSeed()),
        controller_source(*link),
        misses(strand, miss_workers, controller_source, RandomSeed()) {
    conversation.Join(
        {&queue, &lane, &witness, &client, [this](const auto& desired, const auto& live) {
           misses.SetRules(challenge::MakeMissRules(desired.get(), live.get()));
         }});
    PlanLifecycle();
  }

  static apply::QueueSettings QueueSettingsOf(const Config& config) {
    apply::QueueSettings settings;
    settings.soak = config.soak;
    return settings;
  }
  void PlanLifecycle();
  void StopClient();
  Status StartResponder();

  const Config config;
  fsutil::DirectoryLock lock;
  state::IdentityStore store;
  const state::Identity identity;
  state::Generations generations;
  challenge::Directory directory;
  std::unique_ptr<session::ControllerLink> link;

  task::Strand strand{"agent"};
  task::WorkerPool apply_worker{"apply", 1};
  task::WorkerPool probes{"probe", kProbeThreads};
  task::WorkerPool sweeps{"sweep", kSweepThreads};
  task::WorkerPool lane_writer{"lane", 1};
  task::WorkerPool looks{"look", kLookThreads};
  task::WorkerPool witness_looks{"witness", kWitnessThreads};
  task::WorkerPool errands{"errand", 1};
  task::WorkerPool miss_workers{"miss", kMissThreads};

  Surroundings outside;
  const state::WishFile wishes;
  apply::Applier applier;
  session::Conversation conversation;
  apply::ApplyQueue queue;
  challenge::Lane lane;
  witness::Witness witness;
  session::Client client;
  session::Renewal renewal;
  session::ControllerSource controller_source;
  std::unique_ptr<challenge::MissResponder> responder;  // outlives whoever may still answer
  challenge::MissLookup misses;
  task::Lifecycle lifecycle;
};

// Stopping runs from the last line to the first: the stream first, so that nothing new comes in;
// then who works; the strand, to which all of them post, last.
void Agent::Parts::PlanLifecycle() {
  lifecycle.Add("strand", nullptr, [this] { strand.Stop(); });
  lifecycle.Add("apply", nullptr, [this] {
    outside.stopping.request_stop();
    apply_worker.Stop();
  });
  for (task::WorkerPool* pool :
       {&probes, &sweeps, &lane_writer, &looks, &witness_looks, &errands, &miss_workers}) {
    lifecycle.Add("workers", nullptr, [pool] { pool->Stop(); });
  }
  lifecycle.Add(
      "miss responder", [this] { return StartResponder(); }, [this] { responder->Stop(); });
  lifecycle.Add(
      "watch",
      [this] {
        outside.driver->Watch([this] { strand.Post([this] { queue.OnServerRestarted(); }); });
        return Status::Ok();
      },
      [this] { outside.driver->StopWatching(); });
  lifecycle.Add(
      "rooms",
      [this] {
        strand.Post([this] {
          queue.Start([this] {
            client.Start();
            renewal.Start();
          });
        });
        return Status::Ok();
      },
      [this] { StopClient(); });
}

Status Agent::Parts::StartResponder() {
  LS_ASSIGN_OR_RETURN(
      responder,
      challenge::MissResponder::Start(
          config.miss_socket, [this](challenge::MissRequest request,
                                     std::function<void(challenge::MissAnswer)> answer) {
            strand.Post([this, request = std::move(request), answer = std::move(answer)] {
              misses.OnMiss(request, answer);
            });
          }));
  return Status::Ok();
}

void Agent::Parts::StopClient() {
  std::promise<void> stopped;
  strand.Post([this, &stopped] { client.Stop([&stopped] { stopped.set_value(); }); });
  stopped.get_future().wait();
}

Result<std::unique_ptr<Agent>> Agent::Create(Config config, Surroundings surroundings) {
  LS_RETURN_IF_ERROR(fsutil::MakePrivateDirectory(config.state_dir));
  LS_ASSIGN_OR_RETURN(fsutil::DirectoryLock lock, fsutil::DirectoryLock::Acquire(config.state_dir));
  // Of an agent that was killed while it wrote what it has seen, or was told to wish: the lock says
  // that nobody else writes there.
  LS_RETURN_IF_ERROR(fsutil::RemoveUnfinished(config.state_dir));
  LS_ASSIGN_OR_RETURN(state::IdentityStore store,
                      state::IdentityStore::Open(config.state_dir + "/identity"));
  LS_ASSIGN_OR_RETURN(state::Identity identity, store.Get());
  // Not before: until there is one, `lockstep-agent enroll` may be writing there.
  LS_RETURN_IF_ERROR(store.RemoveUnfinished());
  LS_ASSIGN_OR_RETURN(state::Generations generations,
                      state::Generations::Open(config.state_dir, identity.authority()));
  LS_ASSIGN_OR_RETURN(challenge::Directory directory,
                      challenge::Directory::Open(config.challenge_directory));
  LS_ASSIGN_OR_RETURN(
      std::unique_ptr<session::ControllerLink> link,
      session::ControllerLink::Open({config.session, config.controller_name}, FilesOf(store)));
  return std::unique_ptr<Agent>(new Agent(std::make_unique<Parts>(
      std::move(config), std::move(lock), std::move(store), std::move(identity),
      std::move(generations), std::move(directory), std::move(link), std::move(surroundings))));
}

Agent::Agent(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Agent::~Agent() { Stop(); }

Status Agent::Start() {
  log::Info("agent.start", {{"node", parts_->identity.node.str()},
                            {"version", LOCKSTEP_VERSION},
                            {"seen", parts_->generations.seen().ToString()}});
  return parts_->lifecycle.Start();
}

void Agent::Stop() { parts_->lifecycle.Stop(); }

}  // namespace lockstep::agent::app
