"""BGP: one BIRD 2 on every node announces the service addresses to the router's BIRD (with BFD).

`rt` is a keyword of BIRD's language, and `include` wants a line of its own.
"""

import pathlib
import socket

from . import layout as lay
from .netns import inside
from .process import Process
from .shell import LabError, run

_ROUTER_AS = 64600
_TIMERS = ("hold time 3; keepalive time 1; connect delay time 1; connect retry time 1; "
           "error wait time 1,5;")
_BFD = 'protocol bfd { interface "*" { min rx interval 100 ms; min tx interval 100 ms; multiplier 5; }; }'


def node_config(node: lay.NodePlace, log: pathlib.Path) -> str:
    """The blackhole routes only announce; the addresses themselves are on lo."""
    return f"""log "{log}" all;
router id {node.ipv4};
protocol device {{ scan time 5; }}
protocol static service4 {{ ipv4; route {lay.SERVICE_IPV4}/32 blackhole; }}
protocol static service6 {{ ipv6; route {lay.SERVICE_IPV6}/128 blackhole; }}
filter to_router {{ if proto = "service4" || proto = "service6" then accept; reject; }}
{_BFD}
template bgp upstream {{ local as {node.as_number}; {_TIMERS} }}
protocol bgp up4 from upstream {{
  neighbor {node.gateway_ipv4} as {_ROUTER_AS}; bfd on;
  ipv4 {{ import none; export filter to_router; }};
}}
protocol bgp up6 from upstream {{
  neighbor {node.gateway_ipv6} as {_ROUTER_AS}; bfd on;
  ipv6 {{ import none; export filter to_router; }};
}}
"""


def router_config(layout: lay.Layout, log: pathlib.Path) -> str:
    sessions = "\n".join(
        f"""protocol bgp {node.name}_4 from node {{
  neighbor {node.ipv4} as {node.as_number}; bfd on;
  ipv4 {{ import where net = {lay.SERVICE_IPV4}/32; export none; }};
}}
protocol bgp {node.name}_6 from node {{
  neighbor {node.ipv6} as {node.as_number}; bfd on;
  ipv6 {{ import where net = {lay.SERVICE_IPV6}/128; export none; }};
}}""" for node in layout.nodes)
    return f"""log "{log}" all;
router id {layout.client.gateway_ipv4};
protocol device {{ scan time 5; }}
protocol direct {{ ipv4; ipv6; }}
protocol kernel kernel4 {{ merge paths yes limit 16; ipv4 {{ import none; export where source = RTS_BGP; }}; }}
protocol kernel kernel6 {{ merge paths yes limit 16; ipv6 {{ import none; export where source = RTS_BGP; }}; }}
{_BFD}
template bgp node {{ local as {_ROUTER_AS}; {_TIMERS} }}
{sessions}
"""


class Bird:
    """One BIRD daemon and its control socket."""

    def __init__(self, name: str, namespace: str, home: pathlib.Path, config: str,
                 log: pathlib.Path, on_change):
        home.mkdir(parents=True, exist_ok=True)
        path = home / "bird.conf"
        path.write_text(config)
        run("bird", "-p", "-c", path)
        self.control = home / "bird.ctl"
        self.process = Process(
            f"bird-{name}", ["bird", "-f", "-c", path, "-s", self.control, "-P", home / "bird.pid"],
            log=log, namespace=namespace, ready=self._answers, on_change=on_change)

    def tell(self, command: str) -> list[str]:
        """The reply lines of one command on the control socket; an error reply is raised."""
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(5)
            link.connect(str(self.control))
            stream = link.makefile("rw")
            self._reply(stream)  # the greeting
            stream.write(command + "\n")
            stream.flush()
            return self._reply(stream)

    def disable(self, protocol: str) -> None:
        self.tell(f"disable {protocol}")

    def enable(self, protocol: str) -> None:
        self.tell(f"enable {protocol}")

    def _answers(self) -> bool:
        try:
            return bool(self.tell("show status"))
        except (OSError, LabError):
            return False

    @staticmethod
    def _reply(stream) -> list[str]:
        """`NNNN-text` and ` text` go on, `NNNN text` is the last line; 8xxx and 9xxx are errors."""
        lines = []
        for line in stream:
            line = line.rstrip("\n")
            lines.append(line[5:] if line[:4].isdigit() else line[1:])
            if line[:4].isdigit() and line[4:5] == " ":
                if line[0] in "89":
                    raise LabError(f"bird: {line[5:]}")
                return lines
        raise LabError("bird closed its control socket")


def next_hops(layout: lay.Layout, family: int) -> int:
    """Over how many nodes the router's kernel spreads a service address right now."""
    target = lay.service_address(family)
    routes = run(*inside(layout.router_namespace, "ip", f"-{family}", "-o", "route", "show", target))
    return routes.count("via ")
