import json
import re
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tam.errors import OutputError, SavedFileError
from tam.explanation.check import Check
from tam.explanation.explanation import Explanation
from tam.files.storage import JSON_NAME, TENSORS_NAME, load_explanation, save_explanation
from tam.render.table import COLUMNS
from tests.hand_made import (
    clip,
    explanation,
    grid,
    picture,
    same,
    several,
    with_grounding,
    with_stages,
)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    save_explanation(explanation(), tmp_path)
    return tmp_path


def edit(folder: Path, change: Callable[[Any], None]) -> None:
    path = folder / JSON_NAME
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def retensor(folder: Path, **tensors: Any) -> None:
    path = folder / TENSORS_NAME
    held = load_file(path)
    for name, tensor in tensors.items():
        del held[name.replace("__", ".")]
        if tensor is not None:
            held[name.replace("__", ".")] = tensor
    save_file(held, path)


def png(width: int, height: int, depth: int = 8, colour: int = 2, data: bytes = b"") -> Any:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
    return np.frombuffer(b"\x89PNG\r\n\x1a\n" + body, np.uint8)


@pytest.mark.parametrize("make", [explanation, several])
def test_everything_comes_back_exactly(make: Callable[[], Any], tmp_path: Path) -> None:
    original = make()
    save_explanation(original, tmp_path)
    assert same(load_explanation(tmp_path), original)
    assert same(load_explanation(tmp_path / JSON_NAME), original)


def test_stages_and_candidates_come_back_exactly(tmp_path: Path) -> None:
    original = with_stages(several())
    save_explanation(original, tmp_path)
    loaded = load_explanation(tmp_path)
    assert same(loaded, original)
    assert not same(loaded, several())


def test_grounding_comes_back_with_its_gaps(tmp_path: Path) -> None:
    original = with_grounding(explanation(), [0.25, float("nan"), 1.0])
    save_explanation(original, tmp_path)
    assert same(load_explanation(tmp_path), original)
    assert not same(load_explanation(tmp_path), explanation())
    retensor(tmp_path, grounding=np.full(9, 1.5, np.float32))
    with pytest.raises(SavedFileError, match="neither within 0 and 1 nor NaN"):
        load_explanation(tmp_path)


@pytest.mark.parametrize(
    ("message", "change"),
    [
        ("holds no tensor stages.after_eci", {"stages__after_eci": None}),
        ("stages.activation is F32", {"stages__activation": np.zeros((2, 2), np.float32)}),
        ("after_eci holds values", {"stages__after_eci": np.full((13, 48), -1, np.float32)}),
        ("candidate_maps holds values", {"candidate_maps": np.full((9, 3, 48), 2, np.float32)}),
        ("candidate_maps is F32", {"candidate_maps": np.zeros((8, 3, 48), np.float32)}),
        ("fewer candidates than the 5", {"candidate_maps": np.zeros((9, 5, 48), np.float32)}),
    ],
)
def test_changed_stages_and_candidates(
    tmp_path: Path, message: str, change: dict[str, Any]
) -> None:
    save_explanation(with_stages(explanation()), tmp_path)
    retensor(tmp_path, **change)
    with pytest.raises(SavedFileError, match=message):
        load_explanation(tmp_path)


@pytest.mark.promise(
    "hostile words",
    "any text in words and names, including lone surrogates",
    "saved and loaded exactly",
)
def test_any_text_comes_back(tmp_path: Path) -> None:
    media = picture(name="bad\udcff\x00name.png")  # a file name that is not UTF-8
    original = explanation([media], reply=("猫", "\ud83d", "👩‍👩‍👧", "שלום", "\u2028</script>"))
    save_explanation(original, tmp_path)
    assert same(load_explanation(tmp_path), original)


def test_a_text_without_pictures_comes_back(tmp_path: Path) -> None:
    original = explanation([], [])
    save_explanation(original, tmp_path)
    assert same(load_explanation(tmp_path), original)


def test_strided_arrays_come_back(tmp_path: Path) -> None:
    original = explanation()
    original = replace(original, maps=np.asfortranarray(original.maps))
    save_explanation(original, tmp_path)
    assert same(load_explanation(tmp_path), original)


def test_a_large_picture_comes_back_exactly(tmp_path: Path) -> None:
    large = picture(1900, 1800)
    box = (0.0, 0.0, 1800.0, 1900.0)
    save_explanation(explanation([large], [grid(0, (1, 3, 4), box)]), tmp_path)
    assert np.array_equal(load_explanation(tmp_path).media[0].frames, large.frames)


