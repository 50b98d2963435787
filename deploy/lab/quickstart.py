"""deploy/quickstart after the packages are there: build, bring up, prove, leave running."""

import argparse
import os
import pathlib
import shlex
import shutil
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lab import builder, demo, fleet, report, rootless, sights, state, tools  # noqa: E402 (needs the path above)
from lab import layout as lay  # noqa: E402
from lab import lockstep as ls  # noqa: E402
from lab.client import Client, cache_directory, fetch_libraries, unpacked_libraries  # noqa: E402
from lab.shell import LabError  # noqa: E402
from lab.steps import Steps  # noqa: E402

SITE = "www.example.test"
_READY = "ready"  # left in the lab's directory when the fleet stands
_MODULE = pathlib.Path(__file__).resolve()


def main() -> int:
    options = parse(sys.argv[1:])
    began = float(os.environ.get("LOCKSTEP_QUICKSTART_BEGAN", 0)) or None
    steps = Steps(began=began, terminal=options.terminal)
    # A plain kill clears up as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if options.inside:
            inside = {"table": table, "demo": demo_inside, "up": stand_inside}[options.command]
            return inside(options, steps)
        with state.lock(options.base, options.id):
            if options.command == "down":
                return down(options)
            if options.command == "table":
                return table(options, steps)
            if options.command == "demo":
                return show_demo(options, steps)
            return up(options, steps)
    except LabError as error:
        print(f"\nquickstart: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nquickstart: interrupted; nothing is left behind", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        print("quickstart: nobody reads the output any more; nothing is left behind",
              file=sys.stderr)
        return 1


def parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="deploy/quickstart")
    parser.add_argument("command", nargs="?", default="up", choices=("up", "down", "table", "demo"))
    parser.add_argument("demo", nargs="?", choices=demo.DEMOS)
    parser.add_argument("--nodes", type=int, default=3, choices=range(1, len(lay.NODE_NAMES) + 1),
                        metavar="N")
    parser.add_argument("--id", default="ls", metavar="NAME")
    parser.add_argument("--build-dir", type=pathlib.Path, default=ls.REPOSITORY / "build/quickstart",
                        metavar="DIR")
    parser.add_argument("--no-build", action="store_true")
    parser.add_argument("--base", type=pathlib.Path, default=state.default_base(),
                        help=argparse.SUPPRESS)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--terminal", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--libraries", type=pathlib.Path, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    try:
        lay.check_lab_id(demo_id(options) if options.command == "demo" else options.id)
    except ValueError as error:
        parser.error(f"--id: {error}")
    if options.id.endswith(demo.SUFFIX):
        parser.error(f"--id: names that end in {demo.SUFFIX} are those of the demos' labs")
    if (options.command == "demo") != (options.demo is not None):
        parser.error(f"a demo is one of: {', '.join(demo.DEMOS)}, after the word demo")
    options.build_dir = options.build_dir.resolve()
    return options


def up(options: argparse.Namespace, steps: Steps) -> int:
    is_root = os.geteuid() == 0
    if not is_root:
        rootless.possible()
    if take_away(options):
        steps.plain("✓ took down the lab that was up before")
    build = (ls.Build(options.build_dir) if options.no_build
             else builder.build(options.build_dir, steps))
    with steps.step("client: a libcurl with HTTP/3, unpacked beside the system's"):
        options.libraries = fetch_libraries(cache_directory())
    if is_root:
        return with_teardown(options, lambda: bring_up(options, build, steps))
    return with_teardown(options, lambda: bring_up_rootless(options, steps))


def with_teardown(options: argparse.Namespace, work) -> int:
    """Whatever stops `work`, an error or Ctrl-C, nothing of the lab is left behind."""
    try:
        return work()
    except BaseException as error:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        kept = None if isinstance(error, KeyboardInterrupt) else keep_logs(options)
        take_away(options)
        if isinstance(error, LabError) and kept:
            flag = tools.id_option(options.id)
            raise LabError(f"{error}\nthe lab is taken down; its logs are in {kept}"
                           f" until 'deploy/quickstart down{flag}'") from error
        raise


def bring_up(options: argparse.Namespace, build: ls.Build, steps: Steps) -> int:
    spec = fleet.Spec(options.id, build, options.libraries, options.base,
                      lay.NODE_NAMES[:options.nodes])
    lab = fleet.Fleet(spec, steps).up()
    with steps.step("edge policy: lockstep-quicd serves HTTP/3 on every node"):
        lab.quic_server("quicd")
    with steps.step(f"site {SITE}"):
        lab.apply_site(SITE)
    with steps.step("certificate: certbot, the barrier, the CA, every node") as detail:
        lab.issue(SITE, on_line=steps.note)
        serial = lab.certificate(SITE)["serial"]
        detail(f"serial {serial}")
    tools.write(lab.layout, build)
    faults = show_table(lab.client, lab.controller.cli, lab.layout, serial, steps)
    steps.plain(f"\n{'All in step' if not faults else f'{faults} answers out of step'}. "
                f"Total time {steps.elapsed_s:.1f} s.\n")
    for line in tools.next_commands(lab.layout, SITE):
        steps.plain(line)
    return 1 if faults else 0


