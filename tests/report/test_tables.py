"""Tables: means over seeds of one setting, gaps with their command, nothing mixed."""

import csv
import io
import json
import shlex
import shutil
import subprocess

import pytest
import torch
from synthetic import write_run

from lopa_bench import mini
from lopa_bench.cli.plan import main as plan_main
from lopa_bench.cli.report import main
from lopa_bench.config.compose import load_config
from lopa_bench.config.keys import lookup
from lopa_bench.errors import UserError
from lopa_bench.report import render
from lopa_bench.report.cells import Cell
from lopa_bench.report.fill import build_tables
from lopa_bench.report.listing import in_tables
from lopa_bench.report.texts import cell_text
from lopa_bench.results.read import read_runs
from lopa_bench.run import identity
from lopa_bench.run.records import read_records
from lopa_bench.study import plan
from lopa_bench.study.estimate import Estimate, describe
from lopa_bench.study.planned import PlannedRun
from lopa_bench.study.reference import reference
from lopa_bench.study.settings import usual_settings
from lopa_bench.study.spec import default_model
from lopa_bench.study.tables import tables
from lopa_bench.tasks.known import known


def build(root, scale, *names, **options):
    return build_tables(tables(scale, names), read_runs(root, scale), scale, **options)


def cell_of(table, row, column):
    line = next(line for line in table.lines if line.label == row)
    labels = [c.label for c in table.columns]
    return line.cells[labels.index(column)]


def test_mean_and_sample_deviation_over_seeds(tmp_path):
    for seed, score in enumerate((80.0, 82.0, 87.0)):
        write_run(tmp_path, "rte", "lopa", seed, metrics={"glue": score})
    cell = cell_of(build(tmp_path, "mini", "glue")[0], "LOPA", "RTE")
    assert (cell.mean, cell.n) == (83.0, 3)
    assert cell.std == pytest.approx(3.605551275)


def test_one_seed_has_no_deviation(tmp_path):
    write_run(tmp_path, "rte", "lopa", metrics={"glue": 80.0})
    cell = cell_of(build(tmp_path, "mini", "glue")[0], "LOPA", "RTE")
    assert (cell.mean, cell.std, cell.n) == (80.0, None, 1)
    assert cell_text(cell) == "80.00 (1)"


def test_best_of_a_column_is_the_lowest_where_lower_is_better(tmp_path):
    for method, bleu, ter in (("lopa", 50.0, 0.40), ("lora", 55.0, 0.39)):
        write_run(tmp_path, "webnlg", method, metrics={"bleu_all": bleu, "ter_all": ter})
    table = build(tmp_path, "mini", "webnlg")[0]
    assert cell_of(table, "LoRA", "BLEU all").best
    assert cell_of(table, "LoRA", "TER all").best
    assert not cell_of(table, "LOPA", "TER all").best


def test_ablations_and_limited_runs_do_not_leak_into_the_main_table(tmp_path):
    write_run(tmp_path, "rte", "lopa", settings={"method.rank": 1})
    write_run(tmp_path, "rte", "lopa", settings={"method.freeze_encoder": False})
    write_run(
        tmp_path, "rte", "lopa", settings={"data.limit": known("rte").about.fast_rows, "train.epochs": plan.FAST_EPOCHS}
    )
    write_run(tmp_path, "rte", "lopa", settings={"data.source": "files"})
    write_run(tmp_path, "rte", "lopa", settings={"model": "local"})
    assert cell_of(build(tmp_path, "mini", "glue")[0], "LOPA", "RTE").mean is None
    rank = build(tmp_path, "mini", "ablation_rank")[0]
    assert cell_of(rank, "LOPA r=1", "RTE").n == 1
    fast = build(tmp_path, "mini", "glue", fast=True)[0]
    assert cell_of(fast, "LOPA", "RTE").n == 1
    assert fast.caption.startswith("FAST: 60 rows per split, 2 epochs, one seed")
    assert len(in_tables(read_runs(tmp_path, "mini"), "mini", fast=True)) == 1


