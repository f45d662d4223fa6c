"""What supervised fine-tuning reads: every row once an epoch, and rows that are wrong are named."""

import json
import math
from pathlib import Path

import pytest

from training.base_models import find_model
from training.schedule import cosine
from training.sft.data import Examples
from training.tasks import TaskError
from training.tasks.template import r1_prompt
from training.tokenizer import TextTokenizer

BASE = find_model("nano-base")


def examples(tmp_path: Path, *rows: object, seed: int = 1) -> Examples:
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return Examples({"stages.dev1.data.0": file}, TextTokenizer.load(BASE), BASE, seed)


def test_a_prompt_and_its_completion_become_tokens_that_end(tmp_path: Path) -> None:
    tokenizer = TextTokenizer.load(BASE)
    found = examples(tmp_path, {"prompt": "1 + 1 =", "completion": " 2"}).at(0)
    assert found.prompt == tokenizer.encode_prompt("1 + 1 =")
    assert found.completion == [*tokenizer.encode(" 2"), tokenizer.eos_id]


def test_a_chat_is_put_into_the_template(tmp_path: Path) -> None:
    chat = [{"role": "user", "content": "1 + 1 ="}, {"role": "assistant", "content": "2"}]
    tokenizer = TextTokenizer.load(BASE)
    found = examples(tmp_path, {"messages": chat}).at(0)
    assert tokenizer.decode(found.prompt).endswith(r1_prompt("1 + 1 ="))
    assert tokenizer.decode(found.completion[:-1]) == "2"


def test_each_row_comes_once_an_epoch_in_another_order(tmp_path: Path) -> None:
    rows = [{"prompt": "", "completion": str(number)} for number in range(10, 30)]
    found = examples(tmp_path, *rows)
    tokenizer = TextTokenizer.load(BASE)
    epochs = [
        [tokenizer.decode(found.at(place).completion[:-1]) for place in range(start, start + 20)]
        for start in (0, 20)
    ]
    assert [sorted(epoch) for epoch in epochs] == [[str(n) for n in range(10, 30)]] * 2
    assert epochs[0] != epochs[1]
    again = examples(tmp_path, *rows, seed=2)
    assert [tokenizer.decode(again.at(place).completion[:-1]) for place in range(20)] != epochs[0]


@pytest.mark.parametrize(
    "row",
    [
        {"text": "1"},
        {"prompt": "1", "completion": 2},
        {"messages": []},
        {"messages": [{"role": "user", "content": "1"}]},
        {"messages": [{"role": "user"}, {"role": "assistant", "content": "1"}]},
        {"messages": "1"},
    ],
)
def test_a_row_that_is_none_is_named(tmp_path: Path, row: object) -> None:
    with pytest.raises(TaskError, match=r"stages\.dev1\.data\.0: rows\.jsonl, line 1 has neither"):
        examples(tmp_path, row)


def test_an_empty_file_and_one_that_is_not_there_are_told_of(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"stages\.dev1\.data\.0: The file has no row"):
        examples(tmp_path)
    tokenizer = TextTokenizer.load(BASE)
    with pytest.raises(TaskError, match=r"data\.0: .*nothing\.jsonl cannot be read"):
        Examples({"data.0": tmp_path / "nothing.jsonl"}, tokenizer, BASE, 0)


def test_the_learning_rate_falls_along_a_cosine() -> None:
    rates = [cosine(step, 2, 12, 1.0, 0.1) for step in range(1, 13)]
    assert rates[:3] == [0.5, 1.0, 1.0]
    assert rates[-1] == pytest.approx(0.1)
    assert rates[7] == pytest.approx(0.1 + 0.9 * (1 + math.cos(5 / 9 * math.pi)) / 2)
    assert rates[1:] == sorted(rates[1:], reverse=True)
    assert cosine(5, 0, 9, 1.0, 1.0) == 1.0
