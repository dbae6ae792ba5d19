"""The data of the report: a JSON document made from explanations."""

import base64
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import islice
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tam.explanation import strength
from tam.explanation.data import CUT_MARK, Prediction
from tam.explanation.explanation import Explanation
from tam.explanation.merge import GREY_LEVEL
from tam.explanation.word import Word
from tam.render import OPACITY, OPACITY_EXPONENT
from tam.render.colors import COLOR_ANCHORS, DEFAULT_COLORS
from tam.render.table import rows_csv, word_row
from tam.report.agreement import correlations
from tam.report.embedding import embedded_frames
from tam.report.links import linked_words
from tam.report.relevance import encoded_rows, word_rows
from tam.report.sprites import floats, grid_sprites
from tam.text.function_words import is_content

DIFFERENCE_ANCHORS: Final = ("1455c8", "3f8cf0", "9cc6fb", "f5f5f5", "ffc98a", "ff8a1f", "d95c00")
"""Colors of differences from -1 to 1: blue and orange, which color-blind readers can tell apart."""

# The largest number of phrases in the page, the shortest first; fewer if the maps are large.
_PHRASES: Final = 1000
_PHRASE_CELLS: Final = 4_000_000
_AT_ONCE: Final = 32

# The parts that would make a report of many words too large if they were not compressed.
_PACKED: Final = ("tokens", "words", "phrases", "predictions", "csv")

# Characters that could end the script element or, in old parsers, the string that contains them.
_ESCAPES: Final = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}


def payload(
    explanations: Sequence[Explanation],
    labels: Sequence[str],
    largest: int | None = None,
    *,
    switched: bool = False,
) -> dict[str, Any]:
    """Collect everything that the page shows, as JSON values. Texts are still untrusted.

    The strengths and places of words are the values of :mod:`tam.explanation.strength`; the map
    sprites are used only for drawing.

    Parameters
    ----------
    labels
        A name for each explanation.
    largest
        Long side to which the pictures are reduced, in pixels; None for the default of
        :mod:`tam.report.embedding`.
    switched
        Whether the page shows one explanation at a time, with a switch between them.
    """
    first = explanations[0]
    links = [[linked_words(item, other)[0] for other in explanations] for item in explanations]
    return {
        "explanations": [
            {
                **_explanation(item, label, largest, shown=None if item is first else first),
                "correlations": None
                if item is first
                else correlations(first, item, links[index][0]),
            }
            for index, (item, label) in enumerate(zip(explanations, labels, strict=True))
        ],
        "links": links,
        "switched": switched,
        "colors": {name: list(anchors) for name, anchors in COLOR_ANCHORS.items()},
        "defaultColors": DEFAULT_COLORS,
        "differenceColors": list(DIFFERENCE_ANCHORS),
        "region": {"reaches": strength.REACHES, "faint": strength.FAINT},
        "greyLevel": GREY_LEVEL,
        "opacity": OPACITY,
        "opacityExponent": OPACITY_EXPONENT,
    }


def embedded_json(document: dict[str, Any]) -> str:
    """Write the document of :func:`payload` as JSON that is safe inside an HTML script element.

    The words' own data is compressed: ``packed`` is Base64 of a zlib stream of JSON.
    """
    explanations = [_packed(item) for item in document["explanations"]]
    return embedded({**document, "explanations": explanations})


def embedded(document: dict[str, Any]) -> str:
    """Serialize JSON values so that they are safe inside an HTML script element."""
    return _json(document).translate(_ESCAPES)


def _packed(explanation: dict[str, Any]) -> dict[str, Any]:
    rest = {name: value for name, value in explanation.items() if name not in _PACKED}
    text = _json({name: explanation[name] for name in _PACKED})
    return {**rest, "packed": _in_base64(zlib.compress(text.encode("ascii"), 9))}


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"), allow_nan=False)


def _in_base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _explanation(
    explanation: Explanation, label: str, largest: int | None, shown: Explanation | None
) -> dict[str, Any]:
    """Collect the data of one explanation, without pictures that another one already shows."""
    maps, stages = explanation.candidate_maps, explanation.stages
    words = _words(explanation)
    rows = [word_row(word) for word in words]
    return {
        "label": label,
        "media": _media(explanation, largest, embed=not _same_pictures(explanation, shown)),
        "grids": _grids(explanation),
        "tokens": list(_tokens(explanation)),
        "promptTargets": explanation.prompt_targets,
        "dropped": [asdict(part) for part in explanation.dropped],
        "cut": CUT_MARK if explanation.cut else None,
        "groundingIsCalibrated": explanation.grounding_is_calibrated,
        "words": [_word(word, row) for word, row in zip(words, rows, strict=True)],
        "phrases": list(_phrases(explanation)),
        "predictions": [
            _prediction(explanation, step, prediction)
            for step, prediction in enumerate(explanation.predictions)
        ],
        "relevance": _relevance(explanation),
        "candidateMaps": 0 if maps is None else maps.shape[1],
        "activationTops": None if stages is None else _tops(stages.activation).tolist(),
        "csv": rows_csv(rows[len(explanation.prompt_words) :]),
        "provenance": {
            name: value for name, value in explanation.provenance.items() if name != "dropped_text"
        },
    }


def _words(explanation: Explanation) -> tuple[Word, ...]:
    return (*explanation.prompt_words, *explanation.words)


