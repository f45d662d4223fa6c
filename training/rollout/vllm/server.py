"""The sampler: vLLM at the other end of a socket. Runs under vLLM's own Python.

    python server.py --address HOST:PORT     (the secret is in R1WEB_SAMPLER_TOKEN)

serves one trainer after another, each with a fresh vLLM in a process of its own. A trainer that
wants a sampler beside it starts the same program with `--socket`, the number of an open socket.

The model is built from its config.json with random weights; the trainer then hands its own over,
again after every change. Each completion carries version and fingerprint of the weights that wrote
it. Imports vLLM, torch and the standard library; `wire` and `fingerprint` lie beside it.

B sequences.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fingerprint
import wire

_PR_SET_PDEATHSIG = 1
_BEAT_S = 5.0
_OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    # vLLM's engine in this very process: weights can be put into its model's memory.
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
}


@dataclass
class Held:
    """Which weights the model has."""

    version: int
    fingerprint: str


class Sampler:
    """One trainer's vLLM."""

    def __init__(self, connection: wire.Connection, header: wire.Header) -> None:
        """Build the model that `header` describes, and tell the trainer."""
        import torch  # noqa: PLC0415 - takes seconds
        import vllm  # noqa: PLC0415
        from vllm.platforms import current_platform  # noqa: PLC0415

        self._connection, self._held = connection, Held(-1, "")
        config = header["config"]
        on_cpu = current_platform.is_cpu()
        with tempfile.TemporaryDirectory() as directory:
            Path(directory, "config.json").write_text(json.dumps(config), encoding="utf-8")
            if (tokenizer := header["tokenizer"]) is not None:
                Path(directory, "tokenizer.json").write_text(tokenizer, encoding="utf-8")
                kind = {"tokenizer_class": "PreTrainedTokenizerFast"}
                Path(directory, "tokenizer_config.json").write_text(json.dumps(kind))
            self._llm = vllm.LLM(
                model=directory,
                load_format="dummy",
                dtype=header["dtype"],
                skip_tokenizer_init=tokenizer is None,
                generation_config="vllm",
                max_model_len=-1,
                max_num_seqs=header["max_sequences"],
                kv_cache_memory_bytes=header["kv_cache_bytes"],
                logprobs_mode="raw_logprobs",
                **(_settings_on_cpu(config) if on_cpu else {}),
            )
        runner = self._llm.llm_engine.model_executor.driver_worker.worker.model_runner
        self._model, self._device = runner.get_model(), runner.device
        runner.sampler = _policy_sampler()
        self._on_cpu = on_cpu
        longest = self._llm.llm_engine.model_config.max_model_len
        versions = {"torch": torch.__version__, "vllm": vllm.__version__}
        connection.send({"is": "opened", "versions": versions, "longest": longest})

    def load(self, header: wire.Header) -> None:
        """Take over the weights that follow, and tell the trainer what arrived."""
        lines: list[str] = []
        self._held = Held(-1, "")
        if self._on_cpu:
            forget_packed_experts(self._model)
        tensors = self._arriving(lines)
        self._llm.collective_rpc("reload_weights", kwargs={"weights_iterator": tensors})
        for _ in tensors:  # what vLLM has no place for was announced all the same
            raise ValueError("vLLM did not take all weights")
        if self._on_cpu:
            pack_embeddings_again(self._model)
        if not self._llm.reset_prefix_cache():
            raise RuntimeError("vLLM kept the cache of the former weights")
        self._held = Held(header["version"], fingerprint.of_model(lines))
        self._connection.send({"is": "loaded", **vars(self._held)})

    def _arriving(self, lines: list[str]) -> Iterator[tuple[str, Any]]:
        """The tensors of a handover by name, each in memory of its own; `lines` fingerprint them.

        vLLM keeps them until their layer is complete."""
        import torch  # noqa: PLC0415

        while (header := self._connection.receive()).get("is") == "tensor":
            name, shape = header["name"], header["shape"]
            dtype = getattr(torch, header["dtype"])
            count = torch.Size(shape).numel()
            flat = torch.empty(count * dtype.itemsize, dtype=torch.uint8)
            data = memoryview(flat.numpy())
            self._connection.receive_body(data)
            lines.append(fingerprint.of_tensor(name, header["dtype"], shape, data))
            yield name, flat.view(dtype).view(shape).to(self._device)

    def generate(self, header: wire.Header) -> None:
        """Write the completions and send each as soon as it has ended."""
        from vllm import SamplingParams, TokensPrompt  # noqa: PLC0415
        from vllm.sampling_params import RequestOutputKind  # noqa: PLC0415

        engine, sent = self._llm.llm_engine, time.monotonic()
        for number, seed in enumerate(header["seeds"]):
            prompt = header["prompts"][number // header["group_size"]]
            params = SamplingParams(
                seed=seed, logprobs=0, flat_logprobs=True, ignore_eos=True,
                detokenize=bool(header["settings"]["stop"]), include_stop_str_in_output=True,
                skip_special_tokens=False, spaces_between_special_tokens=False,
                output_kind=RequestOutputKind.FINAL_ONLY, **header["settings"],
            )  # fmt: skip
            engine.add_request(str(number), TokensPrompt(prompt_token_ids=prompt), params)
        while engine.has_unfinished_requests():
            for output in engine.step():
                (written,) = output.outputs
                by = written.stop_reason  # a token's number or a string
                self._connection.send({
                    "is": "completion", "number": int(output.request_id),
                    "tokens": list(written.token_ids), "logprobs": written.logprobs.logprobs,
                    "finish_reason": written.finish_reason,
                    "stop": by if isinstance(by, str) else None, **vars(self._held),
                })  # fmt: skip
                sent = time.monotonic()
            if time.monotonic() - sent > _BEAT_S:
                self._connection.send({"is": "beat"})
                sent = time.monotonic()
        self._connection.send({"is": "end"})


def forget_packed_experts(model: Any) -> None:
    """Let a reload reach the experts: vLLM 0.32 packs them for a CPU only with a layer's first
    weights, and the first ones would go on computing. Without its kernel a layer counts as new."""
    for module in model.modules():
        method = getattr(module, "quant_method", None)
        if getattr(method, "moe_kernel", None) is not None:
            method.moe_kernel = None


def pack_embeddings_again(model: Any) -> None:
    """Let a reload reach an output head that is the embedding: no weights come by its name, and
    vLLM 0.32 leaves it what it packed for a CPU before."""
    from vllm.model_executor.layers.vocab_parallel_embedding import (  # noqa: PLC0415
        UnquantizedEmbeddingMethod,
    )

    for module in model.modules():
        method = getattr(module, "quant_method", None)
        if isinstance(method, UnquantizedEmbeddingMethod):
            method.process_weights_after_loading(module)


def _settings_on_cpu(config: wire.Header) -> dict[str, Any]:
    """What vLLM 0.32 needs on a CPU. Compiled code would keep the weights that it was made with.
    With compressed latents, AMX_MLA, its default, computes in bf16, and its own rotary operator
    turns a query of several heads wrongly; its plain torch one does not."""
    if "kv_lora_rank" not in config:
        return {"enforce_eager": True}
    plain = {"custom_ops": ["-rotary_embedding"]}
    return {
        "enforce_eager": True, "attention_backend": "CPU_MLA", "compilation_config": plain,
    }  # fmt: skip


def _policy_sampler() -> Any:
    """vLLM's sampler, telling log-probabilities at the sampling temperature but before top-p or
    any mask cut them: of its own modes one leaves out the temperature, the other cuts first."""
    from vllm.v1.sample.sampler import Sampler as VllmSampler  # noqa: PLC0415

    class PolicySampler(VllmSampler):
        _temperature_B: Any = None

        def forward(self, logits: Any, sampling_metadata: Any, *rest: Any, **more: Any) -> Any:
            self._temperature_B = sampling_metadata.temperature
            try:
                return super().forward(logits, sampling_metadata, *rest, **more)
            finally:
                self._temperature_B = None

        def compute_logprobs(self, logits: Any) -> Any:
            if self._temperature_B is not None:
                # Greedy rows have temperature 0: told at temperature 1, like our own sampler's.
                warm_B = self._temperature_B.masked_fill(self._temperature_B == 0, 1.0)
                logits = logits.float() / warm_B[:, None]
            return VllmSampler.compute_logprobs(logits)

    return PolicySampler("raw_logprobs")


def serve(connection: wire.Connection) -> None:
    """Answer one trainer until it hangs up. What goes wrong is told to it and to the log."""
    sampler: Sampler | None = None
    try:
        while True:
            header = connection.receive()
            match header.get("do"):
                case "open":
                    sampler = Sampler(connection, header)
                case "load" if sampler is not None:
                    sampler.load(header)
                case "generate" if sampler is not None:
                    sampler.generate(header)
                case "close":
                    return
                case other:
                    reason = f"a request that makes no sense here: {other}"
                    connection.send({"is": "error", "reason": reason})
                    return
    except wire.WireError as error:
        print(f"sampler: {error}", file=sys.stderr)
    except Exception as error:  # noqa: BLE001 - the last line of defence: told and logged
        traceback.print_exc()
        first, *_ = str(error).strip().splitlines() or [""]
        connection.send({"is": "error", "reason": f"{type(error).__name__}: {first}"})


def listen(address: str, token: str) -> None:
    """Serve whoever knows the token, one after another."""
    host, port = wire.split_address(address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family) as door:
        bound = door.getsockname()
        print(f"sampler: listening on {bound[0]}:{bound[1]}", flush=True)
        while True:
            stream, peer = door.accept()
            with stream:
                connection = wire.Connection(stream)
                connection.allow(10.0)
                try:
                    wire.prove(connection, token, caller=False)
                except wire.WireError as error:
                    print(f"sampler: refused {peer[0]}: {error}", flush=True)
                    continue
                connection.allow(None)
                command = [sys.executable, __file__, "--socket", str(stream.fileno())]
                subprocess.run(command, pass_fds=[stream.fileno()], check=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    way = parser.add_mutually_exclusive_group(required=True)
    way.add_argument("--address", help="HOST:PORT to listen on; port 0 takes a free one")
    way.add_argument("--socket", type=int, help="number of a connected socket that is open")
    parser.add_argument("--token-env", default="R1WEB_SAMPLER_TOKEN")
    args = parser.parse_args()
    if args.address is not None:
        token = os.environ.get(args.token_env, "")
        if len(token) < 16:
            parser.error(f"{args.token_env} must hold a secret of at least 16 characters")
        listen(args.address, token)
        return
    # It lives as long as its parent and ends when the trainer hangs up: what asks the trainer's
    # process group to stop, asks the trainer.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.environ.update(_OFFLINE)
    serve(wire.Connection(socket.socket(fileno=args.socket)))
    sys.stdout.flush()
    os._exit(0)  # vLLM would take seconds to be taken down


if __name__ == "__main__":
    main()
