"""The ranks of a job meet at rank 0's address; whoever does not come in time is named."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Sequence
from datetime import timedelta

import torch.distributed as dist

_WORD = "word"
"""Where rank 0 leaves word: empty when all are there, else who is missing."""


class JoinError(ValueError):
    """Not all ranks came together; the message names those that are missing."""


def meet(rank: int, ranks: int, limit_s: float) -> dist.Store:
    """The store at MASTER_ADDR and MASTER_PORT, once all ranks are there. Raises JoinError."""
    host, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    limit = timedelta(seconds=limit_s)
    if rank == 0:
        listener = _listen(host, port)
        store = dist.TCPStore(
            host, port, is_master=True, timeout=limit, wait_for_workers=False,
            master_listen_fd=listener.detach(),
        )  # fmt: skip
        _call_the_roll(store, ranks, limit_s, f"{host}:{port}")
        return store
    try:
        store = dist.TCPStore(host, port, timeout=limit, wait_for_workers=False)
        store.set(str(rank), "")
        # Rank 0 counts from its own start, which may come later.
        store.wait([_WORD], 2 * limit)
        word = store.get(_WORD).decode()
    except dist.DistError as error:
        why = str(error).splitlines()[0]  # torch may add its C++ stack
        raise JoinError(f"Rank {rank} did not meet rank 0 at {host}:{port}: {why}") from error
    if word:
        raise JoinError(word)
    return store


def _listen(host: str, port: int) -> socket.socket:
    """Only at the address that the others were told: torch would listen at all of them."""
    family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise JoinError(f"Rank 0 cannot listen at {host}:{port}: {error.strerror}.") from error
    return listener


def _call_the_roll(store: dist.Store, ranks: int, limit_s: float, address: str) -> None:
    deadline = time.monotonic() + limit_s
    missing = [rank for rank in range(1, ranks) if not _comes(store, rank, deadline)]
    if missing:
        whose = "its log" if len(missing) == 1 else "their logs"
        word = (
            f"{_named(missing, ranks)} did not join within {limit_s:.0f} s: look into {whose}, "
            f"and whether {address} can be reached from there."
        )
        store.set(_WORD, word)
        raise JoinError(word)
    store.set(_WORD, "")


def _comes(store: dist.Store, rank: int, deadline: float) -> bool:
    left = max(0.001, deadline - time.monotonic())
    try:
        store.wait([str(rank)], timedelta(seconds=left))
    except dist.DistStoreError:
        return False
    return True


def _named(missing: Sequence[int], ranks: int) -> str:
    """Rank 3 (on gpu-b); of many, those of one node are said together."""
    nodes = [name for name in os.environ.get("NODE_NAMES", "").split(",") if name]
    words = "Rank" if len(missing) == 1 else "Ranks"
    told = f"{words} {', '.join(map(str, missing))}"
    if not nodes:
        return told
    there = dict.fromkeys(nodes[rank * len(nodes) // ranks] for rank in missing)
    return f"{told} (on {', '.join(there)})"
