"""How what somebody says becomes a prompt: as the run's own task has it, else as the model does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.config import MixtureConfig, TaskConfig
from training.serving.requests import Message, RefusedError
from training.tasks.template import SYSTEM_PROMPT, has_chat_template, r1_prompt

Prompt = Callable[[list[Message]], str]


@dataclass(frozen=True)
class Talk:
    """How messages are written, and the name of it."""

    template: str
    prompt: Prompt


def talk(task: TaskConfig | None, tokenizer: Path) -> Talk:
    """R1's template reads the user's last question alone, as in training; a chat template reads
    the whole conversation. `task` is None for a model that belongs to no run."""
    told = _template(task, tokenizer)
    if told != "chat":
        return Talk("r1", lambda messages: r1_prompt(_last_question(messages)))
    system = None if task is None or isinstance(task, MixtureConfig) else task.system_prompt
    default = SYSTEM_PROMPT if system is None and task is not None else system or ""
    return Talk("chat", _chat(tokenizer, default))


def _template(task: TaskConfig | None, tokenizer: Path) -> str:
    if task is None:
        return "chat" if has_chat_template(tokenizer) else "r1"
    if isinstance(task, MixtureConfig):
        return task.parts[0].task.template
    return task.template


def _last_question(messages: list[Message]) -> str:
    return next(message.content for message in reversed(messages) if message.role == "user")


def _chat(tokenizer: Path, system: str) -> Prompt:
    from jinja2 import TemplateError  # noqa: PLC0415 - most models do without
    from transformers import AutoTokenizer  # noqa: PLC0415 - likewise; it takes seconds to load

    chat: Any = AutoTokenizer.from_pretrained(tokenizer)

    def prompt(messages: list[Message]) -> str:
        said = [message.model_dump() for message in messages]
        if system and messages[0].role != "system":
            said.insert(0, {"role": "system", "content": system})
        try:
            return str(chat.apply_chat_template(said, tokenize=False, add_generation_prompt=True))
        except TemplateError as error:
            raise RefusedError(
                f"messages: the model's chat template refuses them: {error}."
            ) from error

    return prompt
