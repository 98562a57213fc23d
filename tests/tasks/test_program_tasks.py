"""MBPP and CRUXEval: the official prompts, splits and readings of an answer."""

import hashlib

import pytest

from lopa_bench.config.compose import load_config
from lopa_bench.tasks.rows import load_records


def configured(task, *overrides):
    return load_config([f"task={task}", "method=none", *overrides])


@pytest.fixture
def real(shared_data):
    def records(task):
        config = configured(task, "data.source=files", f"data.dir={shared_data / 'data'}")
        return config.task, load_records(config.task, config.data, offline=True)

    return records


ROW = {"id": "sample_0", "code": "def f(x):\n    return {x: 1}", "input": "2", "output": "{2: 1}"}


def test_mbpp_halves(real):
    task, records = real("mbpp")
    assert (len(records.train), len(records.test)) == (487, 487)
    assert records.test[0]["task_id"] == "MBPP/488"
    first = task.examples(records.train)[0]
    assert first.input.startswith('\n\ndef min_cost(cost, m, n):\n\t"""\n\tWrite a function')
    assert first.input.endswith('\n\t16\n\t"""\n')
    assert first.target.startswith("\tR = 3\n")


def test_mbpp_halves_of_the_one_file_are_the_same(real, tmp_path, shared_data):
    task, records = real("mbpp")
    (tmp_path / "mbpp/mxeval").mkdir(parents=True)
    name = "mbpp/mxeval/mbpp_release_v1.jsonl"
    (tmp_path / name).symlink_to(shared_data / "data" / name)
    config = configured("mbpp", "data.source=files", f"data.dir={tmp_path}")
    assert load_records(task, config.data, offline=True).fingerprints == records.fingerprints


def assess(task, examples, predictions):
    """The scores, and what is right of each example."""
    scores, lines = task.assess(examples, predictions)
    return scores, [line["correct"] for line in lines]


@pytest.mark.slow
def test_mbpp_canonical_solutions(real):
    task, records = real("mbpp")
    examples = task.evaluation_examples(records.test)
    solutions = [[e.target] for e in examples]
    scores, correct = assess(task, examples, solutions)
    assert scores["pass@1"] == pytest.approx(100 * 478 / 487)
    assert sum(correct) == 478


@pytest.mark.parametrize(
    ("task_name", "digest"), [("cruxeval_o", "25ee07c0a11b0c0a"), ("cruxeval_i", "53c8482816922b78")]
)
def test_cruxeval_prompts_are_the_official_ones(real, task_name, digest):
    """The digest is of make_direct_{output,input}_prompt in facebookresearch/cruxeval, prompts.py, over all 800 rows."""
    task, records = real(task_name)
    assert (len(records.train), len(records.test)) == (400, 400)
    assert records.test[0]["id"] == "sample_400"
    prompts = [e.input.removeprefix("<bos>") for e in task.examples([*records.train, *records.test])]
    assert hashlib.sha256("".join(prompts).encode()).hexdigest()[:16] == digest


@pytest.mark.parametrize("task_name", ["cruxeval_o", "cruxeval_i"])
def test_cruxeval_completion_answers_its_own_prompt(task_name):
    task = configured(task_name).task
    [example] = task.examples([ROW])
    assert example.input.endswith("[/PYTHON]\n[ANSWER]\n")
    assert example.target == "assert f(2) == {2: 1}\n[/ANSWER]"
    text = example.target.split(task.stop_words[0])[0]
    assert task.answer(text) == {"cruxeval_o": "{2: 1}", "cruxeval_i": "f(2)"}[task_name]


@pytest.mark.parametrize(
    ("task_name", "text", "answer"),
    [
        ("cruxeval_o", "assert f(1) == 'a == b'\n", "'a"),  # the official reading takes what stands between two ==
        ("cruxeval_o", " 17 \n", "17"),
        ("cruxeval_i", "assert f('==') == 3", "f('"),
        ("cruxeval_i", "f([1]) == 3", "f([1])"),
        ("cruxeval_i", "assert f ([1])", "f([1])"),
    ],
)
def test_cruxeval_answers_are_read_as_the_official_code_does(task_name, text, answer):
    assert configured(task_name).task.answer(text) == answer


def test_programs_are_run():
    task = configured("cruxeval_o").task
    other = {**ROW, "id": "sample_1", "input": "3", "output": "{3: 1}"}
    examples = task.evaluation_examples([ROW, other])
    assert assess(task, examples, [["{2: 1}"], ["{4: 1}"]]) == ({"pass@1": 50.0}, [True, False])
    five = [["{2: 1}"] + ["0"] * 4, ["{4: 1}"] * 5]
    scores, correct = assess(task, examples, five)
    assert scores == pytest.approx({"pass@1": 10.0, "pass@5": 50.0})
    assert correct == [[True] + [False] * 4, [False] * 5]
    repeated = f"f({ROW['input']})"  # what is asked for: the official scorer passes over it
    assert assess(task, examples[:1], [["{2: 1}", repeated]]) == ({"pass@1": 100.0}, [[True, None]])
    assert task.scoring()["sandbox"] in {"A", "B", "C"}

    task = configured("mbpp").task
    [example] = task.evaluation_examples(
        [
            {
                "task_id": "MBPP/1",
                "prompt": '\n\ndef add(a, b):\n    """\n    Add.\n    """\n',
                "canonical_solution": "    return a + b",
                "test": "\n\ndef check(candidate):\n    assert candidate(1, 2) == 3\n\n",
                "entry_point": "add",
            }
        ]
    )
    assert task.score([example] * 2, [[example.target], ["    return a"]]) == {"pass@1": 50.0}


def test_virtual_tokens_are_taken_out_of_mbpps_prompt():
    """325 tokens of prompt and 256 new ones at paper scale, the virtual tokens among the 325."""
    at_paper_scale = ["scale=paper", "method=pt", "method.num_virtual_tokens=25"]
    config = load_config(["task=mbpp", *at_paper_scale])
    assert config.text_length - config.generation.max_new_tokens == 325 - 25
    config = load_config(["task=cruxeval_o", *at_paper_scale])
    assert config.text_length == 512
