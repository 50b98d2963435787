"""A change of sites is done once every node was seen to serve it: by itself, and by another one."""

import contextlib
import json
import threading

from harness.case import expect, say
from harness.orders import serve
from lab import layout, toml
from lab.netns import inside
from lab.process import Process
from lab.shell import attempt, run, wait_until

SITE = "www.example.test"
PLAIN = "plain.example.test"
RESTART_S = 1.5
LAB = {"controller": {"rollout": {"wave_deadline": "10s"}}}


def a_changed_preset_is_proved_on_every_node(fleet):
    serve(fleet, SITE)
    code, out, err = _apply(fleet, "one")
    expect(code == 0, f"site apply --wait: exit {code}: {out}{err}")
    for node in fleet.nodes:
        _expect_body(fleet, node, "one")
    wait_until("everybody is seen in step", lambda: _in_step(fleet) == len(fleet.nodes),
               timeout_s=30)


def a_new_site_is_proved_before_any_witness_knows_it(fleet):
    serve(fleet, SITE)
    code, out, err = _apply(fleet, "new", name="brand-new.example.test")
    expect(code == 0, f"site apply --wait: exit {code}: {out}{err}")


def a_caddy_that_is_restarted_meanwhile_is_waited_for(fleet):
    serve(fleet, SITE)
    first = fleet.nodes[0]
    first.caddy.process.stop()
    back = threading.Timer(RESTART_S, first.caddy.process.start)
    back.start()
    try:
        code, out, err = _apply(fleet, "meanwhile")
    finally:
        back.join()
    expect(code == 0, f"site apply --wait: exit {code}: {out}{err}")
    for node in fleet.nodes:
        _expect_body(fleet, node, "meanwhile")


def a_node_that_others_do_not_see_serve_the_change_stops_it_and_is_named(fleet):
    serve(fleet, SITE)
    code, out, err = _apply(fleet, "before")
    expect(code == 0, f"site apply --wait: exit {code}: {out}{err}")
    lame = fleet.nodes[1]
    with lame.drop("content", incoming="tcp dport { 80, 443 }"):
        code, out, err = _apply(fleet, "after")
    words = (out + err).strip()
    say(words.splitlines()[-1] if words else "(no words)")
    expect(code != 0, f"done although nobody has seen {lame.name} serve it: {words}")
    expect(f"{lame.name}: site {SITE} on" in words, f"{lame.name} and the site are not named: {words}")
    wait_until("everybody serves what was before",
               lambda: all(_body(fleet, node) == "before" for node in fleet.nodes), timeout_s=60)
    code, out, err = _apply(fleet, "after")
    expect(code == 0, f"repaired, and still: exit {code}: {out}{err}")
    for node in fleet.nodes:
        _expect_body(fleet, node, "after")


def a_node_that_others_see_answer_with_something_else_is_named(fleet):
    serve(fleet, SITE)
    code, out, err = _apply(fleet, "before", name=PLAIN)
    expect(code == 0, f"site apply --wait: exit {code}: {out}{err}")
    odd = fleet.nodes[2]
    with _answered_by_another(fleet, odd):
        code, out, err = _apply(fleet, "after", name=PLAIN)
    words = (out + err).strip()
    say(words.splitlines()[-1] if words else "(no words)")
    expect(code != 0, f"done although {odd.name} answers others with something else: {words}")
    expect(f"{odd.name}: site {PLAIN} on" in words and "shows another version" in words,
           f"it is not said that {odd.name} shows another version: {words}")


@contextlib.contextmanager
def _answered_by_another(fleet, node):
    """What reaches the node's port 80 from outside is answered by another server: 200 and "before",
    whatever it is asked for. The node's own looks go through lo and still meet the right one."""
    other = Process(f"other-{node.name}", ["caddy", "respond", "--listen", ":8080", "before"],
                    log=fleet.layout.logs / f"other-{node.name}.log",
                    namespace=node.place.namespace, cwd=fleet.layout.home(node.name),
                    env={"HOME": fleet.layout.home(node.name)},
                    ready=lambda: _listens(node, 8080))
    table = f"""table inet lab_other {{
  chain incoming {{
    type nat hook prerouting priority -100;
    iifname "{layout.UPLINK}" tcp dport 80 redirect to :8080
  }}
}}
"""
    other.start()
    run(*inside(node.place.namespace, "nft", "-f", "-"), stdin=table)
    try:
        yield
    finally:
        attempt(*inside(node.place.namespace, "nft", "delete", "table", "inet", "lab_other"))
        other.stop()


def _listens(node, port: int) -> bool:
    return f":{port}" in run(*inside(node.place.namespace, "ss", "-Hltn", f"sport = :{port}"))


def _apply(fleet, body: str, name: str = SITE) -> tuple[int, str, str]:
    path = fleet.layout.home("ctl") / "content.toml"
    path.write_text(toml.render({"site": [{"name": name, "preset": {"body": body}}]}))
    return fleet.cli("site", "apply", "--wait", "-f", path, timeout_s=120)


def _body(fleet, node) -> str:
    return fleet.ask(node, "h1", 4, SITE).body


def _expect_body(fleet, node, body: str) -> None:
    seen = _body(fleet, node)
    expect(seen == body, f"{node.name} answers {seen!r}, not {body!r}")


def _in_step(fleet) -> int:
    _, out, _ = fleet.cli("-o", "json", "status")
    return json.loads(out).get("nodes_in_step", 0)
