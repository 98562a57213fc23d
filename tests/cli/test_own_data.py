"""Data of the user's own, through the command line: both kinds of task, every kind of file, what is wrong in one line, and new inputs."""

import csv
import json
import random
import re
import shlex
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from running import needs

from lopa_bench.cli.main import main
from lopa_bench.config.compose import load_config
from lopa_bench.config.quoting import as_meant
from lopa_bench.errors import UserError
from lopa_bench.report.card import command_of
from lopa_bench.results.directory import load_result
from lopa_bench.run import ask
from lopa_bench.serving.client import SoftPromptClient
from lopa_bench.tasks.own import Classify, Write, fields_of, filled
from lopa_bench.tasks.rows import read_rows

PAGE = Path(__file__).parents[2] / "docs/own-data.md"
WORDS = {"1": ["bad", "slow"], "5": ["good", "great"]}
CLASSIFY = [
    "task=classify",
    "task.text={review} It was <mask> .",
    "task.label=stars",
    "task.words={1: terrible, 5: great}",
]
WRITE = ["task=write", "task.input={question}", "task.target={answer}"]
SMALL = ["train.epochs=1", "train.batch_size=8"]


def reviews(count, seed=0):
    draw = random.Random(seed)
    for number in range(count):
        stars = draw.choice("15")
        yield {"id": number, "review": f'a {draw.choice(WORDS[stars])} film, "a" story {number}', "stars": int(stars)}


def questions(count):
    return [{"question": f"the cat {row['review']} ?", "answer": f"a {row['stars']} film"} for row in reviews(count)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    for name, rows in (("train", reviews(48)), ("test", reviews(24, seed=1))):
        pd.DataFrame(rows).to_csv(folder / f"{name}.csv", index=False)
    rows = questions(32)
    for name, part in (("questions", rows[:24]), ("questions_test", rows[24:])):
        (folder / f"{name}.json").write_text(json.dumps(part), encoding="utf-8")
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, part)), encoding="utf-8")
    return folder


@pytest.fixture
def there(folder, monkeypatch):
    monkeypatch.chdir(folder)
    return folder


FILES = ["data.train=train.csv", "data.test=test.csv"]
TEXTS = ["data.train=questions.json", "data.test=questions_test.json"]


def finished(folder, task):
    return next(folder.rglob(f"{task}/*/*/*/result.json")).parent


