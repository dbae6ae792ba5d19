"""The models that the app offers. Each is loaded on first use; one reply is generated at a time."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import anyio.to_thread

from tam.errors import InputError
from tam.model.loading import load
from tam.model.model import Model


class Models:
    """Models by name, and the queue of requests for them.

    Parameters
    ----------
    names
        The models that users can choose from; the first one is the default.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self.waiting = 0
        self._loaded: dict[str, Model] = {}
        self._turn = asyncio.Lock()

    def check(self, name: str) -> None:
        """Refuse a model that is not offered.

        Raises
        ------
        InputError
            If the name is not on the list.
        """
        if name not in self.names:
            raise InputError(
                f"unknown model {name!r}", where="model", remedy="choose one of the list"
            )

    @asynccontextmanager
    async def turn(self, name: str) -> AsyncIterator[Model]:
        """Wait in the queue until no other reply is being generated, then hold the model."""
        self.check(name)
        self.waiting += 1
        try:
            async with self._turn:
                if name not in self._loaded:
                    self._loaded[name] = await anyio.to_thread.run_sync(load, name)
                yield self._loaded[name]
        finally:
            self.waiting -= 1
