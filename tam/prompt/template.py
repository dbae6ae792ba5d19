"""Rendering a conversation with a chat template, and locating each of its texts in the result."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from tam.errors import ConversationError, InputError, ModelError
from tam.families.adapter import Adapter
from tam.families.processor import Processor
from tam.text.counting import number_of

# Replaces a text in order to find the template's own words. No template writes these characters,
# and neither trimming nor upper-casing changes them.
_SENTINEL = "\ue000{}\ue001"
_ANY_SENTINEL = re.compile("\ue000(\\d+)\ue001")

# Arguments of apply_chat_template itself; every other name is passed to the template.
_RESERVED = frozenset(
    "conversation messages chat_template tokenize add_generation_prompt continue_final_message "
    "return_assistant_tokens_mask return_dict return_tensors sanitize_control_tokens "
    "processor_kwargs load_audio_from_video".split()
)

_GENERATION_TAG = re.compile(r"{%-?\s*(end)?generation\s*-?%}")
_HELPERS = frozenset(("raise_exception", "strftime_now"))
"""Functions that transformers provides to every template."""

# Maximum number of pieces (words, spaces, marks) of a rewritten text that are matched one by one; a
# longer text is matched as a whole.
_LONGEST_COMPARED = 4000


@dataclass(frozen=True)
class Segment:
    """A part of a text that the template keeps, rewrites or drops.

    Parameters
    ----------
    part
        Index of the text among all texts of the conversation.
    turn, role
        The turn that it belongs to.
    source
        The first, and one past the last, character within the text.
    written
        The same within the rendered prompt, or None if the template drops this part.
    exact
        Whether the prompt contains exactly these characters; if not, the template rewrites them.
    """

    part: int
    turn: int
    role: str
    source: tuple[int, int]
    written: tuple[int, int] | None
    exact: bool = True


@dataclass(frozen=True)
class Rendering:
    """A rendered prompt, with the segments of the conversation's texts in order."""

    prompt: str
    segments: tuple[Segment, ...]


@dataclass(frozen=True)
class _Text:
    turn: int
    role: str
    text: str


@dataclass(frozen=True)
class _Place:
    """The rendering of one text, which replaces ``first`` to ``last`` of the skeleton."""

    first: int
    last: int
    text: str


def render(
    processor: Processor,
    messages: list[dict[str, Any]],
    adapter: Adapter | None = None,
    variables: Mapping[str, Any] | None = None,
) -> Rendering:
    """Render messages, and locate each text in the result.

    A second rendering, the skeleton, has sentinels instead of the texts and shows the template's
    own words. (A search for the texts themselves could find "you" in a system prompt.) If the two
    do not match, the template has changed a text. Each text is then rendered with sentinels in
    place of all others.

    Parameters
    ----------
    processor
        The model's processor.
    messages
        Messages in the format of transformers, whose content is a list of parts.
    adapter
        The model's family, which may have its own chat template.
    variables
        Additional variables of the template, such as ``enable_thinking``.

    Raises
    ------
    ConversationError
        If the template refuses the conversation, or changes texts so that they cannot be located.
    InputError
        If the template has no such variable.
    ModelError
        If there is no chat template.
    """
    variables = dict(variables or {})
    template = chat_template(processor, adapter)
    _check_variables(variables, template)
    texts = _texts(messages)
    write = partial(_write, processor, messages, template, variables)
    whole = write([text.text for text in texts])
    sentinels = [_SENTINEL.format(number) for number in range(len(texts))]
    skeleton = write(sentinels)
    places = _plain_places(whole, skeleton, texts)
    if places is None:
        places = []
        for number, text in enumerate(texts):
            mixed = [*sentinels[:number], text.text, *sentinels[number + 1 :]]
            places.append(_place_among_sentinels(write(mixed), skeleton, number))
        _check_together(whole, skeleton, places, texts)
    return Rendering(whole, tuple(_segments(texts, places)))


