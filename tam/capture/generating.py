"""Generation: the model replies, and the states and probabilities of its reply are kept."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from functools import cache
from typing import TYPE_CHECKING, Any

import torch
from transformers import GenerationConfig, StoppingCriteria, StoppingCriteriaList

from tam.capture.access import Access
from tam.capture.cache import CACHE
from tam.capture.draws import SeededDraws
from tam.capture.forcing import force
from tam.capture.hooks import Hook, Logits, States, Tick, TokenCallback, hooked, numpy_floats
from tam.capture.padding import padded
from tam.capture.placing import cached, placed, restore
from tam.capture.refusals import attributed_errors, check_generation
from tam.capture.run import PrefixCache, Request, Run
from tam.capture.settings import generation_settings
from tam.families.adapter import Adapter

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Options of ``generate`` that are always set here, overriding the caller's values.
_OURS = ("return_dict_in_generate", "output_scores", "output_logits", "output_hidden_states")


def generate(
    model: "PreTrainedModel",
    adapter: Adapter,
    requests: Sequence[Request],
    *,
    candidates: int,
    tick: Tick,
    options: Mapping[str, Any],
    seed: int | None = None,
    prefix_cache: PrefixCache | None = None,
    on_token: TokenCallback | None = None,
) -> list[Run]:
    """Let the model reply to one or several conversations at once.

    Parameters
    ----------
    model, adapter
        The model and its family.
    requests
        The B conversations; several are padded on the left.
    candidates
        How many of the most probable tokens to keep at each step.
    tick
        Called for each token.
    options
        Any options of transformers' ``generate``. Where it returns several sequences, the first is
        explained.
    seed
        Seed of the run's own random generator; None to sample from the program's generator.
    prefix_cache
        The cache of the beginning of a single conversation.
    on_token
        Called for each token of a single conversation. An exception raised in it ends the run.

    Returns
    -------
    list of Run
        One run for each conversation.
    """
    check_generation(model, options)
    lengths = [request.length for request in requests]
    padding = [max(lengths) - length for length in lengths]
    inputs: dict[str, Any] = placed(model, _together(model, requests))
    wanted = [r.wanted + missing for r, missing in zip(requests, padding, strict=True)]
    states = States(wanted, max(lengths), prefix_cache)
    logits = Logits(candidates)
    draws = None if seed is None else SeededDraws(seed)
    with Access(model) as access:
        if prefix_cache is not None:
            restore(model, prefix_cache)
            inputs = {name: inputs[name] for name in ("input_ids", "attention_mask")}
            inputs[CACHE] = prefix_cache.cache

        def on_step(tokens: torch.Tensor) -> None:
            """Call the caller's code for a new token, releasing the model meanwhile."""
            access.release()
            with nullcontext() if draws is None else draws.paused():
                tick()
                if on_token is not None:
                    on_token(states, logits, int(tokens[0]))
            access.acquire()

        with nullcontext() if draws is None else draws:
            result = _generated(model, adapter, inputs, states, logits, access, on_step, options)
        access.acquire()
        # With beams or several sequences, take the first one of each conversation.
        replies = result.sequences[:: len(result.sequences) // len(requests), max(lengths) :]
        steps = replies.shape[1]
        if states.complete(steps) and logits.steps == steps:
            return [
                _run(model, adapter, request, row, padding[row], reply, states, logits, result)
                for row, (request, reply) in enumerate(
                    zip(requests, _without_padding(model, replies), strict=True)
                )
            ]
    return [
        force(model, adapter, request, own, candidates=candidates, tick=_no_tick)
        for request, own in zip(requests, _without_padding(model, replies), strict=True)
    ]


def _run(
    model: "PreTrainedModel",
    adapter: Adapter,
    request: Request,
    row: int,
    padding: int,
    reply: torch.Tensor,
    states: States,
    logits: Logits,
    result: Any,
) -> Run:
    """Collect the states and probabilities of one conversation of a batch."""
    positions, kept = states.of(row, padding, len(reply))
    probabilities, ids, best = logits.of(row, len(reply))
    cache = result.get(CACHE) if len(states.wanted) == 1 else None
    return Run(
        ids=reply.cpu().numpy(),
        positions=positions,
        states=kept,
        probabilities=probabilities,
        sampled_probabilities=_sampled(result, row, reply),
        candidate_ids=ids,
        candidate_probabilities=best,
        prefix_cache=cached(model, adapter, request, reply, cache, positions, kept),
    )


@cache
def generate_words(model_class: Any) -> frozenset[str]:
    """Return the option names that ``generate`` accepts: its own, GenerationConfig's, forward's."""
    functions = [model_class.generate, model_class.forward]
    words = {name for function in functions for name in inspect.signature(function).parameters}
    config = {name for name in vars(GenerationConfig()) if not name.startswith("_")}
    return frozenset((words | config) - {"self", "args", "kwargs"})


def _together(model: "PreTrainedModel", requests: Sequence[Request]) -> Mapping[str, torch.Tensor]:
    if len(requests) == 1:
        return requests[0].inputs
    return padded([request.inputs for request in requests], _pad_id(model))


def _generated(
    model: "PreTrainedModel",
    adapter: Adapter,
    inputs: Mapping[str, Any],
    states: States,
    logits: Logits,
    access: Access,
    on_step: Callable[[torch.Tensor], None],
    options: Mapping[str, Any],
) -> Any:
    """Run ``generate`` with the hooks registered.

    The run holds the model until the end of the first pass, then from each token to the end of the
    pass that reads it, because the code that prepares a pass may read the model's state too. The
    caller's callbacks (logits processors, stopping criteria, streamers) run without it.
    """
    options = {k: v for k, v in options.items() if k not in _OURS}
    stopping = StoppingCriteriaList(options.pop("stopping_criteria", None) or [])
    stopping.append(_EachToken(logits, on_step))

    def release(*_: Any) -> None:
        if states.seen >= states.prompt_length:  # a long prompt may be read in several passes
            access.release()

    hooks: list[Hook] = []
    if not _is_compiled(model, options):
        hooks = [(adapter.decoder(model), states.keep), (model, logits.keep), (model, release)]
    access.acquire()
    with torch.no_grad(), hooked(hooks, access), attributed_errors(model, options):
        generator: Any = model  # its class inherits GenerationMixin, its declared type does not
        return generator.generate(
            **inputs,
            **options,
            stopping_criteria=stopping,
            return_dict_in_generate=True,
            output_scores=bool(
                options.get("do_sample", generation_settings(model, options).do_sample)
            ),
        )


class _EachToken(StoppingCriteria):
    """A stopping criterion that never stops; it reports each new token."""

    def __init__(self, logits: Logits, on_step: Callable[[torch.Tensor], None]) -> None:
        self.logits = logits
        self.on_step = on_step
        self.never = torch.zeros(0, dtype=torch.bool)

    def __call__(
        self, input_ids: torch.LongTensor, _scores: torch.FloatTensor, **_: Any
    ) -> torch.Tensor:
        self.logits.chosen(input_ids[:, -1])
        self.on_step(input_ids[:, -1])
        if len(self.never) != len(input_ids):
            self.never = torch.zeros(len(input_ids), dtype=torch.bool, device=input_ids.device)
        return self.never


def _is_compiled(model: "PreTrainedModel", options: Mapping[str, Any]) -> bool:
    """Whether decoding may be compiled, where hooks that keep states would force recompilation."""
    settings = generation_settings(model, options)
    cache = options.get("cache_implementation", settings.cache_implementation)
    return cache not in (None, "dynamic") or "compile_config" in options


def _pad_id(model: "PreTrainedModel") -> int:
    """Return the token id that pads shorter prompts, and shorter replies after their end."""
    config = model.generation_config
    if config.pad_token_id is not None:
        return int(config.pad_token_id)
    ends = config.eos_token_id
    return int(ends[0] if isinstance(ends, list) else ends)


def _without_padding(model: "PreTrainedModel", replies: torch.Tensor) -> list[torch.Tensor]:
    """Return each reply [n] of a batch without its padding.

    If the padding token is also an end token, the first one after a reply belongs to the reply.
    """
    if len(replies) == 1:
        return [replies[0]]
    pad, end = _pad_id(model), model.generation_config.eos_token_id
    ends = set() if end is None else set(torch.as_tensor(end).flatten().tolist())
    unpadded = []
    for reply in replies:
        kept = torch.nonzero(reply != pad)
        length = int(kept[-1]) + 1 if len(kept) else 0
        if not length or (pad in ends and int(reply[length - 1]) not in ends):
            length += 1
        unpadded.append(reply[:length])
    return unpadded


def _sampled(result: Any, row: int, reply: torch.Tensor) -> Any:
    """Return the probabilities, float32 [n], under the distribution sampled from, or None."""
    if not result.scores or not len(reply):
        return None
    steps = zip(result.scores, reply, strict=False)
    return numpy_floats(torch.stack([step[row].softmax(-1)[token] for step, token in steps]))


def _no_tick() -> None:
    pass
