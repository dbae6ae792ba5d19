"""The rendering of a conversation by a chat template, with the place of each text in it."""

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

# Replaces a text while the template's own words are determined. No template writes it, and neither
# trimming nor upper-casing changes its characters.
_SENTINEL = "\ue000{}\ue001"
_ANY_SENTINEL = re.compile("\ue000(\\d+)\ue001")

# Arguments of apply_chat_template that are set here; every other name goes to the template.
_RESERVED = frozenset(
    "conversation messages chat_template tokenize add_generation_prompt continue_final_message "
    "return_assistant_tokens_mask return_dict return_tensors sanitize_control_tokens "
    "processor_kwargs load_audio_from_video".split()
)

_GENERATION_TAG = re.compile(r"{%-?\s*(end)?generation\s*-?%}")
_HELPERS = frozenset(("raise_exception", "strftime_now"))
"""Functions that transformers gives every template."""

# Longer texts that a template rewrites are matched as a whole, not word by word.
_LONGEST_COMPARED = 4000


@dataclass(frozen=True)
class Segment:
    """A part of a text as the template treats it.

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
        Whether the prompt holds exactly these characters; if not, the template rewrites them.
    """

    part: int
    turn: int
    role: str
    source: tuple[int, int]
    written: tuple[int, int] | None
    exact: bool = True


@dataclass(frozen=True)
class Rendering:
    """A rendered prompt, with the segments of the conversation's texts in their order."""

    prompt: str
    segments: tuple[Segment, ...]


@dataclass(frozen=True)
class _Text:
    turn: int
    role: str
    text: str


@dataclass(frozen=True)
class _Place:
    """The rendering ``text`` of one text, which replaces ``first`` to ``last`` of the skeleton."""

    first: int
    last: int
    text: str


def render(
    processor: Processor,
    messages: list[dict[str, Any]],
    adapter: Adapter | None = None,
    variables: Mapping[str, Any] | None = None,
) -> Rendering:
    """Render messages, and find each text in the result.

    A second rendering, the skeleton, has sentinels instead of the texts and shows the template's
    own words. (A search for the texts themselves could find "you" in a system prompt.) If the two
    do not match, the template has changed a text; each is then rendered alone among sentinels.

    Parameters
    ----------
    processor
        The model's processor.
    messages
        Messages in the format of transformers, whose content is a list of parts.
    adapter
        The model's family, for its own chat template.
    variables
        Further variables of the template, such as ``enable_thinking``.

    Raises
    ------
    ConversationError
        If the template refuses the conversation, or changes texts so that they cannot be followed.
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
            places.append(_place_alone(write(mixed), skeleton, number))
        _check_together(whole, skeleton, places, texts)
    return Rendering(whole, tuple(_segments(texts, places)))


def chat_template(processor: Processor, adapter: Adapter | None) -> str:
    """Give a processor's chat template, or its family's.

    Raises
    ------
    ModelError
        If there is no chat template.
    """
    found = getattr(processor, "chat_template", None)
    if isinstance(found, Mapping):
        found = found.get("default")
    if found is None and adapter is not None:
        found = adapter.chat_template
    if not isinstance(found, str):
        raise ModelError(
            "the processor has no chat template",
            where=type(processor).__name__,
            remedy="use the model's chat variant, or set processor.chat_template",
        )
    return found


def known_variables(processor: Processor, adapter: Adapter | None = None) -> frozenset[str]:
    """Names of the variables that the chat template reads, apart from those always given."""
    from jinja2 import Environment, TemplateSyntaxError, meta

    template = chat_template(processor, adapter)
    environment = Environment(extensions=["jinja2.ext.loopcontrols"])
    try:
        # transformers marks a reply with a tag of its own, which has no variables.
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

    coming = iter(texts)
    filled = [
        {
            **message,
            "content": [
                {**part, "text": next(coming)} if part["type"] == "text" else dict(part)
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
        told = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise ConversationError(
            f"the model's chat template cannot render this conversation ({told})",
            where="chat template",
            remedy="use the roles and the order of turns that the model knows, or another "
            "processor.chat_template",
        ) from error
    return prompt


def _plain_places(whole: str, skeleton: str, texts: Sequence[_Text]) -> list[_Place] | None:
    """Find the texts if each is there in full or trimmed; None if one is not."""
    places = []
    cursor = behind = 0
    for number, text in enumerate(texts):
        sentinel = _SENTINEL.format(number)
        first = skeleton.find(sentinel, behind)
        frame = skeleton[behind:first]
        start = cursor + len(frame)
        said = text.text if whole.startswith(text.text, start) else text.text.strip()
        if first < 0 or not whole.startswith(frame + said, cursor):
            return None
        places.append(_Place(first, first + len(sentinel), said))
        cursor, behind = start + len(said), first + len(sentinel)
    return places if whole[cursor:] == skeleton[behind:] else None


def _place_alone(alone: str, skeleton: str, number: int) -> _Place:
    """Find the rendering of one text among the sentinels of all others."""
    sentinel = _SENTINEL.format(number)
    first = skeleton.find(sentinel)
    if first < 0 and alone == skeleton:
        return _Place(0, 0, "")
    if first < 0:
        # The template truncates texts, and sentinels too.
        first = last = _shared(alone, skeleton)
    else:
        last = first + len(sentinel)
    # The template's words around a text may depend on it; those that differ count as its rendering.
    front = min(_shared(alone, skeleton), first)
    back = len(skeleton) - last
    if sentinel not in skeleton or not alone.endswith(skeleton[last:]):
        back = min(_shared(alone[::-1], skeleton[::-1]), back)
    back = min(back, len(alone) - front)
    return _Place(front, len(skeleton) - back, alone[front : len(alone) - back])


def _shared(one: str, other: str) -> int:
    """The length of the common beginning of two texts."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((index for index, (a, b) in pairs if a != b), min(len(one), len(other)))


