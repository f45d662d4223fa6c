"""Any other Hugging Face causal language model, computed by transformers' own class.

It offers what `Transformer` offers to those that train, sample and save: hidden states, an output
head that never writes [tokens, vocab], scores of completions. Experts of such a model train without
balancing: counts and bias are our router's.

B sequences, T time, M completion tokens of the batch in row order, D hidden size, V vocabulary.
"""

from __future__ import annotations

import inspect
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from torch import Tensor, nn

from kernels.linear_logprob import linear_logprob
from training.model import row_attention
from training.model.config import ModelConfigError
from training.model.hf import CheckpointError
from training.model.logprobs import CompletionLogprobs
from training.model.packing import pack, prompt_lengths
from training.model.rows import pack_rows

TOKENIZER_FILES = (
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "vocab.json", "merges.txt", "tokenizer.model", "chat_template.jinja",
)  # fmt: skip
ROUNDING = 0.1
"""Most by which rounding may move a state, as a share of the largest; errors move it by more."""


class CausalLM(nn.Module):
    """`network` is a model of transformers' AutoModelForCausalLM.

    Raises `ModelConfigError` where its logits are not its hidden states times its head's weight (up
    to a factor), or where no key-value cache of attention layers can hold what it remembers.
    """

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network
        self.config = network.config.get_text_config(decoder=True)
        self.head = Head(_head_weight(network), _logit_scale(self.config))
        self._takes_positions = "position_ids" in inspect.signature(self.trunk.forward).parameters
        _check_cache(self.config)
        self.train(self.training)
        self.shares = self._takes_positions and row_attention.install(network) and _reads_rows(self)
        """Whether sequences are read as one row of tokens, in which they share their prompts."""
        self.packs = self._takes_positions and _keeps_apart(self)
        """Whether several documents in one row do not see each other, by their positions."""

    @property
    def trunk(self) -> Any:
        """The network without its head."""
        return self.network.base_model

    @property
    def eos_ids(self) -> frozenset[int]:
        """Every token that ends a sequence, by generation_config.json."""
        ids = self.network.generation_config.eos_token_id
        return frozenset([ids] if isinstance(ids, int) else ids or [])

    def train(self, mode: bool = True) -> Self:
        """Dropout stays off: what is trained has to be what was sampled from."""
        super().train(mode)
        self.network.eval()
        return self

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Move buffers with the model but leave their dtype: they hold rotary frequencies and
        routing biases, which transformers keeps in fp32."""
        exact = dict(self.named_buffers())
        super()._apply(fn, recurse)
        for name, moved in list(self.named_buffers()):
            if moved.dtype != exact[name].dtype:
                parent, _, leaf = name.rpartition(".")
                setattr(self.get_submodule(parent), leaf, exact[name].to(moved.device))
        return self

    def forward(self, tokens_BT: Tensor, attention_mask_BT: Tensor | None = None) -> Tensor:
        """Hidden states [B, T, D] after the last norm, arbitrary at padding.

        The mask is 1 at the tokens that count and 0 at padding on either side.
        """
        return self.read(tokens_BT, attention_mask_BT).last_hidden_state

    def read(
        self, tokens_BT: Tensor, attention_mask_BT: Tensor | None = None, cache: Any = None
    ) -> Any:
        """transformers' output for `tokens_BT`, which stand behind what `cache` holds.

        The mask covers cache and tokens.
        """
        arguments: dict[str, Any] = {"use_cache": cache is not None}
        if cache is not None:
            arguments["past_key_values"] = cache
        if attention_mask_BT is not None:
            arguments["attention_mask"] = attention_mask_BT.long()
            if self._takes_positions:
                positions_BT = (attention_mask_BT.long().cumsum(1) - 1).clamp_(min=0)
                arguments["position_ids"] = positions_BT[:, -tokens_BT.shape[1] :]
        return self.trunk(input_ids=tokens_BT, **arguments)

    def completion_logprobs(
        self,
        tokens_BT: Tensor,
        attention_mask_BT: Tensor,
        completion_mask_BT: Tensor,
        temperature: float = 1.0,
    ) -> CompletionLogprobs:
        """See `training.model.logprobs`. Prompts are shared where `shares` is true. Elsewhere
        sequences are packed into rows as long as the longest of them; padding is computed only
        where `packs` is false, too."""
        mask_BT, scored_BT = attention_mask_BT.bool(), completion_mask_BT.bool()
        before_BT = F.pad(scored_BT[:, 1:], (0, 1))
        if self.shares:
            packed = pack(tokens_BT, mask_BT, prompt_lengths(mask_BT, scored_BT))
            hidden_ND = row_attention.read(self.trunk, packed)
            places_BT = (mask_BT.cumsum(1) - 2).clamp_(min=0)
            hidden_MD = hidden_ND.index_select(0, packed.rows_BT.gather(1, places_BT)[scored_BT])
        elif self.packs:
            rows = pack_rows(tokens_BT, mask_BT)
            found = self.trunk(
                input_ids=rows.tokens_RS, position_ids=rows.positions_RS, use_cache=False
            )
            hidden_MD = found.last_hidden_state.flatten(0, 1)[rows.places_BT[before_BT]]
        else:
            hidden_MD = self(tokens_BT, attention_mask_BT)[before_BT]
        logprobs_M, entropy_M = self.head(hidden_MD, tokens_BT[scored_BT], temperature)
        zeros_BT = torch.zeros(tokens_BT.shape, dtype=torch.float32, device=tokens_BT.device)
        return CompletionLogprobs(
            zeros_BT.masked_scatter(scored_BT, logprobs_M),
            zeros_BT.masked_scatter(scored_BT, entropy_M),
        )

    def logits(self, hidden: Tensor) -> Tensor:
        """Scores over the vocabulary, [..., D] to [..., V]."""
        return F.linear(hidden, self.head.weight) * self.head.scale


class Head(nn.Module):
    """The network's output projection again, as a module of its own: under ZeRO stage 3 a weight
    is whole only inside the forward of a module that owns it."""

    def __init__(self, weight: nn.Parameter, scale: float) -> None:
        super().__init__()
        self.weight = weight
        self.scale = scale

    def forward(
        self, hidden_MD: Tensor, targets_M: Tensor, temperature: float = 1.0
    ) -> tuple[Tensor, Tensor]:
        """Log-probabilities [M] of `targets_M` and entropies [M] (nats), both fp32."""
        return linear_logprob(hidden_MD, self.weight, targets_M, temperature / self.scale)


@torch.no_grad()
def _reads_rows(model: CausalLM) -> bool:
    """Whether two sequences that share their prompt have the states in one row that they have by
    themselves, up to rounding: a class may do more in its attention than it says."""
    tokens_BT = torch.tensor([[0, 1, 2, 3, 4, 5], [0, 1, 2, 6, 7, 8]]) % len(model.head.weight)
    packed = pack(tokens_BT, prompt_lengths_B=torch.tensor([3, 3]))
    alone_BTD = model.trunk(input_ids=tokens_BT, use_cache=False).last_hidden_state
    row_BTD = row_attention.read(model.trunk, packed)[packed.rows_BT[:, : tokens_BT.shape[1]]]
    return float((row_BTD - alone_BTD).abs().max()) < ROUNDING * float(alone_BTD.abs().max())


def _keeps_apart(model: CausalLM) -> bool:
    """Whether a document's states are the same, bit for bit, whatever stands before it in its row:
    transformers hides other documents from attention where positions start again, but only in
    classes that build their masks by its common code."""
    positions_1T = torch.arange(4).repeat(2)[None]
    tokens_1T = torch.tensor([[0, 1, 2, 3, 0, 1, 2, 3]]) % model.head.weight.shape[0]
    others_1T = torch.tensor([[3, 2, 1, 0, 0, 1, 2, 3]]) % model.head.weight.shape[0]
    with torch.no_grad():
        one, two = (
            model.trunk(input_ids=row, position_ids=positions_1T, use_cache=False)
            for row in (tokens_1T, others_1T)
        )
    return torch.equal(one.last_hidden_state[:, 4:], two.last_hidden_state[:, 4:])


def fresh_llama(**dimensions: Any) -> CausalLM:
    """A Llama with random weights; `dimensions` by the names of transformers' LlamaConfig."""
    from transformers import LlamaConfig, LlamaForCausalLM  # noqa: PLC0415 - takes 3 s

    return CausalLM(LlamaForCausalLM(LlamaConfig(**dimensions)))


