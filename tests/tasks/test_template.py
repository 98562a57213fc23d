"""Templates that are asked of every row: what their braces may hold."""

import json
from dataclasses import fields

import pytest
from synthetic import write_run

from lopa_bench.cli.main import main
from lopa_bench.config.compose import load_config
from lopa_bench.errors import UserError
from lopa_bench.tasks.glue import Glue
from lopa_bench.tasks.known import known, names
from lopa_bench.tasks.programs import CruxEval
from lopa_bench.tasks.template import check_template

REFUSED = [
    ("{a:d} {b}", "Unknown format code 'd' for object of type 'str' in the braces of a; nearest: {a}"),
    ("{a!z}", "Unknown conversion specifier z in the braces of a; nearest: {a}"),
    ("{a:{b}}", "nearest: {a}"),
    ("{c}", "there is no column 'c'; there are a, b"),
    ("{a} {}", "a pair of braces names no column"),
    ("{a", "a brace that is text is written twice"),
    ("It was <mask> .", "every row would read the same"),
    ("{a} {label}", "reads label: the answer would be in the input"),
]


@pytest.mark.parametrize(("template", "why"), REFUSED)
def test_what_no_row_could_fill_or_all_would_fill_alike_is_refused(template, why):
    with pytest.raises(ValueError, match=r"task\.template=") as error:
        check_template("task.template", template, ["a", "b", "label"], ["label"])
    assert why in str(error.value)


def test_braces_that_are_text_are_none():
    assert check_template("task.template", "{{a}} {b} {a} {b}", ["a", "b"]) == ["b", "a", "b"]


@pytest.mark.parametrize("template", ["{a:.200}", "{a!r}", "{a:>10}"])
def test_a_text_may_be_cut_and_spelled(template):
    assert check_template("task.template", template, ["a"]) == ["a"]


def test_what_the_braces_of_ones_own_class_mean_is_its_own():
    class Question(CruxEval):
        def question(self, record):
            return self.template.replace("CODE", record["code"])

    class Examples(Glue):
        def examples(self, records):
            return []

    for own, task in ((Question, known("cruxeval_o")), (Examples, known("rte"))):
        made = {field.name: getattr(task, field.name) for field in fields(task)}
        assert own(**{**made, "template": "{CODE} <mask>"}).template == "{CODE} <mask>"


def test_a_run_of_another_version_with_values_that_are_none_is_one_line(tmp_path, capsys):
    """Its files are checked, the rest is told; the other runs of the folder are read as ever."""
    write_run(tmp_path, "rte", "lopa", 0)
    folder = write_run(tmp_path, "rte", "lopa", 1)
    result = json.loads((folder / "result.json").read_text())
    result["config"]["task"] = {"template": "<mask>"}
    (folder / "result.json").write_text(json.dumps(result))
    assert main(["verify", f"results_dir={tmp_path}"]) == 1
    told = capsys.readouterr()
    assert "task.template='<mask>' names no column" in told.out + told.err
    assert "a fault of lopa-bench" not in told.err


@pytest.mark.parametrize("task", ["rte", "cruxeval_o", "cruxeval_i"])
@pytest.mark.parametrize("template", ["hello <mask>", "{nope} <mask>"])
def test_every_task_with_a_template_asks(task, template):
    with pytest.raises(UserError, match=r"task\.template="):
        load_config([f"task={task}", f"task.template={template!r}"])


def test_what_is_asked_for_stands_in_no_question():
    with pytest.raises(UserError, match=r"task\.mode=input: .* it is to read the output, and not the input"):
        load_config(["task=cruxeval_o", "task.mode=input"])
    with pytest.raises(UserError, match=r"task\.template=.* reads label: the answer would be in the input"):
        load_config(["task=rte", "task.template='{label} <mask> {sentence2}'"])
    for task in map(known, names()):
        assert not {*task.answer_fields} & {"code", "sentence1", "sentence2", "prompt"}


def test_a_class_needs_its_column():
    words = [
        "task=classify",
        "task.text='{a} It was <mask> .'",
        "task.words={1: great, 0: terrible}",
        "data.train=a.csv",
    ]
    with pytest.raises(UserError, match=r"task\.label='': the column of the class is needed"):
        load_config([*words, "data.test=b.csv", "task.label=''"])


def test_a_split_has_a_name_of_ours():
    with pytest.raises(UserError, match=r"task\.files=valid is not one of train, validation, test"):
        load_config(["task=rte", "+task.files.valid=[dev.tsv]"])
