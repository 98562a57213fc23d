"""What a device draws."""

import os

import torch

from lopa_bench.host.device import seed_draws


def test_what_is_drawn_is_that_of_torchs_own_seed():
    drawn = []
    for seed in (lambda: seed_draws(7, torch.device("cpu")), lambda: torch.manual_seed(7)):
        torch.rand(5)
        seed()
        drawn.append((torch.rand(3), torch.randperm(9)))
    assert all(map(torch.equal, *drawn))


def test_cublas_is_told_before_the_first_product_that_it_is_to_repeat_itself():
    """PyTorch reads it once, and the first products look whether a model is read as it should be: before any seed is set."""
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] in {":4096:8", ":16:8"}