def load(path: Path, dtype: torch.dtype | None = None) -> CausalLM:
    """Read the model in `path`, in `dtype` or as stored.

    Raises `CheckpointError` for a file or tensor that is missing, superfluous, broken or of the
    wrong shape, and `ModelConfigError` for a model that cannot be trained here.
    """
    from transformers import AutoConfig, AutoModelForCausalLM  # noqa: PLC0415 - takes 3 s
    from transformers.utils import logging  # noqa: PLC0415

    logging.disable_progress_bar()
    try:
        config = AutoConfig.from_pretrained(path, local_files_only=True)
        _check_config(config)
        network, told = AutoModelForCausalLM.from_pretrained(
            path, config=config, dtype=dtype or "auto", local_files_only=True,
            use_safetensors=True, output_loading_info=True, ignore_mismatched_sizes=True,
        )  # fmt: skip
    except ModelConfigError:
        raise
    except (ImportError, OSError, ValueError, RuntimeError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0]
        raise CheckpointError(f"{path}: transformers cannot load it: {reason}") from error
    _check_told(path, told)
    model = CausalLM(network)
    check_logits(model)
    return model


def save(model: CausalLM, path: Path, tokenizer_path: Path | str | None = None) -> None:
    """Write `model` as it is to the directory `path`, with the tokenizer files of another."""
    model.network.save_pretrained(path)
    for name in TOKENIZER_FILES if tokenizer_path is not None else ():
        source = Path(tokenizer_path or "") / name
        if source.exists() and source.resolve() != (path / name).resolve():
            shutil.copyfile(source, path / name)


