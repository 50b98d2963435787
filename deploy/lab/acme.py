"""Pebble, the test CA, and pebble-challtestsrv, the DNS server it asks (and the rehearsal too)."""

import json
import pathlib
import re

from . import layout as lay
from . import pki
from .netns import inside
from .process import Process
from .shell import attempt, run

_DNS_PORT = 53
_DNS_MANAGEMENT_PORT = 8055
_ACME_PORT = 14000
_PEBBLE_MANAGEMENT_PORT = 15000

# No sleeps, no refused nonces, no re-used authorizations: what is left is the protocol itself.
_PEBBLE_ENVIRONMENT = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0",
                       "PEBBLE_AUTHZREUSE": "0"}


class Dns:
    """Answers every name with the service address.

    Pebble asks for AAAA first and dials the first address only, so there is an AAAA only when a
    run over IPv6 is wanted (`set_family`).
    """

    def __init__(self, layout: lay.Layout, on_change):
        self._place = layout.ca
        self.server = f"{layout.ca.ipv4}:{_DNS_PORT}"
        self._management = f"http://{layout.ca.ipv4}:{_DNS_MANAGEMENT_PORT}"
        self.process = Process(
            "dns", ["pebble-challtestsrv", "-management", f"{layout.ca.ipv4}:{_DNS_MANAGEMENT_PORT}",
                    "-dns01", self.server, "-http01", "", "-https01", "", "-tlsalpn01", "",
                    "-defaultIPv4", lay.SERVICE_IPV4, "-defaultIPv6", ""],
            log=layout.logs / "dns.log", namespace=layout.ca.namespace, ready=self._answers,
            on_change=on_change)

    def set_family(self, family: int) -> None:
        """4: an A record only. 6: an AAAA beside it, which Pebble prefers."""
        self._post("set-default-ipv6", {"ip": lay.SERVICE_IPV6 if family == 6 else ""})

    def add_a(self, host: str, addresses: list[str]) -> None:
        self._post("add-a", {"host": host, "addresses": addresses})

    def clear_a(self, host: str) -> None:
        self._post("clear-a", {"host": host})

    def _post(self, path: str, body: dict) -> None:
        run(*inside(self._place.namespace, "curl", "-sSf", "-m", "5", "--data-binary", "@-",
                    f"{self._management}/{path}"), stdin=json.dumps(body))

    def _answers(self) -> bool:
        return attempt(*inside(self._place.namespace, "curl", "-s", "-m", "2", "-o", "/dev/null",
                               self._management))[0] == 0


class Pebble:
    """The CA. Its log is where validation requests and challenge POSTs are counted."""

    def __init__(self, layout: lay.Layout, dns: Dns, on_change):
        self._place = layout.ca
        home = layout.home("ca")
        pki.write_endpoint(home, layout.ca.ipv4)
        self.endpoint_ca = home / "endpoint-ca.pem"
        self.issuing_root = home / "issuing-root.pem"
        self.directory_url = f"https://{layout.ca.ipv4}:{_ACME_PORT}/dir"
        self._management = f"https://{layout.ca.ipv4}:{_PEBBLE_MANAGEMENT_PORT}"
        config = home / "pebble.json"
        config.write_text(json.dumps({"pebble": {
            "listenAddress": f"{layout.ca.ipv4}:{_ACME_PORT}",
            "managementListenAddress": f"{layout.ca.ipv4}:{_PEBBLE_MANAGEMENT_PORT}",
            "certificate": str(home / "endpoint.pem"), "privateKey": str(home / "endpoint.key"),
            "httpPort": 80, "tlsPort": 443, "ocspResponderURL": "",
            "externalAccountBindingRequired": False, "domainBlocklist": ["blocked.example"],
            "certificateValidityPeriod": 90 * 86400}}, indent=1))
        self.log = layout.logs / "pebble.log"
        self.process = Process(
            "pebble", ["pebble", "-config", config, "-strict", "-dnsserver", dns.server],
            log=self.log, namespace=layout.ca.namespace, env=_PEBBLE_ENVIRONMENT,
            ready=self._answers, on_change=on_change)

    def fetch_issuing_root(self) -> pathlib.Path:
        """What this start of Pebble signs with; new at every start."""
        self.issuing_root.write_text(self._curl(f"{self._management}/roots/0"))
        return self.issuing_root

    def log_mark(self) -> int:
        """A place in the log; counts below start from it."""
        return self.log.stat().st_size

    def log_since(self, mark: int = 0) -> str:
        with open(self.log, "rb") as log:
            log.seek(mark)
            return log.read().decode(errors="replace")

    def challenge_posts(self, mark: int = 0) -> int:
        """How often a client told the CA to go and look (POST to a challenge URL)."""
        return len(re.findall(r"POST /chalZ/", self.log_since(mark)))

    def validation_attempts(self, mark: int = 0) -> int:
        """How many HTTP requests the CA sent out to look."""
        return len(re.findall(r"[Aa]ttempting to validate w/ HTTP", self.log_since(mark)))

    def new_accounts(self, mark: int = 0) -> int:
        return len(re.findall(r"There are now \d+ accounts in memory", self.log_since(mark)))

    def _curl(self, url: str) -> str:
        return run(*inside(self._place.namespace, "curl", "-sSf", "-m", "5", "--cacert",
                           self.endpoint_ca, url))

    def _answers(self) -> bool:
        return attempt(*inside(self._place.namespace, "curl", "-sf", "-m", "2", "-o", "/dev/null",
                               "--cacert", self.endpoint_ca, self.directory_url))[0] == 0