def answers(capsys, *words):
    assert main(["predict", *words]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_the_page(there, capsys):
    """Its two commands run as they stand there, on files of the columns that it shows, and `predict` and `runs` with them."""
    page = PAGE.read_text(encoding="utf-8")
    (header,) = re.findall(r"^```csv\n(.*)\n", page, re.MULTILINE)
    assert header.split(",") == list(pd.read_csv("train.csv").columns)
    commands = [shlex.split(line) for line in re.findall(r"^lopa-bench (.*)", page, re.MULTILINE)]
    assert [words[0] for words in commands] == ["task=classify", "task=write", "predict"]
    for words in commands[:2]:
        assert main([*words, *SMALL, "results_dir=page"]) == 0
    assert "accuracy" in capsys.readouterr().out
    pd.DataFrame(reviews(3)).drop(columns="stars").to_csv("new.csv", index=False)
    run = finished(there / "page", "classify")
    assert main([word if not word.startswith("run=") else f"run={run}" for word in commands[2]]) == 0
    first = json.loads(Path("answers.jsonl").read_text().splitlines()[0])
    assert list(first) == ["index", "input", "label", "scores"]
    assert sum(first["scores"].values()) == pytest.approx(1, abs=1e-5)
    assert main(["runs", "results_dir=page"]) == 0
    listed = capsys.readouterr().out
    assert "classify" in listed
    assert "write" in listed


@pytest.mark.parametrize(
    ("words", "files", "model"),
    [(CLASSIFY, FILES, "roberta"), (CLASSIFY, FILES, "gpt2"), (WRITE, TEXTS, "gpt2")],
    ids=["masked", "causal", "write"],
)
def test_new_inputs_are_answered_as_in_evaluation(words, files, model, there, tiny_models, tmp_path, capsys):
    own = ["model=local", f"model.path={tiny_models(model)}", f"results_dir={tmp_path}", *SMALL, "train.max_length=100"]
    assert main([*words, *files, *own]) == 0
    run = finished(tmp_path, words[0].partition("=")[2])
    _, result = load_result(run)
    assert result.data.files == {file.partition("=")[0][5:]: file.partition("=")[2] for file in files}
    capsys.readouterr()
    told = answers(capsys, f"run={run}", f"inputs={files[1].partition('=')[2]}")
    kept = [json.loads(line) for line in (run / "predictions.jsonl").read_text(encoding="utf-8").splitlines()]
    stands_for = result.config["task"].get("label_words", {})
    assert [stands_for.get(line["label"]) if stands_for else line["text"] for line in told] == [
        line["prediction"] for line in kept
    ]
    assert len(told) == len(kept) > 5
    asked = ["predict", f"run={run}", f"inputs={files[1].partition('=')[2]}", f"to={run / 'predictions.jsonl'}"]
    assert main(asked) == 2
    assert "is a file of the run; name another" in capsys.readouterr().err


def test_a_run_of_a_relative_folder_is_asked_from_another(folder, there, tiny_models, tmp_path, capsys, monkeypatch):
    (tmp_path / "models").symlink_to(tiny_models("roberta").parent)
    monkeypatch.chdir(tmp_path)
    model = ["model=local", f"model.path=models/{tiny_models('roberta').name}", "train.max_length=100"]
    rows = [f"data.{split}={folder / split}.csv" for split in ("train", "test")]
    assert main([*CLASSIFY, *rows, *model, "results_dir=runs", *SMALL]) == 0
    run = finished(tmp_path / "runs", "classify")
    monkeypatch.chdir(folder)
    capsys.readouterr()
    assert answers(capsys, f"run={run}", "inputs=test.csv")


@pytest.mark.parametrize(
    ("words", "files"),
    [pytest.param(CLASSIFY, FILES, id="classify", marks=pytest.mark.slow), pytest.param(WRITE, TEXTS, id="write")],
)
def test_runs_are_compared_and_exported_like_any_other(words, files, there, tmp_path, capsys):
    """Two seeds on the embedded model; the exported client writes a prompt without knowing the task."""
    few = [*SMALL, "method=pt", "data.limit=8", f"results_dir={tmp_path}"]
    assert main(["-m", *words, *files, *few, "seed=0,1"]) == 0
    runs = sorted(path.parent for path in tmp_path.rglob("result.json"))
    capsys.readouterr()
    assert main(["compare", *map(str, runs), "format=json"]) == 0
    compared = json.loads(capsys.readouterr().out)
    assert compared["rows"] == 8
    assert main(["export", f"run={runs[0]}", f"to={tmp_path / 'client'}"]) == 0
    client = SoftPromptClient.load(tmp_path / "client")
    assert client.prompt(["a good film It was <mask> ."]).shape[::2] == (1, 128)


def test_files_without_a_header_are_the_same_rows(there, tmp_path):
    """Their columns are numbered, and a number names the label's column."""
    few = [*SMALL, "method=pt", "data.limit=8"]
    bare = {name: f"data.{name}=bare_{name}.csv" for name in ("train", "test")}
    for name, file in bare.items():
        pd.read_csv(f"{name}.csv").to_csv(file.partition("=")[2], index=False, header=False)
    numbered = ["task.header=false", "task.text={1} It was <mask> .", "task.label=2", CLASSIFY[-1]]
    assert main([*CLASSIFY, *FILES, *few, f"results_dir={tmp_path / 'named'}"]) == 0
    assert main([CLASSIFY[0], *numbered, *bare.values(), *few, f"results_dir={tmp_path / 'numbered'}"]) == 0
    named, other = (finished(tmp_path / folder, "classify") for folder in ("named", "numbered"))
    assert (named / "predictions.jsonl").read_bytes() == (other / "predictions.jsonl").read_bytes()


def test_rows_that_make_a_score_say_nothing_stand_in_the_result(there, tmp_path, capsys):
    """Of training rows where something is trained."""
    rows = pd.read_csv("train.csv")
    rows[rows.stars == 1].to_csv("bad.csv", index=False)
    few = [*CLASSIFY, "data.train=bad.csv", FILES[1], *SMALL, "data.limit=8"]
    for method, remarks in (("pt", 1), ("none", 0)):
        assert main([*few, f"method={method}", f"results_dir={tmp_path / method}"]) == 0
        _, result = load_result(finished(tmp_path / method, "classify"))
        assert len(result.remarks) == remarks
        assert ("training rows are of the class 1: " in capsys.readouterr().out.partition("majority")[2]) == remarks


def test_lines_are_inputs_of_a_task_that_reads_one_column(there, tmp_path, capsys):
    assert main([*CLASSIFY, *FILES, *SMALL, f"results_dir={tmp_path}", "method=pt", "data.limit=16"]) == 0
    run = finished(tmp_path, "classify")
    (tmp_path / "new.txt").write_bytes(b"a good film\r\na bad film\n\n")
    capsys.readouterr()
    told = answers(capsys, f"run={run}", f"inputs={tmp_path / 'new.txt'}")
    assert [line["input"] for line in told] == ["a good film It was <mask> .", "a bad film It was <mask> ."]


def test_the_last_line_is_read_as_every_other(there):
    config = load_config([as_meant(word) for word in (*CLASSIFY, *FILES)])
    Path("alike.txt").write_text("A bad film \nA bad film \nA bad film ", encoding="utf-8")
    assert {record["review"] for record in ask._lines(config.task, Path("alike.txt"))} == {"A bad film "}


def test_every_kind_of_file_has_the_same_rows(there, tmp_path):
    frame = pd.DataFrame(reviews(5))
    frame.to_csv(tmp_path / "a.csv", index=False)
    (tmp_path / "a.tsv").write_text(
        "\n".join("\t".join(map(str, row)) for row in [frame.columns, *frame.values.tolist()])
    )
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, frame.to_dict("records"))))
    (tmp_path / "a.json").write_text(json.dumps(frame.to_dict("records")))
    (tmp_path / "b.csv").write_text(
        frame.to_csv(index=False, sep=";", lineterminator="\r\n"), encoding="utf-8-sig", newline=""
    )
    frame.astype({"stars": float}).to_csv(tmp_path / "c.csv", index=False)
    needs("pyarrow", "parquet")
    frame.astype({"stars": float}).to_parquet(tmp_path / "a.parquet")  # as pandas keeps numbers beside a gap
    task = Classify(
        name="classify",
        family="glue",
        scored_by=["accuracy"],
        files={},
        columns={},
        hub=None,
        text="{review}",
        label="stars",
        words={1: "bad", 5: "good"},
    )
    names = ("a.csv", "b.csv", "c.csv", "a.tsv", "a.jsonl", "a.json", "a.parquet")
    made = [task.examples(read_rows(tmp_path / name)) for name in names]
    assert all(examples == made[0] for examples in made)
    assert made[0][0].input.endswith(" <mask>")


