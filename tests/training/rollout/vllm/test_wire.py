"""Frames, the handshake, and the real server program as far as it goes without vLLM."""

import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from training.config import VllmSampler
from training.rollout.engine import SamplingError
from training.rollout.vllm import fingerprint, peer, wire

SECRET = "a secret of some length"
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), json_values), st.binary(max_size=200))
def test_what_is_sent_arrives(header: wire.Header, body: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        wire.Connection(ours).send(header, memoryview(body))
        connection = wire.Connection(theirs)
        assert connection.receive() == header
        room = bytearray(len(body))
        connection.receive_body(memoryview(room))
        assert room == body


def test_a_body_of_another_length_is_refused() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        wire.Connection(ours).send({}, memoryview(b"123"))
        connection = wire.Connection(theirs)
        connection.receive()
        with pytest.raises(wire.WireError, match="3 bytes, where 4 belong"):
            connection.receive_body(memoryview(bytearray(4)))


@pytest.mark.parametrize(
    "sent", [b"", b"GET / HTTP/1.1\r\n\r\n" * 9, b"\0" * 7 + b"\2" + b"\0" * 8 + b"[]"]
)
def test_a_stranger_is_told_from_a_frame(sent: bytes) -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        with ours:
            ours.sendall(sent)
        with pytest.raises(wire.WireError):
            wire.Connection(theirs).receive()


@pytest.mark.parametrize("theirs", [SECRET, SECRET + "!", ""])
def test_both_ends_have_to_know_the_token(theirs: str) -> None:
    left, right = socket.socketpair()
    refused: list[str] = []

    def answer() -> None:
        try:
            wire.prove(wire.Connection(right), theirs, caller=False)
        except wire.WireError as error:
            refused.append(str(error))

    with left, right:
        thread = threading.Thread(target=answer)
        thread.start()
        if theirs == SECRET:
            wire.prove(wire.Connection(left), SECRET, caller=True)
        else:
            with pytest.raises(wire.WireError, match="another token"):
                wire.prove(wire.Connection(left), SECRET, caller=True)
        thread.join()
    assert bool(refused) == (theirs != SECRET)


def test_a_proof_cannot_be_sent_back() -> None:
    """Who answers with what it was told itself does not get in."""
    left, right = socket.socketpair()
    with left, right:
        echo = wire.Connection(right)
        thread = threading.Thread(target=lambda: [echo.send(echo.receive()) for _ in range(2)])
        thread.start()
        with pytest.raises(wire.WireError, match="another token"):
            wire.prove(wire.Connection(left), SECRET, caller=True)
        thread.join()


def test_a_fingerprint_knows_names_shapes_and_bytes_but_no_order() -> None:
    def line(
        name: str = "a",
        dtype: str = "float32",
        shape: tuple[int, ...] = (2, 1),
        data: bytes = b"12345678",
    ) -> str:
        return fingerprint.of_tensor(name, dtype, shape, memoryview(data))

    other = line(name="b", data=b"87654321")
    whole = fingerprint.of_model([line(), other])
    assert fingerprint.of_model([other, line()]) == whole
    changed = [line(name="c"), line(dtype="int32"), line(shape=(1, 2)), line(data=b"12345679")]
    others = {fingerprint.of_model([each, other]) for each in changed}
    assert len({whole, fingerprint.of_model([line()]), *others}) == 6


@pytest.fixture
def listening() -> Iterator[str]:
    """The address of the real program, which serves under a Python that has no vLLM."""
    program = subprocess.Popen(
        [sys.executable, str(peer.SERVER), "--address", "127.0.0.1:0"],
        env={**os.environ, "R1WEB_SAMPLER_TOKEN": SECRET}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert program.stdout is not None
    found = re.search(r"listening on (\S+)", program.stdout.readline())
    assert found is not None
    yield found[1]
    program.terminate()
    program.wait()
    program.stdout.close()


def test_a_sampler_elsewhere_wants_the_token_and_serves_one_trainer_after_another(
    listening: str,
) -> None:
    with pytest.raises(SamplingError, match=f"sampler at {listening}: the other end has another"):
        peer.call(listening, "some other secret")
    for _ in range(2):
        called = peer.call(listening, SECRET)
        called.send({"do": "open", "config": {}})
        with pytest.raises(SamplingError, match="ModuleNotFoundError: No module named 'vllm'"):
            called.expect("opened")


def test_a_sampler_does_not_listen_without_a_secret(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(peer.SERVER), "--address", "127.0.0.1:0"],
        env={**os.environ, "R1WEB_SAMPLER_TOKEN": "short"}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "R1WEB_SAMPLER_TOKEN must hold a secret of at least 16 characters" in done.stderr


def test_nobody_at_the_address_is_said_with_the_field() -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        address = f"127.0.0.1:{door.getsockname()[1]}"
    with pytest.raises(SamplingError, match=r"sampling\.engine\.addresses: the sampler at"):
        peer.call(address, SECRET)


def test_each_process_has_an_address_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    called: list[tuple[str, str]] = []
    monkeypatch.setenv("R1WEB_SAMPLER_TOKEN", SECRET)
    monkeypatch.setattr(peer, "call", lambda address, token: called.append((address, token)))
    config = VllmSampler(addresses=["first:1", "second:2"])
    peer.reach(config, 1, torch.device("cpu"), tmp_path)
    assert called == [("second:2", SECRET)]
