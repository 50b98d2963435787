"""Two real machines with systemd, set up with the commands of docs/operations.md, from a join token to
a certificate; then to lockstep-quicd; then a reboot without the controller, and a restart of it."""

import contextlib
import re

from harness import installed
from harness.case import expect, expect_equal, say
from lab import fleet as lab_fleet
from lab import bird, lockstep, netns, toml
from lab import layout as lay
from lab.client import PROTOCOLS
from lab.shell import wait_until
from lab.steps import Steps

FULL = True
SITE = "www.example.test"
DROP_IN = "/etc/systemd/system/caddy.service.d/lockstep.conf"
ANYCAST = f"""[Unit]
Description=Anycast service addresses
Before=bird.service caddy.service lockstep-agent.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/ip address replace {lay.SERVICE_IPV4}/32 dev lo
ExecStart=/usr/sbin/ip address replace {lay.SERVICE_IPV6}/128 dev lo
[Install]
WantedBy=multi-user.target
"""
NODE_MODES = {
    "/var/lib/lockstep-agent": "700 lockstep-agent:lockstep-agent",
    "/var/lib/lockstep-agent/seen.pb": "600 lockstep-agent:lockstep-agent",
    "/run/lockstep-agent/challenges": "2750 lockstep-agent:caddy",
    "/run/lockstep-agent/miss": "2750 lockstep-agent:caddy",
    "/run/lockstep-agent/miss/miss.sock": "660 lockstep-agent:caddy",
    "/run/lockstep-caddy": "2750 caddy:lockstep-agent",
}
QUICD = "lockstep-quicd"
QUICD_MODES = {
    "/run/lockstep-quicd": "2750 lockstep-quicd:lockstep-agent",
    "/run/lockstep-quicd/control.sock": "660 lockstep-quicd:lockstep-agent",
    "/var/lib/lockstep-agent/quic": "700 lockstep-agent:lockstep-agent",
}
BIND_ONLY = 1 << 10  # CAP_NET_BIND_SERVICE
CONTROLLER_MODES = {
    "/var/lib/lockstep": "700 lockstep:lockstep",
    "/var/lib/lockstep/lockstep.db": "600 lockstep:lockstep",
    "/var/lib/lockstep/ca/ca.key": "600 lockstep:lockstep",
    "/var/lib/lockstep/ca/ca.pem": "644 lockstep:lockstep",
    "/var/lib/lockstep/certbot/accounts": "700 lockstep:lockstep",
    "/etc/lockstep/kek": "600 root:root",
    "/run/lockstep/admin": "750 lockstep:lockstep-admin",
    "/run/lockstep/admin/admin.sock": "660 lockstep:lockstep-admin",
    "/run/lockstep/hook": "700 lockstep:lockstep",
}


def bare_machines_become_a_fleet_as_the_manual_says(machine):
    installed.possible(machine.build)
    spec = lab_fleet.Spec(machine.lab_id, machine.build, machine.libraries, machine.base,
                          lay.NODE_NAMES[:2])
    fleet = lab_fleet.Fleet(spec, Steps(_Nobody()))
    lower = [installed.install(machine.build, fleet.layout.directory / "installed"),
             installed.packages()]
    netns.create(fleet.layout)
    fleet.router.process.start()
    fleet.start_ca()
    with contextlib.ExitStack() as stack:
        machines = []
        for node in fleet.nodes:
            booted = installed.Machine(fleet, node.place, lower)
            stack.callback(booted.destroy)
            booted.boot()
            machines.append(booted)
        _follow_the_manual(fleet, machines)
        _check_units(machines)
        _check_modes(machines[0], CONTROLLER_MODES)
        for booted in machines:
            _check_modes(booted, NODE_MODES)
        _give_udp_443_to_quicd(fleet, machines)
        _survive(fleet, *machines)


def _follow_the_manual(fleet, machines) -> None:
    head = machines[0]
    for booted in machines:
        # Of `sysctl --system` what is ours: a container may not set the rest.
        booted.run("sh", "-c", "systemd-sysusers && systemd-tmpfiles --create && "
                               "sysctl -p /usr/lib/sysctl.d/60-lockstep-agent.conf && "
                               "systemctl daemon-reload")
        _verify(booted)
    _set_up_controller(fleet, head)
    for booted, node in zip(machines, fleet.nodes):
        _set_up_node(fleet, head, booted, node.place)
    wait_until("both nodes are connected", lambda: len(_connected(head)) == 2, timeout_s=30)
    for booted in machines:
        booted.run("systemctl", "enable", "--now", "bird")
    wait_until("both nodes are announced", lambda: bird.next_hops(fleet.layout, 4) == 2, timeout_s=30)
    head.write("/root/sites.toml", lockstep.site_file({SITE: [SITE]}))
    head.run("lockstep", "site", "apply", "--wait", "-f", "/root/sites.toml")
    say(head.run("lockstep", "cert", "issue", "--wait", SITE, timeout_s=180).strip().splitlines()[-1])
    head.run("lockstep", "cert", "check", SITE)
    for node in fleet.nodes:
        _expect_serving(fleet, node)


