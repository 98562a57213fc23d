"""What a device draws."""

import torch

from lopa_bench.host.device import seed_draws


def test_what_is_drawn_is_that_of_torchs_own_seed():
    drawn = []
    for seed in (lambda: seed_draws(7, torch.device("cpu")), lambda: torch.manual_seed(7)):
        torch.rand(5)
        seed()
        drawn.append((torch.rand(3), torch.randperm(9)))
    assert all(map(torch.equal, *drawn))
