"""How an end is put into words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1web.cluster.supervisor.ending import Facts, explain, last_exception, signal_name
from r1web.runs.models import State

TRACEBACK = """\
step 3
Traceback (most recent call last):
  File "x.py", line 1, in <module>
    raise ValueError("loss is NaN")
ValueError: loss is NaN
"""
LAUNCHER = """\
[2026-01-01 00:00:00,000] [ERROR] [launch.py:325:sigkill_handler] ['python', '-m', 'training'] \
exits with return code = -9
"""


def facts(**known: object) -> Facts:
    given: dict[str, object] = {
        "exit_code": 0,
        "finished": None,
        "stop_asked": False,
        "killed_after_s": None,
        "oom_kills": 0,
        "log": "",
    }
    return Facts(**{**given, **known})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        ({"exit_code": 3}, "The trainer ended without a word (exit code 3)."),
        ({"exit_code": -11}, "The trainer ended without a word (killed by SIGSEGV)."),
        ({"exit_code": 139}, "The trainer ended without a word (killed by SIGSEGV)."),
        ({"exit_code": 0}, "The trainer ended without finishing its journal (exit code 0)."),
        (
            {"exit_code": None},
            (
                "The trainer ended without finishing its journal (exit code unknown, since its "
                "supervisor had been restarted)."
            ),
        ),
        (
            {"exit_code": 1, "log": TRACEBACK},
            "The trainer crashed (exit code 1): ValueError: loss is NaN.",
        ),
        (
            {"exit_code": 1, "log": LAUNCHER},
            "The trainer ended without a word (killed by SIGKILL).",
        ),
        (
            {"exit_code": 1, "log": LAUNCHER, "oom_kills": 1},
            "The trainer was killed because the machine ran out of memory (killed by SIGKILL).",
        ),
        (
            {"exit_code": 1, "log": "torch.OutOfMemoryError: CUDA out of memory. Tried 2 GiB"},
            (
                "The trainer ran out of memory (exit code 1): torch.OutOfMemoryError: CUDA out of "
                "memory. Tried 2 GiB."
            ),
        ),
        (
            {"exit_code": -6, "log": "terminate called: std::bad_alloc"},
            "The trainer ran out of memory (killed by SIGABRT).",
        ),
    ],
)
def test_a_crash_in_words(known: dict[str, object], reason: str) -> None:
    ending = explain(facts(**known))
    assert (ending.outcome, ending.reason) == (State.FAILED, reason)


@pytest.mark.parametrize("outcome", ["finished", "stopped", "failed"])
def test_the_journals_last_word_counts_more_than_the_exit_code(outcome: str) -> None:
    said = {"outcome": outcome, "reason": "It said so."}
    ending = explain(facts(finished=said, exit_code=1, stop_asked=True))
    assert ending.outcome == outcome
    assert ending.reason.startswith("It said so")
    assert ("exit code 1" in ending.reason) == (outcome == "failed")


def test_a_stop_without_a_last_word_says_what_is_lost() -> None:
    assert "before it could save" in explain(facts(stop_asked=True, exit_code=-15)).reason
    killed = explain(facts(stop_asked=True, exit_code=-9, killed_after_s=20.0))
    assert (killed.outcome, "within 20 s" in killed.reason) == (State.STOPPED, True)


def test_leaving_is_not_crashing() -> None:
    log = f"{TRACEBACK}SystemExit: 1\n[rank0]: KeyboardInterrupt\n"
    assert last_exception(log) == "ValueError: loss is NaN"
    assert last_exception("a plain line\nError handling is fine\n") is None


@given(st.text())
def test_any_log_is_survived(log: str) -> None:
    ending = explain(facts(exit_code=1, log=log))
    assert ending.reason.startswith("The trainer ")
    assert len(ending.reason) < 500


@given(st.integers(-300, 300))
def test_any_code_has_a_name_or_none(code: int) -> None:
    name = signal_name(code)
    assert name is None or name.startswith("SIG")
