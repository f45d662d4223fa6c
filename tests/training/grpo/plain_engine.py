"""What an update needs of an engine, for tests in one process."""

from types import SimpleNamespace
from typing import Any

from torch import Tensor

from training.model import Transformer, completion_logprobs


class PlainEngine:
    """Backward passes without DeepSpeed."""

    def __init__(self, model: Transformer) -> None:
        self.model = self.policy = model
        self.process = SimpleNamespace(sum=lambda values: values, max=lambda values: values)

    def logprobs(self, *batch: Any, **asked: Any) -> Any:
        return completion_logprobs(self.model, *batch, **asked)

    def backward(self, loss: Tensor, **_: bool) -> None:
        loss.backward()

    def step(self, _: float) -> SimpleNamespace:
        return SimpleNamespace(grad_norm=0.0, skipped=False)
