"""A cache of maps at the size of the picture."""

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

BUDGET: Final = 256 * 2**20
"""The largest total size in bytes of the maps that a process keeps."""

Map = NDArray[np.float32]


class MapCache:
    """A least-recently-used cache of maps with a limited size in bytes.

    The maps are read-only, because several callers share them, and are dropped with their
    explanation. A cache is thread-safe.

    Parameters
    ----------
    budget
        Largest total size in bytes; a single larger map is not kept.
    """

    def __init__(self, budget: int = BUDGET) -> None:
        self._budget = budget
        self._kept: OrderedDict[tuple[weakref.ref[Any], Hashable], Map] = OrderedDict()
        self._bytes = 0
        # Reentrant, because garbage collection may drop an explanation, and thus call back, while
        # the lock is held.
        self._lock = threading.RLock()

    @property
    def bytes(self) -> int:
        """The total size of the kept maps in bytes."""
        return self._bytes

    def get(self, owner: object, key: Hashable, make: Callable[[], Map]) -> Map:
        """Return the map of a key, computing it if it is not cached.

        Parameters
        ----------
        owner
            The explanation of the map, compared by identity.
        key
            The key of the map within it.
        make
            A function that computes the map.
        """
        entry = (weakref.ref(owner, self._drop_all), key)
        with self._lock:
            cached = self._kept.get(entry)
            if cached is not None:
                self._kept.move_to_end(entry)
                return cached
        made = make()
        made.flags.writeable = False
        with self._lock:
            if made.nbytes <= self._budget and entry not in self._kept:
                self._kept[entry] = made
                self._bytes += made.nbytes
                while self._bytes > self._budget:
                    self._bytes -= self._kept.popitem(last=False)[1].nbytes
        return made

    def _drop_all(self, owner: "weakref.ref[Any]") -> None:
        with self._lock:
            for entry in [entry for entry in self._kept if entry[0] is owner]:
                self._bytes -= self._kept.pop(entry).nbytes
