"""A kind of language model that a model's family or the task is not for is told before anything is loaded, by the key that says it."""

import pytest

from lopa_bench.cli.main import main


@pytest.mark.parametrize(
    ("line", "names", "offers"),
    [
        ("task=rte model=mini_clm model.kind=masked", "model.kind=masked: ", "nearest: model.kind=causal"),
        ("task=e2e model=mini_clm model.kind=masked", "family llama, which has no masked LM", "model.kind=causal"),
        ("task=rte model=mini_mlm model.kind=causal", "model.kind=causal: Roberta", "nearest: model.kind=masked"),
        ("task=e2e model=mini_mlm", "model.path=mini:mini-mlm is a masked LM", "task=e2e needs a causal one"),
    ],
)
def test_a_kind_that_the_files_are_not_of(line, names, offers, capsys, tmp_path):
    assert main([*line.split(), "method=pt", f"results_dir={tmp_path}/results"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert names in error
    assert offers in error
    assert not (tmp_path / "results").exists()
