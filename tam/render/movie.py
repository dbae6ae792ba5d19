"""The movie: the words of a reply one after another, each with its map, as MP4 or GIF."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tam.defaults import SECONDS
from tam.errors import InputError, SetupError
from tam.explanation.explanation import Explanation
from tam.explanation.word import Choice, Word
from tam.files.marks import PLACEHOLDER
from tam.progress import progress
from tam.render.caption import Pixels, text_lines, text_strip, word_strip
from tam.render.colors import DEFAULT_COLORS
from tam.render.pictures import OPACITY, overlays, shown_media, stacked
from tam.render.resize import resized
from tam.render.selection import chosen_words

LARGEST: Final = {"mp4": 960, "gif": 480}
"""Long side of a movie's pictures in pixels, all of them side by side."""

_NARROWEST: Final = 320
_MOST_LINES: Final = 4
_RATE: Final = 25
_QUALITY: Final = "20"
_BT709: Final = 1
_LIMITED: Final = 1


@dataclass(frozen=True)
class Moment:
    """What a movie shows for a while: a word, and a frame of each picture or clip by its index."""

    word: Word
    frames: dict[int, int]
    seconds: float


def moments(words: Sequence[Word], seconds: float, media: int | None = None) -> list[Moment]:
    """Plan a movie: each word's map, over stills for some seconds, over clips as they play.

    Parameters
    ----------
    words
        Words of one explanation, shown one after another; a clip plays once for each.
    seconds
        How long a word stands over stills.
    media
        Which picture or clip alone; all that have a map, side by side, where it is None.
    """
    explanation = words[0].explanation
    times = {
        index: _starts(explanation.media[index].times) for index in shown_media(explanation, media)
    }
    changes = np.unique(np.concatenate([np.zeros(1), *times.values()]))
    playing = len(changes) > 1
    end = max(map(_end, times.values())) if playing else seconds
    lasting = np.diff(np.append(changes, end))
    planned = []
    for word in words:
        for change, long in zip(changes, lasting, strict=True):
            at = {
                index: int(np.searchsorted(starts, change, side="right")) - 1
                for index, starts in times.items()
            }
            planned.append(Moment(word, at, float(long)))
    return planned


def draw_movie(
    explanation: Explanation,
    words: Sequence[Choice] | None = None,
    *,
    together: bool = False,
    media: int | None = None,
    seconds: float = SECONDS,
    largest: int = LARGEST["mp4"],
    opacity: float = OPACITY,
    colors: str = DEFAULT_COLORS,
) -> Iterator[tuple[Pixels, float]]:
    """Draw a movie: the map over the pictures, the running reply with the word marked, a legend.

    Parameters
    ----------
    words, together
        See :func:`tam.render.selection.chosen_words`. The words come one after another.
    media
        Which picture or clip alone; all that have a map, side by side, where it is None.
    seconds
        How long each word stands over stills. A clip plays once for each word.
    largest
        Long side of all pictures together, in pixels.
    opacity, colors
        See :func:`tam.render.overlay`.

    Yields
    ------
    uint8 [H, W, 3], RGB, of one size with even sides; and for how many seconds it is shown.

    Raises
    ------
    InputError
        If a word, the picture or the color map does not exist, or ``seconds`` is no duration.
    """
    if not 0 < seconds < 3600:
        raise InputError(f"{seconds} seconds", where="movie", remedy="give a time above 0")
    chosen = chosen_words(explanation, words, together=together)
    count = len(shown_media(explanation, media))
    small = resized(explanation, largest=max(largest // max(count, 1), 16), smallest=_NARROWEST)
    planned = moments(chosen_words(small, chosen), seconds, media)
    lines = None
    with progress("Drawing the movie", len(planned)) as step:
        for moment in planned:
            picture = overlays(moment.word, moment.frames, opacity=opacity, colors=colors)
            width = max(picture.shape[1], _NARROWEST)
            lines = lines or min(text_lines(explanation, width), _MOST_LINES)
            text = text_strip(explanation, moment.word.targets, width, lines)
            page = stacked(picture, text, word_strip(moment.word, width, colors))
            yield _even(page), moment.seconds
            step()


def write_mp4(drawn: Iterator[tuple[Pixels, float]], path: Path) -> None:
    """Encode a movie as H.264 in MP4 (yuv420p, BT.709), which every browser plays.

    Raises
    ------
    SetupError
        If this build of PyAV has no H.264 encoder.
    """
    import av
    from av.video.reformatter import Colorspace

    if "libx264" not in av.codecs_available:
        raise SetupError(
            "PyAV here has no H.264 encoder",
            where=path.name,
            remedy="install PyAV's own wheel (pip install av), or export a GIF",
        )
    shown = 0.0
    written = 0
    with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as container:
        container.metadata["comment"] = PLACEHOLDER
        stream = None
        for pixels, seconds in drawn:
            if stream is None:
                stream = _stream(container, pixels)
            shown += seconds
            picture = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(
                format="yuv420p", dst_colorspace=Colorspace.ITU709
            )
            while written < max(1, round(shown * _RATE)):
                picture.pts = written
                container.mux(stream.encode(picture))
                written += 1
        if stream is not None:
            container.mux(stream.encode(None))


def write_gif(drawn: Iterator[tuple[Pixels, float]], path: Path) -> None:
    """Encode a movie as a GIF that repeats, 256 colors to a frame."""
    pictures, durations = [], []
    shown, begun = 0.0, 0
    for pixels, seconds in drawn:
        shown += seconds * 100
        # In hundredths of a second, as the format has it; browsers slow down what is under two.
        durations.append(10 * max(2, round(shown) - begun))
        begun += durations[-1] // 10
        pictures.append(Image.fromarray(pixels).quantize(256, Image.Quantize.MAXCOVERAGE))
    pictures[0].save(
        path,
        "GIF",
        save_all=True,
        append_images=pictures[1:],
        duration=durations,
        loop=0,
        comment=PLACEHOLDER.encode(),
    )


def _starts(times: NDArray[np.float64]) -> NDArray[np.float64]:
    """When each frame of a clip begins to show; evenly spaced where its times do not grow."""
    growing = bool(np.all(np.diff(times) > 0))
    starts = times - times[0] if growing else np.arange(len(times)) * SECONDS
    return np.asarray(starts, np.float64)


def _end(starts: NDArray[np.float64]) -> float:
    """When a clip ends: its last frame stands as long as the one before it."""
    last = starts[-1] - starts[-2] if len(starts) > 1 else 0.0
    return float(starts[-1] + last)


def _stream(container: Any, pixels: Pixels) -> Any:
    stream = container.add_stream("libx264", rate=_RATE)
    stream.height, stream.width = pixels.shape[:2]
    stream.pix_fmt = "yuv420p"
    stream.options = {"crf": _QUALITY}
    context = stream.codec_context
    context.colorspace = context.color_primaries = context.color_trc = _BT709
    context.color_range = _LIMITED
    return stream


def _even(pixels: Pixels) -> Pixels:
    """Repeat the last row and column where a side is odd: yuv420p halves both."""
    height, width = pixels.shape[:2]
    return np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
