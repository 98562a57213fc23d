"""The causal half of `pretrain_mini.py`: tokenizer, model and training of mini-clm."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
import torch.nn.functional as F
from model_cards import causal_card
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from lopa_bench.mini.clm_corpus import END, documents
from lopa_bench.mini.python_steps import LETTERS

PAD = "<|pad|>"
# GPT-2's pattern without its contractions, and every digit and line end a token of its own: a prompt that ends with its line
# (MBPP's does) then ends where the tokens of the whole text do, and what follows is what the model has seen follow.
PIECES = r"\n| ?\p{L}+| ?\p{N}| ?[^\s\p{L}\p{N}]+|[^\S\n]+(?!\S)|[^\S\n]+"


@dataclass(frozen=True)
class Recipe:
    """What determines the weights; the model card records it."""

    seed: int = 0
    steps: int = 2200
    batch: int = 8
    row: int = 512  # tokens a row, cut from documents laid end to end
    vocabulary: int = 1280
    layers: int = 6
    width: int = 128
    intermediate: int = 352
    heads: int = 4
    lr: float = 2e-3
    muon_lr: float = 0.02


def train_tokenizer(texts: list[str], recipe: Recipe) -> PreTrainedTokenizerFast:
    """A byte-level BPE over words and single digits.

    It learns from texts with one letter for each quoted value, and with its letters never doubled (suffix), so that values stay spelt out.
    """
    doubled = rf"([{LETTERS}])\1"
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    bpe.decoder = decoders.ByteLevel()
    bpe.train_from_iterator(
        (re.sub(doubled, r"\1 \1", re.sub("'[^']*'", "'x'", text)) for text in texts),
        trainers.BpeTrainer(
            vocab_size=recipe.vocabulary,
            special_tokens=[END, PAD],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        bos_token=END,
        eos_token=END,
        pad_token=PAD,
        padding_side="left",
        model_max_length=recipe.row,
    )


def build_model(recipe: Recipe, vocabulary: int) -> LlamaForCausalLM:
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocabulary,
            hidden_size=recipe.width,
            intermediate_size=recipe.intermediate,
            num_hidden_layers=recipe.layers,
            num_attention_heads=recipe.heads,
            max_position_embeddings=recipe.row,
            tie_word_embeddings=True,
            bos_token_id=0,
            eos_token_id=0,
            pad_token_id=1,
        )
    )


def batches(tokenizer: PreTrainedTokenizerFast, recipe: Recipe) -> Iterator[Tensor]:
    """Batches [batch, row + 1] of documents laid end to end, each closed by <|endoftext|>."""
    stream, size = documents(recipe.seed), recipe.row * recipe.batch + 1
    tokens: list[int] = []
    while True:
        while len(tokens) < size:
            for ids in tokenizer(list(islice(stream, 256)))["input_ids"]:
                tokens += [*ids, tokenizer.eos_token_id]
        yield torch.tensor(tokens[:size]).unfold(0, recipe.row + 1, recipe.row)
        tokens = tokens[size - 1 :]


def optimizers(model: nn.Module, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the blocks, AdamW for embeddings and norms."""
    inside = [p for name, p in model.named_parameters() if p.ndim == 2 and "embed" not in name]
    others = [p for name, p in model.named_parameters() if p.ndim != 2 or "embed" in name]
    return [
        torch.optim.Muon(inside, lr=recipe.muon_lr, weight_decay=0.01),
        torch.optim.AdamW(others, lr=recipe.lr, betas=(0.9, 0.98), weight_decay=0.0),
    ]


def train(model: LlamaForCausalLM, batches: Iterator[Tensor], recipe: Recipe) -> dict[int, float]:
    """One pass over text that never repeats; returns the mean loss of every 100 steps."""
    both = optimizers(model, recipe)
    schedules = [
        torch.optim.lr_scheduler.LambdaLR(
            optimizer,
            lambda step: min((step + 1) / 50, 1, (recipe.steps - step) / (0.5 * recipe.steps)),
        )
        for optimizer in both
    ]
    start, curve, losses = time.perf_counter(), {}, []
    for step, batch in enumerate(islice(batches, recipe.steps), start=1):
        batch = batch.to(model.device)
        with torch.autocast(model.device.type, torch.bfloat16):
            logits = model(input_ids=batch[:, :-1]).logits
        loss = F.cross_entropy(logits.flatten(0, 1).float(), batch[:, 1:].flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer, schedule in zip(both, schedules, strict=True):
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
        losses.append(loss.item())
        if step % 100 == 0:
            curve[step] = sum(losses) / len(losses)
            losses.clear()
            seconds = time.perf_counter() - start
            print(f"step {step} loss {curve[step]:.3f} after {seconds:.0f} s", flush=True)
    return curve


def pretrain(recipe: Recipe, out: Path) -> None:
    """Write the model, its tokenizer and its model card to ``out``."""
    start = time.perf_counter()
    torch.manual_seed(recipe.seed)
    tokenizer = train_tokenizer(list(islice(documents(recipe.seed), 10_000)), recipe)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = build_model(recipe, len(tokenizer)).to(device)  # type: ignore[arg-type]  # transformers' wrapper hides the overloads
    curve = train(model, batches(tokenizer, recipe), recipe)
    model.half().save_pretrained(out)
    tokenizer.save_pretrained(out)
    minutes = (time.perf_counter() - start) / 60
    (out / "README.md").write_text(causal_card(recipe, model.num_parameters(), curve, minutes, model.device))
