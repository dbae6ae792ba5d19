"""Forward hooks that keep states and probabilities while a model runs."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from tam.capture.access import Access
from tam.capture.run import PrefixCache

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Tick = Callable[[], None]
"""A callback for each new token, to advance a progress bar."""

TokenCallback = Callable[["States", "Logits", int], None]
"""A callback for each new token: the states and logits kept so far, and the token's id."""

# Number of steps whose logits are evaluated together.
_STEPS = 16

Hook = tuple[torch.nn.Module, Callable[[Any, Any, Any], None]]


class States:
    """Keeps selected rows of the decoder's output over successive forward passes.

    Parameters
    ----------
    wanted
        int64 positions within the padded prompt, for each of the B prompts.
    prompt_length
        P: number of tokens of the padded prompt.
    prefix_cache
        The cache of the beginning of a single prompt.
    """

    def __init__(
        self,
        wanted: Sequence[NDArray[np.int64]],
        prompt_length: int,
        prefix_cache: PrefixCache | None = None,
    ) -> None:
        self.prompt_length = prompt_length
        self.prefix_cache = prefix_cache
        self.seen = self.start = 0 if prefix_cache is None else len(prefix_cache.ids)
        # The last position of the prompt predicts the reply's first token.
        self.wanted = [
            np.union1d(rows[(rows >= self.start) & (rows < prompt_length - 1)], [prompt_length - 1])
            for rows in wanted
        ]
        self.in_step = True
        self.prompt: list[list[torch.Tensor]] = [[] for _ in wanted]
        self.reply: list[torch.Tensor] = []

    def keep(self, _module: torch.nn.Module, _inputs: Any, output: Any) -> None:
        """Keep the selected rows of one pass; a forward hook of the decoder."""
        states = output[0].detach()
        first, self.seen = self.seen, self.seen + int(states.shape[1])
        self.in_step &= len(states) == len(self.wanted)
        if not self.in_step:
            return
        if first < self.prompt_length:
            for kept, wanted, own in zip(self.prompt, self.wanted, states, strict=True):
                rows = wanted[(wanted >= first) & (wanted < self.seen)] - first
                kept.append(own[torch.from_numpy(rows).to(own.device)])
        if self.seen > self.prompt_length:
            own = states[:, max(0, self.prompt_length - first) :]
            # Cloned, because a view would keep the whole tensor in memory.
            self.reply.append(own if own.shape == states.shape else own.clone())

    def complete(self, reply_length: int) -> bool:
        """Whether prompts and replies, except the last token, were each read once, in order."""
        return self.in_step and self.seen == self.prompt_length + reply_length - 1

    def latest(self) -> torch.Tensor:
        """Return the state [1, D] at the newest position of the first prompt."""
        return self.reply[-1][0, -1:] if self.reply else self.prompt[0][-1][-1:]

    def of(self, row: int, padding: int, reply_length: int) -> tuple[NDArray[np.int64], Any]:
        """Return positions [S] and states [S, D] of one prompt and its reply, without padding."""
        kept = reply_length - 1
        parts = [self.wanted[row], np.arange(self.prompt_length, self.prompt_length + kept)]
        states = [*self.prompt[row], *(part[row] for part in self.reply)]
        positions = np.concatenate(parts).astype(np.int64) - padding
        joined = torch.cat(states)[: len(positions)]
        if self.prefix_cache is None:
            return positions, joined
        earlier = self.prefix_cache.positions < self.start
        index = torch.from_numpy(np.flatnonzero(earlier)).to(joined.device)
        return (
            np.concatenate([self.prefix_cache.positions[earlier], positions]),
            torch.cat([self.prefix_cache.states[index], joined]),
        )


