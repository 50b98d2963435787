"""What `tests/run --full` adds: sanitizers, clang-tidy and fuzzers."""

import os
from concurrent.futures import ThreadPoolExecutor

from runner import groups, tidy
from runner.process import run
from runner.report import Group

FUZZ_SECONDS = 60
# What reads the bytes of clients and origins, on every node: ten minutes together.
FUZZ_SECONDS_OF_QUICD = 200

# Debian's gRPC is not built for ThreadSanitizer: reactions in it give false races, and with those
# suppressed a planted one goes unseen. The rooms below hold no gRPC and are checked; the rest runs
# under AddressSanitizer.
_WITH_GRPC = ("common_rpc", "session", "adminapi", "hookapi", "cli", "_app", "hook")


def build(report, root, preset, targets=()):
    """Configures and builds `preset`; returns its build directory or None when it failed."""
    for name, argv in ((f"configure {preset}", ["cmake", "--preset", preset]),
                       (f"build {preset}", ["cmake", "--build", f"build/{preset}", "-j", "2",
                                            *(["--target", *targets] if targets else [])])):
        finished = run(argv, timeout=3600, cwd=root)
        if finished.code != 0 or finished.timed_out:
            group = Group(name, seconds=finished.seconds)
            group.fail("(the build)", finished.how_it_ended() + "\n" + finished.last_lines(60))
            report.add(group)
            return None
        report.step(name, finished.seconds)
    return root / "build" / preset


def asan(report, root, seed, match):
    build_dir = build(report, root, "asan")
    if build_dir:
        programs = groups.test_programs(build_dir, ("unit", "contract", "integration"), match)
        groups.run_programs(report, programs, seed, "asan", slow_factor=4)


def clang_tidy(report, root, base):
    build_dir = build(report, root, "asan")
    if build_dir:
        tidy.tidy(report, root, build_dir, base)


def tsan(report, root, seed, match, dev_build_dir):
    programs = groups.test_programs(dev_build_dir, ("unit",), match)
    free = [p.name for p in programs if not any(word in p.name for word in _WITH_GRPC)]
    build_dir = build(report, root, "tsan", free)
    if build_dir:
        # Addresses are laid out as ThreadSanitizer's shadow expects only without randomisation.
        chosen = [p for p in groups.test_programs(build_dir, ("unit",), match) if p.name in free]
        groups.run_programs(report, chosen, seed, "tsan", wrapper=("setarch", "-R"), slow_factor=8)


def fuzz(report, root):
    """Every fuzzer of tests/fuzz for a minute or more, from its seeds and its growing corpus."""
    if not (root / "tests/fuzz/CMakeLists.txt").exists():
        return
    build_dir = build(report, root, "fuzz")
    if not build_dir:
        return
    fuzzers = sorted((build_dir / "fuzzers").glob("*_fuzz"))
    if not fuzzers:
        group = Group("fuzz")
        group.fail("(no fuzzers)", f"nothing was built into {build_dir}/fuzzers")
        report.add(group)

    def one(program):
        group = Group(f"fuzz {program.name}")
        seconds = FUZZ_SECONDS_OF_QUICD if program.name.startswith("quicd_") else FUZZ_SECONDS
        corpus = build_dir / "corpus" / program.name
        os.makedirs(corpus, exist_ok=True)
        seeds = root / "tests/fuzz/corpus" / program.name.removesuffix("_fuzz")
        # Without the fuzzed code's own words: libprotobuf logs every string that is no UTF-8, and
        # memory that keeps them counts as the next fuzzer's (Linux hands a peak on over vfork).
        finished = run([program, f"-max_total_time={seconds}", "-rss_limit_mb=1024", "-close_fd_mask=3",
                        f"-artifact_prefix={build_dir}/{program.name}-", corpus,
                        *([seeds] if seeds.is_dir() else [])], timeout=seconds * 3)
        group.seconds = finished.seconds
        if finished.code == 0 and not finished.timed_out:
            group.passed.append(f"{seconds} s without a crash")
        else:
            group.fail("(the fuzzer)", finished.how_it_ended() + "\n" + finished.last_lines(40))
        report.add(group)

    fuzzers.sort(key=lambda program: not program.name.startswith("quicd_"))  # the long ones first
    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(one, fuzzers))
