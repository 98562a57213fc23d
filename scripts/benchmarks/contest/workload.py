"""The benchmarks' models and texts: random weights in the shapes of RoBERTa and GPT-2, and the real texts where they are at hand.

Without them (`LOPA_BENCH_SHARED`, a folder that holds `data/`) texts of the same lengths are written: what a step costs depends on
lengths, not on meaning.
"""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import json
import os
import random
import string
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lopa_bench.config.compose import load_config
from lopa_bench.config.schema import Config

# Of RTE's train.tsv, MBXP's 974 problems and E2E's trainset.csv: least, every tenth part, greatest.
RTE_WORDS = ([4, 16, 20, 24, 27, 31, 35, 43, 71, 96, 239], [3, 5, 6, 6, 7, 8, 8, 9, 11, 14, 41])
MBPP_CHARACTERS = (
    [140, 205, 224, 243, 257, 276, 302, 331, 374, 452, 4388],
    [18, 51, 66, 80, 94, 117, 139, 172, 214, 306, 1231],
)
E2E_WORDS = ([3, 6, 7, 8, 9, 10, 10, 11, 12, 14, 19], [1, 12, 14, 16, 17, 19, 21, 23, 25, 29, 67])


@dataclasses.dataclass(frozen=True)
class Size:
    """How large the models and texts of a benchmark are.

    Attributes:
        learnt: entries that the tokenizers learn. vocabularies: the models' own, a masked and a causal one's; RoBERTa's and GPT-2's.
        share: of the rows of RTE and E2E, where texts are generated; with less than all they always are.
    """

    layers: int
    width: int
    learnt: int = 16_384
    vocabularies: tuple[int, int] = (50_265, 50_257)
    share: float = 1.0


SMALL, LARGE = Size(6, 384), Size(24, 1024)  # for a CPU; RoBERTa-large's and GPT-2 medium's, for a GPU
TINY = Size(1, 64, 400, (512, 512), 1 / 40)  # to see whether a benchmark runs


def size_here(tiny: bool) -> Size:
    """What a benchmark takes on this machine."""
    import torch

    return TINY if tiny else LARGE if torch.cuda.is_available() else SMALL


class Workload:
    """A folder with `data/` and the models `roberta`, `encoder` (the same shape, other weights) and `gpt2`."""

    def __init__(self, folder: Path, size: Size) -> None:
        self.folder, self.shape = folder, f"{size.layers}×{size.width}"
        real = Path(os.environ.get("LOPA_BENCH_SHARED", "")) / "data"
        self.real = bool(os.environ.get("LOPA_BENCH_SHARED")) and real.is_dir() and size.share == 1
        self.data = real if self.real else folder / "data"
        if not self.real:
            write_texts(self.data, size.share)
        write_models(folder, read_texts(self.data), size)

    @property
    def texts(self) -> str:
        return "the real texts" if self.real else "generated texts of the real lengths"

    def config(self, task: str, method: str, *overrides: str) -> Config:
        """A run at the paper's setting on this folder's models."""
        return load_config(self.overrides(task, method, *overrides))

    def overrides(self, task: str, method: str, *more: str) -> list[str]:
        """What `config` is made of, and `more`."""
        causal = task in {"mbpp", "e2e"}
        return [
            f"task={task}",
            f"method={method}",
            "scale=paper",
            "offline=true",
            "data.source=files",
            f"data.dir={self.data}",
            "model=local",
            f"model.path={self.folder / ('gpt2' if causal else 'roberta')}",
            f"results_dir={self.folder / 'results'}",
            "selection=last",
            *([f"model.encoder={self.folder / 'encoder'}"] if "lopa" in method else []),
            *more,
        ]


@contextlib.contextmanager
def workload(size: Size) -> Iterator[Workload]:
    """In a temporary folder, with a cache of instance features of its own."""
    before = os.environ.get("LOPA_BENCH_CACHE")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LOPA_BENCH_CACHE"] = str(Path(folder) / "cache")
        try:
            yield Workload(Path(folder), size)
        finally:
            os.environ.pop("LOPA_BENCH_CACHE")
            if before is not None:
                os.environ["LOPA_BENCH_CACHE"] = before


def read_texts(data: Path) -> list[str]:
    texts = [
        (data / "glue/RTE/train.tsv").read_text("utf-8-sig"),
        (data / "e2e/trainset.csv").read_text("utf-8")[:1_000_000],
    ]
    with (data / "mbpp/mxeval/mbpp_release_v1.jsonl").open(encoding="utf-8") as file:
        problems = [json.loads(line) for line in file]
    return texts + [row["prompt"] + (row["canonical_solution"] or "") for row in problems]


