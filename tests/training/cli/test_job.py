"""What a job tells besides its steps."""

import io
import json
from pathlib import Path

from kernels.backend import say_path
from tests.training.jobs import events, train, write_config
from training.cli import job
from training.cli.display import Display, Lines
from training.config import resolve
from training.events import LogEvent, RolloutsEvent
from training.journal import Journal


def test_paths_are_told_once_while_the_job_lasts_by_the_rank_with_the_journal(
    tmp_path: Path,
) -> None:
    out, journal = io.StringIO(), Journal(tmp_path, "grpo")
    journal.write("phase", 3, phase="training")
    with job._paths_told(Lines(5, out), journal):
        say_path("an op", "Triton")
        say_path("an op", "Triton")
    with job._paths_told(Display(), None):
        say_path("an op", "on another rank")
    say_path("an op", "after the job")
    journal.close()
    assert out.getvalue() == "an op: Triton\n"
    _, told = events(tmp_path)
    assert told.model_dump(include={"type", "step", "level", "message"}) == {
        "type": "log", "step": 3, "level": "info", "message": "an op: Triton",
    }  # fmt: skip


def test_what_evaluations_have_is_left_out_told_and_written_down(tmp_path: Path) -> None:
    rows = [{"question": f"How many apples are {n} apples?", "answer": str(n)} for n in range(9)]
    rows.append({"question": "What is left when all are eaten?", "answer": "0"})
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "apart.jsonl").write_text(json.dumps(rows[7]))
    task = {"type": "file", "path": str(tmp_path / "rows.jsonl")}
    task["held_out_path"] = str(tmp_path / "apart.jsonl")
    changes = {
        "task": task,
        "evaluation": {"every_steps": 0, "problems": 1, "decontaminate": 4},
        "grpo": {"steps": 1, "prompts_per_step": 2, "group_size": 2},
        "sampling": {"max_new_tokens": 4, "staleness": 1},
    }
    run_dir = tmp_path / "run"
    write_config(run_dir, resolve("r1-zero-nano", changes).config)
    done = train(run_dir)
    assert done.returncode == 0, done.stderr
    written = json.loads((run_dir / "decontamination.json").read_text())
    assert (written["ngram"], written["problems"], written["left_out"]) == (4, 9, 8)
    assert written["examples"][0] == {
        "problem": "rows.jsonl, line 1", "like": "apart.jsonl, line 1",
        "words": "how many apples are",
    }  # fmt: skip
    told = [event.message for event in events(run_dir) if isinstance(event, LogEvent)]
    assert any(message.startswith("8 of 9 training problems have 4 words") for message in told)
    asked = {event.question for event in events(run_dir) if isinstance(event, RolloutsEvent)}
    assert asked == {"What is left when all are eaten?"}
