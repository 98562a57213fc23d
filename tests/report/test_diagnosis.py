"""Runs that learnt nothing are named, with what it may be; honest runs are left alone."""

from synthetic import write_run

from lopa_bench.cli.report import main
from lopa_bench.report.diagnosis import MOST, diagnose
from lopa_bench.results.read import read_runs


def diagnosed(root):
    return diagnose(read_runs(root, "mini").frame)


def test_majority_score_is_named_with_its_reasons(tmp_path, capsys):
    write_run(tmp_path, "rte", "pt", seed=1, metrics={"glue": 55.0})
    write_run(tmp_path, "rte", "lopa", metrics={"glue": 80.0})
    (line,) = diagnosed(tmp_path)
    assert line.startswith("rte pt seed=1: 55.00 is the majority class's 55.00")
    assert all(word in line for word in ("train.lr=0.1", "initialisation", "label words"))
    main(["--results-dir", str(tmp_path), "--table", "glue"])
    assert "rte pt seed=1" in capsys.readouterr().out


def test_no_gradient_is_named_even_where_the_score_moved(tmp_path):
    write_run(tmp_path, "rte", "lopa", gradient_norm={"first": 0.0, "last": 0.0})
    write_run(tmp_path, "mrpc", "lopa", gradient_norm={"first": 1.0, "last": 1e-12})
    write_run(tmp_path, "qqp", "lopa", gradient_norm={"first": 1.0, "last": 0.2})
    mrpc, rte = diagnosed(tmp_path)
    assert "gradient vanished" in mrpc
    assert "got no gradient" in rte


def test_a_prompt_that_ignores_its_input_is_named(tmp_path):
    told = {"rows": 800, "own": 79.125, "mean": 79.0, "off": 58.0}
    write_run(tmp_path, "rte", "lopa", instance={**told, "exchanged": 79.0, "variance": 0.0037})
    write_run(tmp_path, "rte", "idpg", instance={**told, "exchanged": 61.0, "variance": 0.3})
    (line,) = diagnosed(tmp_path)
    assert line.startswith("rte lopa seed=0: the prompt ignores its input: 79.12, and 79.00 with prompts exchanged")
    assert "(0.4 % of the prompts' variance is between instances)" in line


def test_an_untrained_model_and_a_zero_baseline_are_no_fault(tmp_path):
    write_run(tmp_path, "rte", "none", metrics={"glue": 55.0}, parameters={"paper": 0, "trained": 0, "total": 900_000})
    write_run(tmp_path, "mbpp", "pt", metrics={"pass@1": 0.0})
    assert diagnosed(tmp_path) == []


def test_a_long_list_is_counted(tmp_path):
    for seed in range(MOST + 5):
        write_run(tmp_path, "rte", "pt", seed, metrics={"glue": 55.0})
    lines = diagnosed(tmp_path)
    assert len(lines) == MOST + 1
    assert lines[-1] == "… and 5 more such runs"
