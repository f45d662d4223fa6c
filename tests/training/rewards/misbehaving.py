"""A person's own reward that does what the completion says; see test_isolation.py."""

import ctypes
import math
import os
import re
import sys
from collections.abc import Mapping


def rewards(completion, problem, options: Mapping[str, str]) -> dict[str, float]:  # noqa: ANN001 - as in the docs
    match completion.text:
        case "hang":
            hang_in_c()
        case "fork":
            fork_and_hang(options["fifo"])
        case "exit":
            os._exit(3)
        case "leave":
            sys.exit("no more")
        case "crash":
            ctypes.string_at(0)
        case "memory":
            bytearray(64 << 30)
        case "raise":
            return {"own": 1 / 0}
        case "nan":
            return {"own": math.nan}
        case "misname":
            return {"other": 1.0}
        case "chatter":
            print("to the output", sys.stdin.read())  # noqa: T201 - it must not reach the pool
    return {"own": float(len(completion.text))}


def hang_in_c() -> None:
    """Never gives up the interpreter, so no signal handler and no other thread can run."""
    re.match(r"(a|a)*$", "a" * 60 + "b")


def fork_and_hang(fifo: str) -> None:
    """Two processes hold the pipe's end and do not stop."""
    with open(fifo, "wb", buffering=0) as held:  # noqa: PTH123 - unbuffered
        if os.fork() == 0:
            held.write(b"child ")
        else:
            held.write(b"worker ")
        hang_in_c()