def tensors(model: CausalLM) -> Iterator[tuple[str, Tensor]]:
    """What `save` writes, by name: tied tensors once, views of the model's memory unless
    transformers cuts them for the file, as it does with experts."""
    from transformers.core_model_loading import revert_weight_conversion  # noqa: PLC0415 - 3 s

    state: dict[str, Tensor] = {}
    seen: set[tuple[int, torch.Size]] = set()
    for name, tensor in model.network.state_dict().items():
        place = (tensor.data_ptr(), tensor.shape)
        if place not in seen:
            seen.add(place)
            state[name] = tensor
    yield from revert_weight_conversion(model.network, state).items()


def _head_weight(network: Any) -> nn.Parameter:
    head = network.get_output_embeddings()
    name = type(network).__name__
    if not isinstance(head, nn.Linear):
        raise ModelConfigError(f"architectures: {name} has no linear output head to train through")
    if head.bias is not None:
        raise ModelConfigError(
            f"architectures: the output head of {name} has a bias, which is not supported"
        )
    return head.weight


def _logit_scale(config: Any) -> float:
    """Cohere multiplies its logits by a constant, Granite divides them."""
    scale: float = getattr(config, "logit_scale", None) or 1.0
    return scale / (getattr(config, "logits_scaling", None) or 1.0)


def _check_config(config: Any) -> None:
    text = config.get_text_config(decoder=True)
    for name in ("final_logit_softcapping", "logits_soft_cap"):
        if getattr(text, name, None) is not None:
            raise ModelConfigError(
                f"{name} is {getattr(text, name)}: soft-capped logits are not supported"
            )
    if getattr(config, "quantization_config", None) is not None:
        raise ModelConfigError(
            "quantization_config: quantised weights cannot be trained; start from the model's "
            "unquantised directory"
        )


def _check_cache(config: Any) -> None:
    """Sampling repeats and cuts the cache along the batch: only keys and values allow that."""
    from transformers.cache_utils import DynamicCache, DynamicLayer  # noqa: PLC0415 - takes 3 s

    for layer in DynamicCache(config=config).layers:
        if not isinstance(layer, DynamicLayer):
            raise ModelConfigError(
                f"model_type is {config.model_type!r}: layers that remember other things than "
                "keys and values are not supported"
            )


def _check_told(path: Path, told: dict[str, Any]) -> None:
    """transformers makes up what is missing and drops what is superfluous; we do neither."""
    if told["missing_keys"]:
        raise CheckpointError(f"{min(told['missing_keys'])} is missing from the checkpoint")
    if told["mismatched_keys"]:
        name, found, wanted = min(told["mismatched_keys"])
        raise CheckpointError(
            f"{name} has shape {list(found)}: config.json asks for {list(wanted)}"
        )
    if told["unexpected_keys"]:
        name = min(told["unexpected_keys"])
        raise CheckpointError(f"{path} holds a tensor this model has no place for: {name}")


@torch.no_grad()
def check_logits(model: CausalLM) -> None:
    """Raises `ModelConfigError` unless head and hidden states give the network's own logits: its
    class may do more than we know of."""
    tokens_1T = torch.arange(4)[None] % model.head.weight.shape[0]
    theirs, ours = model.network(tokens_1T).logits.float(), model.logits(model(tokens_1T)).float()
    if not torch.allclose(ours, theirs, rtol=1e-2, atol=1e-3 * float(theirs.abs().max())):
        raise ModelConfigError(
            f"architectures: {type(model.network).__name__} does more to its logits than its "
            "output head, which is not supported"
        )
