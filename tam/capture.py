"""The only caller of the model: it runs, and the states that a method needs are kept.

Forward hooks read the text decoder's output (the final-normed last hidden states) and the model's
logits while transformers' own ``generate`` runs. Only needed positions are kept, in the model's
dtype. Whatever generates in another order than one token after another (beams, assistants, several
sequences, compiled or cacheless decoding) is recognised by the states that passed, and explained by
teacher forcing afterwards.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import StoppingCriteria, StoppingCriteriaList

from tam.adapter import Adapter

# Answer tokens that one teacher-forced step scores over the whole vocabulary.
_CHUNK = 64

# Options of ``generate`` that are set here, whatever the caller asks for.
_OURS = ("return_dict_in_generate", "output_scores", "output_logits", "output_hidden_states")

Tick = Callable[[], None]
"""Called once for each token that is there, for a progress bar."""


@dataclass(frozen=True, eq=False)
class Run:
    """What passed through the model.

    Parameters
    ----------
    ids
        int64 [n]: the reply's token ids, special tokens included.
    positions
        int64 [S], ascending: the sequence positions whose states were kept.
    states
        [S, D] in the model's dtype.
    probabilities
        float32 [n]: softmax of the raw logits at each token of the reply.
    sampled_probabilities
        float32 [n] in the distribution that was sampled from, or None.
    candidate_ids, candidate_probabilities
        int64 and float32 [n, C]: the most probable tokens, best first.
    """

    ids: NDArray[np.int64]
    positions: NDArray[np.int64]
    states: torch.Tensor
    probabilities: NDArray[np.float32]
    sampled_probabilities: NDArray[np.float32] | None
    candidate_ids: NDArray[np.int64]
    candidate_probabilities: NDArray[np.float32]

    def at(self, positions: NDArray[np.int64]) -> torch.Tensor:
        """[len(positions), D]: the states at some of the kept positions."""
        index = torch.from_numpy(np.searchsorted(self.positions, positions))
        return self.states[index.to(self.states.device)]


def generate(
    model: Any,
    adapter: Adapter,
    inputs: Mapping[str, torch.Tensor],
    wanted: NDArray[np.int64],
    *,
    candidates: int,
    tick: Tick,
    options: Mapping[str, Any],
) -> Run:
    """Let the model answer, and keep what the answer came from.

    Parameters
    ----------
    model, adapter
        The model and its family.
    inputs
        The processor's outputs for one conversation.
    wanted
        int64: positions of the prompt whose states are kept, beside every position that predicts a
        token of the reply.
    candidates
        How many of the most probable tokens to keep at each step.
    tick
        Called for each token.
    options
        Any options of transformers' ``generate``.
    """
    inputs = _placed(model, inputs)
    prompt_length = int(inputs["input_ids"].shape[1])
    states = _States(wanted, prompt_length)
    logits = _Logits(candidates)
    options = {k: v for k, v in options.items() if k not in _OURS}
    stopping = StoppingCriteriaList(options.pop("stopping_criteria", None) or [])
    stopping.append(_EachToken(logits, tick))
    sampling = bool(options.get("do_sample", model.generation_config.do_sample))
    hooks: list[_Hook] = []
    if not _is_compiled(model, options):
        hooks = [(adapter.decoder(model), states.keep), (model, logits.keep)]
    with torch.no_grad(), _hooked(hooks):
        result = model.generate(
            **inputs,
            **options,
            stopping_criteria=stopping,
            return_dict_in_generate=True,
            output_scores=sampling,
        )
    reply = result.sequences[0, prompt_length:]
    if not states.complete(len(reply)) or len(logits.tokens) != len(reply):
        return force(model, adapter, inputs, reply, wanted, candidates=candidates, tick=_no_tick)
    sampled = None
    if sampling and len(reply):
        steps = zip(result.scores, reply, strict=True)
        sampled = _numpy(torch.stack([step[0].softmax(-1)[token] for step, token in steps]))
    return _run(reply, states, logits, sampled)


def force(
    model: Any,
    adapter: Adapter,
    inputs: Mapping[str, torch.Tensor],
    reply: torch.Tensor,
    wanted: NDArray[np.int64],
    *,
    candidates: int,
    tick: Tick,
) -> Run:
    """Read a reply that exists already through the model (teacher forcing).

    The prompt and the reply go in one after the other, over the cache, so that the prompt's states
    are computed just as when the model generates.

    Parameters
    ----------
    reply
        int64 [n], n at least 1.
    model, adapter, inputs, wanted, candidates, tick
        As in :func:`generate`.
    """
    inputs = _placed(model, inputs)
    prompt_length = int(inputs["input_ids"].shape[1])
    states = _States(wanted, prompt_length)
    logits = _Logits(candidates)
    reply = reply.to(inputs["input_ids"].device)
    with torch.no_grad(), _hooked([(adapter.decoder(model), states.keep)]):
        cache = adapter.new_cache(model)
        empty = {} if cache is None else {"past_key_values": cache}
        output = model(**inputs, **empty, use_cache=True, logits_to_keep=1)
        logits.record(output.logits[0, -1:], reply[:1])
        tick()
        for first in range(0, len(reply) - 1, _CHUNK):
            chunk = reply[first : min(first + _CHUNK, len(reply) - 1)]
            output = model(
                input_ids=chunk[None], past_key_values=output.past_key_values, use_cache=True
            )
            logits.record(output.logits[0], reply[first + 1 : first + 1 + len(chunk)])
            for _ in chunk:
                tick()
    return _run(reply, states, logits, None)


class _States:
    """Keeps the wanted rows of the decoder's output, forward pass after forward pass."""

    def __init__(self, wanted: NDArray[np.int64], prompt_length: int) -> None:
        self.prompt_length = prompt_length
        # The last position of the prompt predicts the reply's first token.
        self.wanted = np.union1d(wanted[wanted < prompt_length - 1], [prompt_length - 1])
        self.seen = 0
        self.single = True
        self.kept: list[torch.Tensor] = []

    def keep(self, _module: Any, _inputs: Any, output: Any) -> None:
        """Forward hook of the decoder."""
        states = output[0]
        first, self.seen = self.seen, self.seen + int(states.shape[1])
        self.single &= states.shape[0] == 1
        if first >= self.prompt_length:
            self.kept.append(states[0].detach().clone())
            return
        rows = self.wanted[(self.wanted >= first) & (self.wanted < self.seen)] - first
        rows = np.concatenate([rows, np.arange(self.prompt_length - first, states.shape[1])])
        self.kept.append(states[0, torch.from_numpy(rows).to(states.device)].detach())

    def complete(self, reply_length: int) -> bool:
        """Whether exactly the prompt and all but the last token of a reply passed, in order."""
        return self.single and self.seen == self.prompt_length + reply_length - 1

    @property
    def positions(self) -> NDArray[np.int64]:
        reply = np.arange(self.prompt_length, self.seen)
        return np.concatenate([self.wanted, reply]).astype(np.int64)


