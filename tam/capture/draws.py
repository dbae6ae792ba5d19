"""Random draws of one run, from its own generators."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

_DRAWS: frozenset[Callable[..., Any]] = frozenset(
    {
        torch.bernoulli,
        torch.multinomial,
        torch.normal,
        torch.rand,
        torch.randint,
        torch.randn,
        torch.randperm,
        torch.Tensor.bernoulli,
        torch.Tensor.bernoulli_,
        torch.Tensor.exponential_,
        torch.Tensor.multinomial,
        torch.Tensor.normal_,
        torch.Tensor.random_,
        torch.Tensor.uniform_,
    }
)
# In some versions of torch these do not accept a generator.
_LIKE = {torch.rand_like: torch.rand, torch.randn_like: torch.randn}


class SeededDraws(TorchFunctionMode):
    """A mode in which torch's random functions use this run's generators, in this thread.

    The global generators are neither read nor advanced, so nothing outside the run affects its
    draws. The draws equal those after ``torch.manual_seed(seed)``.

    Parameters
    ----------
    seed
        Seed of the generators, one for each device.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._seed = seed
        self._generators: dict[torch.device, torch.Generator] = {}
        self._paused = False

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call a torch function, with this run's generator if it draws."""
        options = dict(kwargs or {})
        if self._paused or options.get("generator") is not None:
            return func(*args, **options)
        if func in _LIKE:
            func, like, args = _LIKE[func], args[0], ()
            options = {"dtype": like.dtype, "device": like.device, **options}
            options["size"] = like.shape
        if func in _DRAWS:
            options["generator"] = self._generator(_device(args, options))
        return func(*args, **options)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Draw from the global generators while the caller's code runs."""
        self._paused = True
        try:
            yield
        finally:
            self._paused = False

    def _generator(self, device: torch.device) -> torch.Generator:
        if device not in self._generators:
            self._generators[device] = torch.Generator(device).manual_seed(self._seed)
        return self._generators[device]


def _device(args: Sequence[Any], options: Mapping[str, Any]) -> torch.device:
    """Return the device of a draw: the requested one, or that of the first tensor."""
    if options.get("device") is not None:
        return torch.device(options["device"])
    values = [*args, *options.values()]
    tensors = [value for value in values if isinstance(value, torch.Tensor)]
    return tensors[0].device if tensors else torch.get_default_device()
