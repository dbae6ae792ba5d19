"""What explaining adds to one run, timed part by part within an explained run."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from tam.capture import generating, hooks
from tam.model.model import Model


class Spent:
    """Adds up the seconds of the calls of some functions, device work included.

    Attributes
    ----------
    seconds
        The sum over all calls so far.
    """

    def __init__(self) -> None:
        self.seconds = 0.0

    def timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function with its calls timed."""

        def call(*arguments: Any, **options: Any) -> Any:
            begun = now()
            try:
                return function(*arguments, **options)
            finally:
                self.seconds += now() - begun

        return call


def now() -> float:
    """Return wall-clock seconds after all work on a GPU, else the process's CPU seconds."""
    if not torch.cuda.is_available():
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def added(model: Model, explained: Callable[[], object]) -> float:
    """Return the seconds that explaining adds to one run.

    Parameters
    ----------
    model
        The model.
    explained
        Runs it once and explains the run.
    """
    generate, parts = Spent(), Spent()
    own_hook, criterion = hooks._for_one_run, generating._EachToken.__call__
    module: Any = model.module
    with (
        replaced(hooks, "_for_one_run", lambda *hook: parts.timed(own_hook(*hook))),
        replaced(generating._EachToken, "__call__", parts.timed(criterion)),
        replaced(module, "generate", generate.timed(module.generate)),
    ):
        begun = now()
        explained()
        whole = now() - begun
    return whole - generate.seconds + parts.seconds


@contextmanager
def replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Replace an attribute while a block runs."""
    own = name in vars(owner)
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        if own:
            setattr(owner, name, before)
        else:
            delattr(owner, name)