def _verify(booted) -> None:
    """systemd knows every directive of the units that are installed."""
    _, out, err = booted.attempt("systemd-analyze", "verify", "lockstep-agent.service",
                                 "lockstep-controller.service", f"{QUICD}.service")
    strange = [line for line in (out + err).splitlines() if "lockstep" in line]
    expect(not strange, f"systemd-analyze verify: {strange}")


def _set_up_controller(fleet, head) -> None:
    address = fleet.nodes[0].place.ipv4
    head.write("/etc/lockstep/acme-ca.pem", fleet.pebble.endpoint_ca.read_text())
    head.write("/etc/lockstep/controller.toml", toml.render({
        "state_dir": "/var/lib/lockstep",
        "listen": {"agents": f"{address}:7443", "enroll": f"{address}:7444",
                   "admin_group": "lockstep-admin"},
        "fleet": {"service_addresses": [lay.SERVICE_IPV4, lay.SERVICE_IPV6]},
        "acme": {"server": fleet.pebble.directory_url, "email": "ops@example.test",
                 "ca_bundle": "/etc/lockstep/acme-ca.pem"},
        "dns": {"servers": [fleet.dns.server]},
        "rollout": {"soak": "1s"}}))
    head.run("lockstep-controller", "check-config")
    head.run("install", "-d", "-m", "0700", "-o", "lockstep", "-g", "lockstep", "/var/lib/lockstep")
    head.run("runuser", "-u", "lockstep", "--", "lockstep-controller", "init")
    head.run("sh", "-c", "install -m 0600 /var/lib/lockstep/kek /etc/lockstep/kek "
                         "&& rm /var/lib/lockstep/kek")
    head.run("systemctl", "enable", "--now", "lockstep-controller")
    wait_until("the controller answers", lambda: head.attempt("lockstep", "node", "list")[0] == 0, 15)


def _set_up_node(fleet, head, booted, place) -> None:
    controller = fleet.nodes[0].place.ipv4
    booted.write("/etc/systemd/system/anycast.service", ANYCAST)
    booted.write("/etc/bird/bird.conf", bird.node_config(place, "/dev/null").replace(
        'log "/dev/null" all;', "log syslog all;"))
    booted.run("bird", "-p", "-c", "/etc/bird/bird.conf")
    booted.run("install", "-D", "-m", "0644", "/usr/share/lockstep/caddy.service.d/lockstep.conf", DROP_IN)
    booted.run("sh", "-c", "systemctl daemon-reload && systemctl enable --now anycast caddy")
    booted.write("/etc/lockstep/agent.toml", toml.render({
        "state_dir": "/var/lib/lockstep-agent",
        "controller": {"session": f"{controller}:7443", "enroll": f"{controller}:7444"},
        "node": {"addresses": [place.ipv4, place.ipv6]},
        "caddy": {"admin_socket": "/run/lockstep-caddy/admin.sock"},
        "challenge": {"directory": "/run/lockstep-agent/challenges",
                      "miss_socket": "/run/lockstep-agent/miss/miss.sock"},
        "bird": {"socket": "/run/bird/bird.ctl"},
        "apply": {"soak": "1s"}}))
    booted.run("lockstep-agent", "check-config")
    booted.run("install", "-d", "-m", "0700", "-o", "lockstep-agent", "-g", "lockstep-agent",
               "/var/lib/lockstep-agent")
    token = head.run("lockstep", "token", "create", "--node", place.name, "--pop", place.pop)
    booted.run("runuser", "-u", "lockstep-agent", "--", "lockstep-agent", "enroll", stdin=token)
    booted.run("systemctl", "enable", "--now", "lockstep-agent")


