"""A lock that serves waiting threads first come, first served."""

import threading
from collections import deque


class FairLock:
    """A reentrant lock without barging.

    A thread that releases an ordinary lock and immediately acquires it again nearly always gets it
    before threads that were already waiting. Here it goes to the end of the queue.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._queue: deque[int] = deque()  # thread identifiers; the first one holds the lock
        self._own = threading.local()

    @property
    def depth(self) -> int:
        """How many times this thread holds the lock, including an acquisition in progress."""
        depth: int = getattr(self._own, "depth", 0)
        return depth

    def acquire(self) -> None:
        """Wait until it is this thread's turn."""
        self._own.depth = self.depth + 1
        if self._own.depth > 1:
            return
        thread = threading.get_ident()
        try:
            with self._changed:
                self._queue.append(thread)
                self._changed.wait_for(lambda: self._queue[0] == thread)
        except BaseException:
            self._leave(thread)
            raise

    def release(self) -> None:
        """Undo one :meth:`acquire`; the last release passes the lock to the next thread."""
        if self._own.depth == 1:
            self._leave(threading.get_ident())
        else:
            self._own.depth -= 1

    def _leave(self, thread: int) -> None:
        with self._changed:
            if thread in self._queue:
                self._queue.remove(thread)
            self._changed.notify_all()
        self._own.depth = 0
