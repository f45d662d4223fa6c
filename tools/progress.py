"""Run a command as one visible step: a line that moves on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TextIO

PLAIN_INTERVAL_S = 10.0
"""How often a long step speaks where lines cannot be rewritten."""
PLAIN_WIDTH = 100


class StepFailedError(Exception):
    """The command failed; says its last telling line."""


class Line:
    """The progress line of one step."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.started = self.spoken = time.monotonic()
        self.terminal = sys.stdout.isatty()
        if not self.terminal:
            print(f"{title} …", flush=True)

    def show(self, detail: str) -> None:
        now = time.monotonic()
        text = f"{self.title} … {now - self.started:.0f} s  {detail}"
        if self.terminal:
            width = os.get_terminal_size().columns - 1
            print(f"\r\033[K{text[:width]}", end="", flush=True)
        elif now - self.spoken >= PLAIN_INTERVAL_S:
            self.spoken = now
            print(f"  {text[:PLAIN_WIDTH]}", flush=True)

    def end(self, word: str) -> None:
        start = "\r\033[K" if self.terminal else ""
        print(f"{start}{self.title}: {word} ({time.monotonic() - self.started:.1f} s)", flush=True)


def telling(lines: list[str]) -> str:
    """The line of a failed command's output that says most about the cause."""
    words = ("error", "no space")
    marked = [line for line in lines if any(word in line.lower() for word in words)]
    causes = [
        line for line in marked if line.strip() != "npm error" and "npm error code" not in line
    ]
    return (causes or lines[-1:] or ["it said nothing"])[0].strip()[:200]


def run_step(
    title: str,
    command: list[str],
    log: Path,
    env: dict[str, str] | None = None,
    cwd: Path | None = None,
) -> None:
    """Run `command`, showing its newest output line; everything it says goes to the end of `log`.

    Raises:
        StepFailedError: it could not be started or its exit code was not 0.
    """
    line = Line(title)
    lines: queue.Queue[str | None] = queue.Queue()
    with log.open("a", encoding="utf-8") as file:
        file.write(f"\n$ {' '.join(command)}\n")
        try:
            child = subprocess.Popen(
                command,
                cwd=cwd,
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            )
        except OSError as error:
            line.end("failed")
            raise StepFailedError(str(error)) from error
        with child:  # closes the pipe and waits
            threading.Thread(target=_forward, args=(child, lines), daemon=True).start()
            said = _follow(lines, line, file)
    line.end("done" if child.returncode == 0 else "failed")
    if child.returncode != 0:
        raise StepFailedError(telling(said))


def _follow(lines: queue.Queue[str | None], line: Line, log: TextIO) -> list[str]:
    """Show and keep what arrives until the command closes its output; its last lines."""
    said: list[str] = []
    while True:
        try:
            text = lines.get(timeout=1)
        except queue.Empty:
            text = ""
        if text is None:
            return said
        if text.strip():
            log.write(text)
            said = [*said[-40:], text]
        line.show(said[-1].strip() if said else "")


def _forward(child: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
    assert child.stdout is not None  # noqa: S101  # it was opened as a pipe
    for text in child.stdout:
        lines.put(text)
    lines.put(None)
