"""What the report's script works on: one JSON document made from an explanation."""

import json
from typing import Any, Final

from tam.colours import COLOUR_ANCHORS, DEFAULT_COLOURS
from tam.evidence import evidence, peak
from tam.explanation import Explanation, Word
from tam.render import OPACITY, OPACITY_EXPONENT
from tam.report.sprites import map_sprites, picture, sprite
from tam.resize import resized

_LARGEST_PICTURE: Final = 1600
_LARGEST_FRAME: Final = 960

# The characters that could end the script element or, in old parsers, the string they stand in.
_ESCAPES: Final = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}


def payload(explanation: Explanation) -> dict[str, Any]:
    """Collect all that the page shows. JSON values only; texts are as untrusted as they came."""
    return {
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
        "colours": {name: list(anchors) for name, anchors in COLOUR_ANCHORS.items()},
        "defaultColours": DEFAULT_COLOURS,
        "opacity": OPACITY,
        "opacityExponent": OPACITY_EXPONENT,
        "provenance": dict(explanation.provenance),
    }


def embedded_json(document: dict[str, Any]) -> str:
    """Spell a document so that it can stand inside an HTML script element."""
    return json.dumps(document, separators=(",", ":"), allow_nan=False).translate(_ESCAPES)


def _media(explanation: Explanation) -> list[dict[str, Any]]:
    clip = any(len(item.frames) > 1 for item in explanation.media)
    small = resized(explanation, largest=_LARGEST_FRAME if clip else _LARGEST_PICTURE)
    return [
        {
            "name": original.name,
            "kind": original.kind,
            "width": original.width,
            "height": original.height,
            "frames": [picture(frame) for frame in item.frames],
            "times": [float(time) for time in item.times],
        }
        for original, item in zip(explanation.media, small.media, strict=True)
    ]


def _grids(explanation: Explanation) -> list[dict[str, Any]]:
    return [
        {
            "media": grid.media,
            "turn": grid.turn,
            "view": grid.view,
            "shape": list(grid.shape),
            "box": [float(edge) for edge in grid.box],
            "spans": grid.spans.tolist(),
            "sprite": uri,
        }
        for grid, uri in zip(explanation.grids, map_sprites(explanation), strict=True)
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
                "textual": weighed.textual,
                "peak": vars(highest) if highest else None,
            }
        )
    return described
