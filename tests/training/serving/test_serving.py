"""A served model says what the engine samples, as it comes, to many who ask at once."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.model.random_models import build, twin
from training.base_models import find_model
from training.cli.models import load_model
from training.config import RunConfig, resolve
from training.grpo.rollouts import text_of
from training.model import ModelConfig
from training.model.causal_lm import CausalLM
from training.rollout import Completion, NativeEngine, Sampling
from training.rollout.transformers_engine import TransformersEngine
from training.serving import server as server_module
from training.serving.served import Served
from training.serving.server import Server
from training.serving.text import Unfolding
from training.tasks.template import r1_prompt
from training.tokenizer import TextTokenizer

QUESTION = "State the final answer to the following arithmetic problem: 42 - 25 ="
Event = dict[str, Any]


class Session:
    """A server that is spoken to through pipes, as by another process."""

    def __init__(self, served: Served) -> None:
        inward, outward = os.pipe(), os.pipe()
        self.lines = os.fdopen(inward[1], "w")
        self.events = os.fdopen(outward[0])
        self.ends = os.fdopen(inward[0]), os.fdopen(outward[1], "w")
        self.server = Server(served, *self.ends)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()

    def send(self, *requests: Event | str) -> None:
        for request in requests:
            self.lines.write((request if isinstance(request, str) else json.dumps(request)) + "\n")
        self.lines.flush()

    def until(self, *ends: tuple[str | None, str]) -> list[Event]:
        """Events up to the last of these (id, type)."""
        left, seen = set(ends), []
        while left:
            seen.append(json.loads(self.events.readline()))
            left.discard((seen[-1]["id"], seen[-1]["type"]))
        return seen

    def close(self) -> None:
        self.lines.close()
        self.thread.join(20)
        assert not self.thread.is_alive()
        for end in (*self.ends, self.events):
            end.close()


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    config: RunConfig = resolve("r1-zero-nano", {}).config
    served = Served.of(*load_model("nano-base"), config)
    yield served
    assert served.run is not None
    served.run.scoring.close()


@pytest.fixture
def session(served: Served) -> Iterator[Session]:
    session = Session(served)
    yield session
    session.close()


def ask(name: str, **more: Any) -> Event:
    said = {} if "problem" in more else {"messages": [{"role": "user", "content": QUESTION}]}
    return {"type": "ask", "id": name, **said, **more}


def text(events: list[Event], name: str, index: int = 0) -> str:
    told = [each for each in events if (each["id"], each["type"]) == (name, "text")]
    return "".join(each["text"] for each in told if each["index"] == index)


@pytest.mark.parametrize("other", [False, True], ids=["native", "transformers"])
def test_a_stream_is_what_the_engine_samples(config: ModelConfig, other: bool) -> None:
    model = build(config)
    streams = TransformersEngine(CausalLM(twin(model))) if other else NativeEngine(model)
    sampling = Sampling(60, temperature=1.5)
    found: dict[int, Completion] = {}
    told: dict[int, list[int]] = {number: [] for number in range(12)}
    steps = streams.stream(
        [5, 6, 7], count=12, sampling=sampling, seed=9, eos_id=3, done=found.__setitem__
    )
    for news in steps:
        for number, tokens in news.items():
            told[number] += tokens
    whole = streams.generate([[5, 6, 7]], group_size=12, sampling=sampling, seeds=[9], eos_id=3)
    assert [told[number] for number in range(12)] == [each.tokens for each in whole]
    assert [found[number] for number in range(12)] == whole
    assert len({len(each.tokens) for each in whole}) > 1


def test_what_is_told_is_the_engines_own_text(served: Served, session: Session) -> None:
    session.send(ask("a", n=3, seed=7, temperature=0.9))
    events = session.until(("a", "done"))
    tokenizer = served.tokenizer
    completions = served.engine.generate(
        [tokenizer.encode_prompt(r1_prompt(QUESTION))],
        group_size=3, sampling=Sampling(64, temperature=0.9), seeds=[7], eos_id=tokenizer.eos_id,
    )  # fmt: skip
    for index, completion in enumerate(completions):
        assert text(events, "a", index) == text_of(completion, tokenizer)
    usage = next(each for each in events if each["type"] == "usage")
    assert usage["tokens"] == sum(len(each.tokens) for each in completions)
    reasons = {each["index"]: each["reason"] for each in events if each["type"] == "ended"}
    assert reasons == {index: one.finish_reason for index, one in enumerate(completions)}


def test_who_asks_beside_changes_nothing(session: Session) -> None:
    session.send(ask("alone", seed=5))
    alone = text(session.until(("alone", "done")), "alone")
    names = [f"r{number}" for number in range(server_module.SIDE_BY_SIDE + 2)]
    session.send(*(ask(name, seed=5, n=1 + place % 3) for place, name in enumerate(names)))
    events = session.until(*((name, "done") for name in names))
    assert {text(events, name) for name in names} == {alone}
    first_done = next(place for place, each in enumerate(events) if each["type"] == "done")
    begun = {each["id"] for each in events[:first_done] if each["type"] == "text"}
    assert len(begun) == server_module.SIDE_BY_SIDE


def test_a_problem_is_scored_by_the_runs_own_rewards(session: Session) -> None:
    session.send(ask("p", problem=0, n=8, score=True))
    events = session.until(("p", "done"))
    right = next(each["answer"] for each in events if each["type"] == "began")
    rewards = events[-1]["rewards"]
    for index, reward in enumerate(rewards):
        assert reward["parts"]["accuracy"] == (reward["parsed"] == right)
        assert reward["total"] == sum(reward["parts"].values())
        assert reward["left_out"] == []
        assert (reward["parsed"] or "") in text(events, "p", index)


def test_a_free_question_gets_the_parts_that_need_no_answer(session: Session) -> None:
    session.send(ask("f", score=True))
    (reward,) = session.until(("f", "done"))[-1]["rewards"]
    assert list(reward["parts"]) == ["format"]
    assert reward["left_out"] == ["accuracy"]
    assert reward["total"] is None


def test_a_stop_string_ends_the_text_and_is_not_told(session: Session) -> None:
    session.send(ask("s", seed=3, stop=["</think>"]), ask("w", seed=3))
    events = session.until(("s", "done"), ("w", "done"))
    whole = text(events, "w")
    assert "</think>" in whole
    assert text(events, "s") == whole[: whole.index("</think>")]


def test_a_cancelled_request_says_no_more(session: Session) -> None:
    session.send(ask("long", max_tokens=400, stop=[]), ask("after"))
    session.until(("long", "text"))
    session.send({"type": "cancel", "id": "long"})
    session.until(("long", "cancelled"))
    session.send({"type": "problems", "id": "p"})
    rest = session.until(("p", "problems"))
    assert "long" not in {each["id"] for each in rest}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("nonsense", "Invalid JSON"),
        ("[]", "object"),
        ('{"type": "sing", "id": "x"}', "type"),
        ('{"type": "ask", "id": "x"}', "Give either messages or a problem"),
        (json.dumps(ask("x", temperature=-1)), "temperature"),
        (json.dumps(ask("x", top_p=0)), "top_p"),
        (json.dumps(ask("x", seed=2**63)), "seed"),
        (json.dumps(ask("x", n=9)), "n:"),
        (json.dumps(ask("x", best_of=2)), "best_of"),
        (
            json.dumps(ask("x") | {"messages": [{"role": "user", "content": "a" * 20000}]}),
            "content",
        ),
        (json.dumps(ask("x") | {"messages": [{"role": "system", "content": "a"}]}), "of the user"),
        (
            json.dumps(ask("x") | {"messages": [{"role": "user", "content": "9" * 9000}]}),
            "positions",
        ),
    ],
)
def test_a_bad_line_is_refused_in_words_and_hurts_nobody(
    session: Session, line: str, words: str
) -> None:
    session.send(line, ask("good", seed=1))
    events = session.until(("good", "done"))
    (refused,) = [each for each in events if each["type"] == "refused"]
    assert words in refused["message"]
    assert refused["id"] in {"x", None}


def test_without_a_run_there_are_neither_problems_nor_rewards() -> None:
    session = Session(Served.of(*load_model("nano-base"), None))
    session.send(ask("a", score=True), ask("p", problem=0))
    events = session.until(("a", "done"), ("p", "refused"))
    session.close()
    assert next(each for each in events if each["type"] == "done")["rewards"] is None


@given(st.text(max_size=40), st.lists(st.text(min_size=1, max_size=3), max_size=3))
def test_text_comes_whole_in_pieces_up_to_a_stop_string(whole: str, stop: list[str]) -> None:
    tokenizer = TextTokenizer.load(find_model("nano-base"))
    tokens = tokenizer.encode(whole)
    told = Unfolding(tokenizer, stop)
    text = "".join(told.add([token]) for token in tokens[:-1]) + told.end(tokens)
    ends = [place for each in stop if (place := whole.find(each)) >= 0]
    assert text == whole[: min(ends, default=len(whole))]


def test_the_command_says_it_is_ready_and_ends_with_its_input(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "training", "serve", "--model", "nano-base"],
        input="", capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    (ready,) = map(json.loads, done.stdout.splitlines())
    assert (ready["type"], ready["template"]) == ("ready", "r1")
    missing = subprocess.run(
        [sys.executable, "-m", "training", "serve", "--model", str(tmp_path)],
        input="", capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert missing.returncode == 2
    assert "neither a shipped model" in missing.stderr
