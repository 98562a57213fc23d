"""The machine under a run: its random numbers."""

import pytest
import torch

from lopa_bench.host import device


@pytest.mark.parametrize(("saved", "here"), [(8, 1), (1, 2), (8, 0), (0, 1)])
def test_random_numbers_go_on_on_another_number_of_devices(monkeypatch, saved, here):
    set_on = {}
    monkeypatch.setattr(torch.cuda, "device_count", lambda: here)
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda state, number: set_on.update({number: state}))
    state = device.random_state()
    drawn = torch.rand(3)
    state["cuda"] = [f"of device {number}" for number in range(saved)]
    device.restore_random_state(state)
    assert torch.equal(torch.rand(3), drawn)
    assert set_on == {number: f"of device {number}" for number in range(min(saved, here))}
