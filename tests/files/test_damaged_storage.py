"""Damaged, foreign and oversized saved explanations are refused with a one-line error."""

import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tam.errors import SavedFileError
from tam.files.storage import JSON_NAME, TENSORS_NAME, load_explanation, save_explanation
from tests.files.altered import checked, edit, retensor
from tests.hand_made import (
    clip,
    explanation,
    grid,
    same,
)


def png(width: int, height: int, depth: int = 8, colour: int = 2, data: bytes = b"") -> Any:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
    return np.frombuffer(b"\x89PNG\r\n\x1a\n" + body, np.uint8)


@pytest.mark.promise(
    "saved files", "one of the two files is missing", "a one-line error that says which"
)
def test_missing_files(tmp_path: Path, saved: Path) -> None:
    with pytest.raises(SavedFileError, match="cannot be read"):
        load_explanation(tmp_path / "nowhere.json")
    with pytest.raises(SavedFileError, match="give the folder"):
        load_explanation(tmp_path / "report.html")
    (saved / TENSORS_NAME).unlink()
    with pytest.raises(SavedFileError, match=r"explanation\.safetensors: is missing"):
        load_explanation(saved)


@pytest.mark.promise("saved files", "truncated files", "refused with a one-line error")
@pytest.mark.parametrize("name", [JSON_NAME, TENSORS_NAME])
@pytest.mark.parametrize("keep", [0, 7, 300, -1])
def test_truncated_files(saved: Path, name: str, keep: int) -> None:
    path = saved / name
    content = path.read_bytes()
    path.write_bytes(content[:keep] if keep >= 0 else content[:-2])
    with pytest.raises(SavedFileError):
        load_explanation(saved)


@pytest.mark.promise(
    "saved files",
    "unrelated JSON, NaN, deep nesting, huge numbers",
    "refused with a one-line error",
)
@pytest.mark.parametrize(
    "content",
    [
        b"[]",
        b"3",
        b"\xff\xfe",
        b'{"schema": "tam.explanation", "version": 1, "x": NaN}',
        b"[" * 100_000,
        b'{"schema": 1' + b"0" * 5000 + b"}",
        b'{"schema": "other.tool", "version": 1}',
    ],
)
def test_json_that_is_no_explanation(saved: Path, content: bytes) -> None:
    (saved / JSON_NAME).write_bytes(content)
    with pytest.raises(SavedFileError):
        load_explanation(saved)


@pytest.mark.promise("saved files", "another version of the format", "refused, with a remedy")
def test_another_version_is_refused(saved: Path) -> None:
    edit(saved, lambda d: d.update(version=5))
    with pytest.raises(SavedFileError, match=r"version 5 .* reads versions 1 to 4"):
        load_explanation(saved)


def _deep(levels: int) -> Any:
    return [] if not levels else [_deep(levels - 1)]


CHANGES: list[tuple[str, Callable[[Any], Any]]] = [
    ("tokens is missing", lambda d: d.pop("tokens")),
    ("tokens is not an array", lambda d: d.update(tokens={})),
    ("tokens is empty", lambda d: d.update(tokens=[])),
    (r"tokens\[0\] is not an object", lambda d: d["tokens"].__setitem__(0, 5)),
    (r"tokens\[1\]\.text is not a string", lambda d: d["tokens"][1].update(text=None)),
    (r"tokens\[1\]\.id is not a whole", lambda d: d["tokens"][1].update(id=True)),
    (r"tokens\[1\]\.id is not a whole", lambda d: d["tokens"][1].update(id=1.5)),
    (r"tokens\[1\]\.position .* enormous", lambda d: d["tokens"][1].update(position=10**40)),
    (r"tokens\[1\]\.word is 99", lambda d: d["tokens"][1].update(word=99)),
    (r"tokens\[1\]\.word is -2", lambda d: d["tokens"][1].update(word=-2)),
    (r"tokens\[1\]\.role is not one", lambda d: d["tokens"][1].update(role="root")),
    ("prompt_targets is 14", lambda d: d.update(prompt_targets=14)),
    ("predictions holds 8 entries for 9", lambda d: d["predictions"].pop()),
    ("probability is not a number", lambda d: d["predictions"][0].update(probability="1")),
    ("probability is 2", lambda d: d["predictions"][0].update(probability=2)),
    ("probability is an enormous", lambda d: d["predictions"][0].update(probability=10**400)),
    ("candidates is not an array", lambda d: d["predictions"][0].update(candidates=None)),
    (r"grids\[0\]\.media is 1", lambda d: d["grids"][0].update(media=1)),
    (r"shape\[1\] is 0", lambda d: d["grids"][0].update(shape=[1, 0, 8])),
    (r"shape\[2\] is 5000", lambda d: d["grids"][0].update(shape=[1, 1, 5000])),
    ("does not hold t, h and w", lambda d: d["grids"][0].update(shape=[6, 8])),
    ("box does not hold", lambda d: d["grids"][0].update(box=[5, 0, 5, 9])),
    ("box does not hold", lambda d: d["grids"][0].update(box=[0, 0, 9])),
    (r"box\[0\] is", lambda d: d["grids"][0].update(box=[-1e300, 0, 5, 9])),
    ("seams does not hold", lambda d: d["grids"][0].update(seams=[[1, 2]])),
    ("seams is not an array", lambda d: d["grids"][0].update(seams=5)),
    (r"seams\[1\]\[0\] is not a number", lambda d: d["grids"][0].update(seams=[[], ["x"]])),
    ("positions is I64", lambda d: d["grids"][0].update(shape=[1, 6, 9])),
    ("is 64×48, not 65×48", lambda d: d["media"][0].update(width=65)),
    ("holds no tensor media.0.frame.1", lambda d: d["media"][0].update(frames=2**40)),
    ("kind is not", lambda d: d["media"][0].update(kind="audio")),
    ("provenance is not an object", lambda d: d.update(provenance=[])),
    ("provenance is nested", lambda d: d.update(provenance={"x": _deep(60)})),
]


