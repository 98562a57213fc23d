"""Whole runs of tasks that are written, on tiny causal models and the originals' file formats."""

import json
from pathlib import Path

import pytest
import tiny
import torch

from lopa_bench.config.compose import load_config
from lopa_bench.errors import Interrupted, RunFailed, UserError
from lopa_bench.host.processes import Processes
from lopa_bench.methods.adapted import AdaptedModel
from lopa_bench.metrics import nlg
from lopa_bench.run.checkpoint import Checkpoints
from lopa_bench.run.preflight import preflight
from lopa_bench.run.story import run
from lopa_bench.run.written import Written, kept
from lopa_bench.tasks.data_to_text import DataToText

PLACES = ["The Eagle", "The Mill", "Aromi", "Zizzi"]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """E2E and CRUXEval in the challenge's and the benchmark's own layout."""
    folder = tmp_path_factory.mktemp("generation")
    (folder / "e2e").mkdir()
    for name, prices in (("trainset", ("cheap", "high")), ("devset", ("moderate",)), ("testset_w_refs", ("£20-25",))):
        lines = ["mr,ref"]
        for place in PLACES:
            for price in prices:
                table = f'"name[{place}], eatType[pub], priceRange[{price}]"'
                lines += [f'{table},"{place}, a {price} pub."', f"{table},{place} is a {price} pub."]
        (folder / f"e2e/{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "cruxeval").mkdir()
    rows = [
        {"id": f"sample_{i}", "code": "def f(x):\n    return x + 1", "input": str(i), "output": str(i + 1)}
        for i in range(404)
    ]
    (folder / "cruxeval/cruxeval.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture
def overrides(files, tiny_models, tmp_path, monkeypatch):
    monkeypatch.setattr(nlg, "missing", lambda: dict.fromkeys(("meteor", "rouge_l", "cider"), "needs a Java runtime"))
    return [
        "scale=mini",
        "data.source=files",
        f"data.dir={files}",
        "model=local",
        f"model.path={tiny_models('gpt2')}",
        f"results_dir={tmp_path / 'results'}",
        "train.epochs=1",
        "train.batch_size=4",
        "train.max_length=100",
        "generation.max_new_tokens=6",
    ]


@pytest.mark.parametrize("method", ["lopa", "pt", "lora", "fft", "p_tuning_v2", "dept"])
def test_e2e(overrides, method):
    outcome = run(load_config([*overrides, "task=e2e", f"method={method}", "generation.select_rows=3"]))
    result = outcome.result
    assert result.data.rows == {"train": 16, "validation": 3, "test": 4}
    assert set(result.metrics) == {"bleu", "nist"}
    assert set(result.metrics_per_split["validation"]) == {"bleu"}
    assert set(result.scoring.missing) == {"meteor", "rouge_l", "cider"}
    assert result.metric == "bleu"
    assert result.steps == 4
    assert result.unended == 4  # of a model that knows nothing
    predictions = [json.loads(line) for line in (outcome.directory.path / "predictions.jsonl").open()]
    assert [p["target"] for p in predictions] == [f" {place}, a £20-25 pub." for place in PLACES]
    assert all("\n" not in p["prediction"] for p in predictions)


def test_cruxeval_with_samples(overrides):
    sampled = [
        "generation.decoding=sample",
        "generation.num_samples=5",
        "method=none",
        "data.limit=4",
        "task=cruxeval_o",
    ]
    outcome = run(load_config([*overrides, *sampled]))
    assert set(outcome.result.metrics) == {"pass@1", "pass@5"}
    assert outcome.result.scoring.sandbox in {"A", "B", "C"}
    predictions = [json.loads(line) for line in (outcome.directory.path / "predictions.jsonl").open()]
    assert [len(p["prediction"]) for p in predictions] == [5] * 4
    again = run(load_config([*overrides, *sampled, "force=true", "train.eval_batch_size=7"]))
    rows = [json.loads(line) for line in (again.directory.path / "predictions.jsonl").open()]
    assert rows == predictions


def made_of(overrides, name):
    outcome = run(load_config([*overrides, f"results_dir={overrides[5].partition('=')[2]}-{name}"]))
    return (outcome.directory.path / "predictions.jsonl").read_bytes()


@pytest.mark.parametrize(("ended_by", "left"), [("Ctrl-C", 2), ("its scorer", 0)])
def test_what_was_written_is_not_written_again(overrides, monkeypatch, ended_by, left):
    """Of four batches Ctrl-C comes in the third; a scorer that dies has had them all."""
    overrides = [*overrides, "task=e2e", "method=pt", "selection=last", "train.eval_batch_size=1"]
    undisturbed = made_of(overrides, "undisturbed")
    batches, generate = [], AdaptedModel.generate

    def counted(model, batch, spec):
        batches.append(batch.index.tolist())
        if len(batches) == 3 and ended_by == "Ctrl-C":
            raise KeyboardInterrupt
        return generate(model, batch, spec)

    def dies(*_):
        raise RunFailed("no score")

    monkeypatch.setattr(AdaptedModel, "generate", counted)
    with monkeypatch.context() as patch:
        if ended_by == "its scorer":
            patch.setattr(DataToText, "assess", dies)
        with pytest.raises((KeyboardInterrupt, RunFailed)):
            made_of(overrides, "ended")
    batches.append([])  # so that nothing ends it again
    before = len(batches)
    assert made_of(overrides, "ended") == undisturbed
    assert len(batches) - before == left
    assert not list(Path(f"{overrides[5].partition('=')[2]}-ended").rglob("checkpoint*"))


def test_texts_of_other_parameters_are_not_taken(tiny_models, tmp_path):
    model, checkpoints = tiny.adapt(tiny_models("gpt2"), "pt"), Checkpoints(tmp_path, 60)
    written = Written(model, checkpoints, Processes())
    assert written.of([3, 1], lambda: [[[5]], [[6, 7]]]) == [[[5]], [[6, 7]]]
    written.save()
    again = Written(model, checkpoints, Processes())
    assert again.of([1], lambda: [[[9]]]) == [[[6, 7]]]
    assert again.of([1, 2], lambda: [[[6, 7]], [[8]]]) == [[[6, 7]], [[8]]]  # a batch of which one row is missing
    with torch.no_grad():
        next(iter(model.trainable().values())).add_(1)
    assert Written(model, checkpoints, Processes()).of([1], lambda: [[[9]]]) == [[[9]]]


@pytest.mark.parametrize(
    "other", ["lopa_bench.run.written._machine", "lopa_bench.run.written.versions"], ids=["precision", "versions"]
)
def test_texts_of_another_machine_are_not_taken_nor_their_time(tiny_models, tmp_path, monkeypatch, other):
    model = tiny.adapt(tiny_models("gpt2"), "none")
    written = Written(model, Checkpoints(tmp_path, 60), Processes())
    written.of([0], lambda: [[[5]]])
    written._files.before = 1000.0
    written.save()
    monkeypatch.setattr(other, lambda *_: "other")
    for _ in range(2):
        checkpoints = Checkpoints(tmp_path, 60)
        again = Written(model, checkpoints, Processes())
        assert again.of([0], lambda: [[[9]]]) == [[[9]]]
        assert checkpoints.before < 10
        again.save()


def test_a_process_that_does_not_see_the_folder_keeps_nothing(tiny_models, tmp_path, overrides):
    config = load_config([*overrides, "task=e2e", "method=pt"])
    with kept(tiny.adapt(tiny_models("gpt2"), "pt"), config, Checkpoints(tmp_path / "away", 60), Processes()) as texts:
        assert texts is None
    assert not (tmp_path / "away").exists()


def test_who_stops_the_writing_on_a_full_disk_is_told_that_it_stopped(tiny_models, tmp_path, overrides, monkeypatch):
    def full(*_):
        raise RunFailed("no space")

    config = load_config([*overrides, "task=e2e", "method=pt"])
    monkeypatch.setattr(Checkpoints, "save", full)
    for raised in (Interrupted(15), RunFailed("no score")):
        with (
            pytest.raises(type(raised)) as caught,
            kept(tiny.adapt(tiny_models("gpt2"), "pt"), config, Checkpoints(tmp_path, 60), Processes()),
        ):
            raise raised
        assert caught.value is raised


def test_training_is_not_repeated_for_what_comes_after_it(overrides, monkeypatch, capsys):
    """However long ago the last checkpoint was; of labels, which are answered soon, there is none at the end."""
    overrides = [*overrides, "task=e2e", "method=pt", "checkpoint_every=3600"]

    def dies(*_):
        raise RunFailed("no score")

    with monkeypatch.context() as patch:
        patch.setattr(DataToText, "assess", dies)
        with pytest.raises(RunFailed):
            run(load_config(overrides))
    monkeypatch.setattr("lopa_bench.run.train.backward", dies)
    result = run(load_config(overrides)).result
    assert result.steps == 4
    assert "trained already, 4 steps" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["task=e2e", "method=lopa", "method.pooling=first"], ["pooling=first", "nearest: method.pooling=mean"]),
        (["task=e2e", "method=pt", "generation.max_new_tokens=100"], ["max_new_tokens=100", "max_new_tokens=99"]),
        (["task=e2e", "method=pt", "generation.max_new_tokens=null", "generation.decoding=beam"], ["max_new_tokens"]),
        (["task=e2e", "method=pt", "generation.count_prompt=true", "method.num_virtual_tokens=99"], ["max_length=101"]),
        (["task=e2e", "method=pt", "generation.decoding=beem"], ["decoding=beem", "nearest: generation.decoding=beam"]),
        (["task=e2e", "method=pt", "method.num_virtual_tokens=50"], ["150 positions", "130", "train.max_length=80"]),
        (
            ["task=rte", "method=pt", "data.source=mini", "data.dir=null", "task.causal_template=null"],
            ["causal", "give task.causal_template="],
        ),
    ],
)
def test_what_cannot_work_is_said_in_one_line(overrides, settings, words):
    own = [o for o in overrides if settings[0] != "task=rte" or not o.startswith("generation")]
    with pytest.raises(UserError) as error:
        preflight(load_config([*own, *settings]))
    assert "\n" not in str(error.value)
    for word in words:
        assert word in str(error.value)


def test_label_words_are_not_generated():
    with pytest.raises(UserError, match=r"generation\.temperature=0\.5: task=rte is answered by label words"):
        load_config(["task=rte", "generation.temperature=0.5"])
    assert "generation" not in load_config(["task=rte"]).resolved