def chat_template(processor: Processor, adapter: Adapter | None) -> str:
    """Return a processor's chat template, or its family's.

    Raises
    ------
    ModelError
        If there is no chat template.
    """
    template = getattr(processor, "chat_template", None)
    if isinstance(template, Mapping):
        template = template.get("default")
    if template is None and adapter is not None:
        template = adapter.chat_template
    if not isinstance(template, str):
        raise ModelError(
            "the processor has no chat template",
            where=type(processor).__name__,
            remedy="use the model's chat variant, or set processor.chat_template",
        )
    return template


def known_variables(processor: Processor, adapter: Adapter | None = None) -> frozenset[str]:
    """Return the names of the template's variables, apart from those that are always set."""
    from jinja2 import Environment, TemplateSyntaxError, meta

    template = chat_template(processor, adapter)
    environment = Environment(extensions=["jinja2.ext.loopcontrols"])
    try:
        # transformers adds its own tag for replies, which has no variables.
        names = meta.find_undeclared_variables(environment.parse(_GENERATION_TAG.sub("", template)))
    except TemplateSyntaxError:
        names = set(re.findall(r"[a-z_]\w*", template))
    tokens = {name for name in names if name.endswith("_token")}
    return frozenset(names - tokens - _RESERVED - _HELPERS - set(environment.globals))


def _check_variables(variables: Mapping[str, Any], template: str) -> None:
    for name in variables:
        if name in _RESERVED or not re.search(rf"\b{re.escape(name)}\b", template):
            raise InputError(
                f"the model's chat template has no variable {name!r}",
                where="template variables",
                remedy="leave it out; the template is processor.chat_template",
            )


def _texts(messages: Sequence[Mapping[str, Any]]) -> list[_Text]:
    return [
        _Text(turn, message["role"], part["text"])
        for turn, message in enumerate(messages)
        for part in message["content"]
        if part["type"] == "text"
    ]


def _write(
    processor: Processor,
    messages: Sequence[Mapping[str, Any]],
    template: str,
    variables: Mapping[str, Any],
    texts: Sequence[str],
) -> str:
    """Render the messages with their texts replaced."""
    from jinja2 import TemplateError

    remaining = iter(texts)
    filled = [
        {
            **message,
            "content": [
                {**part, "text": next(remaining)} if part["type"] == "text" else dict(part)
                for part in message["content"]
            ],
        }
        for message in messages
    ]
    try:
        prompt: str = processor.apply_chat_template(
            filled,
            chat_template=template,
            tokenize=False,
            add_generation_prompt=True,
            **variables,
        )
    except (TemplateError, TypeError, ValueError, LookupError, AttributeError) as error:
        reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise ConversationError(
            f"the model's chat template cannot render this conversation ({reason})",
            where="chat template",
            remedy="use the roles and the order of turns that the template supports, or set "
            "another processor.chat_template",
        ) from error
    return prompt


def _plain_places(whole: str, skeleton: str, texts: Sequence[_Text]) -> list[_Place] | None:
    """Locate the texts if each is rendered in full or trimmed; return None otherwise."""
    places = []
    cursor = end = 0
    for number, text in enumerate(texts):
        sentinel = _SENTINEL.format(number)
        first = skeleton.find(sentinel, end)
        frame = skeleton[end:first]
        start = cursor + len(frame)
        rendered = text.text if whole.startswith(text.text, start) else text.text.strip()
        if first < 0 or not whole.startswith(frame + rendered, cursor):
            return None
        places.append(_Place(first, first + len(sentinel), rendered))
        cursor, end = start + len(rendered), first + len(sentinel)
    return places if whole[cursor:] == skeleton[end:] else None


def _place_among_sentinels(alone: str, skeleton: str, number: int) -> _Place:
    """Locate one text in a prompt whose other texts are sentinels."""
    sentinel = _SENTINEL.format(number)
    first = skeleton.find(sentinel)
    if first < 0 and alone == skeleton:
        return _Place(0, 0, "")
    if first < 0:
        # The template truncates texts, sentinels included.
        first = last = _shared(alone, skeleton)
    else:
        last = first + len(sentinel)
    # The template's words around a text may depend on it; if they differ, they count as part of its
    # rendering.
    front = min(_shared(alone, skeleton), first)
    back = len(skeleton) - last
    if sentinel not in skeleton or not alone.endswith(skeleton[last:]):
        back = min(_shared(alone[::-1], skeleton[::-1]), back)
    back = min(back, len(alone) - front)
    return _Place(front, len(skeleton) - back, alone[front : len(alone) - back])


