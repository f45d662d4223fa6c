"""Runs in vLLM's own environment: writes completions of a saved model again and again.

python vllm_worker.py DIRECTORY DTYPE GROUP TOKENS PROMPTS OUT: prompts are a JSON list of token
lists. Each line of the input makes one batch; its seconds are a line on file descriptor OUT. The
line before the first says that the model is loaded.
"""

import json
import os
import shutil
import sys
import time

os.environ.update(
    VLLM_CPU_KVCACHE_SPACE="4",  # GB
    VLLM_ENABLE_V1_MULTIPROCESSING="0",
    VLLM_NO_USAGE_STATS="1",
    HF_HUB_OFFLINE="1",
)

from vllm import LLM, SamplingParams


def main(directory: str, dtype: str, group: int, tokens: int, prompts: str, out: int) -> None:
    asked = [{"prompt_token_ids": prompt} for prompt in json.loads(prompts)]
    model = LLM(
        model=directory,
        dtype=dtype,
        skip_tokenizer_init=True,
        max_model_len=512,
        max_num_seqs=len(asked) * group,
        # Compiled where there is a compiler, which is vLLM's default and its fastest.
        enforce_eager=shutil.which("g++") is None,
        # AMX_MLA, its default and its fastest, computes in bf16.
        **({"attention_backend": "CPU_MLA"} if dtype == "float32" else {}),
    )
    # No log-probabilities, which it would have to compute besides.
    sampling = SamplingParams(
        n=group, temperature=1.0, max_tokens=tokens, ignore_eos=True, detokenize=False
    )
    with os.fdopen(out, "w") as told:
        print("loaded", file=told, flush=True)
        for _ in sys.stdin:
            start = time.perf_counter()
            written = model.generate(asked, sampling, use_tqdm=False)
            seconds = time.perf_counter() - start
            if any(len(one.token_ids) != tokens for each in written for one in each.outputs):
                raise RuntimeError("a completion is shorter than asked for")
            print(seconds, file=told, flush=True)


if __name__ == "__main__":
    directory, dtype, group, tokens, prompts, out = sys.argv[1:]
    main(directory, dtype, int(group), int(tokens), prompts, int(out))