def test_a_template():
    assert fields_of("{a b} {{c}} {d.e}{a b}") == ["a b", "d.e"]
    assert filled("{{{a b}}} {d.e}", {"a b": 1.0, "d.e": "{a b}"}) == "{1} {a b}"


def test_targets_of_one_input_are_references():
    task = Write(
        name="write",
        family="nlg",
        files={},
        columns={},
        hub=None,
        input="{q}\n",
        target="{a}",
    )
    (example,) = task.evaluation_examples([{"q": "x", "a": "one"}, {"q": "x", "a": " two "}])
    assert (example.input, example.target, example.record["references"]) == ("x\n", "one", ["one", "two"])
    assert task.score([example], [["two"]])["exact"] == 100.0


WRONG = {
    "a column": ([*CLASSIFY, *FILES, "task.text={reviews}"], "has no column reviews; it has id, review, stars; nearest: review"),
    "a label's column": ([*CLASSIFY, *FILES, "task.label=star"], "has no column star; it has id, review, stars; nearest: stars"),
    "no header": ([*CLASSIFY, "data.train=rows.csv", "data.test=test.csv"], "a row: task.header=false, and columns are {0}, {1}"),
    "a class": ([*CLASSIFY, *FILES, "task.words={1: terrible, 4: great}"], "stars=5, for which task.words has no word; it has 1, 4"),
    "a word": ([*CLASSIFY, *FILES, "task.words={1: terrible, 5: greatestest}"], "task.words.5=' greatestest' is"),
    "one class": ([*CLASSIFY, *FILES, "task.words={1: terrible}"], "task.words needs two classes"),
    "no column": ([*CLASSIFY, *FILES, "task.text=review"], "names no column; nearest: task.text='{review}'"),
    "an empty text": ([*CLASSIFY, *FILES, "task.text=''"], "has nothing in task.text=''"),
    "no words": ([*CLASSIFY[:3], *FILES], "task.words is needed"),
    "no text": ([*CLASSIFY, "data.train=train.csv", "data.test=empty.csv"], "row 2 has nothing in review"),
    "no file named": ([*CLASSIFY, "data.train=train.csv"], "data.test is needed: give data.test=FILE"),
    "no file": ([*CLASSIFY, "data.train=trian.csv", "data.test=test.csv"], "there is no such file; nearest: train.csv"),
    "another kind": ([*CLASSIFY, "data.train=train.xls", "data.test=test.csv"], "is none of .csv, .tsv, .jsonl, .json, .parquet"),
    "a source": ([*CLASSIFY, *FILES, "data.source=mini"], "data.source=mini reads no file of yours"),
    "f1": ([*CLASSIFY, *FILES, "task.f1_label=4"], "task.f1_label=4 is no class of task.words"),
    "the same rows": ([*CLASSIFY, "data.train=train.csv[:40]", "data.test=train.csv[30:]"], "parts: data.train=train.csv[:N] data.test="),
    "two masks": ([*CLASSIFY, *FILES, "task.text={review} <mask> <mask>"], "has <mask> more than once"),
    "a lonely brace": ([*CLASSIFY, *FILES, "task.text={review It was <mask>"], "a brace is not closed"),
    "words without classes": ([*CLASSIFY, *FILES, "task.words=[terrible,great]"], "each class needs its word: task.words='{1: terrible"),
    "no target": ([*WRITE[:2], *TEXTS], "task.target is needed"),
    "f1 of no class": ([*CLASSIFY, *FILES, "task.scored_by=[accuracy,f1]"], "which is of one class: name it, task.f1_label=1"),
    "the same rows elsewhere": ([*CLASSIFY, "data.train=train.csv", "data.test=copy.csv"], "its rows are all in data.train=train.csv"),
    "the same rows otherwise": ([*CLASSIFY, "data.train=train.csv", "data.test=copy.jsonl"], "its rows are all in data.train=train.csv"),
    "the same rows with a blank": ([*CLASSIFY, "data.train=train.csv", "data.test=blanks.csv"], "its rows are all in data.train=train.csv"),
    "another mask": ([*CLASSIFY, *FILES, "task.text={review} It was [MASK]."], "[MASK] is text; the place of the answer is written <mask>"),
    "the answer read": ([*CLASSIFY, *FILES, "task.text={review} {stars} <mask>"], "reads task.label=stars: the answer"),
    "the target read": ([*WRITE[:2], *TEXTS, "task.target={question}", "task.input={question} {answer}"], "nothing is left to write"),
    "no sign divides": ([*CLASSIFY, "data.train=signs.csv", "data.test=test.csv", "task.header=false"], "whether ',' or ';' divides"),
    "not a number": ([*CLASSIFY, "data.train=train.csv", "data.test=nan.jsonl"], "row 1 of the test split (nan.jsonl) has no review"),
    "an answer without its blank": ([*CLASSIFY, *FILES, "task.text={review}:<mask>"], "or a blank before the answer: ' terrible' is one"),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_one_line(wrong, there, tmp_path, capsys):
    Path("empty.csv").write_text("id,review,stars\n1,good,5\n2, ,1\n", encoding="utf-8")
    Path("train.xls").write_text("", encoding="utf-8")
    Path("copy.csv").write_bytes(Path("train.csv").read_bytes())
    blanks = re.sub(r",([15])$", r",\1 ", Path("train.csv").read_text(encoding="utf-8"), flags=re.MULTILINE)
    Path("blanks.csv").write_text(blanks, encoding="utf-8")
    Path("nan.jsonl").write_text('{"review": NaN, "stars": 5}\n{"review": "x", "stars": 1}\n', encoding="utf-8")
    with Path("train.csv").open(encoding="utf-8", newline="") as file:
        copies = [
            {name: float(text) if name == "stars" else text for name, text in row.items()}
            for row in csv.DictReader(file)
        ]
    Path("copy.jsonl").write_text("".join(json.dumps(row) + "\n" for row in copies), encoding="utf-8")
    Path("signs.csv").write_text("well, good;5\nbad, too;1\n", encoding="utf-8")
    Path("rows.csv").write_text("a film,5\na bad film,1\na fine film,5\n", encoding="utf-8")
    given, says = WRONG[wrong]
    words = {word.partition("=")[0]: word for word in given}.values()  # the last one of a key
    assert main([*words, *SMALL, f"results_dir={tmp_path / 'r'}"]) == UserError.exit_status
    told = capsys.readouterr().err
    assert says in told
    assert len(told.splitlines()) == 1
    assert not (tmp_path / "r").exists()


def test_a_changed_config_is_found(there, tmp_path, capsys):
    assert main([*CLASSIFY, *FILES, *SMALL, "method=none", f"results_dir={tmp_path}"]) == 0
    config = finished(tmp_path, "classify") / "config.yaml"
    asked = ["predict", f"run={config.parent}", "inputs=test.csv"]
    assert main(asked) == 0
    assert main(["verify", f"results_dir={tmp_path}"]) == 0
    capsys.readouterr()
    config.write_text(
        config.read_text().replace("terrible", "swap").replace("great", "terrible").replace("swap", "great")
    )
    assert main(asked) == UserError.exit_status
    assert "config.yaml says another task than result.json" in capsys.readouterr().err
    assert main(["verify", f"results_dir={tmp_path}"]) == 1
    assert "says another task" in capsys.readouterr().err


def test_the_section_that_was_changed_is_named(there, tmp_path, capsys):
    """Also of a task that is put to both kinds of model in other words, of which a run's was the first that is tried."""
    rate = "train.lr=0.001"
    words = ["task=rte", "model=mini_mlm", "method=none", rate, "data.limit=8", f"results_dir={tmp_path}"]
    assert main(words) == 0
    config = finished(tmp_path, "rte") / "config.yaml"
    written = config.read_text(encoding="utf-8")
    assert "lr: 0.001" in written
    config.write_text(written.replace("lr: 0.001", "lr: 0.002"), encoding="utf-8")
    capsys.readouterr()
    assert main(["predict", f"run={config.parent}", "inputs=test.csv"]) == UserError.exit_status
    assert "config.yaml says another train than result.json" in capsys.readouterr().err


def test_own_files_are_published_by_their_names(there, tmp_path):
    files = [f"data.train={there / 'train.csv'}", f"data.test={there / 'test.csv'}"]
    assert main([*CLASSIFY, *files, *SMALL, "method=none", f"results_dir={tmp_path / 'runs'}"]) == 0
    assert main(["publish", f"results_dir={tmp_path / 'runs'}", f"to={tmp_path / 'to'}", "every=true"]) == 0
    config = (finished(tmp_path / "to", "classify") / "config.yaml").read_text()
    assert str(there) not in config
    assert "train: train.csv" in config


@pytest.mark.parametrize(
    "words",
    [
        pytest.param([*CLASSIFY, "data.train=train.csv", "data.test=test.csv"], id="own files"),
        pytest.param([*CLASSIFY, "data.train=train.csv[:30]", "data.test=train.csv[30:]"], id="parts of a file"),
        pytest.param(
            [*CLASSIFY, "data.train=cut.csv", "data.test=test.csv", "data.skip_broken=true"], id="a row too short"
        ),
        pytest.param(
            ["task=rte", r"task.template='{sentence1}, so {sentence2} <mask> .'", "method.rank=2", "data.limit=32"],
            id="own words",
        ),
    ],
)
def test_the_command_of_a_run_makes_that_run(there, tmp_path, capsys, words):
    """As an exported run's card has it, with its task's own settings, through a shell."""
    method = "pt" if "task=rte" not in words else "lopa"
    Path("cut.csv").write_text(Path("train.csv").read_text(encoding="utf-8") + "cut off\n", encoding="utf-8")
    assert main([*words, *SMALL, f"method={method}", f"results_dir={tmp_path}"]) == 0
    (run,) = tmp_path.glob("mini/*/*/*/*/result.json")
    program, *again = shlex.split(command_of(run.parent))
    assert program == "lopa-bench"
    capsys.readouterr()
    assert main([*again, f"results_dir={tmp_path}"]) == 0
    assert "train" not in capsys.readouterr().err
    assert list(tmp_path.glob("mini/*/*/*/*/result.json")) == [run]


def test_two_test_files_are_two_lines_that_differ(there, tmp_path, capsys):
    rows = Path("test.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    Path("half.csv").write_text("".join(rows[:9]), encoding="utf-8")
    for test in ("test.csv", "half.csv"):
        words = [*CLASSIFY, *SMALL, "method=none", "data.train=train.csv", f"data.test={test}"]
        assert main([*words, f"results_dir={tmp_path}"]) == 0
    capsys.readouterr()
    assert main(["runs", f"results_dir={tmp_path}", "format=json"]) == 0
    told = [run["differs"] for run in json.loads(capsys.readouterr().out)]
    assert len(told) == 2
    assert all(any(f"data.test={test}" in each for each in told) for test in ("test.csv", "half.csv"))


def test_how_many_test_rows_are_training_rows_is_told(there, tmp_path, capsys):
    train, test = (Path(f"{name}.csv").read_text(encoding="utf-8") for name in ("train", "test"))
    Path("mixed.csv").write_text(test + train.partition("\n")[2], encoding="utf-8")
    words = [*CLASSIFY, *SMALL, "method=none", "data.train=train.csv", "data.test=mixed.csv", f"results_dir={tmp_path}"]
    assert main(words) == 0
    told = "56 of 72 rows of data.test=mixed.csv are in data.train=train.csv, too; the first is row 3"
    assert told in capsys.readouterr().err


def test_rows_that_a_training_file_repeats_are_told_where_some_are_held_out(there, tmp_path, capsys):
    """Epochs would be selected on rows that were trained on, which favours the last one."""
    head, *rows = Path("train.csv").read_text(encoding="utf-8").splitlines()
    Path("twice.csv").write_text("\n".join([head, *rows, *rows]) + "\n", encoding="utf-8")
    words = [*CLASSIFY, *SMALL, "method=none", "data.test=test.csv", "selection=holdout", f"results_dir={tmp_path}"]
    told = r"\d+ of 10 rows held out of the training rows to select epochs are among the others, too; nearest: data.validation=FILE"
    for train, found in (("train.csv", False), ("twice.csv", True)):
        assert main([*words, f"data.train={train}"]) == 0
        assert (re.search(told, capsys.readouterr().err) is not None) == found, train


def test_inputs_that_were_trained_on_with_another_answer_are_told(there, tmp_path, capsys):
    head, *rows = Path("train.csv").read_text(encoding="utf-8").splitlines()
    turned = [row[:-1] + ("1" if row.endswith("5") else "5") for row in rows]
    Path("turned.csv").write_text("\n".join([head, *turned]) + "\n", encoding="utf-8")
    words = [
        *CLASSIFY,
        *SMALL,
        "method=none",
        "data.train=train.csv",
        "data.test=turned.csv",
        f"results_dir={tmp_path}",
    ]
    assert main(words) == 0
    told = f"{len(rows)} of {len(rows)} inputs of data.test=turned.csv are in data.train=train.csv, with another answer"
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("validation", "why"),
    [
        pytest.param(
            "test.csv", "the same rows as data.test=test.csv, so the epoch would be chosen by the reported", id="test"
        ),
        pytest.param(
            "copy.csv", "its rows are all in data.test=test.csv, so the epoch would be chosen by the", id="a copy"
        ),
        pytest.param(
            "train.csv[8:]", "the same rows as data.train=train.csv, so the epoch would be chosen by what", id="train"
        ),
    ],
)
def test_rows_that_choose_the_epoch_are_of_neither_other_split(there, tmp_path, capsys, validation, why):
    Path("copy.csv").write_text(Path("test.csv").read_text(encoding="utf-8"), encoding="utf-8")
    words = [*CLASSIFY, *SMALL, "method=none", "data.train=train.csv", "data.test=test.csv", f"results_dir={tmp_path}"]
    assert main([*words, f"data.validation={validation}"]) == UserError.exit_status
    assert f"data.validation={validation}: {why}" in capsys.readouterr().err
    assert not list(tmp_path.glob("mini/**/result.json"))
    assert main([*words, f"data.validation={validation}", "selection=last"]) == 0  # which reads no such rows


def test_truth_values_as_pandas_writes_them_and_names_in_capitals(there, tmp_path):
    for name, kept in (("train", 40), ("test", 20)):
        rows = pd.DataFrame(
            {"review": [f"a film {name} {n}" for n in range(kept)], "good": [n % 2 == 0 for n in range(kept)]}
        )
        rows.to_csv(f"{name}_truth.CSV", index=False)
    words = [
        "task=classify",
        "task.text={review} It was <mask> .",
        "task.label=good",
        "task.words={true: great, false: terrible}",
    ]
    files = ["data.train=train_truth.CSV", "data.test=test_truth.CSV", f"results_dir={tmp_path}"]
    assert main([*words, *files, *SMALL, "method=none"]) == 0
    assert load_result(finished(tmp_path, "classify"))[1].baseline.majority["accuracy"] == 50.0


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("Review: {review}\nSentiment:\n<mask>", "Review: x\nSentiment:\n"),
        ("Review: {review}\nSentiment:\n", "Review: x\nSentiment:\n"),
        ("Review: {review} Sentiment: <mask>", "Review: x Sentiment:"),
        ("Review: {review} Sentiment:", "Review: x Sentiment:"),
    ],
)
def test_a_causal_models_text_ends_as_it_is_written(text, asked):
    told = load_config([as_meant(word) for word in CLASSIFY]).task
    task = replace(told, text=text, template="", words={"1": "bad", "5": "good"})
    assert task.for_kind("causal").question({"review": "x"}) == asked
    blank = "" if asked.endswith("\n") else " "
    assert task.for_kind("causal").label_words == {"1": f"{blank}bad", "5": f"{blank}good"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["run=nowhere", "inputs=test.csv"], "run=nowhere: there is no finished run"),
        (["run=RUN", "inputs=nowhere.csv"], "inputs=nowhere.csv: there is no such file"),
        (["run=RUN", "inputs=questions.json"], "has no column review; it has question, answer"),
        (["run=RUN"], "inputs is needed"),
        (["run=RUN", "inputs=blank.txt"], "inputs=blank.txt: line 2 has no text"),
        (["run=RUN", "inputs=half.jsonl"], r"half.jsonl: row 2 has half of a surrogate pair (\ud800) in review"),
        (["run=RUN", "inputs=test.csv", "to=test.csv"], "to=test.csv is the file of the inputs"),
        (["run=RUN", "inputs=test.csv", "to=blank.txt/x.jsonl"], "blank.txt/x.jsonl cannot be written"),
        (["run=RUN", "inputs=test.csv", f"to={'x' * 300}"], "a name of 300 bytes is too long"),
    ],
)
def test_new_inputs_that_cannot_be_answered(words, says, there, capsys):
    if not list(there.glob("wrong/**/result.json")):
        assert main([*CLASSIFY, *FILES, *SMALL, "results_dir=wrong", "method=none"]) == 0
    run = finished(there / "wrong", "classify")
    Path("blank.txt").write_text("a film\n \nanother\n\n", encoding="utf-8")
    Path("half.jsonl").write_text('{"review": "a film"}\n{"review": "a \\ud800 film"}\n', encoding="utf-8")
    capsys.readouterr()
    assert main(["predict", *(word.replace("RUN", str(run)) for word in words)]) == UserError.exit_status
    assert says in capsys.readouterr().err


