"""Teacher forcing: the model reads a given reply."""

from typing import TYPE_CHECKING

import torch

from tam.capture.access import Access
from tam.capture.cache import CACHE
from tam.capture.hooks import Logits, States, Tick, hooked
from tam.capture.placing import cached, placed, restore
from tam.capture.run import PrefixCache, Request, Run
from tam.families.adapter import Adapter

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Number of reply tokens for which logits over the whole vocabulary are computed at once.
_CHUNK = 64


def force(
    model: "PreTrainedModel",
    adapter: Adapter,
    request: Request,
    reply: torch.Tensor,
    *,
    candidates: int,
    tick: Tick,
    prefix_cache: PrefixCache | None = None,
) -> Run:
    """Let the model read a given reply.

    The model reads the prompt first and then the reply, with the cache, so that the prompt's states
    are computed exactly as in generation.

    Parameters
    ----------
    reply
        int64 [n], n at least 1: token ids of the reply.
    model, adapter, candidates, tick, prefix_cache
        As in :func:`tam.capture.generate`.
    request
        The conversation up to the reply.
    """
    inputs = placed(model, request.inputs)
    states = States([request.wanted], request.length, prefix_cache)
    logits = Logits(candidates)
    reply = reply.to(inputs["input_ids"].device)
    with Access(model) as access, torch.no_grad():
        if prefix_cache is None:
            cache = adapter.new_cache(model)
            first_pass = inputs if cache is None else {**inputs, CACHE: cache}
        else:
            restore(model, prefix_cache)
            rest = inputs["input_ids"][:, len(prefix_cache.ids) :]
            first_pass = {"input_ids": rest, CACHE: prefix_cache.cache}
        with hooked([(adapter.decoder(model), states.keep)], access):
            output = model(**first_pass, use_cache=True, logits_to_keep=1)
            access.release()
            logits.record(output.logits[:, -1:], reply[:1, None])
            tick()
            for first in range(0, len(reply) - 1, _CHUNK):
                chunk = reply[first : min(first + _CHUNK, len(reply) - 1)]
                access.acquire()
                more = adapter.reply_inputs(inputs, first + len(chunk))
                output = model(
                    input_ids=chunk[None], use_cache=True, **{CACHE: output[CACHE]}, **more
                )
                access.release()
                written = reply[first + 1 : first + 1 + len(chunk)]
                logits.record(output.logits[0][:, None], written[:, None])
                for _ in chunk:
                    tick()
        access.acquire()
        positions, kept = states.of(0, 0, len(reply))
        prefix_cache = cached(model, adapter, request, reply, output[CACHE], positions, kept)
    probabilities, ids, best = logits.of(0, len(reply))
    return Run(
        ids=reply.cpu().numpy(),
        positions=positions,
        states=kept,
        probabilities=probabilities,
        sampled_probabilities=None,
        candidate_ids=ids,
        candidate_probabilities=best,
        prefix_cache=prefix_cache,
    )
