"""A reward model: any Hugging Face directory that gives a sequence one number.

It grades after sampling, on the trainer's device. It is not part of `training.rewards`, whose
processes do without torch. B sequences, T tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor

from training.config import Reads, RewardModelConfig, RunConfig
from training.model.dtype import weights_dtype
from training.rewards import Candidate, RewardError
from training.rewards.reading import shown
from training.tasks import Problem


class RewardModel:
    """Grades (problem, completion) pairs; a `training.rewards.Grader`."""

    def __init__(
        self, config: RewardModelConfig, device: torch.device, dtype: torch.dtype, chunk_tokens: int
    ) -> None:
        """`chunk_tokens`: most tokens of one forward pass, padding counted; a longer sequence goes
        alone. Raises RewardError for an unfit directory."""
        self._reads, self._device, self._chunk_tokens = config.reads, device, chunk_tokens
        self._tokenizer, model = _opened(config.path, dtype)
        self._model = model.eval().requires_grad_(False).to(device)
        self._positions = getattr(model.config.get_text_config(), "max_position_embeddings", None)

    def __call__(self, pairs: Sequence[tuple[Problem, Candidate]]) -> list[float | str]:
        """A number for each pair, or why there is none."""
        rows = [self._tokens(problem, candidate) for problem, candidate in pairs]
        grades: list[float | str] = [self._too_long(row) or 0.0 for row in rows]
        fit = [place for place in range(len(rows)) if not grades[place]]
        for places in self._batches(rows, fit):
            grades_B = self._grade([rows[place] for place in places])
            for place, grade in zip(places, grades_B.tolist(), strict=True):
                grades[place] = grade
        return grades

    def _tokens(self, problem: Problem, candidate: Candidate) -> list[int]:
        return graded_tokens(self._tokenizer, problem.question, candidate.text, self._reads)

    def _too_long(self, row: list[int]) -> str | None:
        if self._positions is None or len(row) <= self._positions:
            return None
        return f"{len(row)} tokens are more than the reward model's {self._positions} positions"

    def _batches(self, rows: list[list[int]], fit: list[int]) -> list[list[int]]:
        """The places in batches, alike in length, so that little of a batch is padding."""
        batches: list[list[int]] = []
        for place in sorted(fit, key=lambda place: len(rows[place])):
            if not batches or (len(batches[-1]) + 1) * len(rows[place]) > self._chunk_tokens:
                batches.append([])
            batches[-1].append(place)
        return batches

    @torch.inference_mode()
    def _grade(self, rows: list[list[int]]) -> Tensor:
        """fp32 [B]."""
        pad = self._pad_id(rows)
        longest = max(map(len, rows))
        tokens_BT = torch.tensor([row + [pad] * (longest - len(row)) for row in rows])
        mask_BT = torch.arange(longest) < torch.tensor([[len(row)] for row in rows])
        logits_B1 = self._model(
            input_ids=tokens_BT.to(self._device), attention_mask=mask_BT.to(self._device)
        ).logits
        return logits_B1[:, 0].float().cpu()

    def _pad_id(self, rows: list[list[int]]) -> int:
        """The model's own; or else a token that no row has, since transformers finds a row's end by
        it."""
        config = self._model.config.get_text_config()
        own: int | None = config.pad_token_id if self._tokenizer.pad_token is not None else None
        used = {token for row in rows for token in row}
        if own is None:
            own = next(token for token in range(config.vocab_size) if token not in used)
            config.pad_token_id = own
        return own


def graded_tokens(tokenizer: Any, question: str, completion: str, reads: Reads) -> list[int]:
    """What a reward model reads, by transformers' tokenizer: question and completion, as its chat
    template has them; without one, on lines of their own."""
    text = shown(completion, reads)
    whole = f"{question}\n{text}"
    chat = bool(tokenizer.chat_template)
    if chat:
        asked = {"role": "user", "content": question}
        said = {"role": "assistant", "content": text}
        whole = tokenizer.apply_chat_template([asked, said], tokenize=False)
    tokens: list[int] = tokenizer.encode(whole, add_special_tokens=not chat)
    return tokens


def _opened(path: str, dtype: torch.dtype) -> tuple[Any, Any]:
    """Tokenizer and model of a directory. Raises RewardError when it has not got both, whole."""
    from transformers import (  # noqa: PLC0415 - takes seconds, and few runs have a reward model
        AutoModelForSequenceClassification,
        AutoTokenizer,
    )
    from transformers.utils import logging  # noqa: PLC0415

    if not (Path(path) / "config.json").is_file():
        raise RewardError(f"reward.model.path: {path} is no directory with a model in it.")
    logging.disable_progress_bar()
    try:
        tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True)
        model, told = AutoModelForSequenceClassification.from_pretrained(
            path, dtype=dtype, local_files_only=True, use_safetensors=True,
            output_loading_info=True,
        )  # fmt: skip
    except (ImportError, OSError, ValueError, RuntimeError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0]
        raise RewardError(f"reward.model.path: {path} does not open: {reason}") from error
    if model.config.num_labels != 1:
        raise RewardError(
            f"reward.model.path: {path} gives {model.config.num_labels} numbers for a sequence; a "
            "reward model gives one."
        )
    if told["missing_keys"]:
        # transformers would draw them by chance, and the rewards with them.
        missing = ", ".join(sorted(told["missing_keys"])[:3])
        raise RewardError(f"reward.model.path: {path} lacks weights of a reward model: {missing}.")
    return tokenizer, model


def reward_model(config: RunConfig, device: torch.device) -> RewardModel | None:
    """The run's, if it has one. Raises RewardError."""
    if config.reward.model is None:
        return None
    hardware = config.hardware
    dtype = weights_dtype(hardware.dtype, device)
    return RewardModel(config.reward.model, device, dtype, hardware.chunk_tokens)
