#include "controller/drivers/certbot/certbot_issuer.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "common/base/fd.h"
#include "common/fsutil/files.h"
#include "common/log/log.h"
#include "controller/drivers/certbot/certbot_log.h"

namespace lockstep::controller::drivers::certbot {
namespace {

using certs::IssueRequest;
using certs::IssueResult;

constexpr int kSecretFd = 3;  // in certbot and below
constexpr size_t kMaxLogBytes = size_t{16} << 20;
// The hook gives up this much before certbot is ended, so that its words are heard.
constexpr Micros kHookMargin = Seconds(3);
constexpr Micros kShortestHook = Seconds(1);
constexpr char kRegisterDirectory[] = "register";  // no host name: those have a dot

// A file in memory that holds the secret and is gone with its last descriptor.
Result<Fd> MemoryFile(const std::string& secret) {
  Fd fd(memfd_create("lockstep-order", MFD_CLOEXEC));
  if (!fd.valid()) return FromErrno(errno, "cannot make a file in memory");
  if (pwrite(fd.get(), secret.data(), secret.size(), 0) != static_cast<ssize_t>(secret.size())) {
    return FromErrno(errno, "cannot write to a file in memory");
  }
  return fd;
}

std::string SecondsText(Micros duration) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(duration).count());
}

IssueResult Failed(Status status, std::string ca_error = "") {
  return {
      .status = std::move(status), .ca_error = std::move(ca_error), .chain_pem = "", .key_pem = ""};
}

// Why a run did not succeed.
Failure Explain(const exec::Finished& finished, const LineageDirectory& directory) {
  if (finished.cancelled) return {Cancelled("the order was cancelled"), ""};
  if (finished.timed_out) {
    return {DeadlineExceeded("certbot did not end in time and was stopped after " +
                             FormatDuration(finished.elapsed)),
            ""};
  }
  if (!finished.exit_code) return {Unavailable("certbot " + finished.Describe()), ""};
  const Result<std::string> log = fsutil::ReadFile(directory.log(), kMaxLogBytes);
  return ExplainFailure(log.value_or(""), finished.out.text + "\n" + finished.err.text);
}

}  // namespace

CertbotIssuer::CertbotIssuer(CertbotOptions options, const Clock& clock)
    : options_(std::move(options)),
      clock_(clock),
      pool_("certbot", std::max<size_t>(options_.parallel, 1)) {}

CertbotIssuer::~CertbotIssuer() {
  std::vector<OrderId> orders;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [order, run] : runs_) orders.push_back(order);
  }
  for (const OrderId& order : orders) Cancel(order);
  pool_.Stop();
}

void CertbotIssuer::Start(IssueRequest request, std::function<void(IssueResult)> done) {
  const Status status = CheckRequest(request);
  const OrderId order = request.order;
  {
    const std::lock_guard lock(mutex_);
    if (status.ok() && !runs_.contains(order) && lineages_.insert(request.lineage).second) {
      auto run = std::make_shared<Run>();
      run->deadline = clock_.Mono() + request.deadline;
      run->request = std::move(request);
      run->done = std::move(done);
      runs_.emplace(order, std::move(run));
      pool_.Post([this, order](std::stop_token stop) { Work(order, std::move(stop)); });
      return;
    }
  }
  done(Failed(!status.ok()
                  ? status
                  : Aborted("another order of certificate " + request.lineage + " is under way")));
}

void CertbotIssuer::Cancel(const OrderId& order) {
  bool waiting = false;
  {
    const std::lock_guard lock(mutex_);
    const auto found = runs_.find(order);
    if (found == runs_.end()) return;
    found->second->stop.request_stop();
    waiting = !found->second->started;
  }
  if (waiting) Finish(order, Failed(Cancelled("the order was cancelled")));
}

Result<std::string> CertbotIssuer::EnsureAccount() {
  LS_ASSIGN_OR_RETURN(const Account account, FindOrRegister(options_.register_deadline, {}));
  return account.thumbprint;
}

