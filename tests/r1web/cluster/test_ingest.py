"""Journal lines become rows, each exactly once, whatever the lines and the database do."""

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from r1web.cluster.supervisor import ingest as module
from r1web.cluster.supervisor.ingest import ingest
from r1web.cluster.supervisor.tail import Line, read_lines, torn_end
from r1web.live.selectors import events_after
from r1web.rollouts.models import Group
from r1web.runs.models import Attempt, Checkpoint, Event, Run, State
from tests.r1web.points import points_of

MakeRun = Callable[..., Run]


@pytest.fixture
def attempt(make_run: MakeRun) -> Attempt:
    return Attempt.objects.create(run=make_run(State.STARTING), number=1)


def record(seq: int, type_: str = "metrics", step: int = 1, **fields: Any) -> bytes:
    if type_ == "metrics":
        fields = {"values": {"reward/mean": float(seq)}, **fields}
    return json.dumps({"seq": seq, "time": 1.0, "step": step, "type": type_, **fields}).encode()


def rollouts(seq: int, text: str = "2", step: int = 1, **changed: Any) -> bytes:
    completion = {
        "text": text,
        "reward": 1.0,
        "rewards": {"accuracy": 1.0},
        "advantage": 0.5,
        "length": 2,
        "finish_reason": "stop",
        "logprob_mean": -0.1,
        **changed,
    }
    return record(
        seq,
        "rollouts",
        step,
        group=0,
        policy_version=0,
        prompt="p",
        question="q",
        answer="2",
        completions=[completion],
    )


def lines_of(records: Sequence[bytes], offset: int = 0) -> list[Line]:
    lines = []
    for data in records:
        offset += len(data) + 1
        lines.append(Line(data, offset))
    return lines


def told(attempt: Attempt) -> list[str]:
    logs = Event.objects.filter(run=attempt.run, type="log").order_by("seq")
    return [event.payload["message"] for event in logs]


def values(attempt: Attempt) -> list[float]:
    return [value for _, value in points_of(attempt.run, "reward/mean")]


def test_a_batch_comes_whole_or_not_at_all(
    attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: Any) -> None:
        raise OperationalError("the database went away")

    before = attempt.run.last_seq
    lines = lines_of([rollouts(1), record(2)])
    with monkeypatch.context() as patch:
        patch.setattr(module, "record_progress", fail)
        with pytest.raises(OperationalError):
            ingest(attempt_id=attempt.pk, lines=lines)
    attempt.refresh_from_db()
    assert (attempt.journal_seq, attempt.journal_offset) == (0, 0)
    assert (values(attempt), Group.objects.count()) == ([], 0)
    assert Run.objects.get(pk=attempt.run_id).last_seq == before
    ingest(attempt_id=attempt.pk, lines=lines)
    attempt.refresh_from_db()
    assert (attempt.journal_seq, attempt.journal_offset) == (2, lines[-1].end)
    assert (values(attempt), Group.objects.get().size) == ([2.0], 1)


def test_lines_that_were_committed_are_not_read_again(attempt: Attempt) -> None:
    lines = lines_of([record(1), record(2), record(3)])
    ingest(attempt_id=attempt.pk, lines=lines[:2])
    ingest(attempt_id=attempt.pk, lines=lines)
    assert (values(attempt), told(attempt)) == ([1.0, 2.0, 3.0], [])


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cuts=st.lists(st.integers(1, 4), max_size=8), again=st.lists(st.booleans(), max_size=8))
def test_any_cutting_and_repeating_gives_the_same_rows(
    make_run: MakeRun, cuts: list[int], again: list[bool]
) -> None:
    attempt = Attempt.objects.create(run=make_run(State.STARTING), number=1)
    lines = lines_of([record(seq, step=seq) for seq in range(1, 13)])
    place = 0
    for size, repeat in zip([*cuts, 12], [*again, *[False] * 9], strict=False):
        batch = lines[place : place + size]
        for _ in range(1 + repeat):
            if batch:
                ingest(attempt_id=attempt.pk, lines=batch)
        place += size
    assert values(attempt) == [float(seq) for seq in range(1, 13)]
    seqs = list(attempt.run.events.values_list("seq", flat=True))
    assert seqs == list(range(1, len(seqs) + 1))


def test_a_gap_and_a_repeat_are_noticed(attempt: Attempt) -> None:
    ingest(attempt_id=attempt.pk, lines=lines_of([record(1), record(4), record(4), record(5)]))
    assert values(attempt) == [1.0, 4.0, 5.0]
    assert told(attempt) == [
        "Journal lines 2 to 3 are missing.",
        "Journal line 4 came again and was left out.",
    ]


