"""JSON values that the app sends to its page, which inserts untrusted texts only as text."""

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any, Final

from tam.app.sessions import Session
from tam.app.uploads import EXAMPLES
from tam.check.box import Without
from tam.defaults import METHOD
from tam.explanation.word import Word
from tam.media.media import Media
from tam.methods.choosing import listed
from tam.render.pictures import word_image
from tam.render.resize import resized, resized_media
from tam.report.sprites import picture

_THUMBNAIL: Final = 160
_LIVE: Final = 480


def told_state(session: Session, models: tuple[str, ...]) -> dict[str, Any]:
    """Describe a session: the choices, the replies so far, and the media of the next question."""
    replies = len(session.chat.explanations) if session.chat else 0
    return {
        "models": list(models),
        "model": session.model,
        "methods": [{"name": method.name, "summary": method.summary} for method in listed()],
        "method": METHOD,
        "examples": list(EXAMPLES),
        "waiting": [_told_media(item) for item in session.waiting],
        "replies": [told_reply(session, index) for index in range(replies)],
    }


def told_reply(session: Session, index: int) -> dict[str, Any]:
    """Describe one reply: the question before it, and its words."""
    assert session.chat is not None
    result = session.chat.explanations[index]
    return {
        "reply": index,
        "prompt": session.prompts[index],
        "method": session.methods[index],
        "words": [
            told_word(word, before) for before, word in pairwise((None, *result.words)) if word
        ],
        "notes": [str(note) for note in result.provenance.get("notes", ())],
    }


def told_word(word: Word, before: Word | None) -> dict[str, Any]:
    """Describe a word of a reply, with the white space before it."""
    tokens = word.explanation.tokens
    first = word.explanation.prompt_targets if before is None else before.targets[-1] + 1
    spelled = "".join(token.text for token in tokens[first : word.targets[-1] + 1])
    return {
        "before": spelled[: len(spelled) - len(spelled.lstrip())],
        "word": word.text,
        "visual": word.visual,
    }


def live_map(word: Word) -> str | None:
    """Return a small picture of a word's map as a data URI; None if it has no map yet."""
    if word.visual is None or not word.explanation.grids:
        return None
    small = resized(word.explanation, largest=_LIVE)
    return picture(word_image(replace(word, explanation=small), caption=False))


def told_without(found: Without) -> dict[str, Any]:
    """Describe each word's probability with the whole picture and without the region."""
    return {
        "words": [
            {
                "word": loss.word.text,
                "before": math.exp(loss.before),
                "without": math.exp(loss.without),
            }
            for loss in found.losses
        ]
    }


def _told_media(item: Media) -> dict[str, Any]:
    small = resized_media(item, largest=_THUMBNAIL).frames[0]
    kind = "clip" if len(item.frames) > 1 else "picture"
    return {"name": item.name, "kind": kind, "picture": picture(small), "notes": list(item.notes)}
