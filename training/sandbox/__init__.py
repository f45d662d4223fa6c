"""A place to run programs that a model wrote: no network, no files, little of everything else.

`run` is called from any thread of any process; see docs/sandbox.md for what is kept out and how.
"""

from __future__ import annotations

import functools
import os
import sys

from training.sandbox import plan
from training.sandbox.limits import MIB, OUTPUT, Kind, Limits, Outcome, Reason, SandboxError
from training.sandbox.run import run_in

_PROBE = "import os; print(os.geteuid(), *sorted(os.listdir('/')))"


def run(program: str, *, stdin: str = "", limits: Limits | None = None) -> Outcome:
    """Run Python source with `stdin` as its input, within `limits`.

    Raises SandboxError when this machine allows no sandbox, or when one cannot be set up now:
    nothing is known about the program then, least of all that it is wrong.
    """
    kind, why_not = _probe()
    if kind is None:
        raise SandboxError(why_not)
    return run_in(kind, program, stdin=stdin, limits=limits)


def refusal() -> str | None:
    """Why programs cannot be run here; None when they can. Tried once, by running one."""
    return _probe()[1] or None


@functools.cache
def _probe() -> tuple[Kind | None, str]:
    """The first kind of sandbox in which a program runs, or why none does."""
    if sys.platform != "linux":
        return None, f"a sandbox needs Linux, this is {sys.platform}"
    reasons = []
    for kind in _kinds():
        try:
            outcome = run_in(kind, _PROBE)
        except SandboxError as error:
            reasons.append(f"{kind}: {error}")
            continue
        user, *seen = outcome.stdout.split() or [""]
        if outcome.reason == "ok" and user not in {"", "0"} and "proc" not in seen:
            return kind, ""
        reasons.append(f"{kind}: the first program {outcome.reason}, {outcome.stderr.strip()!r}")
    return None, "; ".join(reasons)


def _kinds() -> list[Kind]:
    """Started by root, bubblewrap's programs are root outside, whom no limit of processes binds."""
    bubblewrap = plan.bubblewrap() is not None and os.geteuid() != 0
    return ["bubblewrap", "namespaces"] if bubblewrap else ["namespaces"]


__all__ = ["MIB", "OUTPUT", "Limits", "Outcome", "Reason", "SandboxError", "refusal", "run"]