def test_unreadable_lines_become_one_warning_that_names_them(attempt: Attempt) -> None:
    records = [record(1), b"\x00\xff garbage", b'{"seq": 3}', record(4), b"", record(5)]
    ingest(attempt_id=attempt.pk, lines=lines_of(records))
    assert values(attempt) == [1.0, 4.0, 5.0]
    (warning,) = told(attempt)
    assert warning.startswith("2 journal lines after number 1 (up to byte ")


def test_a_line_that_the_database_refuses_is_left_out_alone(attempt: Attempt) -> None:
    records = [rollouts(1), rollouts(2), record(3)]  # the second claims the place of the first
    ingest(attempt_id=attempt.pk, lines=lines_of(records))
    assert (Group.objects.count(), values(attempt)) == (1, [3.0])
    refused, missing = told(attempt)
    assert "was left out (IntegrityError" in refused
    assert missing == "Journal lines 2 to 2 are missing."


def test_text_keeps_everything_but_nul(attempt: Attempt) -> None:
    text = "a\0b \\u0000 \\\0 ∑ <script>\u2028"
    ingest(attempt_id=attempt.pk, lines=lines_of([rollouts(1, text)]))
    assert Group.objects.get().completions[0].text == text.replace("\0", "\ufffd")


def test_a_reward_that_could_not_be_computed_comes_with_its_reason(attempt: Attempt) -> None:
    unscored = {"reward": "NaN", "rewards": {}, "reward_errors": {"accuracy": "ValueError: x"}}
    ingest(attempt_id=attempt.pk, lines=lines_of([rollouts(1, **unscored)]))
    (completion,) = Group.objects.get().completions
    assert (completion.reward, completion.rewards) == (None, {})
    assert completion.reward_errors == {"accuracy": "ValueError: x"}
    (news,) = Event.objects.filter(run=attempt.run, type="rollouts")
    assert (news.payload["reward_mean"], news.payload["rewards"]) == (None, [None])


def test_nan_and_infinity_arrive(attempt: Attempt) -> None:
    odd = {"a": "NaN", "b": "Infinity", "c": "-Infinity", "d": 1.5}
    ingest(attempt_id=attempt.pk, lines=lines_of([record(1, values=odd)]))
    ((_, not_a_number),) = points_of(attempt.run, "a")
    assert math.isnan(not_a_number)
    assert [points_of(attempt.run, name)[0][1] for name in "bcd"] == [math.inf, -math.inf, 1.5]
    (news,) = events_after(attempt.run_id, attempt.run.last_seq, 10)
    assert news.payload == {"time": 1.0, "values": odd}
    assert Run.objects.get().summary == {"a": None, "b": None, "c": None, "d": 1.5}


def test_a_checkpoint_replaces_the_one_at_its_place_and_ends_those_removed(
    attempt: Attempt,
) -> None:
    def saved(seq: int, step: int, removed: Sequence[str] = ()) -> bytes:
        path = f"checkpoints/step-{step}"
        return record(
            seq, "checkpoint", step, path=path, bytes=5, reason="schedule", removed=list(removed)
        )

    records = [saved(1, 1), saved(2, 2), saved(3, 3, ["checkpoints/step-1"]), saved(4, 2)]
    ingest(attempt_id=attempt.pk, lines=lines_of(records))
    kept = Checkpoint.objects.filter(deleted_at=None).order_by("pk")
    assert list(kept.values_list("step", flat=True)) == [3, 2]
    assert Checkpoint.objects.count() == 4


def test_only_whole_lines_are_read(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    assert read_lines(path, 0) == []
    path.write_bytes(b"one\ntwo\nthr")
    lines = read_lines(path, 0)
    assert [(line.data, line.end) for line in lines] == [(b"one", 4), (b"two", 8)]
    assert read_lines(path, 8) == []
    assert torn_end(path, 8) == b"thr"
    with path.open("ab") as file:
        file.write(b"ee\n")
    assert read_lines(path, 8) == [Line(b"three", 14)]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=200), chunk=st.integers(1, 30), most=st.integers(1, 5))
def test_reading_in_pieces_gives_every_line_once(
    tmp_path: Path, data: bytes, chunk: int, most: int
) -> None:
    path = tmp_path / "journal"
    path.write_bytes(data)
    offset, found = 0, []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("r1web.cluster.supervisor.tail.CHUNK_BYTES", chunk)
        patch.setattr("r1web.cluster.supervisor.tail.MOST_LINES", most)
        while lines := read_lines(path, offset):
            found += [line.data for line in lines]
            offset = lines[-1].end
    assert found == data.split(b"\n")[:-1]
    assert torn_end(path, offset) == data.split(b"\n")[-1]