def test_inputs_that_were_cut_are_counted(there, tmp_path, capsys):
    assert main([*CLASSIFY, *FILES, *SMALL, f"results_dir={tmp_path}", "method=none", "train.max_length=32"]) == 0
    (tmp_path / "long.txt").write_text("a film\n" + "good " * 200 + "film\n", encoding="utf-8")
    capsys.readouterr()
    assert main(["predict", f"run={finished(tmp_path, 'classify')}", f"inputs={tmp_path / 'long.txt'}"]) == 0
    told = "1 of 2 inputs have more tokens than the run reads (train.max_length=32) and were cut"
    assert told in capsys.readouterr().err


def test_short_answers_are_told_of_and_selected_by_their_exact_match():
    """BLEU counts by four words: of shorter targets it is 0 whatever is written, and no epoch is better than another."""
    told = ["task=write", "task.input='{q}'", "task.target='{a}'"]
    task = load_config(told).task
    short = task.evaluation_examples([{"q": "Is 3 even ?", "a": "No"}])
    (remark,) = task.remarks([], short)
    assert "no target of the test rows has four words: BLEU is 0" in remark
    assert remark.endswith("task.metric=exact")
    assert task.remarks([], [*short, *task.evaluation_examples([{"q": "Why ?", "a": "It is not even ."}])]) == []
    exact = load_config([*told, "task.metric=exact"]).task
    assert exact.metric == "exact"
    assert exact.remarks([], short) == []


@pytest.mark.parametrize(
    ("task", "says"),
    [
        ("e2e", r"inputs=.*new\.txt: row 2 has no meaning representation"),
        ("webnlg", r"inputs=.*new\.txt: row 1 has no triples of subject, property and object"),
    ],
)
def test_a_line_that_is_no_input_of_its_task_is_named(tmp_path, task, says):
    (tmp_path / "new.txt").write_text("name[Aromi], eatType[pub]\nthis is no meaning\n")
    with pytest.raises(UserError, match=says):
        ask._examples(load_config([f"task={task}"]).task, tmp_path / "new.txt")


@pytest.mark.parametrize(
    ("task", "row"),
    [("mbpp", {"prompt": "def f(x):"}), ("cruxeval_o", {"code": "def f(x): return x", "input": "1"}),
     ("cruxeval_i", {"code": "def f(x): return x", "output": "1"})],
)  # fmt: skip
def test_new_problems_need_no_answer(tmp_path, task, row):
    (tmp_path / "new.jsonl").write_text(json.dumps(row))
    (example,) = ask._examples(load_config([f"task={task}"]).task, tmp_path / "new.jsonl")
    assert all(value in example.input for value in row.values())