class Logits:
    """Keeps the probabilities of each token of the replies and of its candidates, on the device.

    Several steps are evaluated together, because launching GPU kernels for a single step takes
    longer than the computation.
    """

    def __init__(self, candidates: int) -> None:
        self.candidates = candidates
        self.last: torch.Tensor | None = None
        self.waiting: list[tuple[torch.Tensor, torch.Tensor]] = []
        self.written: list[torch.Tensor] = []
        self.best: list[tuple[torch.Tensor, torch.Tensor]] = []

    @property
    def steps(self) -> int:
        """The number of steps seen, evaluated or not."""
        return sum(map(len, self.written)) + len(self.waiting)

    def keep(self, _module: torch.nn.Module, _inputs: Any, output: Any) -> None:
        """Keep the logits of the last position; a forward hook of the model."""
        logits = output.logits.detach()
        self.last = logits[:, -1] if logits.shape[1] == 1 else logits[:, -1].clone()

    def chosen(self, tokens: torch.Tensor) -> None:
        """Record the last step, now that its tokens [B] are known."""
        if self.last is not None and len(self.last) == len(tokens):
            self.waiting.append((self.last, tokens))
        self.last = None
        if len(self.waiting) == _STEPS:
            self.evaluate()

    def evaluate(self) -> None:
        """Evaluate the steps that are waiting."""
        if self.waiting:
            logits, tokens = map(torch.stack, zip(*self.waiting, strict=True))
            self.waiting.clear()
            self.record(logits, tokens)

    def latest(self) -> tuple[float, NDArray[np.int64], NDArray[np.float32]]:
        """Return the newest step of the first reply.

        Returns
        -------
        tuple
            The token's probability, the candidates' ids int64 [C] and their probabilities
            float32 [C].
        """
        self.evaluate()
        ids, best = (part[-1, 0].cpu() for part in self.best[-1])
        return float(self.written[-1][-1, 0]), ids.numpy(), best.numpy()

    def record(self, logits: torch.Tensor, tokens: torch.Tensor) -> None:
        """Record n steps at once: logits [n, B, V] and the tokens, int64 [n, B], chosen there."""
        probabilities = logits.float().softmax(-1)
        best = probabilities.topk(min(self.candidates, probabilities.shape[-1]))
        self.written.append(probabilities.gather(2, tokens.to(logits.device)[..., None])[..., 0])
        self.best.append((best.indices, best.values))

    def of(
        self, row: int, reply_length: int
    ) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32]]:
        """Return a reply's probabilities [n], and its candidates' ids and probabilities [n, C]."""
        self.evaluate()
        if not self.written:
            return np.zeros(0, np.float32), np.zeros((0, 0), np.int64), np.zeros((0, 0), np.float32)
        written = torch.cat([part[:, row] for part in self.written])[:reply_length]
        ids = torch.cat([part[:, row] for part, _ in self.best])[:reply_length]
        best = torch.cat([part[:, row] for _, part in self.best])[:reply_length]
        return numpy_floats(written), ids.cpu().numpy(), numpy_floats(best)


@contextmanager
def hooked(hooks: Sequence[Hook], access: Access) -> Iterator[None]:
    """Register forward hooks on some modules for the duration of the block.

    The hooks see only the passes of the run that ``access`` belongs to.
    """
    handles: list[Any] = []
    try:
        for module, hook in hooks:
            # In a compiled model, a hook that keeps states would be recompiled at each step.
            own = torch.compiler.disable(_for_one_run(access, hook))
            handles.append(module.register_forward_hook(own))
        yield
    finally:
        for handle in handles:
            handle.remove()


def _for_one_run(
    access: Access, hook: Callable[[Any, Any, Any], None]
) -> Callable[[Any, Any, Any], None]:
    def own(module: "PreTrainedModel", inputs: Any, output: Any) -> None:
        if access.held:
            hook(module, inputs, output)

    return own


def numpy_floats(values: torch.Tensor) -> NDArray[np.float32]:
    """Copy a tensor of any floating-point dtype to the CPU as float32."""
    array: NDArray[np.float32] = values.float().cpu().numpy()
    return array
