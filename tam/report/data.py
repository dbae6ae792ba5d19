"""What the report's script works on: one JSON document made from one or two explanations."""

import json
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tam.explanation.evidence import evidence, peak
from tam.explanation.explanation import Explanation
from tam.explanation.word import Word
from tam.render import OPACITY, OPACITY_EXPONENT
from tam.render.colors import COLOR_ANCHORS, DEFAULT_COLORS
from tam.render.resize import resized
from tam.report.links import linked_words
from tam.report.sprites import grid_sprites, picture, sprite

DIFFERENCE_ANCHORS: Final = ("1455c8", "3f8cf0", "9cc6fb", "f5f5f5", "ffc98a", "ff8a1f", "d95c00")
"""Colors of a difference from -1 to 1: blue and orange, told apart with color blindness too."""

_LARGEST_PICTURE: Final = 1600
_LARGEST_FRAME: Final = 960

# The characters that could end the script element or, in old parsers, the string they stand in.
_ESCAPES: Final = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}


def payload(explanations: Sequence[Explanation], labels: Sequence[str]) -> dict[str, Any]:
    """Collect all that the page shows. JSON values only; texts are as untrusted as they came."""
    return {
        "explanations": [
            _explanation(item, label) for item, label in zip(explanations, labels, strict=True)
        ],
        "links": list(linked_words(*explanations)) if len(explanations) == 2 else [],
        "colors": {name: list(anchors) for name, anchors in COLOR_ANCHORS.items()},
        "defaultColors": DEFAULT_COLORS,
        "differenceColors": list(DIFFERENCE_ANCHORS),
        "opacity": OPACITY,
        "opacityExponent": OPACITY_EXPONENT,
    }


def embedded_json(document: dict[str, Any]) -> str:
    """Spell a document so that it can stand inside an HTML script element."""
    return json.dumps(document, separators=(",", ":"), allow_nan=False).translate(_ESCAPES)


def _explanation(explanation: Explanation, label: str) -> dict[str, Any]:
    maps, stages = explanation.candidate_maps, explanation.stages
    return {
        "label": label,
        "media": _media(explanation),
        "grids": _grids(explanation),
        "tokens": [
            {"id": token.id, "text": token.text, "turn": token.turn, "role": token.role}
            for token in explanation.tokens
        ],
        "promptTargets": explanation.prompt_targets,
        "words": _words((*explanation.prompt_words, *explanation.words)),
        "predictions": [
            {
                "probability": step.probability,
                "sampled": step.sampled_probability,
                "candidates": [vars(candidate) for candidate in step.candidates],
            }
            for step in explanation.predictions
        ],
        "relevance": sprite(explanation.relevance) if explanation.tokens else None,
        "candidateMaps": 0 if maps is None else maps.shape[1],
        "activationTops": None if stages is None else _tops(stages.activation).tolist(),
        "provenance": dict(explanation.provenance),
    }


def _tops(activation: NDArray[np.float32]) -> NDArray[np.float32]:
    """float32 [K]: the highest raw score of each target, the scale of its stages' sprites."""
    tops: NDArray[np.float32] = activation.max(axis=1, initial=0)
    return tops


def _media(explanation: Explanation) -> list[dict[str, Any]]:
    clip = any(len(item.frames) > 1 for item in explanation.media)
    small = resized(explanation, largest=_LARGEST_FRAME if clip else _LARGEST_PICTURE)
    return [
        {
            "name": original.name,
            "width": original.width,
            "height": original.height,
            "frames": [picture(frame) for frame in item.frames],
            "times": [float(time) for time in item.times],
        }
        for original, item in zip(explanation.media, small.media, strict=True)
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


def _words(words: tuple[Word, ...]) -> list[dict[str, Any]]:
    described = []
    for word in words:
        weighed, highest = evidence(word), peak(word)
        described.append(
            {
                "text": word.text,
                "targets": list(word.targets),
                "probability": word.probability,
                "visual": weighed.visual,
                "peak": vars(highest) if highest else None,
                "grounding": _grounding(word),
            }
        )
    return described


def _grounding(word: Word) -> float | None:
    """The best grounding score of a word's tokens, as its map is the best of theirs."""
    scores = word.explanation.grounding
    first = word.targets[0] - word.explanation.prompt_targets
    if scores is None or first < 0:
        return None
    own = scores[first : first + len(word.targets)]
    return None if np.isnan(own).all() else float(np.nanmax(own))
