"""The benchmarks of lockstep-quicd: bytes, requests, handshakes and idle connections, by the same client on
the same machine, in turn with Caddy's own HTTP/3 and with gtlsserver."""

import subprocess
import time

from benchlib import Paired, wait_or_kill
from quic_servers import BIG, BIG_BYTES, HOST, SMALL, Caddy, Gtlsserver, Place, Quicd

PORTS = {"quicd": 8443, "caddy": 8444, "gtlsserver": 8445}
REQUESTS, HANDSHAKES, VISITS, IDLE = 3000, 500, 200, 200


def client(hosts, port, path, *options):
    """gtlsclient takes the name of the site from what it resolves: a hosts file of its own."""
    script = 'mount --bind "$0" /etc/hosts && exec "$@"'
    return ["unshare", "--mount", "sh", "-c", script, str(hosts), "gtlsclient", "--quiet", "--disable-early-data",
            *options, HOST, str(port), f"https://{HOST}:{port}/{path}"]


class Cost:
    """What some work cost: of all counted processes, of the first alone, by the clock."""

    def __init__(self, server, work):
        before = [process.cpu_seconds() for process in server.counted]
        began = time.monotonic()
        work()
        self.seconds = time.monotonic() - began
        spent = [process.cpu_seconds() - start for process, start in zip(server.counted, before)]
        self.cpu, self.alone = sum(spent), spent[0]


class QuicBench:
    def __init__(self, build_dir, table, options):
        self.place = Place(build_dir / "quic")
        self.hosts = self.place.directory / "hosts"
        self.hosts.write_text(f"127.0.0.1 {HOST}\n")
        self.table, self.options = table, options
        self.program = build_dir / "bin/lockstep-quicd"
        self.shaker = build_dir / "bench/handshakes"

    def run(self):
        servers = self.start()
        try:
            for what, unit, scale, work, per, targets in (
                    ("CPU per GB", "s", 1, self.download, BIG_BYTES / 1e9, (1 / 3, None)),
                    ("CPU per 1 KB request", "us", 1e6, self.requests, REQUESTS, (1.0, None)),
                    ("CPU per handshake", "ms", 1e3, self.handshakes, HANDSHAKES, (0.5, 1.2)),
                    ("CPU per handshake + request", "ms", 1e3, self.visits, VISITS, (0.5, 1.2))):
                self.compare(servers, what, unit, scale, work, per, targets)
            self.quic_side(servers["quicd"], servers["gtlsserver"])
        finally:
            for server in servers.values():
                server.stop()
        self.idle()

    def start(self):
        return {"quicd": Quicd(self.place, PORTS["quicd"], self.program),
                "caddy": Caddy(self.place, PORTS["caddy"]),
                "gtlsserver": Gtlsserver(self.place, PORTS["gtlsserver"])}

    def compare(self, servers, what, unit, scale, work, per, targets):
        """The first target is of quicd and the Caddy behind it beside Caddy's own HTTP/3, the second of quicd
        alone beside gtlsserver. What the Caddy behind it needs by itself is what no server in front
        of it can take off."""
        for server in servers.values():
            work(server)  # warm
        costs = {name: [] for name in servers}
        for _ in range(self.options.repeats):
            for name, server in servers.items():
                costs[name].append(Cost(server, lambda server=server: work(server)))
        quicd, caddy, plain = ([cost.cpu / per for cost in costs[name]] for name in servers)
        alone = [cost.alone / per for cost in costs["quicd"]]
        self.table.add(f"quicd + Caddy / Caddy's HTTP/3: {what}", unit, scale, Paired(quicd, caddy), targets[0])
        behind = [both - own for both, own in zip(quicd, alone)]
        self.table.add(f"   of that the Caddy behind it: {what[4:]}", unit, scale, Paired(behind, caddy))
        self.table.add(f"quicd alone / gtlsserver: {what}", unit, scale, Paired(alone, plain), targets[1])
        times = {name: [cost.seconds / per for cost in costs[name]] for name in servers}
        self.table.add(f"   by the clock, beside Caddy: {what[4:]}", unit, scale,
                       Paired(times["quicd"], times["caddy"]))

    def quic_side(self, quicd, plain):
        """Bytes once more: gtlsserver has its file in memory, lockstep-quicd gets it from Caddy. Without what
        a bare reader of the same needs, its QUIC side is left. A difference of two is noisier than either:
        three times as many."""
        sides, costs = [], []
        for _ in range(3 * self.options.repeats):
            alone = Cost(quicd, lambda: self.download(quicd)).alone
            sides.append((alone - quicd.bare_read_seconds(BIG)) / (BIG_BYTES / 1e9))
            costs.append(Cost(plain, lambda: self.download(plain)).alone / (BIG_BYTES / 1e9))
        self.table.add("quicd's QUIC side / gtlsserver: CPU per GB", "s", 1, Paired(sides, costs), 1.2)

    def download(self, server):
        self.ask(server, BIG)

    def requests(self, server):
        self.ask(server, SMALL, f"--nstreams={REQUESTS}")

    def handshakes(self, server):
        argv = [self.shaker, "127.0.0.1", str(server.port), HOST, str(HANDSHAKES)]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            raise RuntimeError(f"at {server.name}: {done.stderr.strip()}")

    def visits(self, server):
        """One after the other, each by a program of its own: both servers fall asleep in between."""
        for _ in range(VISITS):
            self.ask(server, SMALL)

    def ask(self, server, path, *options):
        argv = client(self.hosts, server.port, path, "--exit-on-all-streams-close", *options)
        done = subprocess.run(argv, capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            raise RuntimeError(f"gtlsclient at {server.name}: {done.stderr.strip()[-500:]}")

    def idle(self):
        """Resident bytes per connection that has had one answer and stays; servers fresh."""
        found = {name: [] for name in PORTS}
        for _ in range(max(1, self.options.repeats // 2)):
            servers = self.start()
            try:
                for name, server in servers.items():
                    found[name].append(self.idle_bytes(server))
            finally:
                for server in servers.values():
                    server.stop()
        self.table.add("quicd + Caddy / Caddy's HTTP/3: memory per idle", "KB", 1 / 1024,
                       Paired(found["quicd"], found["caddy"]), 0.7)
        self.table.add("quicd + Caddy / gtlsserver: memory per idle", "KB", 1 / 1024,
                       Paired(found["quicd"], found["gtlsserver"]))

    def idle_bytes(self, server):
        self.ask(server, SMALL)
        empty = sum(process.rss_bytes() for process in server.counted)
        argv = client(self.hosts, server.port, SMALL, "--timeout=120s")
        clients = [subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                   for _ in range(IDLE)]
        try:
            time.sleep(8)
            if ended := sum(one.poll() is not None for one in clients):
                raise RuntimeError(f"{ended} of {IDLE} idle clients of {server.name} have gone")
            return (sum(process.rss_bytes() for process in server.counted) - empty) / IDLE
        finally:
            for one in clients:
                one.terminate()
            for one in clients:
                wait_or_kill(one)
