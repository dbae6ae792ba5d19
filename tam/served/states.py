"""Files of last-layer states from other programs: vLLM's, SGLang's, and a plain layout.

============  =====================================================  ==========================
layout        content                                                states
============  =====================================================  ==========================
vLLM          safetensors: ``hidden_states`` [T, 1, D] or [1, T, D]  before the final norm
              and ``token_ids`` [T], prompt and reply
SGLang        JSON: ``meta_info.hidden_states``, a list whose first  after the final norm (input
              entry is [P, D] and whose others are [D] each          of the LM head)
plain         safetensors: ``hidden_states`` [T, D], ``token_ids``   as stated by ``normed``
              [T], and the metadata ``tam_states`` = ``"1"``,
              ``normed`` = ``"true"`` or ``"false"``
============  =====================================================  ==========================

vLLM's layout is that of its ``ExampleHiddenStatesConnector`` at commit 015a95c8 (documentation of
v0.22 to "latest"). SGLang's is that of ``/generate`` with ``return_hidden_states`` in its examples
at commit 29ddb146.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import torch
from numpy.typing import NDArray

from tam.errors import SavedFileError
from tam.files.tensors import SavedTensors, open_tensors
from tam.served.reply import ServedReply, read_reply

_REMEDY = "see docs/elsewhere.md for how to write the file"
_FLOATS = frozenset(("F16", "BF16", "F32", "F64"))
_INTEGERS = frozenset(("I32", "I64"))
_PLAIN = "tam_states"


@dataclass(frozen=True, eq=False, repr=False)
class ServedStates:
    """The states of a prompt and of the reply to it.

    Parameters
    ----------
    engine
        Name of the engine.
    states
        [T, D] of any floating-point dtype: one row for each token.
    ids
        int64 [T]: the ids of these tokens, or None if the file has none.
    normed
        Whether states in this layout are after the final norm.
    """

    engine: str
    states: torch.Tensor
    ids: NDArray[np.int64] | None
    normed: bool

    def __repr__(self) -> str:
        return f"<ServedStates of {len(self.states)} tokens, by {self.engine}>"


def read_states(path: Path, reply: ServedReply) -> ServedStates:
    """Read a file of states.

    Parameters
    ----------
    path
        A ``.json`` file of SGLang, or a safetensors file.
    reply
        The reply, which states the number of tokens of SGLang's prompt.

    Raises
    ------
    SavedFileError
        If the file is damaged, has an unknown layout, or lacks tokens.
    """
    if path.suffix == ".json":
        value = reply.states if reply.states is not None else read_reply(path).states
        return _from_sglang(value, reply, path)
    with open_tensors(path, framework="pt", remedy=_REMEDY) as tensors:
        ids = _ids(tensors)
        if _PLAIN in tensors.metadata:
            return _from_plain(tensors, ids)
        return ServedStates("vLLM", _vllm_states(tensors, len(ids)), ids, normed=False)


def _from_plain(tensors: SavedTensors, ids: NDArray[np.int64]) -> ServedStates:
    metadata = tensors.metadata
    if metadata[_PLAIN] != "1":
        tensors.refuse(
            f"has version {metadata[_PLAIN]!r} of the plain layout; only version 1 is known"
        )
    if metadata.get("normed") not in ("true", "false"):
        tensors.refuse("does not state whether its states are after the final norm (normed)")
    _, shape = _kind(tensors)
    if len(shape) != 2 or shape[0] != len(ids):
        tensors.refuse(f"has states {list(shape)} for {len(ids)} token ids, not [tokens, width]")
    engine = metadata.get("engine", "an unnamed program")
    return ServedStates(engine, tensors.whole("hidden_states"), ids, metadata["normed"] == "true")


def _vllm_states(tensors: SavedTensors, tokens: int) -> torch.Tensor:
    """Return vLLM's tensor as [T, D], whichever axis is that of the single layer."""
    _, shape = _kind(tensors)
    if len(shape) != 3:
        tensors.refuse(f"has states {list(shape)}, not [tokens, layers, width]")
    if tokens not in shape[:2]:
        tensors.refuse(
            f"has states {list(shape)} for {tokens} token ids: some were not computed for this "
            "request (chunked prefill, prefix caching) or belong to another request"
        )
    layers = shape[1] if shape[0] == tokens else shape[0]
    if layers != 1:
        tensors.refuse(
            f"contains {layers} layers and does not state which of them is the last; extract only "
            "the one whose id is the model's number of layers"
        )
    states: torch.Tensor = tensors.whole("hidden_states").reshape(tokens, shape[2])
    return states


def _kind(tensors: SavedTensors) -> tuple[str, tuple[int, ...]]:
    dtype, shape = tensors.kind("hidden_states")
    if dtype not in _FLOATS:
        tensors.refuse(f"has states in {dtype}, which is not a supported floating-point dtype")
    return dtype, shape


def _ids(tensors: SavedTensors) -> NDArray[np.int64]:
    dtype, shape = tensors.kind("token_ids")
    if dtype not in _INTEGERS or len(shape) != 1:
        tensors.refuse(f"has token_ids {dtype} {list(shape)}, not a list of whole numbers")
    ids: NDArray[np.int64] = tensors.whole("token_ids").numpy().astype(np.int64)
    return ids


def _from_sglang(value: Any, reply: ServedReply, path: Path) -> ServedStates:
    """Read SGLang's list, which has one entry for the whole prompt and then one for each step."""
    if not isinstance(value, list) or not value:
        _refuse(
            path,
            "contains no hidden_states; start the server with --enable-return-hidden-states",
        )
    try:
        parts = [np.array(part, np.float32) for part in value]
    except (TypeError, ValueError):
        _refuse(path, "contains hidden_states that are not rows of numbers of equal length")
    rows = [part[None] if part.ndim == 1 else part for part in parts]
    width = rows[0].shape[-1]
    if any(part.ndim != 2 or part.shape[1] != width for part in rows):
        _refuse(path, "contains hidden_states that are not rows of numbers of equal length")
    prompt, needed = len(rows[0]), reply.prompt_tokens
    if parts[0].ndim != 2 or (needed is not None and prompt < needed):
        _refuse(
            path,
            f"contains the states of only {prompt} of the prompt's {needed} tokens; "
            + (
                f"{reply.cached_tokens} of them came from the engine's prefix cache (turn it off "
                "with --disable-radix-cache)"
                if reply.cached_tokens
                else "the engine reads long prompts in chunks (turn that off with "
                "--chunked-prefill-size -1)"
            ),
        )
    return ServedStates("SGLang", torch.from_numpy(np.concatenate(rows)), None, normed=True)


def _refuse(path: Path, what: str) -> NoReturn:
    raise SavedFileError(what, where=str(path), remedy=_REMEDY)
