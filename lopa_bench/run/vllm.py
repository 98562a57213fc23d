"""`generation.generator=vllm`: the backbone stays untouched in a vLLM engine; a soft prompt reaches it as embeddings, LoRA as an adapter.

vLLM (an extra, for GPU machines) is imported only here. Its sampler draws other numbers than ours for the same seed.
"""

from __future__ import annotations

import itertools
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from lopa_bench.run.preflight import VLLM_LORA_RANKS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lopa_bench.config.schema import Config
    from lopa_bench.methods.adapted import AdaptedModel
    from lopa_bench.models.batches import Split
    from lopa_bench.models.decoding import GenerationSpec

MEMORY = 0.5  # of the GPU; the model in training keeps the rest
_adapter_numbers = itertools.count(1)


def tokens(
    model: AdaptedModel, split: Split, config: Config, spec: GenerationSpec, budgets: Sequence[int]
) -> list[list[list[int]]]:
    """New tokens of every row and sample; the engine makes its own batches.

    Args:
        budgets: how many new tokens each row may take.
    """
    from vllm.lora.request import LoRARequest

    rank, soft = config.method.adapter_rank, config.method.prompt_length > 0
    backbone = model.backbone
    llm = engine(
        backbone.files.source,
        backbone.files.revision,
        str(backbone.dtype).removeprefix("torch."),
        backbone.files.positions,
        soft,
        rank,
    )
    parameters = [
        sampling(spec, budget, spec.row_seed(row, 0))
        for row, budget in zip(split.numbers.tolist(), budgets, strict=True)
    ]
    prompts = (
        embedded(model, split, config.train.eval_batch_size)
        if soft
        else [{"prompt_token_ids": list(r.ids)} for r in split.rows]
    )
    with tempfile.TemporaryDirectory() as folder:
        request = None
        if rank:
            config.method.export(model, config, Path(folder))
            number = next(_adapter_numbers)
            request = LoRARequest(f"lopa-bench-{number}", number, folder)
        answers = llm.generate(prompts, parameters, lora_request=request, use_tqdm=False)
    return [[list(sample.token_ids) for sample in answer.outputs] for answer in answers]


@lru_cache(maxsize=1)
def engine(path: str, revision: str | None, dtype: str, positions: int, soft: bool, rank: int | None) -> Any:
    """One engine for all epochs and runs of a backbone."""
    from vllm import LLM

    lora = {} if rank is None else {"enable_lora": True, "max_lora_rank": min(r for r in VLLM_LORA_RANKS if r >= rank)}
    return LLM(
        model=path,
        revision=revision,
        dtype=dtype,
        max_model_len=positions,
        enable_prompt_embeds=soft,
        gpu_memory_utilization=MEMORY,
        **lora,
    )


def sampling(spec: GenerationSpec, budget: int, seed: int) -> Any:
    """What vLLM is told of a row."""
    from vllm import SamplingParams

    settings = spec.settings
    drawn = settings.decoding == "sample"
    return SamplingParams(
        n=settings.num_samples,
        temperature=settings.temperature if drawn else 0.0,
        top_p=settings.top_p if drawn else 1.0,
        max_tokens=budget,
        stop=list(spec.stop_words),
        seed=seed,
    )


@torch.no_grad()
def embedded(model: AdaptedModel, split: Split, batch_size: int) -> list[dict[str, Any]]:
    """Soft prompt and embedded input of every row, [M + T, D] without padding."""
    prompts: list[dict[str, Any]] = []
    for start in range(0, len(split), batch_size):
        batch = split.batch(range(start, min(start + batch_size, len(split)))).to(model.backbone.device)
        with model.backbone.autocast():
            embeds, mask = model.inputs(batch)
        prompts += [
            {"prompt_embeds": row[kept.bool()].to(model.backbone.dtype).cpu()}
            for row, kept in zip(embeds, mask, strict=True)
        ]
    return prompts
