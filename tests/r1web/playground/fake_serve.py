"""Speaks as `training serve` does; the question says how the answer goes on.

What is held goes on at SIGUSR1.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

COMMAND = [sys.executable, str(Path(__file__))]
SAY, HOLD, FAIL, DIE = "say", "hold", "fail", "die"
TEXTS = ["The answer", " is 4."]


def main() -> None:
    held: list[str] = []
    signal.signal(signal.SIGUSR1, lambda *_: [finish(held.pop()) for _ in range(len(held))])
    tell(None, "ready", template="r1", max_tokens=8, rewards={}, positions=None)
    for line in sys.stdin:
        request = json.loads(line)
        question, request_id = request["messages"][0]["content"], request["id"]
        if question == HOLD:
            held.append(request_id)
        tell(request_id, "began")
        tell(request_id, "text", text=TEXTS[0])
        if question == SAY:
            finish(request_id)
        elif question == FAIL:
            raise RuntimeError("out of ink")
        elif question == DIE:
            os.kill(os.getpid(), signal.SIGKILL)


def finish(request_id: str) -> None:
    tell(request_id, "text", text=TEXTS[1])
    tell(request_id, "done", rewards=None)


def tell(request_id: str | None, kind: str, **more: Any) -> None:
    print(json.dumps({"id": request_id, "type": kind, **more}), flush=True)  # noqa: T201 - the protocol


if __name__ == "__main__":
    main()