def show_demo(options: argparse.Namespace, steps: Steps) -> int:
    """In a lab beside the one that is up."""
    if not options.no_build:
        builder.build(options.build_dir, steps)
    with steps.step("client: a libcurl with HTTP/3, unpacked beside the system's"):
        options.libraries = fetch_libraries(cache_directory())
    if os.geteuid() == 0:
        return demo_of(options, steps)
    rootless.possible()
    steps.plain(f"· {rootless.WHAT_IT_CANNOT}")
    argv = rootless.command([sys.executable, str(_MODULE), "demo", options.demo, "--inside",
                             "--id", options.id, "--nodes", str(options.nodes), "--build-dir",
                             str(options.build_dir), "--base", str(options.base), "--libraries",
                             str(options.libraries)])
    return rootless.through(argv, lambda: state.remove(options.base, demo_id(options)))


def demo_inside(options: argparse.Namespace, steps: Steps) -> int:
    rootless.settle_in(options.base)
    return demo_of(options, steps)


def demo_of(options: argparse.Namespace, steps: Steps) -> int:
    spec = fleet.Spec(demo_id(options), ls.Build(options.build_dir), options.libraries,
                      options.base, demo.nodes(options.nodes))
    return demo.run(spec, SITE, steps)


def demo_id(options: argparse.Namespace) -> str:
    return options.id + demo.SUFFIX


def show_table(client: Client, cli: ls.Cli, layout: lay.Layout, serial: str, steps: Steps) -> int:
    with steps.step("asked from outside by an independent client (libcurl, GnuTLS, ngtcp2)"):
        rows = report.ask_everywhere(client, layout.nodes, SITE)
    lines, faults = report.render(rows, serial)
    steps.plain()
    for line in (*lines, "", *sights.render(sights.seen(cli, layout.nodes, SITE))):
        steps.plain(line)
    return faults


def bring_up_rootless(options: argparse.Namespace, steps: Steps) -> int:
    """The same in namespaces of our own, held by a process that stays."""
    directory = options.base / options.id
    argv = ["/usr/bin/python3", str(_MODULE), "--inside", "--id", options.id, "--nodes",
            str(options.nodes), "--build-dir", str(options.build_dir), "--base", str(options.base),
            "--libraries", str(options.libraries),
            *(["--terminal"] if sys.stdout.isatty() else [])]
    steps.plain(f"· {rootless.WHAT_IT_CANNOT}")
    holder = rootless.Holder(directory, argv)
    if not holder.wait_for(directory / _READY):
        raise LabError("the lab did not come up (its words are above)")
    code = int((directory / _READY).read_text())
    enter = rootless.enter_command(rootless.inner_pid(rootless.holder_of(directory)))
    layout = lay.Layout(options.id, options.base, lay.NODE_NAMES[:options.nodes])
    tools.write(layout, ls.Build(options.build_dir), enter)
    steps.plain("The fleet lives in namespaces of its own; to stand inside them:\n\n"
                f"  {shlex.join(enter)} bash\n")
    return code


def stand_inside(options: argparse.Namespace, steps: Steps) -> int:
    rootless.settle_in(options.base)
    code = bring_up(options, ls.Build(options.build_dir), steps)
    ready = options.base / options.id / _READY
    ready.with_suffix(".new").write_text(str(code))
    ready.with_suffix(".new").rename(ready)
    rootless.stay()


def kept_logs(options: argparse.Namespace) -> pathlib.Path:
    return cache_directory() / f"logs-{options.id}"


def keep_logs(options: argparse.Namespace) -> pathlib.Path | None:
    """Copies the logs of a lab that failed to where they outlive it."""
    logs = options.base / options.id / "log"
    if not logs.is_dir():
        return None
    kept = kept_logs(options)
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(logs, kept)
    return kept


def down(options: argparse.Namespace) -> int:
    """Also of what may be left of a demo that was killed, and of the logs of a lab that failed."""
    was_up = take_away(options)
    was_up |= state.remove(options.base, demo_id(options))
    had_logs = kept_logs(options).exists()
    shutil.rmtree(kept_logs(options), ignore_errors=True)
    print("lab is down, nothing is left" if was_up else
          "no lab was up; the logs of one that failed are removed" if had_logs else "no lab was up")
    if libraries := unpacked_libraries(cache_directory()):
        print(f"the client's libraries stay unpacked for the next time, in {libraries}")
    return 0


def take_away(options: argparse.Namespace) -> bool:
    holder = rootless.holder_of(options.base / options.id)
    if holder:
        rootless.end(holder)
    return state.remove(options.base, options.id)


def table(options: argparse.Namespace, steps: Steps) -> int:
    directory = options.base / options.id
    content = state.read(directory)
    if not content:
        raise LabError(f"lab '{options.id}' is not up; 'deploy/quickstart' brings it up")
    holder = rootless.holder_of(directory)
    if holder and not options.inside:
        argv = [*rootless.enter_command(rootless.inner_pid(holder)), "/usr/bin/python3",
                str(_MODULE), "table", "--inside", "--id", options.id, "--base", str(options.base)]
        os.execvp(argv[0], argv)
    layout = lay.Layout(options.id, options.base, tuple(content["nodes"]))
    client = Client(layout, pathlib.Path(content["libraries"]))
    client.trust = layout.home("ca") / "issuing-root.pem"
    cli = ls.Cli(ls.Build(pathlib.Path(content["build"])), layout)
    certificate = fleet.certificate_in(cli.json("cert", "list"), SITE)
    if not certificate:
        raise LabError(f"the controller holds no certificate for {SITE}")
    return 1 if show_table(client, cli, layout, certificate["serial"], steps) else 0


if __name__ == "__main__":
    sys.exit(main())
