"""Checks that states from a serving engine belong to this prompt and reply."""

from typing import Any, NoReturn

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from tam.errors import ConversationError, SavedFileError
from tam.served.reply import ServedReply
from tam.served.states import ServedStates
from tam.text.tokenizer import Tokenizer

_NEAR = 0.02
"""The largest deviation from 1, due to rounding, of the root mean square of normed states."""

_SAME = (
    "send the engine the same picture, text and chat template, and let it use the processor's own "
    "limits"
)


def check_ids(
    tokenizer: Tokenizer, prompt: NDArray[np.int64], reply: ServedReply, served: ServedStates
) -> None:
    """Refuse a reply or states whose tokens differ from the processor's.

    Parameters
    ----------
    tokenizer
        Decodes the tokens that differ.
    prompt
        int64 [P]: the processor's ids, vision placeholders expanded.
    reply, served
        The reply and the states from the engine.

    Raises
    ------
    ConversationError
        If the tokens differ. The message names the first difference.
    """
    reply_ids = np.array(reply.ids, np.int64)
    if reply.prompt_ids is not None:
        _compare(tokenizer, np.array(reply.prompt_ids, np.int64), prompt, whole=True)
    elif reply.prompt_tokens is not None and reply.prompt_tokens != len(prompt):
        raise ConversationError(
            f"the engine read a prompt of {reply.prompt_tokens} tokens, but the processor makes "
            f"one of {len(prompt)}",
            where="answer file",
            remedy=_SAME,
        )
    if served.ids is not None:
        _compare(tokenizer, served.ids, np.concatenate([prompt, reply_ids]), whole=False)


def rows(served: ServedStates, norm: nn.Module, prompt: int, reply: int) -> torch.Tensor:
    """Return the states, after the final norm, of a prompt and its reply without the last token.

    Parameters
    ----------
    served
        The states from the engine, whose ids have already been compared.
    norm
        The model's final norm.
    prompt, reply
        P and n: the numbers of their tokens.

    Returns
    -------
    torch.Tensor
        [P + n - 1, D] in the norm's dtype.

    Raises
    ------
    SavedFileError
        If states are missing, have another width or are not finite, or if they are not before or
        after the final norm as their file layout requires.
    """
    weight: Any = norm.weight
    states, width, needed = served.states, len(weight), prompt + reply - 1
    if states.shape[1] != width:
        swapped = " (the axes are swapped)" if states.shape[0] == width else ""
        _refuse(f"the states are {states.shape[1]} wide, the model's are {width}{swapped}")
    if not needed <= len(states) <= needed + 1:
        _refuse(
            f"there are states of {len(states)} tokens, but the prompt of {prompt} and the reply "
            f"of {reply} tokens need {needed}: {_missing(len(states), prompt, needed)}"
        )
    states = states[:needed]
    broken = ~torch.isfinite(states).all(1) | (states == 0).all(1)
    if bool(broken.any()):
        first = int(torch.nonzero(broken)[0])
        _refuse(f"the states of token {first} are zero or not finite: they were not computed")
    normed = is_normed(states, norm)
    if normed != served.normed:
        _refuse(
            f"the states are those {'after' if normed else 'before'} the final norm, but this file "
            f"layout holds those {'after' if served.normed else 'before'} it"
        )
    states = states.to(weight.dtype)
    with torch.no_grad():
        final: torch.Tensor = states if normed else norm(states)
    return final


def is_normed(states: torch.Tensor, norm: nn.Module) -> bool:
    """Whether states [T, D] are the output of a norm rather than its input, by their values.

    The output of a norm, with its gain and bias removed, has root mean square 1 at every token.

    Raises
    ------
    SavedFileError
        If that holds only for some tokens, or many gains are zero.
    """
    weight: Any = norm.weight
    centre: torch.Tensor | float = 0.0
    with torch.no_grad():
        if isinstance(norm, nn.LayerNorm):
            gain = weight.float()
            centre = norm.bias.float() if norm.bias is not None else 0.0
        else:
            # Some families store the gain minus one; the norm of all ones is the gain in any case.
            gain = norm(torch.ones(1, len(weight), dtype=weight.dtype))[0].float()
        kept = gain.abs() > 1e-3 * gain.abs().max()
        plain = ((states.float() - centre) / gain)[:, kept]
        near = (plain.square().mean(1).sqrt() - 1).abs() <= _NEAR
    share = float(near.float().mean())
    if share == 1:
        return True
    if share > 0.5 or float(kept.float().mean()) < 0.9:
        _refuse("the values do not show whether the states are before or after the final norm")
    return False


def check_agreement(
    probabilities: NDArray[np.float32], reply: ServedReply, vocabulary: int, engine: str
) -> None:
    """Refuse states that do not predict the reply.

    Parameters
    ----------
    probabilities
        float32 [n]: probabilities of the reply's tokens, from the states and the checkpoint's head.
    reply
        The reply from the engine.
    vocabulary
        Size of the vocabulary.
    engine
        Name of the engine. SGLang divides scores by the temperature before its probabilities, so
        its log-probabilities are not compared.

    Raises
    ------
    SavedFileError
        If the reply is less likely than chance, or its probabilities differ from the engine's.
    """
    own = np.log(np.maximum(probabilities.astype(np.float64), 1e-38))
    if own.mean() < -np.log(vocabulary):
        _refuse(
            "according to these states, the reply is less likely than random tokens: they belong "
            "to another layer, model or prompt"
        )
    reported = reply.log_probabilities
    if reported is None or engine == "SGLang":
        return
    if len(reported) != len(own):
        _refuse(f"the reply has {len(own)} tokens but {len(reported)} log-probabilities")
    difference = float(np.median(np.abs(own - np.array(reported))))
    if difference > 0.5:
        _refuse(
            f"the reply's log-probabilities differ by {difference:.2f} from those that the engine "
            "reported: the states belong to another layer, model or prompt"
        )


def _missing(count: int, prompt: int, needed: int) -> str:
    if count > needed:
        return "they belong to another request"
    if count >= prompt - 1:
        return "those of the reply are missing; let the engine read the reply as a prompt"
    return "some of the prompt were not computed for this request (chunked prefill, prefix caching)"


def _compare(
    tokenizer: Tokenizer, theirs: NDArray[np.int64], ours: NDArray[np.int64], *, whole: bool
) -> None:
    shorter = min(len(theirs), len(ours))
    differs = np.flatnonzero(theirs[:shorter] != ours[:shorter])
    if len(differs):
        index = int(differs[0])
        their_token, our_token = (
            f"{ids[index]} ({_decoded(tokenizer, int(ids[index]))})" for ids in (theirs, ours)
        )
        raise ConversationError(
            f"the engine's tokens differ from the processor's: token {index} is {their_token}, not "
            f"{our_token}",
            where="states",
            remedy=_SAME,
        )
    if whole and len(theirs) != len(ours):
        raise ConversationError(
            f"the engine's prompt has {len(theirs)} tokens, the processor's has {len(ours)}; their "
            f"first {shorter} tokens are the same",
            where="answer file",
            remedy=_SAME,
        )


def _decoded(tokenizer: Tokenizer, token: int) -> str:
    return repr(tokenizer.decode([token])) if 0 <= token < len(tokenizer) else "no token"


def _refuse(what: str) -> NoReturn:
    raise SavedFileError(what, where="states", remedy="see docs/elsewhere.md for how to write them")
