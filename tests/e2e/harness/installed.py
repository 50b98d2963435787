"""Debian 12 machines with Lockstep installed as docs/operations.md says, booted by systemd-nspawn.

debootstrap and deploy/install-deps make one root, kept beside the lab's other downloads. A machine is
an overlay of its own on it and on what `cmake --install` made, so it keeps its state over a reboot.
"""

import contextlib
import hashlib
import os
import pathlib
import shutil

from lab import lockstep, process
from lab.client import cache_directory
from lab.shell import LabError, attempt, run, wait_until

from .case import Skip

_DEPLOY = lockstep.REPOSITORY / "deploy"
_BASE = "systemd,systemd-sysv,dbus,ca-certificates,iproute2,adduser,procps"
_INSTALL_S, _BOOT_S, _OFF_S = 800, 30, 60


def possible(build: lockstep.Build) -> None:
    """Skips the test where whole machines cannot be booted."""
    for program in ("debootstrap", "systemd-nspawn"):
        if not shutil.which(program):
            raise Skip(f"{program} is not there; deploy/install-deps full installs it")
    if os.geteuid() != 0 or pathlib.Path("/proc/self/uid_map").read_text().split()[2] != "4294967295":
        raise Skip("booting machines needs root outside of user namespaces")
    cache = (build.directory / "CMakeCache.txt").read_text()
    if "CMAKE_INSTALL_PREFIX:PATH=/usr\n" not in cache:
        raise LabError(f"{build.directory} is not configured for /usr, as docs/operations.md says: "
                       f"cmake -DCMAKE_INSTALL_PREFIX=/usr {build.directory}")


def packages() -> pathlib.Path:
    """The root with Debian's packages only; made once for each set of package lists."""
    recipe = [_DEPLOY / name for name in ("install-deps", "packages.txt", "packages-backports.txt")]
    key = hashlib.sha256(b"".join(path.read_bytes() for path in recipe)).hexdigest()[:16]
    kept = cache_directory() / f"debian-root-{key}"
    if kept.exists():
        return kept
    making = kept.with_suffix(".making")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    run("debootstrap", "--variant=minbase", f"--include={_BASE}", "bookworm", making, _mirror(),
        timeout_s=_INSTALL_S)
    for path in recipe:
        shutil.copy(path, making / "root")
    run("chroot", making, "/root/install-deps", "build", "run", timeout_s=_INSTALL_S)
    making.rename(kept)
    return kept


def _mirror() -> str:
    """The one this machine uses for bookworm itself."""
    for line in run("apt-get", "indextargets", "--format", "$(RELEASE) $(REPO_URI)",
                    "Created-By: Packages").splitlines():
        release, _, address = line.partition(" ")
        if release == "bookworm":
            return address
    raise LabError("apt has no source for bookworm, from which to make a root")


def install(build: lockstep.Build, target: pathlib.Path) -> pathlib.Path:
    """Both components, to be laid over a root."""
    for component in ("agent", "controller"):
        run("cmake", "--install", build.directory, "--component", component,
            env={**os.environ, "DESTDIR": str(target)}, timeout_s=120)
    return target


class Machine:
    """One booted system in a namespace of the lab."""

    def __init__(self, fleet, place, lower: list[pathlib.Path]):
        home = fleet.layout.home(f"machine-{place.name}")
        self.name = place.name
        self.root = home / "root"
        for name in ("root", "upper", "work"):
            (home / name).mkdir(parents=True)
        run("mount", "-t", "overlay", f"machine-{place.name}", "-o",
            f"lowerdir={':'.join(map(str, lower))},upperdir={home / 'upper'},workdir={home / 'work'}",
            self.root)
        (self.root / "etc/machine-id").write_text("")
        (self.root / "etc/hostname").write_text(place.name + "\n")
        self._journal = fleet.layout.logs / f"journal-{place.name}.log"
        self._process = process.Process(
            f"machine-{place.name}",
            ["systemd-nspawn", "--boot", "--quiet", "--register=no", "--keep-unit", "--console=pipe",
             f"--machine={fleet.layout.lab_id}-{place.name}", f"--directory={self.root}",
             "--resolv-conf=off", "--capability=CAP_NET_ADMIN",
             f"--network-namespace-path=/run/netns/{place.namespace}"],
            # A namespace that somebody else made counts as foreign: its sysctls are ours to set all the same.
            env={"SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network"},
            log=fleet.layout.logs / f"machine-{place.name}.log", grace_s=_OFF_S)

    def boot(self) -> None:
        self._process.start()
        wait_until(f"{self.name} booted", self._booted, _BOOT_S, every_s=0.1)

    def power_off(self) -> None:
        self.attempt("systemctl", "poweroff")
        wait_until(f"{self.name} is off", lambda: not self._process.alive(), _OFF_S, every_s=0.1)

    def destroy(self) -> None:
        with contextlib.suppress(LabError):
            self._journal.write_text(self.run("journalctl", "--no-pager", "-o", "short-precise"))
        self._process.stop()
        run("umount", self.root)

    def write(self, path: str, text: str) -> None:
        # By a process of the machine: an overlay must not be written under a running system's feet.
        self.run("sh", "-c", f"install -d {pathlib.PurePath(path).parent} && cat > {path}", stdin=text)

    def run(self, *argv, stdin: str | None = None, timeout_s: float = 60) -> str:
        return run(*self._inside(argv), stdin=stdin, timeout_s=timeout_s)

    def attempt(self, *argv, stdin: str | None = None, timeout_s: float = 60):
        return attempt(*self._inside(argv), stdin=stdin, timeout_s=timeout_s)

    def active(self, unit: str) -> bool:
        return self.attempt("systemctl", "is-active", "--quiet", unit)[0] == 0

    def main_pid(self, unit: str) -> str:
        return self.run("systemctl", "show", "--value", "-p", "MainPID", unit).strip()

    def _inside(self, argv) -> list[str]:
        return ["nsenter", f"--target={self._init()}", "--mount", "--uts", "--ipc", "--net", "--pid",
                "--root", "--wdns=/", "--", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                "LANG=C.UTF-8", *map(str, argv)]

    def _init(self) -> str:
        pid = self._process.pid
        with contextlib.suppress(FileNotFoundError):
            children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            if children:
                return children[0]
        raise LabError(f"{self.name} is not running: {self._process.last_words()}")

    def _booted(self) -> bool:
        if not self._process.alive():
            raise LabError(f"{self.name} did not boot: {self._process.last_words(8)}")
        with contextlib.suppress(LabError):
            return self.attempt("systemctl", "is-system-running")[1].strip() in ("running", "degraded")
        return False
