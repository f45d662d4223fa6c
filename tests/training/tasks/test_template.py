"""Prompts: R1's, and the chat template of a model's tokenizer, token by token."""

import json
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from training import tokenizer as our_tokenizer
from training.config import MixtureConfig, ReasoningGymConfig
from training.tasks import Problem, TaskError, build_template
from training.tasks.template import SYSTEM_PROMPT, r1_prompt
from training.tokenizer import TextTokenizer

CHAT = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
NO_SYSTEM = "{% if messages[0].role == 'system' %}{{ raise_exception('No system') }}{% endif %}"
PROBLEM = Problem("What is 27 + 58?", "85")


def directory(folder: Path, chat: str | None) -> Path:
    """A tokenizer's directory, with that chat template."""
    our_tokenizer.train(["What is 27 + 58? It is 85."], vocab_size=300).save(folder)
    file = folder / "tokenizer_config.json"
    config = json.loads(file.read_text()) | ({} if chat is None else {"chat_template": chat})
    file.write_text(json.dumps(config))
    return folder


def chat_config(**settings: str) -> ReasoningGymConfig:
    return ReasoningGymConfig.model_validate({"template": "chat", **settings})


@pytest.mark.parametrize("chat", [CHAT, "{{ bos_token }}" + CHAT])
def test_a_chat_is_what_transformers_makes_of_it_and_begins_once(chat: str, tmp_path: Path) -> None:
    folder = directory(tmp_path, chat)
    prompt = build_template(chat_config(), folder)(PROBLEM)
    messages = [
        {"role": "system", "content": SYSTEM_PROMPT},
        {"role": "user", "content": PROBLEM.question},
    ]
    theirs = AutoTokenizer.from_pretrained(folder)
    assert prompt == theirs.apply_chat_template(
        messages, tokenize=False, add_generation_prompt=True
    )
    ids = TextTokenizer.load(folder).encode_prompt(prompt)
    bos = theirs.bos_token_id
    assert ids.count(bos) == 1
    assert ids[0] == bos
    assert theirs.decode(ids[1:]) == prompt.removeprefix(theirs.bos_token)


def test_the_system_prompt_may_be_ones_own_or_left_out(tmp_path: Path) -> None:
    folder = directory(tmp_path, CHAT)
    own = build_template(chat_config(system_prompt="Be brief."), folder)(PROBLEM)
    assert own == "<system>Be brief.\n<user>What is 27 + 58?\n<assistant>"
    none = build_template(chat_config(system_prompt=""), folder)(PROBLEM)
    assert none == "<user>What is 27 + 58?\n<assistant>"


def test_a_tokenizer_without_a_chat_template_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"^task\.template: the tokenizer of .* has no chat"):
        build_template(chat_config(), directory(tmp_path, None))


def test_a_chat_template_that_takes_no_system_message_is_told(tmp_path: Path) -> None:
    folder = directory(tmp_path, NO_SYSTEM + CHAT)
    with pytest.raises(TaskError, match=r"^task\.system_prompt: .*refuses it \(No system\)"):
        build_template(chat_config(), folder)
    assert build_template(chat_config(system_prompt=""), folder)(PROBLEM).startswith("<user>")


def test_every_part_of_a_mixture_has_its_own_template(tmp_path: Path) -> None:
    parts = [
        {"name": "plain", "task": {"type": "reasoning_gym"}},
        {"name": "chat", "task": {"type": "reasoning_gym", "template": "chat"}},
    ]
    template = build_template(
        MixtureConfig.model_validate({"parts": parts}), directory(tmp_path, CHAT)
    )
    plain, chat = (Problem("How many?", "3", task=name) for name in ("plain", "chat"))
    assert template(plain) == r1_prompt("How many?")
    assert template(chat) == f"<system>{SYSTEM_PROMPT}\n<user>How many?\n<assistant>"
