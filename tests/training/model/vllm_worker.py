"""Runs in vLLM's own environment: greedy tokens of a saved model.

python vllm_worker.py DIRECTORY PROMPTS TOKENS: prompts and answer are JSON lists of token lists;
the answer is the last line printed.
"""

import json
import os
import sys

os.environ["VLLM_CPU_KVCACHE_SPACE"] = "1"  # GB
os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"

from vllm import LLM, SamplingParams


def main(directory: str, prompts: list[list[int]], tokens: int) -> None:
    model = LLM(
        model=directory,
        dtype="float32",
        skip_tokenizer_init=True,
        enforce_eager=True,
        max_model_len=128,
        max_num_seqs=len(prompts),
        # vLLM 0.32 on a CPU: AMX_MLA, its default, computes in bf16, and its own rotary operator
        # turns a query of several heads wrongly; its plain torch one does not.
        attention_backend="CPU_MLA",
        compilation_config={"custom_ops": ["-rotary_embedding"]},
    )
    greedy = SamplingParams(temperature=0, max_tokens=tokens, ignore_eos=True, detokenize=False)
    found = model.generate([{"prompt_token_ids": prompt} for prompt in prompts], greedy)
    sys.stdout.write("\n" + json.dumps([list(one.outputs[0].token_ids) for one in found]) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3]))