def test_a_missing_cell_names_the_command_whose_run_fills_it(tmp_path):
    """Every command below a table, obeyed literally with the first of its seeds, leaves no gap."""
    (tmp_path / "none").mkdir()
    for name in (spec.name for spec in tables("mini")):
        table = build(tmp_path / "none", "mini", name)[0]
        assert table.commands
        assert table.estimate == "time unknown: nothing like it has run yet"
        root = tmp_path / name
        for command in table.commands:
            words = [word for word in shlex.split(command)[1:] if word != "-m"]
            settings = dict(word.split("=") for word in words)
            tasks = settings.pop("task").split(",")
            seed = int(settings.pop("seed").split(",")[0])
            method = settings.pop("method")
            for task in tasks:
                metrics = {c.metric: 1.0 for c in table.columns}
                write_run(root, task, method, seed, metrics=metrics, settings=settings)
        filled = build(root, "mini", name)[0]
        gaps = [line.label for line in filled.lines for cell in line.cells if cell.mean is None]
        assert (gaps, filled.commands) == ([], ())


def test_the_whole_plan_fills_every_table(whole_plan):
    for table in build(whole_plan, "mini"):
        if table.ours:
            assert table.commands == ()
            assert all(cell.mean is not None for line in table.lines for cell in line.cells)


def test_a_run_shared_by_tables_is_planned_once():
    runs = plan.planned_runs(tables("mini"), "mini")
    spelled = [tuple(run.argv()[0]) for run in runs]
    assert len(spelled) == len(set(spelled))
    assert spelled.count(("task=rte", "method=lopa", "seed=0")) == 1


