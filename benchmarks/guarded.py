"""The waits that `benchmarks/guard.py` times, one function for each."""

import io
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import torch
from PIL import Image

from benchmarks.cases import Case, random_run
from benchmarks.made import COLUMNS, ROWS, made, photograph
from benchmarks.pairs import Line, Pair, cpu_seconds, in_turn, line
from benchmarks.resident import added_peak
from benchmarks.roofline import bound, measured
from tam.engine.maps import token_activation_maps
from tam.explanation.explanation import Explanation
from tam.media.image import open_image
from tam.media.media import Media
from tam.model.shipped import weights_folder
from tam.scenes.files import write_scene
from tam.scenes.world import make_scene, split_seed

PROMPT: Final = "Describe this image."
_CPU: Final = torch.device("cpu")
_MEGAPIXELS_12: Final = (4000, 3000)


def start(repeats: int) -> Iterator[Line]:
    """A cold `tam explain` of the demo picture, against a plain transformers script."""
    picture = Path(__file__).parent.parent / "tam" / "scenes" / "demo.png"
    script = Path(__file__).with_name("plain_explain.py")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        command = ["-m", "tam", "explain", str(picture), "--prompt", PROMPT, "--model", "small"]
        ours = [sys.executable, *command, "--out", str(out / "explained"), "--force"]
        plain = [sys.executable, script, weights_folder("small"), picture, PROMPT, out / "a.png"]
        found = [(_child(ours), _child(plain)) for _ in range(1 + repeats)][1:]
    pair = Pair(tuple(a for a, _ in found), tuple(b for _, b in found))
    yield line("tam explain, cold, small model", pair, 1.1, "transformers alone, one PNG")


def saving(repeats: int) -> Iterator[Line]:
    """Saving one picture of 12 megapixels, against encoding it once as PNG and once as JPEG."""
    pixels = photograph(*_MEGAPIXELS_12)
    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder) / "photo.jpg"
        Image.fromarray(pixels).save(photo, quality=92)
        media = {"an array": _media(pixels), "a JPEG": open_image(photo)}
        for kind, words, limit in (
            ("an array", 40, 1.5),
            ("a JPEG", 40, 1.5),
            ("an array", 225, 2),
        ):
            yield from _saved(made([media[kind]], words), kind, Path(folder), limit, repeats)


def _saved(
    explanation: Explanation, kind: str, folder: Path, limit: float, repeats: int
) -> Iterator[Line]:
    pixels = explanation.media[0].frames[0]
    name = f"save 12 MP from {kind}, {len(explanation.words)} words"
    sizes = {}
    for embed in ("full", "screen"):
        out = folder / embed
        pair = in_turn(
            # A copy, so that no values of its words are cached.
            lambda o=out, e=embed: replace(explanation).save(o, force=True, embed=e),
            lambda: _encoded_twice(pixels),
            repeats if embed == "full" else 1,
        )
        sizes[embed] = (out / "report.html").stat().st_size / 1e6
        if embed == "full":
            took = pair
    yield Line(
        name,
        statistics.median(took.ours),
        "CPU s",
        limit,
        statistics.median(took.ours),
        statistics.median(took.plain),
        "encoding it as PNG and as JPEG by Pillow",
    )
    if len(explanation.words) == 40:
        yield Line(f"{name}: report", sizes["full"], "MB", 5)
        yield Line(f"{name}: report, --embed screen", sizes["screen"], "MB", 3)


def movies(repeats: int) -> Iterator[Line]:
    """Movies of 256 words over four stills and over a clip of four frames, as MP4 and GIF."""
    frames = np.stack([photograph(1280, 960, seed) for seed in range(4)])
    stills = [_media(frame) for frame in frames]
    clip = [Media(frames, np.arange(4) / 2, "clip", "video")]
    with tempfile.TemporaryDirectory() as folder:
        for name, media in (("4 stills", stills), ("a clip of 4 frames", clip)):
            explanation = made(media, 256)
            for kind in ("mp4", "gif"):
                yield _movie(explanation, name, Path(folder) / f"movie.{kind}", repeats)