def _strength(
    explanation: Explanation, visual: float | None, textual: float | None
) -> dict[str, Any]:
    share = strength.share(visual, textual) if explanation.on_one_scale else None
    return {"visual": visual, "textual": textual, "share": share}


def _word(word: Word, row: dict[str, Any]) -> dict[str, Any]:
    handed = ("probability", "visual", "textual", "share", "focus", "grounding")
    place = {name: row[name] for name in ("media", "frame", "x", "y")}
    return {
        "text": word.text,
        "content": is_content(word.text),
        "targets": list(word.targets),
        **{name: row[name] for name in handed},
        "peak": None if row["media"] is None else {**place, "value": row["visual"]},
        "check": _check(word),
    }


def _check(word: Word) -> dict[str, Any] | None:
    check = word.check
    return None if check is None else {"used": check.used, "sentence": check.sentence}


def _tokens(explanation: Explanation) -> Iterator[dict[str, Any]]:
    visuals = strength.visuals(explanation, explanation.maps)
    for target, (token, visual) in enumerate(zip(explanation.tokens, visuals, strict=True)):
        yield {
            "id": token.id,
            "text": token.text,
            "turn": token.turn,
            "role": token.role,
            **_strength(explanation, visual, strength.textual(explanation, (target,))),
        }


def _phrases(explanation: Explanation) -> Iterator[dict[str, Any]]:
    """Yield the phrases of the reply, identified by their first and last word."""
    words, before = explanation.words, len(explanation.prompt_words)
    most = min(_PHRASES, _PHRASE_CELLS // max(explanation.maps.shape[1], 1))
    ranges = (
        (first, first + more) for more in range(1, len(words)) for first in range(len(words) - more)
    )
    while chosen := list(islice(ranges, min(most, _AT_ONCE))):
        most -= len(chosen)
        phrases = [
            explanation.phrase(range(words[first].targets[0], words[last].targets[-1] + 1))
            for first, last in chosen
        ]
        visuals = strength.visuals(explanation, np.stack([phrase.cells() for phrase in phrases]))
        for (first, last), phrase, visual in zip(chosen, phrases, visuals, strict=True):
            place = {"first": before + first, "last": before + last}
            yield {**place, **_strength(explanation, visual, phrase.textual)}


def _prediction(explanation: Explanation, step: int, prediction: Prediction) -> dict[str, Any]:
    maps = explanation.candidate_maps
    count = 0 if maps is None else maps.shape[1]
    target = explanation.prompt_targets + step
    candidates: list[dict[str, Any]] = []
    for rank, candidate in enumerate(prediction.candidates):
        visual = None
        if rank < count:
            visual = strength.visual(explanation, explanation.candidate_row(target, rank))
        candidates.append({**vars(candidate), "visual": visual})
    return {
        "probability": prediction.probability,
        "sampled": prediction.sampled_probability,
        "candidates": candidates,
    }


def _relevance(explanation: Explanation) -> str | None:
    relevance, words = explanation.relevance, explanation.word_targets
    if relevance is None or not words:
        return None
    ids = [token.id for token in explanation.tokens]
    return _in_base64(encoded_rows(word_rows(relevance, words), ids))


def _tops(activation: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return float32 [K]: the highest raw score of each target, the scale of its stage sprites."""
    tops: NDArray[np.float32] = activation.max(axis=1, initial=0)
    return tops


def _same_pictures(explanation: Explanation, shown: Explanation | None) -> bool:
    return (
        shown is not None
        and len(explanation.media) == len(shown.media) > 0
        and all(
            np.array_equal(a.frames, b.frames)
            for a, b in zip(explanation.media, shown.media, strict=True)
        )
    )


def _media(explanation: Explanation, largest: int | None, *, embed: bool) -> list[dict[str, Any]]:
    """Collect pictures and clips; frames are None if they are already embedded elsewhere."""
    words = _words(explanation)
    count = len(explanation.media)
    embedded = embedded_frames(explanation.media, largest) if embed else [None] * count
    return [
        {
            "name": original.name,
            "width": original.width,
            "height": original.height,
            "frames": frames,
            "times": [float(time) for time in original.seconds],
            "step": original.axis.frame,
            "places": [original.place(frame) for frame in range(len(original.frames))],
            # float32 [words, frames]
            "overTime": floats(np.stack([word.over_time(index) for word in words]))
            if words and len(original.frames) > 1
            else None,
        }
        for index, (original, frames) in enumerate(zip(explanation.media, embedded, strict=True))
    ]


def _grids(explanation: Explanation) -> list[dict[str, Any]]:
    layers = {"maps": explanation.maps}
    if explanation.stages is not None:
        scale = np.maximum(_tops(explanation.stages.activation), np.float32(1e-12))[:, None]
        layers["activation"] = (explanation.stages.activation / scale).astype(np.float32)
        layers["afterEci"] = (explanation.stages.after_eci / scale).astype(np.float32)
    if explanation.candidate_maps is not None:
        layers["candidates"] = explanation.candidate_maps.reshape(-1, explanation.maps.shape[1])
    sprites = {name: grid_sprites(explanation, rows) for name, rows in layers.items()}
    return [
        {
            "media": grid.media,
            "turn": grid.turn,
            "view": grid.view,
            "shape": list(grid.shape),
            "box": [float(edge) for edge in grid.box],
            "seams": [[float(place) for place in axis] for axis in grid.seams],
            "spans": grid.spans.tolist(),
            "sprites": {name: uris[index] for name, uris in sprites.items()},
        }
        for index, grid in enumerate(explanation.grids)
    ]