def test_the_plan_lacks_exactly_the_seeds_that_have_not_run(tmp_path, capsys):
    write_run(tmp_path, "rte", "lopa", seed=1)
    runs = read_runs(tmp_path, "mini")
    planned = plan.planned_runs(tables("mini"), "mini")
    left = plan.missing_runs(planned, runs, "mini")
    assert sum(len(r.seeds) for r in left) == sum(len(r.seeds) for r in planned) - 1
    (rte,) = (r for r in left if dict(r.overrides) == {"task": "rte", "method": "lopa"})
    assert rte.seeds == (0, *range(2, 5))
    assert plan_main(["--results-dir", str(tmp_path), "--format", "json"]) == 0
    jobs = json.loads(capsys.readouterr().out)
    assert ["task=rte", "method=lopa", "seed=2", f"results_dir={tmp_path}"] in jobs
    assert ["task=rte", "method=lopa", "seed=1"] not in jobs
    assert plan_main(["--results-dir", str(tmp_path), "--commands"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith(f"# {len(jobs) + 1} runs planned, {len(jobs)} missing:")


def test_time_is_guessed_from_the_nearest_runs_and_never_invented(tmp_path):
    write_run(tmp_path, "rte", "pt", seconds={"train": 1.0, "total": 30.0})
    write_run(tmp_path, "rte", "lopa", seconds={"train": 1.0, "total": 90.0})
    write_run(tmp_path, "sst2", "lopa", model="other", seconds={"train": 1.0, "total": 5.0})
    write_run(tmp_path, "rte", "lopa", settings={"method.rank": 2}, seconds={"train": 1.0, "total": 190.0})
    estimate = Estimate(read_runs(tmp_path, "mini"), "mini")

    def guess(task, method, **settings):
        return estimate.seconds(PlannedRun({"task": task, "method": method, **settings}, (0, 1)))

    assert guess("rte", "pt") == 60.0
    assert guess("rte", "lopa") == 180.0  # its other seeds, not those of another rank
    assert guess("rte", "lopa", **{"method.rank": 2}) == 380.0
    assert guess("rte", "lopa", **{"method.rank": 3}) == 280.0  # the method's median
    assert guess("rte", "idpg") == 180.0  # the task's
    assert guess("sst2", "lopa") == 10.0  # another model's, for want of nearer ones
    assert guess("mbpp", "idpg") is None
    run = PlannedRun({"task": "rte", "method": "lopa"}, (0,))
    for told, seconds in (
        ({"models.dir": "/m", "readout": "label_words", "train.lr": 0.5}, 90.0),
        ({"method.rank": 2}, 190.0),
        ({"train.epochs": 99}, None),
    ):
        assert Estimate(read_runs(tmp_path, "mini"), "mini", told).one(run) == seconds
    assert describe([None]) == "time unknown: nothing like it has run yet"


@pytest.mark.parametrize(("gpu", "seconds"), [(False, 90.0), (True, 9.0)])
def test_time_is_that_of_this_kind_of_machine(gpu, seconds, tmp_path, monkeypatch):
    write_run(tmp_path, "rte", "lopa", 0, seconds={"train": 1.0, "total": 90.0})
    write_run(tmp_path, "rte", "lopa", 1, seconds={"train": 1.0, "total": 9.0}, device="NVIDIA H100")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    estimate = Estimate(read_runs(tmp_path, "mini"), "mini")
    assert estimate.seconds(PlannedRun({"task": "rte", "method": "lopa"}, (2,))) == seconds
    assert estimate.seconds(PlannedRun({"task": "rte", "method": "pt"}, (0,))) == seconds


def test_papers_numbers_stand_apart_at_mini_and_beside_at_paper(tmp_path):
    write_run(tmp_path, "rte", "lopa", metrics={"glue": 80.0})
    ours, papers = build(tmp_path, "mini", "glue")
    assert cell_of(ours, "LOPA", "RTE").reference is None
    assert cell_of(papers, "LOPA m=10 r=4", "RTE").mean == 83.39
    assert not papers.ours

    paper = {"scale": "paper", "settings": {"selection": "paper"}}
    write_run(tmp_path, "rte", "lopa", metrics={"glue": 82.5}, **paper)
    (beside,) = build(tmp_path, "paper", "glue")
    assert cell_of(beside, "LOPA", "RTE").mean == 82.5
    assert cell_of(beside, "LOPA", "RTE").reference == 83.39
    assert cell_of(beside, "PT", "SST-2") == Cell(reference=84.4, elsewhere=(92.6,))


def test_numbers_of_others_stand_beside_the_papers(tmp_path):
    """DePT on RTE is 53.79 in the paper's rebuttal and 73.2 in ID-SPAM's table; MRPC is by another metric there."""
    (tmp_path / "paper").mkdir()
    (rebuttal,) = build(tmp_path, "paper", "rebuttal")
    dept = cell_of(rebuttal, "DePT", "RTE")
    assert (dept.reference, dept.elsewhere) == (53.79, (73.2,))
    assert cell_text(dept) == "— | paper 53.79 | elsewhere 73.20"
    assert cell_of(rebuttal, "LPT", "SST-2").elsewhere == (93.4,)
    assert cell_of(rebuttal, "DePT", "MRPC").elsewhere == cell_of(rebuttal, "LOPA", "RTE").elsewhere == ()
    notes = "\n".join(rebuttal.notes)
    assert "DePT, RTE 53.79 and 73.20" in notes
    assert "MRPC, QQP: published as the mean of accuracy and macro F1 in ID-SPAM" in notes
    (e2e,) = build(tmp_path, "paper", "e2e")
    assert cell_text(cell_of(e2e, "LoRA", "BLEU")) == "— | paper 68.78 | elsewhere 68.65–68.87"
    assert cell_of(e2e, "LoRA", "NIST").elsewhere == ()


def test_numbers_of_others_stand_in_the_papers_table_elsewhere(tmp_path):
    (tmp_path / "mini").mkdir()
    ours, papers = build(tmp_path, "mini", "rebuttal")
    assert cell_of(papers, "ID-SPAM", "RTE").elsewhere == (81.1,)
    assert not any(cell.elsewhere for line in ours.lines for cell in line.cells)
    assert any("53.79 and 73.20" in note for note in papers.notes)


def test_every_published_cell_is_shown_in_some_table(tmp_path):
    (tmp_path / "mini").mkdir()
    shown = {
        (column.task, column.metric, column.model, cell.mean)
        for table in build(tmp_path, "mini")
        if not table.ours
        for line in table.lines
        for column, cell in zip(table.columns, line.cells, strict=True)
    }
    for cell in reference().itertuples():
        of_a_table = cell.task in {column[0] for column in shown}
        if of_a_table and not (cell.table == "ablation_length" and cell.task == "cruxeval_o"):
            assert (cell.task, cell.metric, cell.model, cell.value) in shown


def test_unknown_names_are_refused():
    with pytest.raises(UserError, match="table=glu is not one of glue"):
        tables("mini", ["glu"])
    with pytest.raises(UserError, match="scale=big"):
        tables("big")


def test_scale_small_shows_the_users_own_model_with_a_note_where_the_tables_has_not_run(tmp_path):
    mine = {"model": "mine", "data.train_limit": 500, "encoder": "mpnet"}
    write_run(tmp_path, "rte", "lopa", scale="small", metrics={"glue": 61.0}, settings=mine)
    table = build(tmp_path, "small", "glue")[0]
    assert cell_of(table, "LOPA, MPNet", "RTE").mean == 61.0
    assert cell_of(table, "LOPA, backbone", "RTE").mean is None  # another encoder is another row
    assert "model mine; instance encoder mpnet" in table.caption
    assert "data.train_limit=500." in table.caption
    assert any("model=mine, not the recipe's minilm_mlm" in note for note in table.notes)
    told = "models.dir=DIR data.dir=DIR"
    assert all("scale=small" in command and command.endswith(told) for command in table.commands)
    planned = {"model": "minilm_mlm", "encoder": "mpnet"}
    write_run(tmp_path, "rte", "lopa", scale="small", metrics={"glue": 70.0}, settings=planned)
    table = build(tmp_path, "small", "glue")[0]
    assert cell_of(table, "LOPA, MPNet", "RTE").mean == 70.0  # alone: never a mean over two models
    assert not any("not the recipe's" in note for note in table.notes)
    assert not any("DIR" in command for command in build(tmp_path, "paper", "glue")[0].commands)


def test_a_masked_models_run_never_stands_in_for_a_causal_ones(tmp_path):
    """With scale=small the model may be another, with a note; what is asked of a masked one is another question."""
    write_run(tmp_path, "sst2", "pt", scale="small", metrics={"glue": 90.0}, settings={"model": "minilm_mlm"})
    write_run(tmp_path, "mrpc", "pt", scale="small", metrics={"glue": 70.0}, settings={"model": "smollm2_135m"})
    masked, causal = (build(tmp_path, "small", name)[0] for name in ("glue", "glue_causal"))
    assert cell_of(masked, "PT", "SST-2").mean == 90.0
    assert cell_of(causal, "PT", "SST-2").mean is None
    assert cell_of(masked, "PT", "MRPC").mean is None
    assert cell_of(causal, "PT", "MRPC").mean == 70.0


@pytest.mark.parametrize("task", {known(task).metric: task for task in mini.TASKS}.values())
def test_a_row_without_settings_is_what_a_run_without_overrides_is(task):
    for method in ("lopa", "dept", "idpg_phm", "prefix_tuning", "none"):
        config = load_config([f"task={task}", f"method={method}"])
        kept = identity.determining(config, read_records(config))
        usual = usual_settings("mini", task, method, default_model("mini", task))
        assert usual == {key: lookup(kept, key) for key in usual}, method
        assert config.model.name == default_model("mini", task)


@pytest.fixture(scope="module")
def filled(whole_plan, tmp_path_factory):
    """Every run but those of one task, which has one at another than the recipe's values, and three seeds of another method."""
    folder = tmp_path_factory.mktemp("filled")
    shutil.copytree(whole_plan / "mini", folder / "mini", ignore=shutil.ignore_patterns("rte"))
    write_run(folder, "rte", "pt", settings={"train.lr": 0.5})
    for seed in range(3):
        write_run(folder, "rte", "fft", seed, metrics={"glue": 80.0 + seed})
    return folder


@pytest.fixture(scope="module")
def built(filled):
    return build(filled, "mini")


def test_csv_and_json_hold_the_numbers_of_the_table(built):
    rows = list(csv.DictReader(io.StringIO(render.as_csv(built))))
    wanted = next(r for r in rows if (r["table"], r["row"], r["task"]) == ("glue", "LOPA", "sst2"))
    assert float(wanted["mean"]) == cell_of(built[0], "LOPA", "SST-2").mean
    assert (wanted["model"], wanted["encoder"]) == ("mini_mlm", "backbone")
    missing = next(r for r in rows if (r["table"], r["row"], r["task"]) == ("glue", "LOPA", "rte"))
    assert (missing["model"], missing["encoder"], missing["mean"]) == ("", "", "")
    parsed = json.loads(render.as_json(built))
    assert [table["name"] for table in parsed] == [table.name for table in built]


def test_markdown_has_one_cell_per_column_in_every_row(built):
    for part in render.as_markdown(built).split("## ")[1:]:
        widths = {line.replace("\\|", "").count("|") for line in part.splitlines() if line[:1] == "|"}
        assert len(widths) == 1


def test_latex_compiles(built, tmp_path):
    text = render.latex(built)
    assert r"\par\footnotesize PT, RTE: train.lr=0.5, not the recipe's 0.1." in text
    assert text.count(r"\begin{tabular}") == text.count(r"\bottomrule")
    assert "% lopa-bench -m task=rte method=lopa seed=0,1,2" in text
    for row in text.splitlines():  # no bare specials that stop a compiler
        assert row.startswith("%") or "_" not in row.replace(r"\_", "")
    if not shutil.which("pdflatex"):
        pytest.skip("pdflatex is not installed")
    (tmp_path / "t.tex").write_text(text, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "t.tex"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=60)


def test_the_terminal_names_gap_and_command(filled, capsys):
    assert main(["--results-dir", str(filled), "--table", "glue"]) == 0
    shown = capsys.readouterr().out
    assert "—" in shown
    assert "lopa-bench -m task=rte method=lopa seed=0,1,2" in shown.replace("task=rte ", "task=rte ")


@pytest.mark.parametrize("width", [80, 120])
def test_a_terminal_of_any_width_breaks_no_number(filled, capsys, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    assert main(["--results-dir", str(filled)]) == 0
    lines = capsys.readouterr().out.splitlines()
    told = ("Missing ", "  lopa-bench ")  # commands are for copying: one line each
    assert max(len(line) for line in lines if not line.startswith(told)) <= width
    assert "81.00 ± 1.00" in "\n".join(lines)
    assert "…" not in "".join(lines)


def test_a_terminal_names_rows_without_a_number_and_a_few_commands(tmp_path, capsys):
    write_run(tmp_path, "rte", "lopa", 0)
    assert main(["--results-dir", str(tmp_path), "--table", "glue"]) == 0
    shown = capsys.readouterr().out.partition("the paper's numbers")[0]
    assert "Rows without a run yet: None; FFT; LoRA; PT; IDPG." in shown
    assert not [line for line in shown.splitlines() if line.startswith("FFT ")]
    assert shown.count("  lopa-bench ") == len(build(tmp_path, "mini", "glue")[0].commands)

    assert main(["--results-dir", str(tmp_path), "--table", "mechanism"]) == 0
    shown = capsys.readouterr().out
    more = int(shown.partition("  and ")[2].split()[0])
    assert shown.count("  lopa-bench ") + more == len(build(tmp_path, "mini", "mechanism")[0].commands)
    assert "more: lopa-bench plan --commands table=mechanism scale=mini" in shown


@pytest.mark.parametrize("form", ["terminal", "markdown", "latex", "csv", "json"])
def test_output_goes_to_the_file_asked_for(filled, form, tmp_path):
    target = tmp_path / "out" / f"tables.{form}"
    words = ["--results-dir", str(filled), "--table", "glue", "--format", form, "--output", str(target)]
    assert main(words) == 0
    assert "LOPA" in target.read_text(encoding="utf-8")


def test_runs_that_were_computed_in_different_ways_are_told(tmp_path):
    write_run(tmp_path, "rte", "lopa", 0, processes=1)
    write_run(tmp_path, "rte", "lopa", 1, processes=1)
    assert not any("runs differ" in note for note in build(tmp_path, "mini", "glue")[0].notes)
    write_run(tmp_path, "mrpc", "lopa", 0, processes=2, device="NVIDIA H100", computed_in="bf16")
    (note,) = [note for note in build(tmp_path, "mini", "glue")[0].notes if "runs differ" in note]
    assert note.startswith(
        "The runs differ in processes (1, 2); device (NVIDIA H100, cpu); precision (bf16, fp32): rounding differs"
    )


def test_what_auto_became_is_no_other_setting(tmp_path):
    """At scale=small the recipe says auto: runs that were made in bf16 and in fp32 are on it, and share a cell that says so."""
    settings = {"model": "minilm_mlm", "encoder": "mpnet"}
    for seed, made in enumerate(("bf16", "fp32")):
        write_run(tmp_path, "rte", "lopa", seed, scale="small", settings=settings, computed_in=made)
    table = build(tmp_path, "small", "glue")[0]
    assert any("precision (bf16, fp32)" in note for note in table.notes)
    assert not any("not the recipe's" in note for note in table.notes)
    assert read_runs(tmp_path, "small").only({"precision": "auto"}).frame["seed"].tolist() == [0, 1]
