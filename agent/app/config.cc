#include "agent/app/config.h"

#include <algorithm>
#include <utility>

#include "agent/drivers/bird/protocols.h"
#include "common/conf/conf.h"

namespace lockstep::agent::app {
namespace {

Result<Config> Read(const conf::Document& document) {
  const conf::Table root = document.root();
  Config config;
  config.state_dir = root.RequiredPath("state_dir");

  const conf::Table controller = root.RequiredTable("controller");
  config.session = controller.Required<Endpoint>("session");
  config.enroll = controller.Required<Endpoint>("enroll");
  config.controller_name = controller.Or<std::string>("name", "lockstep-controller");

  const conf::Table node = root.RequiredTable("node");
  config.addresses = node.RequiredHostAddresses("addresses");

  const conf::Table caddy = root.RequiredTable("caddy");
  config.caddy_admin_socket = caddy.RequiredPath("admin_socket");
  config.caddy_take_over = caddy.Or<bool>("take_over", false);

  const conf::Table quicd = root.TableOr("quicd");
  config.quicd_control_socket = quicd.PathOr("control_socket", config.quicd_control_socket);
  config.quicd_user = quicd.Or<std::string>("user", config.quicd_user);
  config.quicd_upstream = quicd.Or<Endpoint>("upstream", config.quicd_upstream);
  if (!config.quicd_upstream.address.IsLoopback()) {
    quicd.Reject("upstream", "must be a loopback address and a port");
  }

  const conf::Table challenge = root.RequiredTable("challenge");
  config.challenge_directory = challenge.RequiredPath("directory");
  config.miss_socket = challenge.RequiredPath("miss_socket");

  if (const auto bird = root.FindTable("bird")) {
    config.bird_socket = bird->RequiredPath("socket");
    config.bird_may_disable = bird->Or<std::vector<std::string>>("may_disable", {});
    if (!std::ranges::all_of(config.bird_may_disable, drivers::bird::IsSymbol)) {
      bird->Reject("may_disable", "must name protocols of BIRD");
    }
  }
  if (const auto announce = root.FindTable("announce")) {
    config.announce_file = announce->RequiredPath("file");
    if (config.bird_socket) announce->Reject("file", "cannot stand beside [bird]");
  }

  const conf::Table apply = root.TableOr("apply");
  config.soak = apply.DurationOr("soak", Millis(100), std::chrono::hours(24), config.soak);
  LS_RETURN_IF_ERROR(document.Finish());
  return config;
}

}  // namespace

Result<Config> LoadConfig(const std::string& path) {
  LS_ASSIGN_OR_RETURN(const conf::Document document, conf::Document::FromFile(path));
  return Read(document);
}

Result<Config> ParseConfig(std::string_view text, std::string name) {
  LS_ASSIGN_OR_RETURN(const conf::Document document,
                      conf::Document::FromText(text, std::move(name)));
  return Read(document);
}

}  // namespace lockstep::agent::app
