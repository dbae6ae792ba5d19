"""Saved explanations, which are written and opened without a model and without torch.

A saved explanation consists of two files in one folder. Their content is not trusted when they are
opened: every type, shape and index is checked, pictures are measured before they are decoded, and
nothing in them can run.

``explanation.json``, UTF-8::

    schema          "tam.explanation"
    version         4; 3, 2 and 1 are read too (3 had no axis, 2 no JPEGs, 1 had no NaN in maps
                    and relevance was always present)
    text            the reply, for human readers; not used on loading
    prompt_targets  the number of tokens before the reply
    media           [{name, kind: "image" | "video", width, height, frames,
                      axis: {frame, symbol, unit}}]; axis only for a volume
    tokens          [{id, position, context_position, turn, role, text, word}]; K of them
    predictions     [{probability, sampled_probability: number | null,
                      candidates: [{id, text, probability}]}]; K - prompt_targets of them
    grids           [{media, turn, view, shape: [t, h, w], box: [x0, y0, x1, y1]}]
    provenance      an object
    checks          [{targets: [...], filler, before: number, without: number | null,
                      elsewhere: [number, ...], reason: text | null, growth: number,
                      threshold: number | "otsu"}]; may be missing

``explanation.safetensors``, with K tokens and N cells in all grids together::

    maps               float32 [K, N] in [0, 1], NaN where not known
    text_scores        float32 [K, K], not negative, NaN where not known; only for methods that
                       score earlier words
    relevance          float32 [K, K] in [0, 1], NaN where not known; together with text_scores
    stages.activation  float32 [K, N], not negative; only if the stages were requested
    stages.after_eci   float32 [K, N], not negative; together with stages.activation
    candidate_maps     float32 [K - prompt_targets, C, N] in [0, 1]; only if requested; then each
                       prediction has at least C candidates
    grounding          float32 [K - prompt_targets] in [0, 1] or NaN; only if it was computed
    grid.G.positions   int64 [t * h * w]
    grid.G.spans       int64 [t, 2]; frames first <= frame < last
    media.M.times      float64 [T]; seconds, or positions along the axis
    media.M.frame.F    uint8 [bytes]: frame F as an 8-bit RGB PNG, or as the 8-bit grey or color
                       JPEG that it was decoded from, without metadata

The fields are defined by :class:`tam.Explanation` and the types that it holds. A reader refuses
other versions; every change in the meaning of a field increases the version.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tam.errors import OutputError, SavedFileError
from tam.explanation.data import Candidate, Prediction, Stages
from tam.explanation.explanation import Explanation
from tam.files.checks import read_checks, written_checks
from tam.files.fields import FAR, Field, read_document
from tam.files.pictures import PIXEL_LIMIT, read_media
from tam.files.png import encode_large_png, encode_png
from tam.files.tensors import SavedTensors, open_tensors
from tam.geometry.layout import Seams, TextToken, VisionGrid
from tam.media.media import Media

SCHEMA: Final = "tam.explanation"
VERSION: Final = 4
JSON_NAME: Final = "explanation.json"
TENSORS_NAME: Final = "explanation.safetensors"

_GRID_SIDE_LIMIT = 4096
_ROUNDING = 1e-3
_LARGE = 10_000_000
_ROLES = ("system", "user", "assistant")


def save_explanation(
    explanation: Explanation,
    folder: Path,
    step: Callable[[], None] = lambda: None,
    encoded: dict[int, list[bytes]] | None = None,
) -> None:
    """Write ``explanation.json`` and ``explanation.safetensors`` into an existing folder.

    Parameters
    ----------
    step
        Called after each frame of a picture or clip, for a progress bar.
    encoded
        The encoded frames of pictures and clips that were saved before, by the ``id`` of their
        array. Others are added, so that explanations of the same pictures encode them once.

    Raises
    ------
    OutputError
        If the provenance or a probability cannot be written as JSON.
    OSError
        If a file cannot be written.
    """
    from safetensors.numpy import save

    try:
        # ASCII can also hold the lone surrogates of file names.
        document = json.dumps(_document(explanation), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise OutputError(
            f"the explanation cannot be written as JSON: {error}",
            where=JSON_NAME,
            remedy="keep strings, finite numbers, lists and string-keyed dicts in its provenance",
        ) from error
    metadata = {"schema": SCHEMA, "version": str(VERSION)}
    tensors = _tensors(explanation, step, {} if encoded is None else encoded)
    (folder / TENSORS_NAME).write_bytes(save(tensors, metadata=metadata))
    (folder / JSON_NAME).write_text(document + "\n", encoding="utf-8")


def load_explanation(path: str | Path, *, pixel_limit: int = PIXEL_LIMIT) -> Explanation:
    """Load a saved explanation.

    Parameters
    ----------
    path
        The folder, or the JSON file in it; the tensors are read from the file of the same name
        that ends in ``.safetensors``.
    pixel_limit
        The largest number of pixels of all frames together, checked before any is decoded.

    Raises
    ------
    SavedFileError
        If a file is missing, damaged, inconsistent, or of an unsupported version.
    """
    document_path = Path(path)
    if document_path.is_dir():
        document_path = document_path / JSON_NAME
        replies = list(Path(path).glob(f"reply-*/{JSON_NAME}"))
        if replies and not document_path.exists():
            last = max(replies, key=lambda found: found.stat().st_mtime).parent
            raise SavedFileError(
                f"holds a conversation of {len(replies)} replies, each saved separately",
                where=str(path),
                remedy=f"give one of them, such as {last}",
            )
    if document_path.suffix != ".json":
        raise SavedFileError(
            "is not a saved explanation",
            where=str(path),
            remedy=f"give the folder, or the {JSON_NAME} in it",
        )
    document = read_document(document_path)
    _check_version(document)
    tensors_path = document_path.with_suffix(".safetensors")
    with open_tensors(tensors_path) as tensors:
        return _explanation(document, tensors, pixel_limit)


def _document(explanation: Explanation) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "text": explanation.text,
        "prompt_targets": explanation.prompt_targets,
        "media": [
            {
                "name": item.name,
                "kind": item.kind,
                "width": item.width,
                "height": item.height,
                "frames": len(item.frames),
                **({} if item.axis.is_time else {"axis": vars(item.axis)}),
            }
            for item in explanation.media
        ],
        # The fields of these frozen dataclasses are exactly those of the schema.
        "tokens": [vars(token) for token in explanation.tokens],
        "predictions": [
            {**vars(step), "candidates": [vars(candidate) for candidate in step.candidates]}
            for step in explanation.predictions
        ],
        "grids": [
            {
                "media": grid.media,
                "turn": grid.turn,
                "view": grid.view,
                "shape": list(grid.shape),
                "box": [float(edge) for edge in grid.box],
                "seams": [[float(place) for place in axis] for axis in grid.seams],
            }
            for grid in explanation.grids
        ],
        "provenance": dict(explanation.provenance),
        **({"checks": written_checks(explanation.checks)} if explanation.checks else {}),
    }


def _tensors(
    explanation: Explanation, step: Callable[[], None], encoded: dict[int, list[bytes]]
) -> dict[str, NDArray[Any]]:
    tensors: dict[str, NDArray[Any]] = {"maps": explanation.maps}
    if explanation.text_scores is not None and explanation.relevance is not None:
        tensors["text_scores"] = explanation.text_scores
        tensors["relevance"] = explanation.relevance
    if explanation.stages is not None:
        tensors["stages.activation"] = explanation.stages.activation
        tensors["stages.after_eci"] = explanation.stages.after_eci
    if explanation.candidate_maps is not None:
        tensors["candidate_maps"] = explanation.candidate_maps
    if explanation.token_grounding is not None:
        tensors["grounding"] = explanation.token_grounding
    for g, grid in enumerate(explanation.grids):
        tensors[f"grid.{g}.positions"] = grid.positions
        tensors[f"grid.{g}.spans"] = grid.spans
    for m, item in enumerate(explanation.media):
        tensors[f"media.{m}.times"] = item.times
        frames = encoded.setdefault(id(item.frames), [])
        for f, frame in enumerate(item.frames):
            if f == len(frames):
                frames.append(item.jpeg or _png(frame))
            tensors[f"media.{m}.frame.{f}"] = np.frombuffer(frames[f], np.uint8)
            step()
    # safetensors writes an array's memory and ignores its strides.
    return {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}


def _png(frame: NDArray[np.uint8]) -> bytes:
    return encode_large_png(frame) if frame.size > _LARGE else encode_png(frame)


def _check_version(document: Field) -> None:
    if document["schema"].value != SCHEMA:
        raise SavedFileError(
            "is JSON, but not a saved explanation",
            where=document.file,
            remedy=f"give the folder, or the {JSON_NAME} in it",
        )
    version = document["version"].integer(0)
    if not 1 <= version <= VERSION:
        raise SavedFileError(
            f"has version {version} of the format; this program reads versions 1 to {VERSION}",
            where=document.file,
            remedy="open it with the release that wrote it, or explain again",
        )


def _explanation(document: Field, tensors: SavedTensors, pixel_limit: int) -> Explanation:
    tokens = list(document["tokens"].items())
    if not tokens:
        document["tokens"].refuse("is empty")
    prompt_targets = document["prompt_targets"].integer(0, len(tokens))
    predictions = tuple(_prediction(item) for item in document["predictions"].items())
    if len(predictions) != len(tokens) - prompt_targets:
        document["predictions"].refuse(
            f"holds {len(predictions)} entries for {len(tokens) - prompt_targets} tokens of the "
            "reply"
        )
    media = read_media(document["media"], tensors, pixel_limit)
    grids = tuple(
        _grid(item, index, media, tensors) for index, item in enumerate(document["grids"].items())
    )
    cells = sum(grid.cells for grid in grids)
    text_scores, relevance = _relevance(tensors, len(tokens), document["version"].integer(1))
    provenance: Mapping[str, Any] = document["provenance"].object()
    return Explanation(
        media=media,
        tokens=tuple(_token(item, len(tokens)) for item in tokens),
        prompt_targets=prompt_targets,
        predictions=predictions,
        grids=grids,
        maps=tensors.read_known("maps", "F32", (len(tokens), cells), 0, 1 + _ROUNDING),
        text_scores=text_scores,
        relevance=relevance,
        provenance=provenance,
        stages=_stages(tensors, (len(tokens), cells)),
        candidate_maps=_candidate_maps(document["predictions"], predictions, tensors, cells),
        token_grounding=_grounding(tensors, len(predictions)),
        checks=read_checks(document, prompt_targets, len(tokens)),
    )


def _relevance(
    tensors: SavedTensors, count: int, version: int
) -> tuple[NDArray[np.float32] | None, NDArray[np.float32] | None]:
    if version > 1 and not tensors.has("text_scores") and not tensors.has("relevance"):
        return None, None
    scores = tensors.read_known("text_scores", "F32", (count, count), 0, np.inf)
    relevance = tensors.read_known("relevance", "F32", (count, count), 0, 1 + _ROUNDING)
    # Version 1 stored zeros if a method scored no earlier words.
    if version == 1 and not scores.any():
        return None, None
    return scores, relevance


def _stages(tensors: SavedTensors, shape: tuple[int, int]) -> Stages | None:
    names = ("stages.activation", "stages.after_eci")
    if not any(tensors.has(name) for name in names):
        return None
    return Stages(*(tensors.read_within(name, "F32", shape, 0, np.inf) for name in names))


def _candidate_maps(
    item: Field, predictions: tuple[Prediction, ...], tensors: SavedTensors, cells: int
) -> NDArray[np.float32] | None:
    name = "candidate_maps"
    if not tensors.has(name):
        return None
    maps = tensors.read_within(name, "F32", (len(predictions), None, cells), 0, 1 + _ROUNDING)
    if any(len(step.candidates) < maps.shape[1] for step in predictions):
        item.refuse(f"has fewer candidates than the {maps.shape[1]} that have a map")
    return maps


def _grounding(tensors: SavedTensors, count: int) -> NDArray[np.float32] | None:
    if not tensors.has("grounding"):
        return None
    return tensors.read_known("grounding", "F32", (count,), 0, 1)


def _token(item: Field, count: int) -> TextToken:
    role = item["role"].text()
    if role not in _ROLES:
        item["role"].refuse(f"is not one of {', '.join(_ROLES)}")
    return TextToken(
        id=item["id"].integer(0),
        position=item["position"].integer(0),
        context_position=item["context_position"].integer(0),
        turn=item["turn"].integer(0),
        role=role,
        text=item["text"].text(),
        word=item["word"].integer(-1, count - 1),
    )


def _prediction(item: Field) -> Prediction:
    sampled = item["sampled_probability"]
    return Prediction(
        probability=_probability(item["probability"]),
        sampled_probability=None if sampled.value is None else _probability(sampled),
        candidates=tuple(
            Candidate(
                id=candidate["id"].integer(0),
                text=candidate["text"].text(),
                probability=_probability(candidate["probability"]),
            )
            for candidate in item["candidates"].items()
        ),
    )


def _probability(item: Field) -> float:
    return item.number(0, 1 + _ROUNDING)


def _grid(item: Field, index: int, media: tuple[Media, ...], tensors: SavedTensors) -> VisionGrid:
    shape = tuple(side.integer(1, _GRID_SIDE_LIMIT) for side in item["shape"].items())
    box = tuple(edge.number(-FAR, FAR) for edge in item["box"].items())
    if len(shape) != 3:
        item["shape"].refuse("does not hold t, h and w")
    if len(box) != 4 or box[0] >= box[2] or box[1] >= box[3]:
        item["box"].refuse("does not hold x0 < x1 and y0 < y1")
    shown = item["media"].integer(0, len(media) - 1)
    t, h, w = shape
    name = f"grid.{index}.spans"
    spans = tensors.read_within(name, "I64", (t, 2), 0, len(media[shown].frames))
    if np.any(spans[:, 0] >= spans[:, 1]):
        tensors.refuse(f"tensor {name} holds a span that ends before it begins")
    return VisionGrid(
        media=shown,
        turn=item["turn"].integer(0),
        view=item["view"].text(),
        shape=(t, h, w),
        box=(box[0], box[1], box[2], box[3]),
        positions=tensors.read_within(f"grid.{index}.positions", "I64", (t * h * w,), 0, 2**53),
        spans=spans,
        seams=_seams(item),
    )


def _seams(item: Field) -> Seams:
    if "seams" not in item.object():
        return ((), ())  # files of earlier versions have none
    axes = tuple(
        tuple(place.number(-FAR, FAR) for place in axis.items()) for axis in item["seams"].items()
    )
    if len(axes) != 2 or max(map(len, axes)) >= _GRID_SIDE_LIMIT:
        item["seams"].refuse("does not hold a list of x coordinates and one of y coordinates")
    return axes[0], axes[1]
