"""Run the model in a background thread, and yield the words that it writes."""

import atexit
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass
from queue import SimpleQueue

from torch import nn

from tam.capture import PrefixCache
from tam.capture.access import is_waiting_or_holding
from tam.errors import InputError
from tam.explanation.explanation import Explanation
from tam.explanation.word import Word

Work = Callable[[Callable[[list[Word]], None]], Explanation]
"""A function that generates a reply: it calls its argument with finished words and returns the
explanation."""


@dataclass
class Outcome:
    """The result of a thread: an explanation and the cache of its run, or an error."""

    explanation: Explanation | None = None
    prefix_cache: PrefixCache | None = None
    error: BaseException | None = None


class _ClosedError(Exception):
    """Raised to end the run of a stream that was closed."""


def words_from_thread(work: Work, module: nn.Module, outcome: Outcome) -> Generator[Word]:
    """Yield the words that the work reports, then the remaining words of its explanation.

    The thread starts when the first word is requested. When the generator is closed or the program
    ends, the work is stopped at the model's next token and joined.

    Parameters
    ----------
    work
        The function that runs in the thread.
    module
        The model that it runs.
    outcome
        Receives the explanation, or the error that ended the work.
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
        # The garbage collector may close a generator anywhere, even in a thread holding the model.
        if thread is not threading.current_thread() and not is_waiting_or_holding(module):
            thread.join()
    if outcome.error is not None:
        raise outcome.error
    yield from finished(outcome.explanation).words[given:]


def finished(explanation: Explanation | None) -> Explanation:
    """Return the explanation of a finished reply.

    Raises
    ------
    InputError
        If the reply is not finished.
    """
    if explanation is None:
        raise InputError(
            "the reply is not finished", where="stream", remedy="take all of its words first"
        )
    return explanation


# Running streams are stopped at exit, because their threads must end before the interpreter.
_RUNNING: dict[threading.Thread, threading.Event] = {}


@atexit.register
def _stop_all() -> None:
    for thread, closed in list(_RUNNING.items()):
        closed.set()
        thread.join()
