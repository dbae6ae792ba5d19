"""Access to a model that several runs share: each forward pass belongs to one run.

Runs overlap when a program explains something while it iterates over a stream, or runs several
threads or tasks. Each run holds the model for one forward pass at a time, and its own state is on
the model during that pass. No run holds the model while it waits for the caller.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self
from weakref import WeakKeyDictionary

from torch import nn

from tam.capture.fair_lock import FairLock
from tam.capture.module_state import ModuleState, read_state


class Access:
    """One run's access to a model.

    This is a context manager; the run ends with its block. Within the block the run holds the model
    between :meth:`acquire` and :meth:`release`, which may be called in any order; only the thread
    that holds the model may run it. A run that begins inside another run of the same thread, for
    example in a callback, gets the model immediately.

    Parameters
    ----------
    model
        The root module that the runs share.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._shared = _shared(model)
        self._state: ModuleState | None = None
        self._outer: Access | None = None
        self._thread: int | None = None

    @property
    def held(self) -> bool:
        """Whether a forward pass in the current thread belongs to this run."""
        return self._thread == threading.get_ident() and self._shared.holder is self

    def acquire(self) -> None:
        """Wait for the model, and restore this run's state on it."""
        if self._thread is not None:
            return
        self._shared.lock.acquire()
        self._outer = self._shared.holder if self._shared.lock.depth > 1 else None
        self._shared.enter(self, self._model)
        self._thread = threading.get_ident()

    def release(self) -> None:
        """Release the model to the next run."""
        if self._thread is None:
            return
        self._thread = None
        if self._outer is not None:
            self._shared.enter(self._outer, self._model)
            self._outer = None
        self._shared.lock.release()

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._shared.lock.acquire()
        self._shared.leave(self)
        self.release()
        self._shared.lock.release()


@contextmanager
def exclusive(model: nn.Module) -> Iterator[None]:
    """Hold a model for the whole block as a separate run, for one or a few short passes."""
    with Access(model):
        yield


@contextmanager
def locked(model: nn.Module) -> Iterator[None]:
    """Keep other runs off a model for the whole block, without changing its state."""
    lock = _shared(model).lock
    lock.acquire()
    try:
        yield
    finally:
        lock.release()


def is_waiting_or_holding(model: nn.Module) -> bool:
    """Whether this thread holds the model or waits for it, and so must not wait for other runs."""
    return _shared(model).lock.depth > 0


class _Shared:
    """State that the runs of one model share, cleared when the last run ends.

    Attributes
    ----------
    lock
        The lock that a run holds during each pass.
    holder
        The run whose state is on the model; it may since have released the model.
    """

    def __init__(self) -> None:
        self.lock = FairLock()
        self.holder: Access | None = None
        self._running: set[Access] = set()
        self._idle: ModuleState | None = None

    def enter(self, run: Access, model: nn.Module) -> None:
        """Replace the state of the last holder with that of another run."""
        if not self._running:
            self._idle = read_state(model)
        elif self.holder is not run:
            if self.holder in self._running:
                self.holder._state = read_state(model)
            # A run that begins while others are in progress starts from the state before them all.
            state = run._state or self._idle
            assert state is not None, "the first run has read it"
            state.restore()
        self._running.add(run)
        self.holder = run

    def leave(self, run: Access) -> None:
        """Forget a run that has ended."""
        self._running.discard(run)
        if not self._running:
            self.holder = self._idle = None


_MODELS: WeakKeyDictionary[nn.Module, _Shared] = WeakKeyDictionary()
_MODELS_LOCK = threading.Lock()


def _shared(model: nn.Module) -> _Shared:
    with _MODELS_LOCK:
        if model not in _MODELS:
            _MODELS[model] = _Shared()
        return _MODELS[model]
