"""Checks that states from elsewhere belong to this prompt and reply."""

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
"""The largest deviation of the root mean square of normed states from 1, by rounding."""

_SAME = "send the engine the same picture, words and chat template, with the processor's own limits"


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
        The reply and the states from elsewhere.

    Raises
    ------
    ConversationError
        If the tokens differ. The message names the first difference.
    """
    own = np.array(reply.ids, np.int64)
    if reply.prompt_ids is not None:
        _compare(tokenizer, np.array(reply.prompt_ids, np.int64), prompt, whole=True)
    elif reply.prompt_tokens is not None and reply.prompt_tokens != len(prompt):
        raise ConversationError(
            f"the engine read a prompt of {reply.prompt_tokens} tokens, and the processor makes "
            f"one of {len(prompt)}",
            where="answer file",
            remedy=_SAME,
        )
    if served.ids is not None:
        _compare(tokenizer, served.ids, np.concatenate([prompt, own]), whole=False)


def rows(served: ServedStates, norm: nn.Module, prompt: int, reply: int) -> torch.Tensor:
    """Give the final-normed states of a prompt and of all but the last token of its reply.

    Parameters
    ----------
    served
        The states from elsewhere, whose ids have been compared.
    norm
        The model's final norm.
    prompt, reply
        The numbers P and n of their tokens.

    Returns
    -------
    [P + n - 1, D] in the norm's dtype.

    Raises
    ------
    SavedFileError
        If states are missing, of another width, not numbers, or not of the layout's kind.
    """
    weight: Any = norm.weight
    states, width, needed = served.states, len(weight), prompt + reply - 1
    if states.shape[1] != width:
        swapped = " (the axes are swapped)" if states.shape[0] == width else ""
        _refuse(f"states are {states.shape[1]} wide, the model's {width}{swapped}")
    if not needed <= len(states) <= needed + 1:
        _refuse(
            f"there are states of {len(states)} tokens, and the prompt of {prompt} and the reply "
            f"of {reply} need {needed}: {_missing(len(states), prompt, needed)}"
        )
    states = states[:needed]
    broken = ~torch.isfinite(states).all(1) | (states == 0).all(1)
    if bool(broken.any()):
        first = int(torch.nonzero(broken)[0])
        _refuse(f"the states of token {first} are zero or not numbers: they were not computed")
    normed = is_normed(states, norm)
    if normed != served.normed:
        _refuse(
            f"its numbers are those {'after' if normed else 'before'} the final norm, where this "
            f"layout has those {'after' if served.normed else 'before'} it"
        )
    states = states.to(weight.dtype)
    with torch.no_grad():
        found: torch.Tensor = states if normed else norm(states)
    return found


def is_normed(states: torch.Tensor, norm: nn.Module) -> bool:
    """Whether states [T, D] are the output of a norm or its input, judged by their values.

    The output of a norm, without its gain and bias, has root mean square 1 at every token.

    Raises
    ------
    SavedFileError
        If that holds for some tokens only, or many gains are zero.
    """
    weight: Any = norm.weight
    centre: torch.Tensor | float = 0.0
    with torch.no_grad():
        if isinstance(norm, nn.LayerNorm):
            gain = weight.float()
            centre = norm.bias.float() if norm.bias is not None else 0.0
        else:
            # Families keep a gain as it is or less one; of ones the norm gives the gain itself.
            gain = norm(torch.ones(1, len(weight), dtype=weight.dtype))[0].float()
        kept = gain.abs() > 1e-3 * gain.abs().max()
        plain = ((states.float() - centre) / gain)[:, kept]
        near = (plain.square().mean(1).sqrt() - 1).abs() <= _NEAR
    share = float(near.float().mean())
    if share == 1:
        return True
    if share > 0.5 or float(kept.float().mean()) < 0.9:
        _refuse("its numbers do not tell whether they are before or after the final norm")
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
        these are not compared.

    Raises
    ------
    SavedFileError
        If the reply is less likely than chance, or its probabilities differ from the engine's.
    """
    own = np.log(np.maximum(probabilities.astype(np.float64), 1e-38))
    if own.mean() < -np.log(vocabulary):
        _refuse(
            "by these states the reply is less likely than words drawn by lot: they are of another "
            "layer, model or prompt"
        )
    told = reply.log_probabilities
    if told is None or engine == "SGLang":
        return
    if len(told) != len(own):
        _refuse(f"the reply has {len(own)} tokens and {len(told)} log-probabilities")
    off = float(np.median(np.abs(own - np.array(told))))
    if off > 0.5:
        _refuse(
            f"by these states the reply's log-probabilities are {off:.2f} off those that the "
            "engine gave: they are of another layer, model or prompt"
        )


def _missing(found: int, prompt: int, needed: int) -> str:
    if found > needed:
        return "they are of another request"
    if found >= prompt - 1:
        return "those of the reply are missing, which is to be read by the engine once more"
    return "some of the prompt's were not computed for it (chunked prefill, prefix caching)"


def _compare(
    tokenizer: Tokenizer, theirs: NDArray[np.int64], ours: NDArray[np.int64], *, whole: bool
) -> None:
    shorter = min(len(theirs), len(ours))
    differs = np.flatnonzero(theirs[:shorter] != ours[:shorter])
    if len(differs):
        place = int(differs[0])
        spelled = [
            f"{ids[place]} ({_spelled(tokenizer, int(ids[place]))})" for ids in (theirs, ours)
        ]
        raise ConversationError(
            f"the engine's tokens are not the processor's: token {place} is {spelled[0]} there and "
            f"{spelled[1]} here",
            where="states",
            remedy=_SAME,
        )
    if whole and len(theirs) != len(ours):
        raise ConversationError(
            f"the engine's prompt has {len(theirs)} tokens and the processor's {len(ours)}, alike "
            f"as far as token {shorter}",
            where="answer file",
            remedy=_SAME,
        )


def _spelled(tokenizer: Tokenizer, token: int) -> str:
    return repr(tokenizer.decode([token])) if 0 <= token < len(tokenizer) else "no token"


def _refuse(what: str) -> NoReturn:
    raise SavedFileError(what, where="states", remedy="see docs/elsewhere.md for how to write them")
