#!/usr/bin/python3
"""The arrows between rooms: every include goes the way docs/ARCHITECTURE.md says, and is in DEPS."""

import re

from lintlib import PRODUCTION, Checks, includes, read, room_of, rooms, tracked

# Steps from the top; a room includes rooms of lower steps only, and none of its own step.
CONTROLLER_STEPS = [
    {"app"},
    {"session", "adminapi", "hookapi", "drivers", "store/sqlite"},
    {"lint"},
    {"certs", "promises"},
    {"publish"},
    {"challenges", "witness", "sites", "policy", "keys"},
    {"fleet"},
    {"barrier", "edge", "planner", "link", "identity", "store"},
    {"model"},
]
AGENT_STEPS = [
    {"app"},
    {"session", "drivers"},
    {"witness", "challenge", "apply"},
    {"reconcile", "state"},
]
QUICD_STEPS = [
    {"app"},
    {"control"},
    {"server"},
    {"upstream", "cid"},
    {"loop"},
]
# The longest prefix of a folder says which program it belongs to: agent/quicd is one of its own.
STEPS = {"controller": CONTROLLER_STEPS, "agent": AGENT_STEPS, "agent/quicd": QUICD_STEPS}
# Programs of their own that happen to live beside the rooms: they know common and proto only.
STANDALONE = {"controller/cli", "controller/drivers/certbot/hook"}
# What every room may name in DEPS though it reaches it through another room's headers.
VOCABULARY = {"common/status", "common/base", "proto_messages"}
GRPC_ROOMS = {"common/rpc", "controller/session", "controller/adminapi", "controller/hookapi",
              "controller/cli", "controller/app", "controller/drivers/certbot/hook",
              "agent/session", "agent/app"}


def program_of(folder):
    """The key of STEPS that a room stands under; None for common and proto."""
    fitting = [top for top in STEPS if folder == top or folder.startswith(top + "/")]
    return max(fitting, key=len, default=None)


def step_of(folder):
    """The step of a room: 0 is the top. None: unknown."""
    top = program_of(folder)
    rest = folder[len(top) + 1:]
    steps = STEPS[top]
    for candidate in (rest, rest.partition("/")[0]):
        for number, names in enumerate(steps):
            if candidate in names:
                return number
    return None


def common_order():
    text = re.sub(r"#[^\n]*", "", read("common/CMakeLists.txt"))
    return [word for call in re.findall(r"lockstep_rooms\(([^)]*)\)", text) for word in call.split()]


def why_not(source, target, order):
    """Why the room `source` may not include the room `target`; None if it may."""
    top, target_top = source.partition("/")[0], target.partition("/")[0]
    if source == target:
        return None
    if top == "common":
        if target_top != "common":
            return "common knows neither the controller nor the agent"
        here, there = (order.index(r.partition("/")[2]) if r.partition("/")[2] in order else -1
                       for r in (source, target))
        return None if 0 <= there < here else "in common a room includes only rooms listed above it"
    if target_top == "common":
        return None
    if program_of(source) != program_of(target):
        return "controller, agent and QUIC server never include each other"
    if source in STANDALONE:
        return "it is a program of its own and knows common and proto only"
    here, there = step_of(source), step_of(target)
    if here is None or there is None:
        return f"{source if here is None else target} has no step in tests/lint/includes_follow_rooms.py"
    if here == there:
        return "rooms of one step do not include each other"
    return None if here < there else "the arrow points down, never up"


def foreign_header_problem(path, room, header):
    if (header.startswith(("grpc/", "grpcpp/")) or header.endswith(".grpc.pb.h")) and room not in GRPC_ROOMS:
        return "gRPC headers only in " + ", ".join(sorted(GRPC_ROOMS))
    if header.startswith(("sqlite3", "SQLiteCpp")) and room != "controller/store/sqlite":
        return "SQLite only in controller/store/sqlite"
    if header.startswith("nlohmann/") and path.suffix != ".cc":
        return "JSON only in .cc files"
    return None


def main():
    checks = Checks()
    all_rooms = rooms()
    order = common_order()
    arrows, foreign, undeclared, homeless = [], [], [], []
    used = {folder: set() for folder in all_rooms}
    target_of = {target: folder for folder, room in all_rooms.items() for target in room.targets}
    for path in tracked(".h", ".cc", under=[f"{top}/" for top in PRODUCTION]):
        room = room_of(path, all_rooms)
        if room is None:
            homeless.append(f"{path} lies in no folder with a room's CMakeLists.txt")
            continue
        for number, header, _ in includes(path):
            where = f"{path}:{number}: {header}"
            if header.startswith("tests/"):
                arrows.append(f"{where}: no production code includes tests")
            if problem := foreign_header_problem(path, room, header):
                foreign.append(f"{where}: {problem}")
            if re.match(r"lockstep/.*\.pb\.h$", header):
                used[room].add("proto_services" if header.endswith(".grpc.pb.h") else "proto_messages")
            if header.partition("/")[0] not in PRODUCTION:
                continue
            target = room_of(header, all_rooms)
            if target is None:
                arrows.append(f"{where}: is in no room")
            elif problem := why_not(room, target, order):
                arrows.append(f"{where}: {problem}")
            if target and target != room:
                used[room].add(target)
    for folder, room in all_rooms.items():
        declared = {target_of.get(dep, dep) for dep in room.deps} - {folder}
        needed = set(used[folder])
        if "proto_services" in declared:
            needed.discard("proto_messages")
            declared.discard("proto_services") if "proto_services" not in needed else None
        undeclared += [f"{folder}/CMakeLists.txt: DEPS lacks {dep}, which is included"
                       for dep in sorted(needed - declared)]
        undeclared += [f"{folder}/CMakeLists.txt: DEPS names {dep}, which nothing here includes"
                       for dep in sorted(declared - needed - VOCABULARY)
                       if dep in all_rooms or dep.startswith("proto_")]
    checks.check("every source lies in a room", homeless)
    checks.check("includes follow the arrows between rooms", arrows)
    checks.check("gRPC, SQLite and JSON stay in their rooms", foreign)
    checks.check("DEPS are exactly what is included", undeclared)
    checks.exit()


if __name__ == "__main__":
    main()
