"""A cache of maps at the size of the picture."""

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

BUDGET: Final = 256 * 2**20
"""The largest size of the maps that one process keeps, in bytes."""

Map = NDArray[np.float32]


class MapCache:
    """The maps that were used last, as many as fit into a budget of bytes.

    The maps are read-only, since several callers share them, and are dropped with their
    explanation. Several threads may use a cache at once.

    Parameters
    ----------
    budget
        Bytes of all maps together; a larger map is not kept.
    """

    def __init__(self, budget: int = BUDGET) -> None:
        self._budget = budget
        self._kept: OrderedDict[tuple[weakref.ref[Any], Hashable], Map] = OrderedDict()
        self._bytes = 0
        # Garbage collection may drop an explanation, and so call back, while the lock is held.
        self._lock = threading.RLock()

    @property
    def bytes(self) -> int:
        """The size of the kept maps in bytes."""
        return self._bytes

    def get(self, owner: object, key: Hashable, make: Callable[[], Map]) -> Map:
        """Give the map of a key, and make it if it is not kept.

        Parameters
        ----------
        owner
            The explanation of the map, compared by identity.
        key
            The key of the map within it.
        make
            A function that makes the map.
        """
        place = (weakref.ref(owner, self._drop_all), key)
        with self._lock:
            found = self._kept.get(place)
            if found is not None:
                self._kept.move_to_end(place)
                return found
        made = make()
        made.flags.writeable = False
        with self._lock:
            if made.nbytes <= self._budget and place not in self._kept:
                self._kept[place] = made
                self._bytes += made.nbytes
                while self._bytes > self._budget:
                    self._bytes -= self._kept.popitem(last=False)[1].nbytes
        return made

    def _drop_all(self, owner: "weakref.ref[Any]") -> None:
        with self._lock:
            for place in [place for place in self._kept if place[0] is owner]:
                self._bytes -= self._kept.pop(place).nbytes
