"""The policy term of each variant: a loss for each token from ratio and advantage."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from training.config import Loss
from training.grpo.losses import cispo, dapo, dr_grpo, gspo
from training.grpo.losses import grpo as r1
from training.grpo.losses.term import PolicyTerm, Tokens

_TERMS: dict[str, Callable[[Tokens, Any], PolicyTerm]] = {
    "grpo": r1.term,
    "dr_grpo": dr_grpo.term,
    "dapo": dapo.term,
    "gspo": gspo.term,
    "cispo": cispo.term,
}


def policy_term(tokens: Tokens, loss: Loss) -> PolicyTerm:
    return _TERMS[loss.type](tokens, loss)


__all__ = ["PolicyTerm", "Tokens", "policy_term"]
