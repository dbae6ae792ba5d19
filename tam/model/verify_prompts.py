"""Checks that a prompt matches its conversation: clip times, and thinking templates."""

import re
from typing import Any

import numpy as np

from tam.errors import ConversationError
from tam.families.checkpoint import Checkpoint
from tam.families.registry import families
from tam.media import Media
from tam.prompt.conversation import Conversation, Turn, question
from tam.prompt.encoding import encode
from tam.prompt.template import known_variables
from tam.testing import probe_clip, probe_picture

# Uneven times that do not start at 0, so that frame numbers cannot match them by chance.
_TIMES = np.array([10.0, 10.5, 71.0, 73.0])
_CLOCK = re.compile(r"(?<!\d)(\d\d):(\d\d)(?!\d)")
_SECONDS = re.compile(r"(?<![\d.])(\d+\.\d+)(?![\d.])")
_WHOLE = re.compile(r"(?<![\d.:])(10|11|71|72|73)(?![\d.:])")
_THOUGHT = "<think>the sky is up</think>"


def times(checkpoint: Checkpoint) -> tuple[bool | None, str, float | None]:
    """Check that the times a prompt states for a clip lie within it; None if it states none."""
    kind = getattr(checkpoint.module.config, "model_type", "")
    takes = any(kind in family.model_types and "video" in family.inputs for family in families())
    if not takes or not checkpoint.adapter.takes_clips:
        return None, "it takes no clips", None
    frames = probe_clip(len(_TIMES), 64, 64).frames
    clip = Media(frames, _TIMES, "clip", "video")
    prompt = encode(checkpoint.processor, question([clip], "What moves?"), checkpoint.adapter)
    text = checkpoint.tokenizer.decode(prompt.ids)
    found = [60.0 * int(minutes) + int(seconds) for minutes, seconds in _CLOCK.findall(text)]
    found += [float(number) for number in _SECONDS.findall(text)]
    if not found:
        found = [float(number) for number in _WHOLE.findall(text)]
    if not found:
        return None, "its prompts tell no times", None
    # A stamp may cover two frames or be cut to whole seconds; some prompts also state the end.
    end = 2 * _TIMES[-1:] - _TIMES[-2:-1]
    between = np.concatenate([_TIMES, (_TIMES[:-1] + _TIMES[1:]) / 2, end])
    worst = max(float(np.abs(between - time).min()) for time in found)
    told = f"{len(found)} times in the prompt are the clip's to {worst:.2f} s"
    return worst < 1, told, worst


def thinking(checkpoint: Checkpoint) -> tuple[bool | None, str, float | None]:
    """Check that a thought in an earlier reply is either read as words or reported as dropped."""
    reads = "enable_thinking" in known_variables(checkpoint.processor, checkpoint.adapter)
    said = f"{_THOUGHT}\n\na red circle"
    talk = question([probe_picture(64, 96)], "What is here?")
    turns = (*talk.turns, Turn("assistant", (said,)), Turn("user", ("And here?",)))
    try:
        prompt: Any = encode(checkpoint.processor, Conversation(turns), checkpoint.adapter)
    except ConversationError as error:
        return False, str(error), None
    words = "".join(token.text for token in prompt.tokens if token.role == "assistant").split()
    left = sum(len(part.text.split()) for part in prompt.dropped)
    kept = "circle" in " ".join(words)
    told = f"{left} words of an earlier thought are left out of the prompt, {len(words)} are read"
    return kept, told + ("; enable_thinking is read" if reads else ""), float(left)