def write_models(folder: Path, texts: list[str], size: Size) -> None:
    import torch
    import transformers as hf
    from transformers.utils import logging

    logging.disable_progress_bar()
    special = {"bos": "<s>", "pad": "<pad>", "eos": "</s>", "unk": "<unk>", "mask": "<mask>"}
    masked = tokenizer(texts, special, size.learnt, ends=True)
    causal = tokenizer(texts, {"bos": "</s>", "eos": "</s>", "pad": "</s>"}, size.learnt, ends=False)
    layers, width = size.layers, size.width
    torch.manual_seed(0)
    roberta = hf.RobertaConfig(
        vocab_size=size.vocabularies[0],
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=width // 64,
        intermediate_size=4 * width,
        max_position_embeddings=514,
        type_vocab_size=1,
        pad_token_id=masked.pad_token_id,
        bos_token_id=masked.bos_token_id,
        eos_token_id=masked.eos_token_id,
    )
    gpt2 = hf.GPT2Config(
        vocab_size=size.vocabularies[1],
        n_embd=width,
        n_layer=layers,
        n_head=width // 64,
        n_positions=1024,
        pad_token_id=causal.pad_token_id,
        bos_token_id=causal.bos_token_id,
        eos_token_id=causal.eos_token_id,
        tie_word_embeddings=False,
    )
    models = {
        "roberta": (hf.RobertaForMaskedLM(roberta), masked),
        "encoder": (hf.RobertaForMaskedLM(roberta), masked),
        "gpt2": (hf.GPT2LMHeadModel(gpt2), causal),
    }
    # A flat distribution over tokens would make nucleus sampling sort the vocabulary at every step; this one is as peaked as a trained
    # model's.
    torch.nn.init.normal_(models["gpt2"][0].lm_head.weight, std=3 / width**0.5)
    for name, (model, own) in models.items():
        model.save_pretrained(folder / name)
        own.save_pretrained(folder / name)


def tokenizer(texts: list[str], special: dict[str, str], learnt: int, ends: bool) -> Any:
    """A byte-level BPE of these texts with `learnt` entries; `ends` puts the begin and end token around every text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=learnt,
        special_tokens=list(dict.fromkeys(special.values())),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator([*texts, " Yes No" * 1000], trainer)
    if ends:
        around = [(special[name], made.token_to_id(special[name])) for name in ("bos", "eos")]
        made.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=around)
    return PreTrainedTokenizerFast(tokenizer_object=made, **{f"{name}_token": token for name, token in special.items()})


def write_texts(data: Path, share: float) -> None:
    """Files in the data sets' own formats with that share of RTE's and E2E's rows, words of one list of 8,000, the lengths above."""
    draw = random.Random(0)
    lexicon = ["".join(draw.choices(string.ascii_lowercase, k=draw.randint(2, 9))) for _ in range(8_000)]

    def length(deciles: list[int]) -> int:
        part = draw.randrange(10)
        return draw.randint(deciles[part], deciles[part + 1])

    def words(count: int) -> str:
        return " ".join(draw.choices(lexicon, k=count))

    for folder in ("glue/RTE", "mbpp/mxeval", "e2e"):
        (data / folder).mkdir(parents=True, exist_ok=True)
    for name, rows in (("train", 2490), ("dev", 277)):
        lines = [
            f"{i}\t{words(length(RTE_WORDS[0]))}\t{words(length(RTE_WORDS[1]))}\tentailment"
            for i in range(round(share * rows))
        ]
        text = "\n".join(["index\tsentence1\tsentence2\tlabel", *lines])
        (data / f"glue/RTE/{name}.tsv").write_text(text + "\n", encoding="utf-8")
    with (data / "mbpp/mxeval/mbpp_release_v1.jsonl").open("w", encoding="utf-8") as file:
        for i in range(974):  # the splits are slices of these
            prompt, solution = (words(n)[:n] for n in map(length, MBPP_CHARACTERS))
            row = {
                "task_id": f"MBPP/{i}",
                "prompt": prompt,
                "canonical_solution": solution,
                "test": "",
                "entry_point": "f",
            }
            file.write(json.dumps(row) + "\n")
    for name, rows in (("trainset", 2000), ("devset", 200), ("testset_w_refs", 200)):
        with (data / f"e2e/{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["mr", "ref"])
            for _ in range(round(share * rows)):
                writer.writerow([f"name[{words(length(E2E_WORDS[0]))}]", words(length(E2E_WORDS[1]))])
