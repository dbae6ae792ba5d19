"""The reply of a serving engine: its token ids, and their log-probabilities."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from tam.errors import ConversationError
from tam.files.reading import read_json

LARGEST = 2**31
"""The largest size of a reply in bytes; SGLang writes the states into it as text."""

MOST = 200_000_000
"""The largest number of JSON values in it: 40,000 tokens of 5,000 numbers each."""

_REMEDY = (
    'give the JSON reply of vLLM (requested with "return_token_ids": true) or SGLang, or '
    '{"token_ids": [...]}'
)


@dataclass(frozen=True, eq=False, repr=False)
class ServedReply:
    """A reply that a serving engine wrote.

    Parameters
    ----------
    ids
        Its token ids, special tokens included.
    prompt_ids
        The prompt's token ids as the engine read them, or None if unknown.
    prompt_tokens
        The number of the prompt's tokens, or None.
    cached_tokens
        How many of them the engine took from its cache, or None.
    log_probabilities
        Log-probability of each token of the reply, as the engine reports it, or None.
    states
        The JSON value that contains the states, or None.
    """

    ids: tuple[int, ...]
    prompt_ids: tuple[int, ...] | None = None
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    log_probabilities: tuple[float, ...] | None = None
    states: Any = None

    def __repr__(self) -> str:
        return f"<ServedReply of {len(self.ids)} tokens>"


def read_reply(path: Path) -> ServedReply:
    """Read a reply: vLLM's or SGLang's JSON, a list of token ids, or an object with such a list.

    Raises
    ------
    ConversationError
        If the file has another format.
    """
    content = read_json(path, remedy=_REMEDY, kind=ConversationError, limit=LARGEST, most=MOST)
    if isinstance(content, list) and len(content) == 1 and isinstance(content[0], dict):
        content = content[0]  # SGLang answers a list of one prompt with a list of one reply
    if isinstance(content, list):
        return ServedReply(_ids(content, path))
    if not isinstance(content, dict):
        _refuse(path, "contains no reply")
    if "choices" in content:
        return _from_openai(content, path)
    if "output_ids" in content:
        return _from_sglang(content, path)
    return ServedReply(
        ids=_ids(content.get("token_ids"), path),
        prompt_ids=_prompt_ids(content, path),
        log_probabilities=_numbers(content.get("log_probabilities"), path),
    )


def _from_openai(content: Mapping[str, Any], path: Path) -> ServedReply:
    """Read a reply of the OpenAI API with vLLM's extension for token ids."""
    choices = content["choices"]
    if not isinstance(choices, list) or len(choices) != 1 or not isinstance(choices[0], dict):
        _refuse(path, "does not contain exactly one choice")
    choice = choices[0]
    if choice.get("token_ids") is None:
        _refuse(path, "contains only text, from which the token ids cannot be recovered reliably")
    logprobs = choice.get("logprobs") or {}
    numbers: Any = None
    if isinstance(logprobs, dict) and isinstance(logprobs.get("content"), list):
        numbers = [
            item.get("logprob") if isinstance(item, dict) else None for item in logprobs["content"]
        ]
    elif isinstance(logprobs, dict):
        numbers = logprobs.get("token_logprobs")
    return ServedReply(
        ids=_ids(choice["token_ids"], path),
        prompt_ids=_prompt_ids(content, path) or _prompt_ids(choice, path),
        log_probabilities=_numbers(numbers, path),
    )


def _from_sglang(content: Mapping[str, Any], path: Path) -> ServedReply:
    """Read a reply of SGLang's ``/generate``."""
    meta = content.get("meta_info")
    if not isinstance(meta, dict):
        _refuse(path, "has no meta_info")
    counts = [meta.get(name) for name in ("prompt_tokens", "cached_tokens")]
    known = [count if isinstance(count, int) else None for count in counts]
    return ServedReply(
        ids=_ids(content["output_ids"], path),
        prompt_ids=_prompt_ids(content, path),
        prompt_tokens=known[0],
        cached_tokens=known[1],
        states=meta.get("hidden_states"),
    )


def _prompt_ids(content: Mapping[str, Any], path: Path) -> tuple[int, ...] | None:
    ids = content.get("prompt_token_ids")
    return None if ids is None else _ids(ids, path)


def _ids(value: Any, path: Path) -> tuple[int, ...]:
    if not isinstance(value, list) or not value:
        _refuse(path, "contains no token ids")
    if not all(type(token) is int for token in value):
        _refuse(path, "contains token ids that are not whole numbers")
    return tuple(value)


def _numbers(value: Any, path: Path) -> tuple[float, ...] | None:
    if value is None:
        return None
    if not isinstance(value, Sequence) or not all(type(x) in (int, float) for x in value):
        _refuse(path, "contains log-probabilities that are not numbers")
    return tuple(map(float, value))


def _refuse(path: Path, what: str) -> NoReturn:
    raise ConversationError(what, where=str(path), remedy=_REMEDY)