@pytest.mark.promise(
    "saved files",
    "a field that is missing, of the wrong type or out of range",
    "refused; the error gives its path",
)
@pytest.mark.parametrize(("message", "change"), CHANGES)
def test_changed_json(saved: Path, message: str, change: Callable[[Any], Any]) -> None:
    edit(saved, change)
    with pytest.raises(SavedFileError, match=message):
        load_explanation(saved)


def changed(array: Any, value: float) -> Any:
    array = array.copy()
    array.flat[1] = value
    return array


SPANS = np.array([[0, 1]])


MAPS = explanation().maps


TENSOR_CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("holds no tensor maps", {"maps": None}),
    ("maps is F32", {"maps": MAPS[:, :-1].copy()}),
    ("maps is F64", {"maps": MAPS.astype(np.float64)}),
    ("maps is F32", {"maps": MAPS.reshape(-1)}),
    ("maps holds values", {"maps": changed(MAPS, np.inf)}),
    ("maps holds values", {"maps": changed(MAPS, -0.5)}),
    ("relevance holds values", {"relevance": np.full((13, 13), 1.5, np.float32)}),
    ("text_scores holds values", {"text_scores": np.full((13, 13), np.inf, np.float32)}),
    ("spans holds values", {"grid__0__spans": SPANS + 1}),
    ("ends before it begins", {"grid__0__spans": SPANS[:, ::-1].copy()}),
    ("positions holds values", {"grid__0__positions": np.arange(-1, 47)}),
    ("times holds values", {"media__0__times": np.array([np.nan])}),
    ("is not a PNG", {"media__0__frame__0": np.zeros(100, np.uint8)}),
    ("is not a PNG", {"media__0__frame__0": np.zeros(0, np.uint8)}),
    ("is not an 8-bit RGB", {"media__0__frame__0": png(64, 48, depth=16)}),
    ("is not an 8-bit RGB", {"media__0__frame__0": png(64, 48, colour=0)}),
    ("cannot be decoded", {"media__0__frame__0": png(64, 48)}),
    ("a side must have", {"media__0__frame__0": png(100_000, 1)}),
    ("is U8", {"media__0__frame__0": np.zeros((2, 2), np.uint8)}),
]


@pytest.mark.promise(
    "saved files",
    "a tensor that is missing, of the wrong shape or out of range",
    "refused; the error names it",
)
@pytest.mark.parametrize(("message", "tensors"), TENSOR_CHANGES)
def test_changed_tensors(saved: Path, message: str, tensors: dict[str, Any]) -> None:
    retensor(saved, **tensors)
    with pytest.raises(SavedFileError, match=message):
        load_explanation(saved)


def test_a_bomb_is_measured_before_anything_is_decoded(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tam.files.pictures.decode_png", lambda _: pytest.fail("decoded"))
    side = 60_000
    retensor(saved, media__0__frame__0=png(side, side))
    edit(saved, lambda d: d["media"][0].update(width=side, height=side))
    with pytest.raises(SavedFileError, match="3600000000 pixels; the limit is 1000000000"):
        load_explanation(saved)


def test_the_pixel_limit_counts_all_frames(tmp_path: Path) -> None:
    whole = (0.0, 0.0, 56.0, 40.0)
    original = explanation([clip(4)], [grid(0, (1, 2, 2), whole, spans=[(0, 4)])])
    save_explanation(original, tmp_path)
    pixels = 4 * 40 * 56
    assert same(load_explanation(tmp_path, pixel_limit=pixels), original)
    with pytest.raises(SavedFileError, match="pixel_limit"):
        load_explanation(tmp_path, pixel_limit=pixels - 1)


def test_every_byte_can_be_wrong(saved: Path) -> None:
    """A damaged file either loads or is refused with a SavedFileError."""
    rng = np.random.default_rng(0)
    for name in (JSON_NAME, TENSORS_NAME):
        content = (saved / name).read_bytes()
        refused = 0
        for _ in range(120):
            damaged = bytearray(content)
            for place in rng.integers(0, min(len(content), 3000), 3):
                damaged[place] = rng.integers(256)
            (saved / name).write_bytes(bytes(damaged))
            try:
                load_explanation(saved)
            except SavedFileError:
                refused += 1
        assert refused > 0
        (saved / name).write_bytes(content)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("targets", [0], "targets[0] is 0, not within"),
        ("targets", [6, 5], "does not hold ascending"),
        ("targets", [], "does not hold ascending"),
        ("before", 0.5, "before is 0.5, not within"),
        ("without", "0", "without is not a number"),
        ("elsewhere", [], "does not hold a value for each control"),
        ("without", None, "reason is not a string"),
        ("reason", "no-room", "reason is not one of"),
        ("reason", "<b>", "reason is not one of"),
    ],
)
def test_damaged_checks_are_refused(
    place: str, value: object, message: str, tmp_path: Path
) -> None:
    save_explanation(checked(), tmp_path)

    def change(document: Any) -> None:
        document["checks"][0][place] = value

    edit(tmp_path, change)
    with pytest.raises(SavedFileError, match=re.escape(message)):
        load_explanation(tmp_path)
