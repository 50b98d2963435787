"""certbot's authenticator `lockstep`: all challenges of an order, in one call, to the controller.

certbot calls `perform` once with every challenge, before it answers any of them to the CA. This
plugin hands them as JSON to lockstep-certbot-hook and raises PluginError, with the program's words,
unless that exits 0: a dead program, a dead controller or a failed barrier end the run while the CA
has yet to look. (certbot's own hooks would not do: it ignores their exit codes.)

The controller starts certbot with this directory as PYTHONPATH and with

  LOCKSTEP_HOOK           the program
  LOCKSTEP_HOOK_SOCKET    the controller's socket
  LOCKSTEP_HOOK_DEADLINE  seconds until the program is given up
  LOCKSTEP_ORDER          the order
  LOCKSTEP_SECRET_FD      number of an inherited descriptor that holds the order's secret

The secret itself is in no argument, environment or file, and this plugin does not read it.
"""
import json
import os
import subprocess

from acme import challenges
from certbot import errors
from certbot.plugins import common

_PASSED_ON = ("LOCKSTEP_HOOK_SOCKET", "LOCKSTEP_HOOK_DEADLINE", "LOCKSTEP_ORDER",
              "LOCKSTEP_SECRET_FD")
_LONGEST_WORDS = 4096


class Authenticator(common.Plugin):
    """Puts challenges on every node of a Lockstep fleet."""

    description = "Prove HTTP-01 challenges on every node of a Lockstep fleet"

    @classmethod
    def add_parser_arguments(cls, add):
        """None: everything comes from the controller's environment."""

    def prepare(self):
        missing = [name for name in ("LOCKSTEP_HOOK",) + _PASSED_ON if name not in os.environ]
        if missing:
            raise errors.MisconfigurationError(
                "the lockstep plugin is run by lockstep-controller alone: no " + ", ".join(missing))

    def more_info(self):
        return "Hands the challenges of an order to lockstep-controller and waits for its barrier."

    def get_chall_pref(self, domain):
        return [challenges.HTTP01]

    def perform(self, achalls):
        responses = []
        wanted = []
        for achall in achalls:
            response, key_authorization = achall.response_and_validation()
            responses.append(response)
            wanted.append({"host": achall.domain, "token": achall.chall.encode("token"),
                           "key_authorization": key_authorization})
        _run_hook("perform", {"challenges": wanted})
        return responses

    def cleanup(self, achalls):
        _run_hook("cleanup", {})


def _run_hook(verb, document):
    """Runs the hook program to its end; PluginError unless it exits 0."""
    program = os.environ["LOCKSTEP_HOOK"]
    deadline = float(os.environ["LOCKSTEP_HOOK_DEADLINE"])
    secret = int(os.environ["LOCKSTEP_SECRET_FD"])
    environment = {name: os.environ[name] for name in _PASSED_ON}
    environment["LANG"] = "C.UTF-8"
    try:
        done = subprocess.run(
            [program, verb], input=json.dumps(document).encode(), env=environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, pass_fds=(secret,),
            timeout=deadline, check=False)
    except subprocess.TimeoutExpired:
        raise errors.PluginError(f"{program} {verb} did not end within {deadline:g} s") from None
    except (OSError, ValueError) as error:
        raise errors.PluginError(f"{program} cannot be run: {error}") from error
    if done.returncode == 0:
        return
    words = done.stderr.decode(errors="replace").strip()[-_LONGEST_WORDS:]
    if done.returncode < 0:
        words = f"{program} {verb} was killed by signal {-done.returncode}" + (
            f": {words}" if words else "")
    raise errors.PluginError(words or f"{program} {verb} exited with {done.returncode}")
