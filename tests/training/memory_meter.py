"""Bytes of live tensors: what torch's allocator holds, counted without an allocator's help.

A CPU has no allocator statistics. Every operation of this thread passes through the meter, which
notes each new storage and forgets it when it is freed. torch.profiler with `profile_memory` counts
the same to a few bytes, but now and then loses an event.
"""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Iterable
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode


class MemoryMeter(TorchDispatchMode):
    """Counts while it is entered; tensors made before are unknown to it."""

    def __init__(self) -> None:
        super().__init__()
        self.phase = ""
        self.peaks: Counter[str] = Counter()
        self._live = 0
        self._known: dict[int, int] = {}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, Tensor):
            self._note(result)
        elif isinstance(result, Iterable):
            for each in result:
                if isinstance(each, Tensor):
                    self._note(each)
        return result

    def _note(self, tensor: Tensor) -> None:
        if tensor.device.type == "meta":
            return
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._known:
            return
        self._known[key] = storage.nbytes()
        self._live += self._known[key]
        weakref.finalize(storage, self._forget, key)
        self.peaks[self.phase] = max(self.peaks[self.phase], self._live)

    def _forget(self, key: int) -> None:
        self._live -= self._known.pop(key)
