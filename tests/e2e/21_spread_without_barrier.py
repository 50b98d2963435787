"""The negative control of the spread: the same network, the barrier off, tokens on one node only."""

from harness.case import expect, say
from harness.orders import newest_order, try_issue, unvalidated, watching, words_of

NAMES = [f"control-{name}.example.test" for name in range(10)]
LAB = {"controller": {"barrier": {"straggler": "tolerate", "tolerate": 2, "deadline": "3s"},
                      "rehearsal": {"mode": "off"}}}


def tokens_on_one_node_only_fail_validation(fleet):
    fleet.apply_sites({NAMES[0]: NAMES})
    unvalidated(fleet)  # every node answers on port 80; what two of them lack is the tokens
    for node in fleet.nodes[1:]:
        node.agent.kill9()
    with watching(fleet) as seen:
        code, _, _ = try_issue(fleet, *NAMES)
    landed = seen.nodes_of(NAMES)
    say(f"CA connections {landed}; tokens on {fleet.nodes[0].name} only")
    expect(seen.posts > 0, "the barrier held although it was off: this controls nothing")
    expect(code != 0, "the order passed although two nodes had no tokens")
    say(f"the CA's words: {words_of(newest_order(fleet, NAMES[0]))[:200]}")
