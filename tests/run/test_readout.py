"""A classifier in place of label words, a finished run as the start, and what is refused of both and of where a prompt stands."""

import json
import shutil

import pytest
import tiny
import torch
from torch.nn import functional as F

from lopa_bench.cli.main import main
from lopa_bench.config.compose import load_config
from lopa_bench.errors import UserError
from lopa_bench.models.backbone import Backbone
from lopa_bench.run import identity
from lopa_bench.run.model import adapt
from lopa_bench.run.records import read_records
from lopa_bench.run.story import run
from lopa_bench.run.trained import check_start, load_trained

FEW = ("data.limit=16", "train.epochs=1", "task=rte")


def test_its_loss_is_the_cross_entropy_over_classes(tiny_models):
    config = tiny.settings(tiny_models("roberta"), "pt", "readout=classifier")
    torch.manual_seed(0)
    model = adapt(config, Backbone.load(config.model, "fp32", torch.device("cpu"), offline=True)).eval()
    batch = tiny.batch(model, tiny.rows(model))
    words = torch.tensor(model.classifier.words)
    wanted = torch.tensor([0, 1, 1, 0])
    with torch.no_grad():
        first = model.hidden(batch)[:, 0]
        classes = model.classifier.layers(first)
    logits = model(batch)
    torch.testing.assert_close(logits[:, words], classes)
    loss = F.cross_entropy(logits, words[wanted])
    torch.testing.assert_close(loss, F.cross_entropy(classes, wanted))
    loss.backward()
    assert all(p.grad.isfinite().all() for p in model.trainable().values())
    assert set(model.trainable()) - set(model.added()) == {
        f"classifier.{n}" for n, _ in model.classifier.named_parameters()
    }


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    results = tmp_path_factory.mktemp("results")
    return {
        readout: run(
            load_config([*FEW, "method=idpg_layers", f"readout={readout}", f"results_dir={results}"])
        ).directory.path
        for readout in ("classifier", "label_words")
    }


def test_a_run_counts_it_apart_and_loads_again(finished):
    counts = {name: json.loads((path / "result.json").read_text())["parameters"] for name, path in finished.items()}
    d = 128
    assert counts["classifier"]["readout"] == d * d + d + 2 * d + 2
    assert counts["label_words"]["readout"] == 0
    assert counts["classifier"]["paper"] == counts["label_words"]["paper"]
    assert counts["classifier"]["trained"] == counts["classifier"]["paper"] + counts["classifier"]["readout"]
    _, model = load_trained(finished["classifier"])
    assert model.classifier is not None


def test_a_finished_run_is_the_start_of_another(finished, tmp_path):
    start = finished["label_words"]
    moved = shutil.copytree(start, tmp_path / "moved")
    words = [*FEW, "method=idpg_layers", "train.lr=0", f"results_dir={tmp_path}"]
    config, elsewhere = (load_config([*words, f"init_from={path}"]) for path in (start, moved))
    records = read_records(config)
    told = identity.determining(config, records)
    assert told == identity.determining(elsewhere, records)  # its content, not its path
    assert identity.digest(told) != identity.digest(identity.determining(load_config(words), records))
    done = run(config)
    assert (done.directory.path / "trained.safetensors").read_bytes() == (start / "trained.safetensors").read_bytes()


REFUSED = [
    ("method=lopa method.rank=full method.phm_blocks=8", "method.phm_blocks=8"),
    ("method=lopa_phm method.rank=full", "method.rank=full"),
    ("task=e2e method=pt readout=classifier", "readout=classifier"),
    ("task=rte method=none readout=classifier", "readout=classifier"),
    ("task=e2e method=lopa method.position=suffix", "method.position=suffix"),
    ("task=e2e method=idpg_layers", "method.reads=previous"),
    ("task=rte method=pt method.init=text", "method.init=text"),
    ("task=rte method=lpt method.layer=99", "method.layer=99"),
    ("task=rte model=mini_clm method=pt task.causal_template=null", "task.causal_template"),
    ("task=rte method=pt method.init_text=words", "method.init_text=words"),
    ("task=rte method=lopa method.rank=half", "method.rank=half"),
    ("task=rte method=lopa method.position=middle", "method.position=middle"),
    ("task=rte method=lopa method.head_layers=3", "method.head_layers=3"),
    ("task=rte method=lopa init_from=nowhere", "init_from=nowhere"),
]


@pytest.mark.parametrize(("words", "named"), REFUSED, ids=[words for words, _ in REFUSED])
def test_what_cannot_work_is_one_line(words, named, tmp_path, capsys):
    assert main([*words.split(), f"results_dir={tmp_path / 'results'}"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert named in err
    assert err.count("\n") == 1
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (
            "method=idpg_layers method.num_virtual_tokens=3",
            "do not fit: parts.bias is (3, 640), not (3, 384)",
        ),
        ("method=idpg_layers readout=classifier", "classifier.layers.1.bias is in only one of them"),
        ("method=idpg", "a run of method=idpg_layers, not idpg; nearest: method=idpg_layers"),
    ],
)
def test_a_start_that_does_not_fit_is_one_line_before_anything_is_written(words, named, finished, tmp_path, capsys):
    words = [*FEW, *words.split(), f"init_from={finished['label_words']}"]
    assert main([*words, f"results_dir={tmp_path}"]) == 2
    text = capsys.readouterr().err
    assert "init_from=" in text
    assert named in text
    assert text.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("frozen", ["true", "false"])
def test_a_start_beside_an_encoder_of_another_width_fits(frozen, tiny_models, tmp_path):
    """Heads of width 32, and a trained encoder's own weights, before a backbone of width 128."""
    words = [*FEW, "method=idpg", f"method.freeze_encoder={frozen}", f"model.encoder={tiny_models('bert')}"]
    start = run(load_config([*words, f"results_dir={tmp_path}"])).directory.path
    check_start(load_config([*words, f"init_from={start}"]))
    with pytest.raises(UserError, match="do not fit"):
        check_start(load_config([*FEW, "method=idpg", f"method.freeze_encoder={frozen}", f"init_from={start}"]))


def test_a_classifier_is_not_exported(finished, tmp_path, capsys):
    assert main(["export", f"run={finished['classifier']}", f"to={tmp_path / 'out'}"]) == 2
    assert "readout=label_words" in capsys.readouterr().err
