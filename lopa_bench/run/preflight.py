"""What must hold between a run's settings, checked before any weight is loaded. Imports no torch."""

from __future__ import annotations

import importlib.util
import os
import shutil
from importlib.metadata import version
from pathlib import Path

from huggingface_hub import constants

from lopa_bench.config.fields import SHORTEST
from lopa_bench.config.recipe import families
from lopa_bench.config.schema import Config
from lopa_bench.errors import Missing, UserError
from lopa_bench.host.extras import require
from lopa_bench.host.network import reason
from lopa_bench.host.processes import check_launched, process_count
from lopa_bench.models.files import ModelFiles, kind_of, locate
from lopa_bench.models.shape import Shape, window_of
from lopa_bench.models.usable import check_usable
from lopa_bench.results.directory import RESULT, TRAINED, load_result
from lopa_bench.run.kind import check_kind
from lopa_bench.run.label_words import check_label_words
from lopa_bench.run.readout import check_readout
from lopa_bench.run.unread import check_read
from lopa_bench.tasks.base import Task
from lopa_bench.tasks.places import find_files

SHARDING_TORCH = (2, 13)  # the first version lopa_bench.run.shard was run with
VLLM_WITHOUT_LORA = {"gpt2"}  # of the families here: its class has no SupportsLoRA
VLLM_LORA_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)  # that an engine can be started for


def preflight(config: Config) -> None:
    """Raise `UserError` for the first thing that cannot work: a missing file, a label word, lengths, a shape that does not fit."""
    check_launched()
    _check_recipe(config)
    check_read(config)
    _check_packages(config)
    _check_start(config)
    _check_all_there(config)
    for key, named in config.pretrained.items():
        check_usable(key, locate(*named, config.offline, key), config.model.trust_remote_code)
    files = locate(config.model.path, config.model.revision, config.offline)
    _check_speed(config)
    _check_shard(config)
    if not files.config:
        return  # a hub model that has not been downloaded: checked again when it has
    check_kind(config, files)
    check_readout(config, kind_of(config.model, files))
    _check_lengths(config, files)
    _check_generation(config, files)
    check_label_words(config, files)
    if problem := config.method.objection(config, shape_of(config, files)):
        raise UserError(problem)


def _check_packages(config: Config) -> None:
    if config.data.source == "hub":
        require("datasets", "data.source=hub")
    if config.tracker.package:
        require(config.tracker.package, f"tracker={config.tracker.package}")


def _check_recipe(config: Config) -> None:
    known = families(config.recipe)
    if known is not None and config.task.family not in known:
        told = f"is for tasks of the family {' or '.join(known)}, task={config.task.name} is of {config.task.family}"
        raise UserError(f"recipe={config.recipe} {told}; nearest: recipe=paper")


def _check_start(config: Config) -> None:
    start = config.init_from
    if start and not all((Path(start) / name).is_file() for name in (RESULT, TRAINED)):
        raise UserError(f"init_from={start}: there is no finished run ({RESULT} and {TRAINED}) there")
    if start and (method := load_result(start)[1].method) != config.method.name:
        raise UserError(
            f"init_from={start}: a run of method={method}, not {config.method.name}; nearest: method={method}"
        )


def _check_speed(config: Config) -> None:
    compilers = (os.environ.get("CXX", ""), "c++", "g++", "clang++", "cl")
    if config.train.compile and not any(map(shutil.which, compilers)):
        raise UserError(
            "train.compile=true: torch.compile needs a C++ compiler and none is on the PATH; nearest: train.compile=false"
        )
    if config.train.gradient_checkpointing and config.method.fills_cache:
        raise UserError(
            f"train.gradient_checkpointing=true: method={config.method.name} fills the key/value cache, which checkpointed layers "
            "do not read; nearest: train.gradient_checkpointing=false with train.accumulate"
        )


def _check_all_there(config: Config) -> None:
    """Models and data, all that is missing in one line."""
    missing = []
    for key, named in config.pretrained.items():
        try:
            locate(*named, config.offline, key)
        except Missing as error:
            missing.append(str(error))
    if config.data.source == "files" or config.data.own:
        find_files(config.task, config.data, config.selection)
    if config.data.source == "hub" and config.offline and not in_hub_cache(config.task):
        missing.append(f"data.source=hub: {config.task.name} is not in the data set cache")
    if missing and config.offline:
        missing.append(
            f"and {reason()}, so nothing is downloaded: run once without it, "
            "or take folders (model=local model.path=DIR, data.source=files data.dir=DIR) or scale=mini"
        )
    if missing:
        raise UserError("; ".join(missing))


def _check_shard(config: Config) -> None:
    if not config.train.shard:
        return
    if process_count() < 2:
        raise UserError(
            "train.shard=true divides the model among several processes and this is the only one; "
            "nearest: accelerate launch --multi_gpu --num_processes N -m lopa_bench …, or train.shard=false"
        )
    if tuple(map(int, version("torch").split(".")[:2])) < SHARDING_TORCH:
        raise UserError(
            f"train.shard=true needs torch {'.'.join(map(str, SHARDING_TORCH))} or newer, not {version('torch')}"
        )
    if config.train.compile:
        raise UserError("train.shard=true: a sharded model is not compiled; nearest: train.compile=false")


