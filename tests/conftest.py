"""Tiny models of the architectures in use, randomly initialised, and the real data where it is."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import tempfile
from pathlib import Path

import pytest

from lopa_bench.metrics import captions

# Before torch is loaded: threads of several test processes on one core wait for each other far longer than they compute.
# In the workers only: they inherit what the process that starts them has set.
if workers := os.environ.get("PYTEST_XDIST_WORKER_COUNT"):
    os.environ["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // int(workers)))
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("WANDB_MODE", "disabled")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ["HF_MODULES_CACHE"] = tempfile.mkdtemp(prefix="lopa-bench-modules-")
os.environ["TRACKIO_DIR"] = tempfile.mkdtemp(prefix="lopa-bench-trackio-")
os.environ["LOPA_BENCH_CACHE"] = tempfile.mkdtemp(prefix="lopa-bench-cache-")

WORDS = "the a cat dog barn sees eats is was not every some red blue Yes No Maybe great terrible It , . ?".split()


ENTITIES = ["the dog", "a cat", "the barn", "every dog", "some cat", "the red barn", "a blue dog"]


@pytest.fixture(scope="session")
def rte_files(tmp_path_factory):
    """RTE in GLUE's layout: whether the second sentence repeats the first one's subject."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "glue/RTE").mkdir(parents=True)
    draw = random.Random(0)
    for name, rows in (("train", 60), ("dev", 30)):
        lines = ["index\tsentence1\tsentence2\tlabel"]
        for i in range(rows):
            subject, other = draw.sample(ENTITIES, 2)
            same = draw.random() < 0.5
            second = subject if same else other
            label = "entailment" if same else "not_entailment"
            lines.append(f'{i}\t{subject} sees "it\t{second} eats\t{label}')
        (folder / f"glue/RTE/{name}.tsv").write_text("\ufeff" + "\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def run_overrides(rte_files, tiny_models):
    """The overrides of a small run by its results folder."""
    return lambda results: [
        "task=rte",
        "scale=mini",
        "data.source=files",
        f"data.dir={rte_files}",
        "model=local",
        f"model.path={tiny_models('roberta')}",
        f"results_dir={results}",
        "train.epochs=2",
        "train.batch_size=8",
        "method.head_size=16",
    ]


@pytest.fixture
def overrides(run_overrides, tmp_path):
    return run_overrides(tmp_path / "results")


@pytest.fixture(scope="session")
def forkserver():
    """Processes that start in no time: forks of one that has imported everything and computed nothing."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["lopa_bench.run.execution", "transformers.models.roberta.modeling_roberta"])
    return context


@pytest.fixture(scope="session")
def meteor():
    """METEOR's Java process, which takes long to start: one for every test of the group "java", whose texts stand in these files."""
    if shutil.which("java") is None:
        pytest.skip("no Java on the PATH")
    texts = [
        (Path(__file__).parent / name).read_text(encoding="utf-8")
        for name in ("metrics/test_nlg.py", "cli/test_score.py")
    ]
    with captions.meteor_process(texts) as process:
        yield process


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data files; tests that need it are skipped without."""
    root = Path(os.environ.get("LOPA_BENCH_SHARED", Path(__file__).parents[1] / "../shared"))
    if not (root / "data").is_dir():
        pytest.skip("no real data: set LOPA_BENCH_SHARED to a folder that holds data/ and models/")
    return root


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory):
    """Folder of a tiny model by architecture: `tiny_models("roberta")`."""
    root = tmp_path_factory.mktemp("models")

    def folder(kind: str) -> Path:
        path = root / kind
        if not path.exists():
            make_tiny_model(kind, path)
        return path

    return folder


@pytest.fixture(scope="session")
def tokenizer_of():
    """A tokenizer by its special tokens."""
    return make_tokenizer


def make_tokenizer(special: dict[str, str]):
    """A byte-level BPE with all of `WORDS` as single tokens, with and without a leading space."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    specials = list(dict.fromkeys(special.values()))
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=specials,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([f"{word} {word} {word}" for word in WORDS for _ in range(20)], trainer)
    if "cls_token" in special:
        pair = [(special["cls_token"], 0), (special["sep_token"], 1)]
        ids = [(token, tokenizer.token_to_id(token)) for token, _ in pair]
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{pair[0][0]} $A {pair[1][0]}", special_tokens=ids
        )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=128, **special)


def make_tiny_model(kind: str, path: Path) -> None:
    """Write a 2-layer, 32-wide model of architecture `kind` with its tokenizer."""
    import torch
    import transformers as hf

    masked = {
        "pad_token": "<pad>",
        "unk_token": "<unk>",
        "cls_token": "<s>",
        "sep_token": "</s>",
        "mask_token": "<mask>",
    }
    causal = {"pad_token": "<pad>", "eos_token": "</s>", "bos_token": "</s>"}
    tokenizer = make_tokenizer(masked if kind in {"roberta", "bert", "electra"} else causal)
    size = {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "max_position_embeddings": 130,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }
    gpt = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 130, "vocab_size": len(tokenizer)}
    neo = {"hidden_size": 32, "num_layers": 2, "num_heads": 4, "vocab_size": len(tokenizer), "window_size": 8}
    neo |= {"attention_types": [[["global", "local"], 1]], "max_position_embeddings": 130}
    ends = {k: size[k] for k in ("pad_token_id", "bos_token_id", "eos_token_id")}
    build = {
        "roberta": lambda: hf.RobertaForMaskedLM(hf.RobertaConfig(**size, type_vocab_size=1)),
        "bert": lambda: hf.BertForMaskedLM(hf.BertConfig(**size)),
        "electra": lambda: hf.ElectraForMaskedLM(hf.ElectraConfig(**size, embedding_size=16)),
        "gpt2": lambda: hf.GPT2LMHeadModel(hf.GPT2Config(**gpt, **ends)),
        "codegen": lambda: hf.CodeGenForCausalLM(hf.CodeGenConfig(**gpt, **ends, rotary_dim=4)),
        "gpt_neo": lambda: hf.GPTNeoForCausalLM(hf.GPTNeoConfig(**neo, **ends)),
        "llama": lambda: hf.LlamaForCausalLM(hf.LlamaConfig(**size, num_key_value_heads=2)),
        "phi": lambda: hf.PhiForCausalLM(hf.PhiConfig(**size)),
        "phi3": lambda: hf.Phi3ForCausalLM(hf.Phi3Config(**size, num_key_value_heads=4)),
    }
    torch.manual_seed(0)
    model = build[kind]()
    # Weights as large as a trained model's, so that tests see effects rather than noise.
    for parameter in model.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.15)
    model.save_pretrained(path)
    tokenizer.save_pretrained(path)