void CertbotIssuer::Work(const OrderId& order, std::stop_token pool_stop) {
  std::shared_ptr<Run> run;
  {
    const std::lock_guard lock(mutex_);
    const auto found = runs_.find(order);
    if (found == runs_.end()) return;  // cancelled while it waited
    run = found->second;
    run->started = true;
  }
  const std::stop_callback on_stop(pool_stop, [&run] { run->stop.request_stop(); });
  const MonoTime began = clock_.Mono();
  IssueResult result = Issue(*run);
  log::Info("certbot.ended", {{"order", order.str()},
                              {"lineage", run->request.lineage},
                              {"status", result.status},
                              {"ca_error", result.ca_error},
                              {"took", FormatDuration(clock_.Mono() - began)}});
  Finish(order, std::move(result));
}

void CertbotIssuer::Finish(const OrderId& order, IssueResult result) {
  std::shared_ptr<Run> run;
  {
    const std::lock_guard lock(mutex_);
    const auto found = runs_.find(order);
    if (found == runs_.end()) return;
    run = found->second;
    lineages_.erase(run->request.lineage);
    runs_.erase(found);
  }
  run->done(std::move(result));
}

Status CertbotIssuer::CheckRequest(const IssueRequest& request) const {
  const Result<Hostname> lineage = Hostname::Parse(request.lineage);
  if (!lineage.ok() || lineage->ascii() != request.lineage) {
    return InvalidArgument("certificate " + Quoted(request.lineage) +
                           " must be named like a host, in its ASCII form");
  }
  if (request.hosts.empty()) return InvalidArgument("an order needs at least one host name");
  if (request.order.empty() || request.secret.empty() || request.deadline <= Micros(0)) {
    return InvalidArgument("an order needs an id, a secret and a deadline");
  }
  return Status::Ok();
}

IssueResult CertbotIssuer::Issue(const Run& run) {
  const IssueRequest& request = run.request;
  const LineageDirectory directory(options_.directory, request.lineage);
  const auto prepare = [&]() -> Result<Account> {
    LS_RETURN_IF_ERROR(directory.Prepare());
    return FindOrRegister(run.deadline - clock_.Mono(), run.stop.get_token());
  };
  const Result<Account> account = prepare();
  if (!account.ok()) return Failed(account.status());
  const Result<Fd> secret = MemoryFile(request.secret);
  if (!secret.ok()) return Failed(secret.status());

  const Micros left = run.deadline - clock_.Mono();
  if (left <= Micros(0)) {
    return Failed(DeadlineExceeded("the order's time was over before certbot could start"));
  }
  const Result<exec::Finished> finished = exec::Run(
      IssueCommand(request, directory, account->id, left, secret->get()), run.stop.get_token());
  if (!finished.ok()) return Failed(finished.status().Prefixed("certbot"));
  if (!finished->Succeeded()) {
    Failure failure = Explain(*finished, directory);
    return Failed(std::move(failure.status), std::move(failure.ca_error));
  }
  // Its exit code is a claim.
  Result<Issued> issued = directory.Read(request.hosts, request.current_leaf_sha256, clock_.Now());
  if (!issued.ok()) {
    return Failed(issued.status().Prefixed("certbot says that it succeeded"));
  }
  return {.status = Status::Ok(),
          .ca_error = "",
          .chain_pem = std::move(issued->chain_pem),
          .key_pem = std::string(issued->key_pem.Reveal())};
}

Result<Account> CertbotIssuer::FindOrRegister(Micros deadline, std::stop_token stop) {
  const std::lock_guard lock(account_mutex_);
  const std::string accounts = LineageDirectory(options_.directory, kRegisterDirectory).accounts();
  LS_ASSIGN_OR_RETURN(std::optional<Account> account, FindAccount(accounts, options_.server));
  if (account) return *std::move(account);
  LS_RETURN_IF_ERROR(Register(std::min(deadline, options_.register_deadline), std::move(stop)));
  LS_ASSIGN_OR_RETURN(account, FindAccount(accounts, options_.server));
  if (account) return *std::move(account);
  return Internal("certbot says that it registered an account, but there is none in " + accounts);
}