def test_pictures_of_several_explanations_are_encoded_once(tmp_path: Path) -> None:
    first = several()
    second = replace(first, maps=first.maps / 2)
    encoded: dict[int, list[bytes]] = {}
    for number, made in enumerate((first, second)):
        folder = tmp_path / str(number)
        folder.mkdir()
        save_explanation(made, folder, encoded=encoded)
        assert same(made, load_explanation(folder))
        assert len(encoded) == len(first.media)


def test_what_json_cannot_hold_is_refused(tmp_path: Path) -> None:
    for value in (float("nan"), {1, 2}):
        with pytest.raises(OutputError, match="provenance"):
            save_explanation(replace(explanation(), provenance={"x": value}), tmp_path)


@pytest.mark.promise(
    "saved files",
    "the folder of a whole conversation",
    "a one-line error that names one of its replies",
)
def test_the_folder_of_a_conversation_names_a_reply(tmp_path: Path) -> None:
    for number in (1, 2):
        explanation().save(tmp_path / "talk" / f"reply-{number}")
    with pytest.raises(SavedFileError, match=r"a conversation of 2 replies.* such as .*reply-"):
        load_explanation(tmp_path / "talk")


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


def test_folders_of_version_1_open() -> None:
    folder = Path(__file__).parent / "saved"
    result = load_explanation(folder / "version-1")
    assert result.text == "A grey greyhound on a bench."
    assert [item.name for item in result.media] == ["one.png", "walk.mp4"]
    assert result.stages is not None
    assert result.candidate_maps is not None
    assert result.candidate_maps.shape == (9, 2, 22)
    assert result.grounding is not None
    assert result.grounding[0] == pytest.approx(0.9)
    assert result.grounding[1] is None
    assert result.words[2].visual == pytest.approx(result.words[2].map(0).max(), abs=0.1)
    assert result.words[2].textual is not None
    without = load_explanation(folder / "version-1-no-relevance")
    assert without.relevance is without.text_scores is without.words[2].textual is None


def test_what_is_not_known_is_kept(saved: Path, tmp_path: Path) -> None:
    result = replace(explanation(), relevance=None, text_scores=None)
    result.maps[3], result.maps[5, :7] = np.nan, np.nan
    save_explanation(result, tmp_path)
    opened = load_explanation(tmp_path)
    assert opened.relevance is opened.text_scores is None
    assert np.array_equal(opened.maps, result.maps, equal_nan=True)


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


def test_files_from_before_there_were_seams(saved: Path) -> None:
    edit(saved, lambda d: d["grids"][0].pop("seams"))
    assert load_explanation(saved).grids[0].seams == ((), ())


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


def test_saved_files_open_and_render_without_torch(saved: Path, tmp_path: Path) -> None:
    program = f"""
import sys
sys.modules["torch"] = sys.modules["transformers"] = None
import tam
from rich.console import Console
from tam.render.terminal import show
result = tam.load_explanation({str(saved)!r})
show(result, Console(file=sys.stdout))
print(result.save({str(tmp_path / "again")!r}))
"""
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert "greyhound" in run.stdout
    assert (tmp_path / "again" / "report.html").is_file()


def test_the_documentation_names_every_field_and_column(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "format.md").read_text("utf-8")
    save_explanation(with_grounding(with_stages(checked()), [0.5]), tmp_path)
    document = json.loads((tmp_path / JSON_NAME).read_text())
    names = {re.sub(r"\.\d+", ".*", name) for name in load_file(tmp_path / TENSORS_NAME)}
    tensors = {re.sub(r"\.[A-Z]\b", ".*", name) for name in re.findall(r"`([\w.]+)`", page)}
    assert names <= tensors
    fields = set(document) | {key for item in document["tokens"] for key in item}
    for part in ("media", "grids", "predictions", "checks"):
        fields |= set(document[part][0])
    assert {f"`{field}`" for field in {*fields, *COLUMNS}} <= set(re.findall(r"`\w+`", page))


def checked() -> Explanation:
    """Return an explanation with a word that was checked and one that cannot be checked."""
    result = explanation()
    first, second = (word.targets for word in result.words[1:3])
    return replace(
        result,
        checks=(
            Check(first, "blur", -0.25, -3.5, (-0.25, -0.5, -0.125)),
            Check(second, "mean", -0.5, reason="no-room"),
        ),
    )


def test_checks_come_back_exactly(tmp_path: Path) -> None:
    original = checked()
    save_explanation(original, tmp_path)
    found = load_explanation(tmp_path)
    assert found.checks == original.checks
    assert [word.check for word in found.words[:3]] == [None, *original.checks]


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