def shape_of(config: Config, files: ModelFiles) -> Shape:
    """The sizes that the models' config.json files say (no parameter count)."""
    encoder = _encoder_files(config, files)
    return Shape(
        width=files.width,
        layers=files.layers,
        key_width=files.key_width,
        encoder_width=encoder.width,
        positions=files.positions,
        parameters=0,
        encoder_kind=encoder.kind if encoder.config else None,
        kind=kind_of(config.model, files),
        window=window_of(files.config),
    )


def _encoder_files(config: Config, files: ModelFiles) -> ModelFiles:
    """The files of the instance encoder, where the method has one; else the backbone's."""
    own = config.pretrained.get("model.encoder")
    return locate(*own, config.offline) if own else files


def in_hub_cache(task: Task) -> bool:
    """Whether `datasets` has kept the task's data from an earlier run."""
    cache = Path(os.environ.get("HF_DATASETS_CACHE", f"{constants.HF_HOME}/datasets"))
    return task.hub is not None and any(cache.glob(f"*{task.hub.path.replace('/', '___')}*"))


def _check_generation(config: Config, files: ModelFiles) -> None:
    """That there is room for an input, and that a row's text depends on nothing but the row."""
    if config.generation is None:
        return
    new, length = config.generation.max_new_tokens, config.text_length
    if length < 2:
        raise UserError(
            f"train.max_length={config.train.max_length}: {config.method.prompt_length} virtual tokens are taken out of it "
            f"(generation.count_prompt=true); nearest: train.max_length={config.method.prompt_length + 2}"
        )
    if new is not None and new >= length:
        raise UserError(
            f"generation.max_new_tokens={new}: of {length} tokens in all (train.max_length) none is left for the input; "
            f"nearest: generation.max_new_tokens={length - 1}"
        )
    if config.generation.generator == "vllm":
        _check_vllm(config, files)
    if (samples := config.generation.num_samples) > 1:
        told = f"generation.num_samples={samples}"
        if config.generation.decoding != "sample":
            raise UserError(
                f"{told}: with generation.decoding={config.generation.decoding} all of them are one text; "
                "nearest: generation.decoding=sample"
            )
        if config.task.kind != "programs":
            raise UserError(
                f"{told}: task={config.task.name} is scored by one text a row; nearest: generation.num_samples=1"
            )
    if new is None and config.generation.decoding == "beam":
        raise UserError("generation.max_new_tokens is needed with generation.decoding=beam")


def _check_vllm(config: Config, files: ModelFiles) -> None:
    """Raise `UserError` for what vLLM cannot write. It is looked for, not imported."""
    instead = "nearest: generation.generator=null"
    if importlib.util.find_spec("vllm") is None:
        raise UserError(
            f"generation.generator=vllm: vllm is not installed; pip install vllm on a GPU machine, {instead}"
        )
    if config.generation and config.generation.decoding == "beam":
        raise UserError(
            f"generation.generator=vllm: its beam search takes no soft prompts, so generation.decoding=beam is not written by it; {instead}"
        )
    if "vllm" not in config.method.written_by:
        raise UserError(
            f"generation.generator=vllm: method={config.method.name} changes more of the backbone than vLLM takes; {instead}"
        )
    if (rank := config.method.adapter_rank or 0) > (most := VLLM_LORA_RANKS[-1]):
        raise UserError(
            f"method.rank={rank}: vLLM takes adapters of rank {most} at most; nearest: method.rank={most}, or generation.generator=null"
        )
    if config.method.adapter_rank and files.config["model_type"] in VLLM_WITHOUT_LORA:
        raise UserError(f"generation.generator=vllm: vLLM puts no adapter under model={config.model.name}; {instead}")
    if process_count() > 1:
        raise UserError(f"generation.generator=vllm: not in a run of several processes; {instead}")


def _check_lengths(config: Config, files: ModelFiles) -> None:
    m, length = config.method.prompt_length, config.train.max_length
    positions = m + config.text_length
    if positions > files.positions:
        key = f"method.num_virtual_tokens={m}" if m else "no virtual token"
        if (fewer := length - positions + files.positions) < SHORTEST:
            fewer_tokens = files.positions - config.text_length
            nearest = (
                f"method.num_virtual_tokens={fewer_tokens}"
                if fewer_tokens > 0
                else f"fewer of both, {files.positions} in all"
            )
            raise UserError(
                f"{key}: with train.max_length={length} that is {positions} positions, the model has {files.positions}; nearest: {nearest}"
            )
        raise UserError(
            f"train.max_length={length}: with {key} that is {positions} positions, the model has {files.positions}; "
            f"nearest: train.max_length={fewer}"
        )