def _shared(one: str, other: str) -> int:
    """Return the length of the common prefix of two texts."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((index for index, (a, b) in pairs if a != b), min(len(one), len(other)))


def _check_together(
    whole: str, skeleton: str, places: Sequence[_Place], texts: Sequence[_Text]
) -> None:
    """Check that the separate renderings of the texts combine to the whole prompt."""
    combined, end = "", 0
    for place, text in zip(places, texts, strict=True):
        if place.last == 0:
            continue
        combined += skeleton[end : place.first] + place.text
        if place.first < end or not whole.startswith(combined) or _ANY_SENTINEL.search(place.text):
            raise _altered(text)
        end = place.last
    if combined + skeleton[end:] != whole:
        raise _altered(texts[-1])


def _altered(text: _Text) -> ConversationError:
    return ConversationError(
        "the model's chat template changes this text together with others, so its words cannot be "
        "located",
        where=f"{text.role} turn {number_of(text.turn)}",
        remedy="give the turn as one text, or use another processor.chat_template",
    )


def _segments(texts: Sequence[_Text], places: Sequence[_Place]) -> Iterator[Segment]:
    shift = 0
    for part, (text, place) in enumerate(zip(texts, places, strict=True)):
        start = place.first + shift
        for source, written, exact in _compared(text.text, place.text):
            at = None if written is None else (start + written[0], start + written[1])
            yield Segment(part, text.turn, text.role, source, at, exact)
        shift += len(place.text) - (place.last - place.first)


_Pair = tuple[tuple[int, int], tuple[int, int] | None, bool]
"""A range of a text, the range of its rendering or None, and whether the two are equal."""


def _compared(text: str, written: str) -> Iterator[_Pair]:
    """Pair a text with its rendering, without the template's own additions."""
    if written in text:
        # A template that shortens a text usually drops the beginning, such as earlier thoughts.
        first = len(text) - len(written) if text.endswith(written) else text.find(written)
        last = first + len(written)
        kept: _Pair = ((first, last), (0, len(written)), True)
        around: tuple[_Pair, ...] = (
            ((0, first), None, True),
            kept,
            ((last, len(text)), None, True),
        )
        yield from (pair for pair in around if pair[0][0] < pair[0][1])
    elif text in written:
        first = written.find(text)
        yield (0, len(text)), (first, first + len(text)), True
    else:
        yield from _rewritten(text, written)


def _rewritten(text: str, written: str) -> Iterator[_Pair]:
    """Pair a text with its changed rendering, word by word."""
    before, after = (re.findall(r"\w+|\s+|[^\w\s]", each) for each in (text, written))
    if max(len(before), len(after)) > _LONGEST_COMPARED:
        yield (0, len(text)), (0, len(written)), False
        return
    starts, ends = _starts(before), _starts(after)
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    pending: _Pair | None = None
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind == "insert":
            continue
        source, target = (starts[a], starts[b]), (ends[c], ends[d])
        if kind == "delete":
            if pending is not None:
                yield pending
            pending = None
            yield source, None, True
        elif pending is not None and pending[1] is not None and pending[1][1] == target[0]:
            # Merge with the neighbour, because a token may span both.
            pending = ((pending[0][0], source[1]), (pending[1][0], target[1]), False)
        else:
            if pending is not None:
                yield pending
            pending = (source, target, kind == "equal")
    if pending is not None:
        yield pending


def _starts(pieces: Sequence[str]) -> list[int]:
    """Return the start of each piece, and the end of the last one."""
    starts = [0]
    for piece in pieces:
        starts.append(starts[-1] + len(piece))
    return starts
