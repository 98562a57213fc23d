"""The paper's value beside a run: of its own setting, or none."""

import pytest

from lopa_bench.results.record import Result
from lopa_bench.study.reference import paper_value

CODESAGE = "codesage_small"


def result(task, model, method, encoder=None, **settings):
    config = {"method": {"freeze_encoder": True, **settings}}
    return Result.model_construct(task=task, model=model, method=method, encoder=encoder, config=config)


@pytest.mark.parametrize(("rank", "value"), [(1, 37.2), (2, 38.2), (4, 35.0), (8, None)])
def test_a_value_is_of_the_runs_own_rank(rank, value):
    run = result("cruxeval_o", "phi_2", "lopa", CODESAGE, num_virtual_tokens=10, rank=rank)
    assert paper_value(run, "pass@1") == value


@pytest.mark.parametrize(("length", "rank", "value"), [(100, 4, 65.85), (100, 1, None), (50, 1, None), (50, 4, None)])
def test_a_setting_that_is_not_told_is_that_of_the_tables_row(length, rank, value):
    run = result("e2e", "gpt2_medium", "lopa", num_virtual_tokens=length, rank=rank)
    assert paper_value(run, "bleu") == value


def test_rows_without_a_choice_have_their_value():
    assert paper_value(result("e2e", "gpt2_medium", "lora", rank=4), "bleu") == 68.78
    assert paper_value(result("rte", "roberta_large", "dept", num_virtual_tokens=5, rank=4), "glue") == 53.79
    assert paper_value(result("mbpp", "phi_2", "fft"), "pass@1") == 55.03
    assert paper_value(result("rte", "roberta_large", "lopa", num_virtual_tokens=10, rank=4), "glue") == 83.39


def test_the_setting_that_says_most_counts():
    """With CodeBERT the figure by length has 30.2, that by rank, with CodeSage, 35.0."""
    for name, value in (("codebert", 30.2), (CODESAGE, 35.0)):
        run = result("cruxeval_o", "deepseek_coder_1_3b", "lopa", name, num_virtual_tokens=10, rank=2)
        assert paper_value(run, "pass@1") == value
