#include "controller/certs/orders.h"

#include <algorithm>

#include "common/log/log.h"

namespace lockstep::controller::certs {
namespace {

constexpr size_t kKeptOrders = 1000;
constexpr size_t kMaxHosts = 100;
constexpr Micros kKeptAfterEnd = Seconds(20);

void MarkFailed(model::Order* order, const std::string& error, WallTime now) {
  order->state = model::OrderState::kFailed;
  order->error = error;
  order->ended_at = now;
  order->steps.push_back({"failed", error, now});
}

void NoteNotStored(const OrderId& id, const Status& status) {
  log::Error("orders.not_stored", {{"order", id.str()}, {"status", status}});
}

}  // namespace

Orders::Orders(Options options, OrderTools tools, store::Database& database,
               fleet::Journal& journal)
    : options_(options), tools_(tools), database_(database), journal_(journal) {}

void Orders::FailLeftovers(std::vector<model::Order> open) {
  for (model::Order& order : open) {
    const bool committed = std::ranges::any_of(
        order.steps, [](const model::OrderStep& step) { return step.what == "committed"; });
    MarkFailed(&order,
               committed ? "the controller stopped after the commit: the CA may have looked"
                         : "the controller stopped before the commit: the CA was not told to look",
               tools_.state.clock().Now());
    Store(order);
    database_.Run([id = order.id](store::Stores& stores) { return stores.challenges.DeleteOf(id); },
                  [](const Status&) {}, tools_.state);
  }
}

Result<model::Order> Orders::Create(std::vector<Hostname> hosts, std::string lineage,
                                    std::string reason, Dropping dropping) {
  if (!tools_.publisher.read_only_reason().empty()) {
    return FailedPrecondition("the controller is read-only: " +
                              tools_.publisher.read_only_reason());
  }
  if (hosts.empty() || hosts.size() > kMaxHosts) {
    return InvalidArgument("hosts: give 1 to 100 host names");
  }
  for (size_t i = 0; i < hosts.size(); ++i) {
    if (std::find(hosts.begin(), hosts.begin() + static_cast<ptrdiff_t>(i), hosts[i]) !=
        hosts.begin() + static_cast<ptrdiff_t>(i)) {
      return InvalidArgument("hosts[" + std::to_string(i) + "]: " + hosts[i].Display() +
                             " is listed twice");
    }
  }
  if (lineage.empty()) {
    const auto* existing = tools_.book.FindByHosts(hosts);
    lineage = existing != nullptr ? existing->name : hosts.front().ascii();
  }
  LS_ASSIGN_OR_RETURN(const Hostname checked, Hostname::Parse(lineage));
  if (HasOpen(checked.ascii())) {
    return AlreadyExists("certificate " + checked.Display() +
                         " has an open order; see `lockstep order list`");
  }
  if (dropping == Dropping::kRefuse) LS_RETURN_IF_ERROR(CheckDropped(checked.ascii(), hosts));
  model::Order order;
  order.id = NewOrderId();
  order.certificate = checked.ascii();
  order.hosts = std::move(hosts);
  order.reason = std::move(reason);
  order.created_at = tools_.state.clock().Now();
  database_.Run(
      [order](store::Stores& stores) -> Status {
        LS_RETURN_IF_ERROR(stores.orders.Prune(kKeptOrders).status());
        return stores.orders.Create(order);
      },
      [id = order.id](const Status& status) {
        if (!status.ok()) NoteNotStored(id, status);
      },
      tools_.state);
  journal_.Info("order.created", order.id.str(),
                "certificate " + order.certificate + ", reason: " + order.reason);
  OrderKeeper& keeper = *this;
  queued_.push_back(std::make_shared<OrderRun>(order, options_.limits, tools_, keeper));
  tools_.state.Post([this] { StartQueued(); });
  return order;
}

Status Orders::CheckDropped(const std::string& lineage, const std::vector<Hostname>& hosts) const {
  const model::Certificate* current = tools_.book.Find(lineage);
  if (current == nullptr) return Status::Ok();
  std::string lost;
  for (const Hostname& host : current->hosts) {
    if (std::ranges::find(hosts, host) != hosts.end()) continue;
    lost += (lost.empty() ? "" : ", ") + host.Display();
  }
  if (lost.empty()) return Status::Ok();
  return AlreadyExists("certificate " + Hostname::Parse(lineage)->Display() + " would lose " +
                       lost +
                       ": name all of them, choose another certificate with --name, or mean it "
                       "with --drop-names");
}

int Orders::CountOrdering() const {
  const auto runs = Runs();
  return static_cast<int>(std::ranges::count_if(runs, [](const std::shared_ptr<OrderRun>& run) {
    return run->order().state != model::OrderState::kRollingOut;
  }));
}

void Orders::StartQueued() {
  while (!queued_.empty() && CountOrdering() < options_.parallel) {
    auto run = queued_.front();
    queued_.pop_front();
    running_.emplace(run->order().id, run);
    run->Start();
  }
}

void Orders::OnChanged(const OrderRun& run) {
  const model::Order& order = run.order();
  Store(order);
  const auto watchers = watchers_;
  for (const auto& [id, watcher] : watchers) watcher(order);
  if (model::IsEnded(order.state) && ended_.insert(order.id).second) OnEnded(order);
  if (order.state == model::OrderState::kRollingOut) tools_.state.Post([this] { StartQueued(); });
}

void Orders::OnEnded(const model::Order& order) {
  if (order.state == model::OrderState::kDone) {
    journal_.Info("order.done", order.id.str(),
                  "certificate " + order.certificate + " serial " + order.serial + " in " +
                      FormatDuration(*order.ended_at - order.created_at));
  } else {
    journal_.Error("order.failed", order.id.str(), order.error);
  }
  on_end_(order);
  // The run that tells us is on the stack: it goes when that has unwound. Steps that arrive after
  // the end (the proof that challenges are gone) still find it until then.
  tools_.state.PostAfter(kKeptAfterEnd, [this, id = order.id] {
    running_.erase(id);
    ended_.erase(id);
  });
  tools_.state.Post([this] { StartQueued(); });
}

void Orders::Store(const model::Order& order) {
  Keep(order, [](const Status&) {});
}

void Orders::Keep(const model::Order& order, std::function<void(const Status&)> done) {
  database_.Run([order](store::Stores& stores) { return stores.orders.Update(order); },
                [id = order.id, done = std::move(done)](const Status& status) {
                  if (!status.ok()) NoteNotStored(id, status);
                  done(status);
                },
                tools_.state);
}

void Orders::KeepProofs(const OrderId& order, std::vector<model::Proof> proofs) {
  database_.Run([order, proofs = std::move(proofs)](
                    store::Stores& stores) { return stores.proofs.Keep(order, proofs); },
                [order](const Status& status) {
                  if (!status.ok()) NoteNotStored(order, status);
                },
                tools_.state);
}

std::vector<std::shared_ptr<OrderRun>> Orders::Runs() const {
  std::vector<std::shared_ptr<OrderRun>> out;
  for (const auto& [id, run] : running_) {
    if (!model::IsEnded(run->order().state)) out.push_back(run);
  }
  return out;
}

const model::Order* Orders::FindOpen(const OrderId& id) const {
  if (const auto found = running_.find(id); found != running_.end()) {
    return &found->second->order();
  }
  for (const auto& run : queued_) {
    if (run->order().id == id) return &run->order();
  }
  return nullptr;
}

std::vector<model::Order> Orders::ListOpen() const {
  std::vector<model::Order> out;
  for (const auto& run : Runs()) out.push_back(run->order());
  for (const auto& run : queued_) out.push_back(run->order());
  return out;
}

bool Orders::HasOpen(const std::string& lineage) const {
  const auto open = ListOpen();
  return std::any_of(open.begin(), open.end(),
                     [&](const model::Order& order) { return order.certificate == lineage; });
}

void Orders::Perform(const OrderId& id, const std::string& secret,
                     std::vector<model::Challenge> challenges, OrderRun::Reply reply) {
  const auto found = running_.find(id);
  if (found == running_.end()) return reply(NotFound("no running order " + id.str()));
  found->second->Perform(secret, std::move(challenges), std::move(reply));
}

void Orders::Cleanup(const OrderId& id, const std::string& secret, OrderRun::Reply reply) {
  const auto found = running_.find(id);
  if (found == running_.end()) return reply(NotFound("no running order " + id.str()));
  found->second->Cleanup(secret, std::move(reply));
}

uint64_t Orders::Watch(Watcher watcher) {
  watchers_.emplace(next_watch_, std::move(watcher));
  return next_watch_++;
}

void Orders::AbortAll(const std::string& why) {
  for (const auto& run : Runs()) run->Abort(why);
  for (const auto& run : queued_) run->Abort(why);
  queued_.clear();
}

void Orders::EvaluateAll() {
  for (const auto& run : Runs()) run->Evaluate();
}

void Orders::OnDisconnected(const fleet::LiveNode& node) {
  for (const auto& run : Runs()) run->OnDisconnected(node.node.name);
}

void Orders::OnRolledBack(const model::Generation& generation, const std::string& problem) {
  for (const auto& run : Runs()) run->OnRolledBack(generation, problem);
}

}  // namespace lockstep::controller::certs
