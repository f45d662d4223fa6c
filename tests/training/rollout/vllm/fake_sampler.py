"""A sampler that speaks the protocol and computes nothing: every token has the same probability.

FAKE_SAMPLER says how it misbehaves. Imports the standard library and the protocol only.
"""

import math
import os
import signal
import socket
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[4] / "training" / "rollout" / "vllm"))

import fingerprint
import wire

BYTES = {"float32": 4, "bfloat16": 2}
FAULT = os.environ.get("FAKE_SAMPLER", "")


def main() -> None:
    connection = wire.Connection(
        socket.socket(fileno=int(sys.argv[sys.argv.index("--socket") + 1]))
    )
    vocabulary, handovers = 0, 0
    held = {"version": -1, "fingerprint": ""}
    while True:
        header = connection.receive()
        if header["do"] == "open":
            vocabulary = header["config"]["vocab_size"]
            if FAULT == "cannot open":
                sys.stderr.write("no such architecture\n")
                connection.send({"is": "error", "reason": "ValueError: no such architecture"})
                return
            connection.send({"is": "opened", "versions": {}, "longest": 32})
        elif header["do"] == "load":
            handovers += 1
            arrived = {"version": header["version"], "fingerprint": receive(connection)}
            second = handovers == 2
            former = second and FAULT == "answers with the former"
            connection.send({"is": "loaded", **(held if former else arrived)})
            held = held if second and FAULT == "skips a handover" else arrived
        else:
            generate(connection, header, held, vocabulary)


def receive(connection: wire.Connection) -> str:
    lines = []
    while (header := connection.receive())["is"] == "tensor":
        data = bytearray(math.prod(header["shape"]) * BYTES[header["dtype"]])
        connection.receive_body(memoryview(data))
        if FAULT == "corrupts a byte":
            data[0] ^= 1
        name, dtype, shape = header["name"], header["dtype"], header["shape"]
        lines.append(fingerprint.of_tensor(name, dtype, shape, memoryview(data)))
    return fingerprint.of_model(lines)


def generate(connection: wire.Connection, header: wire.Header, held: dict, vocabulary: int) -> None:
    probe = header["settings"]["max_tokens"] == 8
    if FAULT == "dies" and not probe:
        sys.stderr.write("out of blocks\n")
        sys.stderr.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    if FAULT == "hangs" and not probe:
        time.sleep(3600)  # the hang that the trainer has to end
    logprob = -math.log(vocabulary) - (1.0 if FAULT == "computes with others" else 0.0)
    if FAULT == "diverges" and not probe:
        logprob = math.nan
    for number in reversed(range(len(header["seeds"]))):
        seed, count = header["seeds"][number], header["settings"]["max_tokens"]
        tokens = [(seed + place) % vocabulary for place in range(count)]
        connection.send({"is": "beat"})
        connection.send({
            "is": "completion", "number": number, "tokens": tokens, "logprobs": [logprob] * count,
            "finish_reason": "abort" if FAULT == "aborts" and not probe else "length",
            "stop": None, **held,
        })  # fmt: skip
    connection.send({"is": "end"})


if __name__ == "__main__":
    main()