def _check_together(
    whole: str, skeleton: str, places: Sequence[_Place], texts: Sequence[_Text]
) -> None:
    """Check that the renderings of the single texts make up the whole prompt."""
    made, behind = "", 0
    for place, text in zip(places, texts, strict=True):
        if place.last == 0:
            continue
        made += skeleton[behind : place.first] + place.text
        if place.first < behind or not whole.startswith(made) or _ANY_SENTINEL.search(place.text):
            raise _altered(text)
        behind = place.last
    if made + skeleton[behind:] != whole:
        raise _altered(texts[-1])


def _altered(text: _Text) -> ConversationError:
    return ConversationError(
        "the model's chat template changes this text together with others, so its words cannot be "
        "followed",
        where=f"{text.role} turn {number_of(text.turn)}",
        remedy="give the turn as one text, or use another processor.chat_template",
    )


def _segments(texts: Sequence[_Text], places: Sequence[_Place]) -> Iterator[Segment]:
    moved = 0
    for part, (text, place) in enumerate(zip(texts, places, strict=True)):
        start = place.first + moved
        for source, written, exact in _compared(text.text, place.text):
            at = None if written is None else (start + written[0], start + written[1])
            yield Segment(part, text.turn, text.role, source, at, exact)
        moved += len(place.text) - (place.last - place.first)


_Pair = tuple[tuple[int, int], tuple[int, int] | None, bool]
"""Characters of a text, their rendering or None, and whether the two are equal."""


def _compared(text: str, written: str) -> Iterator[_Pair]:
    """Pair a text with its rendering, without the template's own additions."""
    if written in text:
        # A template that cuts usually drops the beginning, such as earlier thoughts.
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
    before, after = (re.findall(r"\w+|\s+|[^\w\s]", said) for said in (text, written))
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
            # A token may span both.
            pending = ((pending[0][0], source[1]), (pending[1][0], target[1]), False)
        else:
            if pending is not None:
                yield pending
            pending = (source, target, kind == "equal")
    if pending is not None:
        yield pending


def _starts(pieces: Sequence[str]) -> list[int]:
    """The start of each piece, and the end of the last one."""
    starts = [0]
    for piece in pieces:
        starts.append(starts[-1] + len(piece))
    return starts
