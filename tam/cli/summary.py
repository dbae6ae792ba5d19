"""An explanation as plain JSON values, for ``--json``."""

from dataclasses import asdict
from typing import Any

from tam.explanation.explanation import Explanation
from tam.explanation.strength import Peak
from tam.explanation.word import Word

_DIGITS = 4


def summary(result: Explanation) -> dict[str, Any]:
    """Summarize an explanation for other programs.

    Returns
    -------
    The reply's ``text``; whether it was ``cut`` at a limit of tokens or time; the parts of the
    conversation that were ``dropped`` and that the model did not read (each with its turn, role,
    text and the token that followed it); its ``words``; and the ``provenance``. Each word has the
    values that :mod:`tam.explanation.strength` defines, rounded to four digits and null if not
    known; the peak of its map in each picture, with the box of the high part around it; the three
    earlier words with the highest relevance; and the result of its check, in nats and not rounded.
    """
    words = [_word(word) for word in result.words]
    return {
        "text": result.text,
        "cut": result.cut,
        "dropped": [asdict(part) for part in result.dropped],
        "words": words,
        "provenance": dict(result.provenance),
    }


def _word(word: Word) -> dict[str, Any]:
    peaks = (word.peak(media) for media in range(len(word.explanation.media)))
    earlier = word.earlier()
    return {
        "text": word.text,
        "index": word.index,
        "span": word.span,
        "turn": word.turn,
        "probability": word.probability,
        "grounding": _rounded(word.grounding),
        "visual": _rounded(word.visual),
        "textual": _rounded(word.textual),
        "share": _rounded(word.share),
        "focus": _rounded(word.focus),
        "peaks": [_peak(word, peak) for peak in peaks if peak is not None],
        "earlier": None
        if earlier is None
        else [
            {"text": other.text, "relevance": _rounded(relevance)}
            for other, relevance in earlier[:3]
        ],
        "check": _check(word),
    }


def _check(word: Word) -> dict[str, Any] | None:
    check = word.check
    if check is None:
        return None
    return {
        "used": check.used,
        "score": check.score,
        "interval": check.interval,
        "before": check.before,
        "without": check.without,
        "elsewhere": check.elsewhere,
        "filler": check.filler,
        "growth": check.growth,
        "threshold": check.threshold,
        "reason": check.reason,
        "sentence": check.sentence,
    }


def _peak(word: Word, peak: Peak) -> dict[str, Any]:
    return {
        "picture": peak.media,
        "frame": peak.frame,
        "x": peak.x,
        "y": peak.y,
        "value": _rounded(peak.value),
        "box": word.box(peak.media, peak.frame),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)