Status CertbotIssuer::Register(Micros deadline, std::stop_token stop) {
  if (deadline <= Micros(0)) {
    return DeadlineExceeded("the order's time was over before an account was registered");
  }
  const LineageDirectory directory(options_.directory, kRegisterDirectory);
  LS_RETURN_IF_ERROR(directory.Prepare());
  exec::Command command = BaseCommand("register", directory);
  command.deadline = deadline;
  LS_ASSIGN_OR_RETURN(const exec::Finished finished, exec::Run(command, std::move(stop)));
  if (finished.Succeeded()) {
    log::Info("certbot.registered", {{"server", options_.server}});
    return Status::Ok();
  }
  Failure failure = Explain(finished, directory);
  const std::string said = failure.ca_error.empty() ? "" : " (" + failure.ca_error + ")";
  return Status(failure.status.code(), "cannot register an account with " + options_.server + ": " +
                                           failure.status.message() + said);
}

exec::Command CertbotIssuer::BaseCommand(const std::string& verb,
                                         const LineageDirectory& directory) const {
  exec::Command command;
  command.argv = {options_.certbot,
                  verb,
                  "--non-interactive",
                  "--agree-tos",
                  "--no-eff-email",
                  "--server",
                  options_.server,
                  "--config-dir",
                  directory.config(),
                  "--work-dir",
                  directory.work(),
                  "--logs-dir",
                  directory.logs(),
                  "--max-log-backups",
                  "0"};
  if (options_.email.empty()) {
    command.argv.push_back("--register-unsafely-without-email");
  } else {
    command.argv.insert(command.argv.end(), {"--email", options_.email});
  }
  command.environment = {{"PATH", "/usr/bin:/bin"},
                         {"LANG", "C.UTF-8"},
                         // certbot reads cli.ini below these; there is none.
                         {"HOME", directory.work()},
                         {"XDG_CONFIG_HOME", directory.work()},
                         // A killed certbot leaves what it has there.
                         {"TMPDIR", directory.temporary()},
                         {"PYTHONPATH", options_.plugin_directory},
                         {"PYTHONDONTWRITEBYTECODE", "1"}};
  if (!options_.ca_bundle.empty()) command.environment["REQUESTS_CA_BUNDLE"] = options_.ca_bundle;
  command.working_directory = directory.work();
  return command;
}

exec::Command CertbotIssuer::IssueCommand(const IssueRequest& request,
                                          const LineageDirectory& directory,
                                          const std::string& account, Micros deadline,
                                          int secret_fd) const {
  exec::Command command = BaseCommand("certonly", directory);
  auto& argv = command.argv;
  argv.insert(argv.end(), {"--authenticator", "lockstep", "--account", account, "--cert-name",
                           request.lineage, "--key-type", "ecdsa", "--elliptic-curve", "secp256r1",
                           // Issue now whatever certbot thinks is due, also with other names.
                           "--force-renewal", "--renew-with-new-domains",
                           "--no-random-sleep-on-renew", "--no-directory-hooks"});
  for (const Hostname& host : request.hosts) argv.insert(argv.end(), {"--domain", host.ascii()});
  auto& environment = command.environment;
  environment["LOCKSTEP_HOOK"] = options_.hook_program;
  environment["LOCKSTEP_HOOK_SOCKET"] = options_.hook_socket;
  environment["LOCKSTEP_HOOK_DEADLINE"] =
      SecondsText(std::max(deadline - kHookMargin, kShortestHook));
  environment["LOCKSTEP_ORDER"] = request.order.str();
  environment["LOCKSTEP_SECRET_FD"] = std::to_string(kSecretFd);
  command.inherited = {{.fd = secret_fd, .child_number = kSecretFd}};
  command.deadline = deadline;
  return command;
}

}  // namespace lockstep::controller::drivers::certbot
