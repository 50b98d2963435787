#include "controller/app/controller.h"

#include <grp.h>
#include <unistd.h>

#include <future>
#include <optional>

#include "common/crypto/sealing.h"
#include "common/fsutil/files.h"
#include "common/heap/heap.h"
#include "common/log/log.h"
#include "common/task/lifecycle.h"
#include "common/task/strand.h"
#include "common/task/worker_pool.h"
#include "controller/adminapi/admin_server.h"
#include "controller/app/domain.h"
#include "controller/app/doors.h"
#include "controller/app/past.h"
#include "controller/drivers/certbot/certbot_issuer.h"
#include "controller/identity/server_identity.h"
#include "controller/session/agent_server.h"
#include "controller/session/sessions.h"
#include "controller/store/sqlite/sqlite_backend.h"

namespace lockstep::controller::app {
namespace {

constexpr size_t kWorkers = 8;
constexpr Micros kIdentityCheck = std::chrono::hours(6);
constexpr Micros kAccountRetry = Seconds(30);

Result<std::optional<gid_t>> FindGroup(const std::string& name) {
  if (name.empty()) return std::optional<gid_t>();
  const group* found = getgrnam(name.c_str());
  if (found == nullptr) return NotFound("listen.admin_group: no group " + Quoted(name));
  return std::optional<gid_t>(found->gr_gid);
}

Result<std::unique_ptr<store::SqliteBackend>> OpenDatabase(const Config& config) {
  LS_ASSIGN_OR_RETURN(auto key, crypto::SealingKey::FromFile(config.key_encryption_key_file));
  return store::SqliteBackend::Open(config.DatabasePath(), std::move(key));
}

drivers::certbot::CertbotOptions IssuerOptions(const Config& config) {
  drivers::certbot::CertbotOptions out;
  out.certbot = config.acme.certbot;
  out.parallel = static_cast<size_t>(config.acme.parallel);
  out.directory = config.CertbotDirectory();
  out.plugin_directory = config.acme.plugin_dir;
  out.hook_program = config.acme.hook_program;
  out.hook_socket = config.listen.hook_socket;
  out.server = config.acme.server;
  out.email = config.acme.email;
  out.ca_bundle = config.acme.ca_bundle;
  return out;
}

}  // namespace

// In the order of construction; what comes later may use what came before.
struct Controller::Parts {
  explicit Parts(Config c)
      : config(std::move(c)), store_strand("store"), state("state"), workers("worker", kWorkers) {}

  Status OpenStore();
  Status MakeDomain();
  Status Listen();
  void WatchIdentity();
  void LearnAccount();
  identity::Access MakeAccess() const;
  adminapi::Rooms MakeRooms();
  void PlanLifecycle();

