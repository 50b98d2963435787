"""Orders through the layer-4 spread: 20 in a row and 4 x 5 side by side, with 1 and 10 names each."""

import collections
import concurrent.futures

from harness.case import expect, expect_equal, say
from harness.orders import serve, try_issue, watching

ORDERS = 20
_total: collections.Counter = collections.Counter()


def twenty_orders_in_a_row(fleet):
    _run(fleet, _orders("row", 1), side_by_side=1)


def four_by_five_orders_side_by_side(fleet):
    _run(fleet, _orders("side", 1), side_by_side=4)


def twenty_orders_in_a_row_of_ten_names(fleet):
    _run(fleet, _orders("row10", 10), side_by_side=1)


def four_by_five_orders_side_by_side_of_ten_names(fleet):
    _run(fleet, _orders("side10", 10), side_by_side=4)


def every_node_was_asked_by_the_ca(fleet):
    say(f"requests of the CA by node: {dict(_total)}")
    silent = [node.name for node in fleet.nodes if not _total[node.name]]
    expect(not silent, f"the CA never landed on {silent}: the spread was not tested")


def the_ca_saw_one_account(fleet):
    serve(fleet, "www.example.test")
    expect_equal(fleet.pebble.new_accounts(), 1, "accounts at the CA")


def _orders(label: str, names: int) -> list[list[str]]:
    return [[f"{label}-{order}-{name}.example.test" for name in range(names)]
            for order in range(ORDERS)]


def _run(fleet, orders: list[list[str]], side_by_side: int) -> None:
    fleet.apply_sites({names[0]: names for names in orders})
    with watching(fleet) as seen:
        with concurrent.futures.ThreadPoolExecutor(side_by_side) as pool:
            results = list(pool.map(lambda names: try_issue(fleet, *names), orders))
    failed = []
    for names, (code, out, err) in zip(orders, results):
        landed = seen.nodes_of(names)
        _total.update(landed)
        say(f"{names[0]} (+{len(names) - 1}): CA connections {landed}")
        if code != 0:
            failed.append(f"{names[0]}: exit {code}: {(err or out).strip()}")
        else:
            expect_equal(sum(landed.values()), 3 * len(names), f"requests for {names[0]}")
    expect(not failed, f"{len(failed)} of {len(orders)} failed: {'; '.join(failed)}")
