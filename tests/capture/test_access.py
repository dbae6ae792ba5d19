"""Sharing a model between runs: the order of access, and the state on the modules."""

import gc
import threading
import weakref
from typing import Any

import pytest
import torch
from torch import nn

from tam.capture.access import Access, exclusive, is_waiting_or_holding
from tam.capture.draws import SeededDraws
from tam.capture.fair_lock import FairLock


def test_a_waiting_thread_comes_before_one_that_asks_again() -> None:
    lock, order = FairLock(), []
    lock.acquire()

    def wait() -> None:
        lock.acquire()
        order.append("waiting")
        lock.release()

    thread = threading.Thread(target=wait)
    thread.start()
    while len(lock._queue) < 2:
        pass
    lock.release()
    lock.acquire()
    order.append("again")
    lock.release()
    thread.join()
    assert order == ["waiting", "again"]


def test_a_lock_is_given_back_as_often_as_it_was_taken() -> None:
    lock = FairLock()
    lock.acquire()
    lock.acquire()
    lock.release()
    assert lock.depth == 1
    lock.release()
    assert lock.depth == 0


class Counting(nn.Module):
    """Keeps a number, a tensor and a result of both, as models keep ``rope_deltas``."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0
        self.last: torch.Tensor | None = None
        self.register_buffer("table", torch.zeros(1))

    def forward(self, value: int) -> tuple[Any, ...]:
        found = (self.seen, self.last, self.table, getattr(self, "late", None))
        self.seen += value
        self.last = self.table = self.late = torch.tensor([float(value)])
        return found


def test_each_run_finds_its_own_state() -> None:
    model = nn.Sequential(Counting())
    with Access(model) as first:
        model(1)
        first.release()
        with Access(model) as second:
            assert model(10)[0] == 0, "as the first run found it"
            second.release()
            first.acquire()
            seen, last, table, late = model(1)
            assert (seen, float(last), float(table), float(late)) == (1, 1, 1, 1)
            first.release()
            second.acquire()
            assert model(10)[0] == 10
        first.acquire()
        assert model(1)[0] == 2
    assert model(0)[0] == 3, "the last run's state is left behind"


def test_a_run_inside_another_gives_the_model_back() -> None:
    model = nn.Sequential(Counting())
    with Access(model) as outer:
        model(1)
        with exclusive(model):
            assert not outer.held
            assert model(5)[0] == 0
        assert outer.held
        assert model(1)[0] == 1


def test_only_the_thread_that_holds_a_model_has_its_passes() -> None:
    model = nn.Linear(1, 1)
    with Access(model) as access:
        held: list[bool] = []
        thread = threading.Thread(target=lambda: held.append(access.held))
        thread.start()
        thread.join()
        assert access.held
        assert held == [False]
        assert is_waiting_or_holding(model)
        access.release()
        assert not access.held
        assert not is_waiting_or_holding(model)


def test_an_error_gives_the_model_back() -> None:
    model = nn.Linear(1, 1)
    with pytest.raises(KeyError), exclusive(model):
        raise KeyError
    assert not is_waiting_or_holding(model)


def test_a_model_is_freed_when_nobody_needs_it() -> None:
    model = nn.Sequential(Counting())
    with exclusive(model):
        model(1)
    freed = weakref.ref(model)
    del model
    gc.collect()
    assert freed() is None


@pytest.mark.parametrize(
    "draw",
    [
        lambda: torch.multinomial(torch.ones(4, 50), 1),
        lambda: torch.rand(3),
        lambda: torch.rand_like(torch.zeros(3)),
        lambda: torch.randn_like(torch.zeros(3, dtype=torch.float64)),
        lambda: torch.randint(0, 50, (3,)),
        lambda: torch.randperm(9),
        lambda: torch.bernoulli(torch.full((9,), 0.5)),
        lambda: torch.zeros(3).uniform_(),
        lambda: torch.zeros(3).exponential_(),
    ],
)
def test_seeded_draws_are_those_of_a_seeded_program(draw: Any) -> None:
    torch.manual_seed(4)
    wanted = [draw() for _ in range(3)]
    before = torch.get_rng_state()
    draws = SeededDraws(4)
    found = []
    for _ in range(3):
        with draws:
            found.append(draw())
        with draws, draws.paused():
            torch.manual_seed(7)
            draw()
    for own, expected in zip(found, wanted, strict=True):
        assert torch.equal(own, expected)
    torch.set_rng_state(before)
