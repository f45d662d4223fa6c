"""The sampler's process as the trainer sees it: started beside it or called elsewhere, asked,
waited for with patience that ends, and explained when it fails."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
from pathlib import Path

import torch

from training.config import VllmSampler
from training.rollout.engine import SamplingError
from training.rollout.vllm.wire import Connection, Header, WireError, prove, split_address

SERVER = Path(__file__).with_name("server.py")
_ROOT = Path(__file__).resolve().parents[3]
INSTALLED = _ROOT / ".venv-vllm" / "bin" / "python"
"""What `make vllm` makes."""
ANSWER_S = 900.0
"""How long a sampler may be silent; while it writes it gives a sign of life between tokens."""
_CALL_S = 30.0
_GOODBYE_S = 20.0
_LAST_LINES = 8
_LAUNCHER = {"RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_SIZE", "MASTER_ADDR", "MASTER_PORT"}
"""The training job's own variables: vLLM would take itself for a part of it."""


class Peer:
    """A sampler behind a connection; all that goes wrong is a SamplingError that names it."""

    def __init__(
        self,
        connection: Connection,
        name: str,
        *,
        child: subprocess.Popen[bytes] | None = None,
        log: Path | None = None,
        patience_s: float = ANSWER_S,
    ) -> None:
        self._connection, self._child, self._log = connection, child, log
        self.name = name
        connection.allow(patience_s)

    def send(self, header: Header, body: memoryview | None = None) -> None:
        try:
            self._connection.send(header, body)
        except WireError as error:
            self.receive()  # it may have said why it does not listen any more
            raise self._failure(str(error)) from error

    def receive(self) -> Header:
        """The next answer."""
        try:
            header = self._connection.receive()
        except WireError as error:
            raise self._failure(str(error)) from error
        if header.get("is") == "error":
            raise self._failure(str(header.get("reason")))
        return header

    def expect(self, kind: str) -> Header:
        """The next answer, which has to be a `kind`."""
        header = self.receive()
        if header.get("is") != kind:
            raise self._failure(f"it answers {header.get('is')!r} where {kind!r} belongs")
        return header

    def close(self) -> None:
        """Hang up; a child ends by that, or is killed."""
        self._connection.close()
        if self._child is not None:
            self._end_of(self._child)

    def _failure(self, reason: str) -> SamplingError:
        self.close()
        ended, said = "", ""
        if self._child is not None:
            ended = _how_ended(self._child.returncode)
        if self._log is not None:
            said = f" Its last words, in {self._log}:\n{_last_lines(self._log)}"
        return SamplingError(f"{self.name}: {reason}.{ended}{said}")

    @staticmethod
    def _end_of(child: subprocess.Popen[bytes]) -> None:
        try:
            child.wait(_GOODBYE_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def check_installed(config: VllmSampler) -> None:
    """Raise SamplingError where a sampler shall be started and there is nothing to start."""
    if config.addresses:
        if not os.environ.get(config.token_env):
            raise SamplingError(
                f"sampling.engine.token_env: {config.token_env} is not set; the samplers at "
                "sampling.engine.addresses are called with the secret in it."
            )
        return
    python = _interpreter(config)
    if not os.access(python, os.X_OK):
        raise SamplingError(
            f"sampling.engine.python: {python} is missing: run `make vllm`, or name the Python of "
            "another environment that has vLLM."
        )


def reach(config: VllmSampler, rank: int, device: torch.device, run_dir: Path) -> Peer:
    """This training process's own sampler: called where `addresses` say, or else started."""
    check_installed(config)
    if config.addresses:
        return call(config.addresses[rank], os.environ[config.token_env])
    log = run_dir / (f"vllm-{rank}.log" if rank else "vllm.log")
    return start(_interpreter(config), log, device)


def call(address: str, token: str, *, patience_s: float = ANSWER_S) -> Peer:
    """The sampler that listens at HOST:PORT. Raises SamplingError."""
    name = f"the sampler at {address}"
    with contextlib.ExitStack() as undo:
        try:
            stream = socket.create_connection(split_address(address), timeout=_CALL_S)
            undo.callback(stream.close)
            connection = Connection(stream)
            prove(connection, token, caller=True)
        except OSError as error:
            raise SamplingError(f"sampling.engine.addresses: {name}: {error}.") from error
        undo.pop_all()
    return Peer(connection, name, patience_s=patience_s)


def start(
    python: Path,
    log: Path,
    device: torch.device,
    *,
    program: Path = SERVER,
    patience_s: float = ANSWER_S,
) -> Peer:
    """A sampler of our own, on the same device. Call it from the main thread: the child dies with
    the thread that started it."""
    ours, theirs = socket.socketpair()
    with theirs, log.open("ab") as out:
        child = subprocess.Popen(
            [str(python), str(program), "--socket", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env=_environment(device),
        )
    return Peer(
        Connection(ours), "the vLLM sampler", child=child, log=log, patience_s=patience_s
    )  # fmt: skip


def _interpreter(config: VllmSampler) -> Path:
    return Path(config.python).expanduser() if config.python else INSTALLED


def _environment(device: torch.device) -> dict[str, str]:
    found = {name: value for name, value in os.environ.items() if name not in _LAUNCHER}
    found.pop("PYTHONPATH", None)
    if device.type == "cuda":
        visible = found.get("CUDA_VISIBLE_DEVICES", "").split(",")
        index = device.index or 0
        found["CUDA_VISIBLE_DEVICES"] = visible[index] if any(visible) else str(index)
    return found


def _how_ended(code: int | None) -> str:
    if code is None or code >= 0:
        return ""
    by = signal.Signals(-code).name
    hint = ", perhaps because memory ran out" if by == "SIGKILL" else ""
    return f" Its process was ended by {by}{hint}."


def _last_lines(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - 4096))
        lines = file.read().decode(errors="replace").splitlines()
    return "\n".join([line for line in lines if line.strip()][-_LAST_LINES:])