def _check_units(machines) -> None:
    for booted, units in zip(machines, (("lockstep-controller", "lockstep-agent", "caddy", "bird"),
                                        ("lockstep-agent", "caddy", "bird"))):
        for unit in units:
            expect(booted.active(unit), f"{booted.name}: {unit} is not active")
            if not unit.startswith("lockstep"):
                continue
            score = booted.run("systemd-analyze", "security", "--no-pager", unit).strip().splitlines()[-1]
            say(f"{booted.name}: {score.strip()}")
            status = booted.run("cat", f"/proc/{booted.main_pid(unit)}/status")
            capabilities = dict(re.findall(r"^(Cap\w+):\s+([0-9a-f]+)$", status, re.M))
            expect(not any(int(held, 16) for held in capabilities.values()),
                   f"{booted.name}: {unit} holds {capabilities}")
            user = booted.run("ps", "-o", "user:32=", "-p", booted.main_pid(unit)).strip()
            expect_equal(user, "lockstep" if unit.endswith("controller") else unit, f"user of {unit}")


def _give_udp_443_to_quicd(fleet, machines) -> None:
    """As the manual says: its unit first, then the policy."""
    head = machines[0]
    for booted in machines:
        booted.run("systemctl", "enable", "--now", QUICD)
    head.write("/root/policy.toml", toml.render({"fleet": {"quic_server": "quicd"}}))
    # The agents say what they found with their next sign of life.
    wait_until("the policy is taken", lambda: head.attempt(
        "lockstep", "policy", "apply", "--wait", "-f", "/root/policy.toml", timeout_s=120)[0] == 0, 150,
        every_s=2)
    for booted, node in zip(machines, fleet.nodes):
        expect_equal(_owner_of_udp_443(booted), QUICD, f"who has UDP 443 on {booted.name}")
        _expect_serving(fleet, node)
        _check_modes(booted, QUICD_MODES)
        status = booted.run("cat", f"/proc/{booted.main_pid(QUICD)}/status")
        capabilities = dict(re.findall(r"^(Cap\w+):\s+([0-9a-f]+)$", status, re.M))
        expect_equal({int(held, 16) for held in capabilities.values()} - {0}, {BIND_ONLY},
                     f"capabilities of {QUICD} on {booted.name}")
        score = booted.run("systemd-analyze", "security", "--no-pager", QUICD).strip().splitlines()[-1]
        say(f"{booted.name}: {score.strip()}")


def _owner_of_udp_443(booted) -> str:
    """The program; empty without one, its names if there are several."""
    sockets = booted.run("ss", "-Hulnp", "sport = :443")
    return " ".join(sorted(set(re.findall(r'users:\(\("([^"]+)"', sockets))))


def _check_modes(booted, modes: dict[str, str]) -> None:
    seen = {path: booted.attempt("stat", "-c", "%a %U:%G", path)[1].strip() for path in modes}
    wrong = [f"{path}: {seen[path]!r}, not {modes[path]!r}" for path in modes if seen[path] != modes[path]]
    expect(not wrong, f"{booted.name}: {'; '.join(wrong)}")


def _survive(fleet, head, other) -> None:
    head.run("systemctl", "restart", "lockstep-controller", timeout_s=40)
    wait_until("agents are back after a restart of the controller",
               lambda: len(_connected(head)) == 2, timeout_s=30)
    serial = fleet.ask(fleet.nodes[1], "h1", 4, SITE).serial
    _stop(head, "lockstep-controller")
    other.power_off()
    other.boot()
    _expect_serving(fleet, fleet.nodes[1])
    expect_equal(_owner_of_udp_443(other), QUICD, "who has UDP 443 after the reboot")
    expect_equal(fleet.ask(fleet.nodes[1], "h1", 4, SITE).serial, serial, "serial after the reboot")
    _check_modes(other, NODE_MODES)
    for unit in ("lockstep-agent", QUICD, "caddy", "bird"):
        _stop(other, unit)


def _stop(booted, unit: str) -> None:
    """It ends by itself, before systemd would kill it."""
    booted.run("systemctl", "stop", unit, timeout_s=40)
    result = booted.run("systemctl", "show", "--value", "-p", "Result", unit).strip()
    expect_equal(result, "success", f"how {unit} stopped on {booted.name}")


def _connected(head) -> list[str]:
    code, out, _ = head.attempt("lockstep", "node", "list")
    return re.findall(r"^\s*(\w+)\s+\w+\s+✓", out, re.M) if code == 0 else []


def _expect_serving(fleet, node) -> None:
    wait_until(f"{node.name} serves {SITE} over h1, h2 and h3", lambda: all(
        fleet.ask(node, protocol, family, SITE, timeout_ms=1000).status == 200
        for protocol in PROTOCOLS for family in (4, 6)), timeout_s=30)


class _Nobody:
    def isatty(self) -> bool:
        return False

    def write(self, _: str) -> None:
        pass

    def flush(self) -> None:
        pass