  const Config config;
  task::Strand store_strand;
  task::Strand state;
  task::WorkerPool workers;
  std::optional<identity::FleetCa> ca;
  std::optional<identity::ServerIdentity> server_identity;
  std::unique_ptr<store::SqliteBackend> backend;
  std::optional<store::Database> database;
  std::unique_ptr<drivers::certbot::CertbotIssuer> issuer;
  std::unique_ptr<Domain> domain;
  std::unique_ptr<certs::CertificateChecks> checks;
  std::optional<gid_t> admin_group;
  std::optional<session::Gate> gate;
  std::unique_ptr<session::Sessions> sessions;
  std::unique_ptr<IdentityDoor> identity_door;
  std::unique_ptr<ChallengeDoor> challenge_door;
  std::unique_ptr<HookDoor> hook_door;
  std::unique_ptr<hookapi::HookServer> hook_server;
  std::unique_ptr<session::AgentServer> agent_server;
  std::unique_ptr<adminapi::AdminServer> admin_server;
  task::Lifecycle lifecycle;
};

identity::Access Controller::Parts::MakeAccess() const {
  identity::Access access;
  access.own_uid = getuid();
  access.hook_uids = {getuid()};
  if (admin_group) access.operator_gids = {*admin_group};
  access.is_banned = [&fleet = domain->fleet](const NodeName& node) {
    return fleet.IsBanned(node);
  };
  access.enrolled_at = [&fleet = domain->fleet](const NodeName& node) {
    return fleet.EnrolledAt(node);
  };
  return access;
}

adminapi::Rooms Controller::Parts::MakeRooms() {
  return {state,
          *database,
          domain->journal,
          domain->fleet,
          domain->enrollment,
          domain->sites,
          domain->policies,
          domain->key_ring,
          domain->promises,
          domain->linter,
          domain->challenges,
          domain->publisher,
          domain->book,
          *checks,
          domain->orders,
          domain->renewals,
          domain->version,
          domain->started_at,
          domain->epoch_counter};
}

Status Controller::Parts::OpenStore() {
  LS_ASSIGN_OR_RETURN(ca, identity::FleetCa::Open(config.CaDirectory()));
  server_identity.emplace(*ca, config.ServerIdentityDirectory(), config.listen.names,
                          std::vector<IpAddress>{config.listen.agents.address});
  LS_RETURN_IF_ERROR(server_identity->EnsureFresh(state.clock().Now()).status());
  LS_ASSIGN_OR_RETURN(admin_group, FindGroup(config.listen.admin_group));
  LS_ASSIGN_OR_RETURN(backend, OpenDatabase(config));
  database.emplace(*backend, store_strand);
  return Status::Ok();
}

Status Controller::Parts::MakeDomain() {
  LS_ASSIGN_OR_RETURN(Past past, ReadPast(*database, state.clock().Now()));
  issuer = std::make_unique<drivers::certbot::CertbotIssuer>(IssuerOptions(config));
  domain =
      std::make_unique<Domain>(config, *ca, *database, state, workers, *issuer, std::move(past));
  checks = std::make_unique<certs::CertificateChecks>(state, domain->fleet, domain->witnesses,
                                                      domain->book);
  gate.emplace(MakeAccess(), state.clock());
  sessions = std::make_unique<session::Sessions>(session::Sessions::Options{}, state);
  sessions->Serve(domain->fleet,
                  [this](const NodeName& node) { return domain->fleet.IsBanned(node); });
  state.RunAndWait([this] { domain->Start(*sessions); });
  return Status::Ok();
}

Status Controller::Parts::Listen() {
  hook_door = std::make_unique<HookDoor>(domain->orders);
  LS_ASSIGN_OR_RETURN(hook_server, hookapi::HookServer::Start(config.listen.hook_socket,
                                                              MakeAccess(), *hook_door, state));
  identity_door = std::make_unique<IdentityDoor>(domain->enrollment);
  challenge_door = std::make_unique<ChallengeDoor>(domain->challenges);
  session::AgentServer::Options options;
  options.agents = config.listen.agents;
  options.enrollment = config.listen.enroll;
  options.files = {server_identity->CertificatePath(), server_identity->KeyPath(),
                   config.CaDirectory() + "/ca.pem"};
  LS_ASSIGN_OR_RETURN(agent_server,
                      session::AgentServer::Start(options, *gate, *sessions, *identity_door,
                                                  *challenge_door, state));
  LS_ASSIGN_OR_RETURN(admin_server,
                      adminapi::AdminServer::Start({config.listen.admin_socket, admin_group},
                                                   MakeAccess(), MakeRooms()));
  log::Info("app.listening", {{"allocator", heap::Name()},
                              {"agents", agent_server->agents().ToString()},
                              {"enroll", agent_server->enrollment().ToString()},
                              {"admin", config.listen.admin_socket},
                              {"hook", config.listen.hook_socket}});
  state.Post([this] { WatchIdentity(); });
  LearnAccount();
  return Status::Ok();
}

void Controller::Parts::WatchIdentity() {
  const auto renewed = server_identity->EnsureFresh(state.clock().Now());
  if (!renewed.ok()) {
    domain->journal.Error("controller.identity", "controller", renewed.status().message());
  } else if (*renewed) {
    domain->journal.Info("controller.identity", "controller", "has a new server certificate");
  }
  state.PostAfter(kIdentityCheck, [this] { WatchIdentity(); });
}

void Controller::Parts::LearnAccount() {
  workers.Post([this](std::stop_token) {
    auto thumbprint = issuer->EnsureAccount();
    state.Post([this, thumbprint = std::move(thumbprint)] {
      if (thumbprint.ok()) return domain->SetAccountThumbprint(*thumbprint);
      domain->journal.Warning("acme.no_account", config.acme.server, thumbprint.status().message());
      state.PostAfter(kAccountRetry, [this] { LearnAccount(); });
    });
  });
}

void Controller::Parts::PlanLifecycle() {
  lifecycle.Add(
      "store", [this] { return OpenStore(); }, [this] { store_strand.Stop(); });
  lifecycle.Add("state", nullptr, [this] { state.Stop(); });
  lifecycle.Add("workers", nullptr, [this] { workers.Stop(); });
  lifecycle.Add(
      "domain", [this] { return MakeDomain(); },
      [this] {
        sessions->Stop();
        workers.Stop();  // one may be asking the issuer for the account
        issuer.reset();
      });
  lifecycle.Add(
      "servers", [this] { return Listen(); },
      [this] {
        admin_server->Stop();
        // Every certbot that waits at the hook socket gets its answer, so that the socket can
        // close.
        state.RunAndWait([this] { domain->orders.AbortAll("the controller is stopping"); });
        hook_server->Stop();
        agent_server->Stop();
      });
}

Controller::Controller(Config config) : parts_(std::make_unique<Parts>(std::move(config))) {
  parts_->PlanLifecycle();
}

Controller::~Controller() { Stop(); }

Status Controller::Start() { return parts_->lifecycle.Start(); }

void Controller::Stop() { parts_->lifecycle.Stop(); }

Result<std::string> Initialise(const Config& config) {
  LS_RETURN_IF_ERROR(fsutil::MakePrivateDirectory(config.state_dir));
  auto made =
      identity::FleetCa::Create(config.CaDirectory(), config.fleet.name, Clock::System().Now());
  if (!made.ok() && made.status().code() != Code::kAlreadyExists) return made.status();
  LS_ASSIGN_OR_RETURN(const identity::FleetCa ca, identity::FleetCa::Open(config.CaDirectory()));
  if (access(config.key_encryption_key_file.c_str(), F_OK) != 0) {
    LS_RETURN_IF_ERROR(crypto::SealingKey::CreateFile(config.key_encryption_key_file));
  }
  LS_RETURN_IF_ERROR(OpenDatabase(config).status());
  return ca.Pin();
}

Status BackUp(const Config& config, const std::string& to) {
  return store::SqliteBackend::BackupFile(config.DatabasePath(), to);
}

Status RecoverDatabase(const Config& config) {
  LS_ASSIGN_OR_RETURN(auto backend, OpenDatabase(config));
  task::Strand strand("store");
  store::Database database(*backend, strand);
  return Recover(database);
}

}  // namespace lockstep::controller::app
