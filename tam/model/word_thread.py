"""A thread in which a model writes, and from which its words come."""

import atexit
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass
from queue import SimpleQueue

from torch import nn

from tam.capture.access import is_waiting_or_holding
from tam.errors import InputError
from tam.explanation.explanation import Explanation
from tam.explanation.word import Word

Work = Callable[[Callable[[list[Word]], None]], Explanation]
"""Writes a reply: calls its argument with the words that are finished, gives the explanation."""


@dataclass
class Outcome:
    """What a thread leaves behind."""

    explanation: Explanation | None = None
    error: BaseException | None = None


class _ClosedError(Exception):
    """Ends the run of a stream that nobody listens to any more."""


def words_from_thread(work: Work, module: nn.Module, outcome: Outcome) -> Generator[Word]:
    """Yield the words that some work puts, then those of its explanation that it did not put.

    The thread starts with the first word that is asked for. When the generator is closed, or the
    program ends, the work is stopped at the model's next token and waited for.

    Parameters
    ----------
    work
        Runs in the thread.
    module
        The model that it runs.
    outcome
        Is given the explanation, or the error that ended the work.
    """
    ready: SimpleQueue[list[Word] | None] = SimpleQueue()
    closed = threading.Event()

    def put(words: list[Word]) -> None:
        if closed.is_set():
            raise _ClosedError
        ready.put(words)

    def run() -> None:
        try:
            outcome.explanation = work(put)
        except BaseException as error:
            outcome.error = error
        finally:
            ready.put(None)
            _RUNNING.pop(thread, None)

    thread = threading.Thread(target=run, name="tam-stream", daemon=True)
    _RUNNING[thread] = closed
    thread.start()
    given = 0
    try:
        while (words := ready.get()) is not None:
            yield from words
            given += len(words)
    finally:
        closed.set()
        # The garbage collector may close a generator anywhere, also where the model is held.
        if thread is not threading.current_thread() and not is_waiting_or_holding(module):
            thread.join()
    if outcome.error is not None:
        raise outcome.error
    yield from finished(outcome.explanation).words[given:]


def finished(explanation: Explanation | None) -> Explanation:
    """Give the explanation of a reply that is at its end.

    Raises
    ------
    InputError
        If it is not.
    """
    if explanation is None:
        raise InputError(
            "the reply is not at its end", where="stream", remedy="take all of its words first"
        )
    return explanation


# Streams that the program may end before: the interpreter must not tear down under their threads.
_RUNNING: dict[threading.Thread, threading.Event] = {}


@atexit.register
def _stop_all() -> None:
    for thread, closed in list(_RUNNING.items()):
        closed.set()
        thread.join()