def _movie(explanation: Explanation, name: str, path: Path, repeats: int) -> Line:
    def write() -> None:
        path.unlink(missing_ok=True)
        explanation.export(path)

    added = added_peak(write, _CPU)
    took = statistics.median(cpu_seconds(write) for _ in range(max(1, repeats // 3)))
    note = (
        "" if added is None else f"{added:.0f} MB above before; {path.stat().st_size / 1e6:.1f} MB"
    )
    title = f"{path.suffix[1:].upper()} of 256 words, {name}"
    return Line(title, took, "CPU s", 20, took, note=note)


def maps(repeats: int) -> Iterator[Line]:
    """One word's map at 12 megapixels, against OpenCV's resize of its cells."""
    width, height = _MEGAPIXELS_12
    explanation = made([_media(np.zeros((height, width, 3), np.uint8))], max(repeats, 5) + 5)
    words = iter(explanation.words)
    cells = explanation.words[0].cells().reshape(ROWS, COLUMNS)
    resized = cv2.resize(cells, (width, height))
    off = float(np.abs(explanation.words[0].map() - resized).max())
    next(words)
    pair = in_turn(
        lambda: next(words).map(), lambda: cv2.resize(cells, (width, height)), max(repeats, 5)
    )
    took = statistics.median(pair.ours)
    note = f"{pair.ratio:.2f} × the resize, {off:.0e} off"
    plain = statistics.median(pair.plain)
    yield Line("word.map() at 12 MP", 1000 * took, "CPU ms", 30, took, plain, "cv2.resize", note)


def busy(_repeats: int) -> Iterator[Line]:
    """The share of `tam explain --batch`'s time spent in the model, here the small model."""
    from transformers import Qwen2VLForConditionalGeneration as Generating

    from tam.cli import run as tam

    generate, spans = Generating.generate, []

    def timed(*arguments: Any, **options: Any) -> Any:
        begun = time.perf_counter()
        try:
            return generate(*arguments, **options)
        finally:
            spans.append((begun, time.perf_counter()))

    with tempfile.TemporaryDirectory() as folder, _replaced(Generating, "generate", timed):
        pictures = Path(folder) / "pictures"
        _draw_scenes(pictures, 64)
        arguments = ["--prompt", PROMPT, "--model", "small", "--out", f"{folder}/out"]
        if tam(["explain", "--batch", str(pictures), *arguments]):
            raise SystemExit("the batch failed")
        ended = time.perf_counter()
    model = sum(last - first for first, last in spans)
    whole = spans[-1][1] - spans[0][0]
    yield Line(
        "tam explain --batch, 64 scenes: time in the model",
        model / whole,
        "of the time",
        0.9,
        whole,
        model,
        "the model's own generate (wall clock)",
        f"{model / (ended - spans[0][0]):.3g} with what is saved after the last reply",
        at_least=True,
    )


def engine(repeats: int) -> Iterator[Line]:
    """The engine on one thread, against the bound by its matrix products and its bytes."""
    torch.set_num_threads(1)
    cases = {
        "N = 768, K = 128, D = 1536": (Case(768, 128, 1536), 3.0),
        "N = 10,000, K = 512, D = 1536": (Case(10_000, 512, 1536), 3.0),
        "N = 768, K = 128, D = 128": (Case(768, 128, 128), 20.0),
    }
    for name, (case, limit) in cases.items():
        run = random_run(case, case.targets, _CPU)
        found = []
        for _ in range(repeats):
            # The machine is measured again for each case, since other load slows both sides.
            machine = measured(_CPU, ("float32", "float64"))
            least = bound(case, machine, _CPU)
            explain = _engine(run)
            explain()
            calls = 40 if case.cells < 5000 else 4
            found.append((min(cpu_seconds(explain) for _ in range(calls)), least))
        pair = Pair(tuple(a for a, _ in found), tuple(b for _, b in found))
        yield line(f"engine, {name}", pair, limit, "its matrix products and bytes")


def _engine(run: Any) -> Callable[[], object]:
    return lambda: token_activation_maps(
        run.hidden, run.head, *run.arguments, class_ids=run.arguments[2]
    )


WAITS: Final[dict[str, Callable[[int], Iterator[Line]]]] = {
    "start": start,
    "saving": saving,
    "movies": movies,
    "maps": maps,
    "busy": busy,
    "engine": engine,
}
"""The measurements, functions of the number of repeats, by their names for ``--only``."""


def _media(pixels: "np.ndarray[Any, Any]") -> Media:
    return Media(pixels[None], np.zeros(1), "picture")


def _encoded_twice(pixels: "np.ndarray[Any, Any]") -> None:
    image = Image.fromarray(pixels)
    image.save(io.BytesIO(), "PNG", compress_level=1)
    image.save(io.BytesIO(), "JPEG", quality=88)


def _child(command: list[Any]) -> float:
    """Run a program and return its CPU seconds, including those of programs that it starts."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{command}: {done.stderr[-2000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _draw_scenes(folder: Path, count: int) -> None:
    folder.mkdir()
    for index in range(count):
        scene = make_scene(split_seed("test", index), 224, 224)
        write_scene(scene.image, folder / f"{index:03d}.png")


@contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)
