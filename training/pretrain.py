"""Pretraining of the small base model on generated arithmetic text.

Plain next-token prediction over whole documents, on the engine and the journal that GRPO uses.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import torch

from training.batch import make_batch
from training.config import ConfigError, DenseConfig, OptimConfig, PretrainConfig
from training.config import ModelConfig as Dimensions
from training.corpus import document, tokenizer_texts
from training.distributed.engine import Engine
from training.distributed.process import Process
from training.journal import Journal
from training.model import ModelConfig, Policy, Transformer, causal_lm, policy
from training.model.dtype import EMULATED, has_native_fp8, weights_dtype
from training.schedule import warmup_then_decay
from training.tokenizer import TextTokenizer, train

MICRO_BATCH = 32


def pretrain(config: PretrainConfig, out: Path, report: Callable[[int, float], None]) -> None:
    """Train from random weights and write a Hugging Face directory (bf16) to `out`.

    `report` is called with step and loss (nats per token) of each step; events.jsonl in `out`
    keeps them too. Raises ConfigError or ModelConfigError before anything is written.
    """
    size = _dimensions(config).vocab_size
    tokenizer = train(tokenizer_texts(config.seed, config.careful_share), size)
    _check_text_fits(config, tokenizer)
    torch.manual_seed(config.seed)
    model = _fresh(config, tokenizer)
    with closing(Process("auto")) as process:
        out.mkdir(parents=True, exist_ok=True)
        engine = make_engine(model, config, process)
        journal = Journal(out, stage="pretrain")
        if config.dtype == "fp8" and not has_native_fp8(process.device):
            journal.write("log", 0, level="warning", message=EMULATED.format(device=process.device))
        for step, values in enumerate(train_steps(engine, config, tokenizer), start=1):
            journal.write("metrics", step, values=values)
            report(step, values["optim/loss"])
        journal.write("finished", config.steps, outcome="finished", reason="All steps are done.")
        journal.close()
        tokenizer.save(out)
        policy.save(engine.policy.to(torch.bfloat16), out)


def make_engine(model: Policy, config: PretrainConfig, process: Process) -> Engine:
    """What trains `model`, in the config's dtype; the model itself goes into it."""
    if config.dtype == "fp8":
        policy.to_fp8(model)
    optim = OptimConfig(
        learning_rate=config.learning_rate,
        weight_decay=config.weight_decay,
        moment_dtype=config.moment_dtype,
    )
    dtype = weights_dtype(config.dtype, process.device)
    return Engine(model, process, optim, zero_stage=1, dtype=dtype)


def train_steps(
    engine: Engine, config: PretrainConfig, tokenizer: TextTokenizer
) -> Iterator[dict[str, float]]:
    """Take all steps of `config`, one after the other; yields the metrics of each."""
    for step in range(1, config.steps + 1):
        started = time.monotonic()
        losses = _backward(engine, config, _documents(config, tokenizer, step))
        learning_rate = config.learning_rate * warmup_then_decay(
            step, config.warmup_steps, config.steps
        )
        update = engine.step(learning_rate)
        engine.balance_experts(config.expert_bias_rate)
        yield {
            **losses,
            "optim/grad_norm": update.grad_norm,
            "optim/learning_rate": learning_rate,
            "time/step_s": time.monotonic() - started,
        }


def _backward(engine: Engine, config: PretrainConfig, rows: list[list[int]]) -> dict[str, float]:
    """Gradient of all losses together; returns each alone, without its weight.

    Rows of like length go together. The losses of next tokens and of multi-token prediction (V3
    report, equations 24 and 25) are means over all predicted tokens, that of balance over rows.
    """
    rows = sorted(rows, key=len)
    predicted = sum(len(row) - 1 for row in rows)
    totals: Counter[str] = Counter()
    for start in range(0, len(rows), MICRO_BATCH):
        part = rows[start : start + MICRO_BATCH]
        batch = make_batch(
            [row[:1] for row in part], [row[1:] for row in part], engine.process.device
        )
        result = engine.logprobs(
            batch.tokens_BT,
            batch.mask_BT,
            batch.completion_BT,
            mtp="joint" if config.mtp_weight else "off",
            balance=config.balance_loss > 0,
        )
        loss = -result.logprobs_BT.sum() / predicted
        totals["optim/loss"] += loss.item()
        if result.mtp_BT is not None:
            mtp_loss = -result.mtp_BT.sum() / predicted
            loss = loss + config.mtp_weight * mtp_loss
            totals["mtp/loss"] += mtp_loss.item()
        if result.balance_B is not None:
            balance = result.balance_B.sum() / len(rows)
            loss = loss + config.balance_loss * balance
            totals["moe/balance_loss"] += balance.item()
        engine.backward(loss, last=start + MICRO_BATCH >= len(rows))
    return dict(totals)


def _dimensions(config: PretrainConfig) -> DenseConfig | Dimensions:
    return config.dense or config.model


def _fresh(config: PretrainConfig, tokenizer: TextTokenizer) -> Policy:
    """A model with random weights."""
    special = {
        "bos_token_id": tokenizer.bos_id,
        "eos_token_id": tokenizer.eos_id,
        "pad_token_id": tokenizer.pad_id,
    }
    if config.dense is not None:
        return causal_lm.fresh_llama(**config.dense.model_dump(), **special)
    return Transformer(ModelConfig(**config.model.model_dump(), **special))


def _check_text_fits(config: PretrainConfig, tokenizer: TextTokenizer) -> None:
    """Whether the model has a place for each token, and for each position of all documents; raises
    ConfigError. Writing all of them takes a hundredth of the training's time."""
    shape, field = _dimensions(config), "dense" if config.dense else "model"
    if tokenizer.vocab_size > shape.vocab_size:
        raise ConfigError.of(
            f"{field}.vocab_size",
            f"The tokenizer has {tokenizer.vocab_size} tokens at least: take as many, not "
            f"{shape.vocab_size}.",
        )
    steps = range(1, config.steps + 1)
    longest = max(len(row) for step in steps for row in _documents(config, tokenizer, step))
    if longest > shape.max_position_embeddings:
        raise ConfigError.of(
            f"{field}.max_position_embeddings",
            f"The longest document has {longest} tokens: take as many at least, not "
            f"{shape.max_position_embeddings}.",
        )


def _documents(config: PretrainConfig, tokenizer: TextTokenizer, step: int) -> list[list[int]]:
    """The token rows of one step, each from bos to eos."""
    first = (step - 1) * config.documents_per_step
    texts = [
        document(config.seed, first + place, config.careful_share)
        for place in range(config.documents_per_step)
    ]
    return [[*tokenizer.encode_prompt(text), tokenizer.eos_id] for text in texts]