class _Logits:
    """Keeps the probabilities of each token of the reply and of its rivals, on the device."""

    def __init__(self, candidates: int) -> None:
        self.candidates = candidates
        self.last: torch.Tensor | None = None
        self.tokens: list[torch.Tensor] = []
        self.best: list[tuple[torch.Tensor, torch.Tensor]] = []

    def keep(self, _module: Any, _inputs: Any, output: Any) -> None:
        """Forward hook of the model."""
        self.last = output.logits[0, -1:].detach()

    def chosen(self, token: torch.Tensor) -> None:
        """Record the last step, now that its token is known."""
        if self.last is not None:
            self.record(self.last, token.reshape(1))
            self.last = None

    def record(self, logits: torch.Tensor, tokens: torch.Tensor) -> None:
        """Record n steps at once: [n, V] logits and the int64 [n] tokens written there."""
        probabilities = logits.float().softmax(-1)
        best = probabilities.topk(min(self.candidates, probabilities.shape[-1]))
        self.tokens += list(probabilities.gather(1, tokens.to(logits.device)[:, None])[:, 0])
        self.best += list(zip(best.indices, best.values, strict=True))


class _EachToken(StoppingCriteria):
    """Never stops; it is called when a token is there."""

    def __init__(self, logits: _Logits, tick: Tick) -> None:
        self.logits = logits
        self.tick = tick

    def __call__(
        self, input_ids: torch.LongTensor, _scores: torch.FloatTensor, **_: Any
    ) -> torch.Tensor:
        self.logits.chosen(input_ids[0, -1])
        self.tick()
        return torch.zeros(len(input_ids), dtype=torch.bool, device=input_ids.device)


_Hook = tuple[torch.nn.Module, Callable[[Any, Any, Any], None]]


@contextmanager
def _hooked(hooks: list[_Hook]) -> Iterator[None]:
    """Keep forward hooks on some modules for as long as the block runs, whatever ends it."""
    handles: list[Any] = []
    try:
        for module, hook in hooks:
            # Inside a compiled model a hook that keeps states would be compiled anew each step.
            handles.append(module.register_forward_hook(torch.compiler.disable(hook)))
        yield
    finally:
        for handle in handles:
            handle.remove()


def _is_compiled(model: Any, options: Mapping[str, Any]) -> bool:
    """Whether decoding may be compiled: a hook that keeps states would recompile it each step."""
    cache = options.get("cache_implementation", model.generation_config.cache_implementation)
    return cache not in (None, "dynamic") or "compile_config" in options


def _placed(model: Any, inputs: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Bring the inputs to where the model reads them, the pixels to its dtype."""
    device = _input_device(model)
    dtype = next((p.dtype for p in model.parameters() if p.is_floating_point()), torch.float32)
    return {
        name: value.to(device, dtype) if value.is_floating_point() else value.to(device)
        for name, value in inputs.items()
    }


def _input_device(model: Any) -> torch.device:
    """The device of the token embedding, also where accelerate has offloaded its weight."""
    embedding = model.get_input_embeddings()
    hook = getattr(embedding, "_hf_hook", None)
    execution = getattr(hook, "execution_device", None)
    return torch.device(execution if execution is not None else embedding.weight.device)


def _run(
    reply: torch.Tensor, states: _States, logits: _Logits, sampled: NDArray[np.float32] | None
) -> Run:
    empty = torch.zeros(0, 0)
    return Run(
        ids=reply.cpu().numpy().astype(np.int64),
        positions=states.positions,
        states=torch.cat(states.kept),
        probabilities=_numpy(torch.stack(logits.tokens) if logits.tokens else empty[:, 0]),
        sampled_probabilities=sampled,
        candidate_ids=torch.stack([ids for ids, _ in logits.best] or [empty]).cpu().numpy(),
        candidate_probabilities=_numpy(torch.stack([p for _, p in logits.best] or [empty])),
    )


def _numpy(values: torch.Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = values.float().cpu().numpy()
    return array


def _no_tick() -> None:
    pass
