"""Movies of the words' maps: one word at a time over stills, all together over clips."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tam.defaults import SECONDS
from tam.errors import InputError, SetupError
from tam.explanation.explanation import Explanation
from tam.explanation.strength import lies_in
from tam.explanation.word import Choice, Word
from tam.files.marks import PLACEHOLDER
from tam.progress import progress
from tam.render.caption import Pixels, running_text, word_strip
from tam.render.colors import DEFAULT_COLORS
from tam.render.pictures import OPACITY, Stage, shown_media, stack_vertically
from tam.render.resize import resized
from tam.render.selection import chosen_words

LARGEST: Final = {"mp4": 960, "gif": 480}
"""Long side of a movie's combined pictures, in pixels."""

_NARROWEST: Final = 320
_MOST_LINES: Final = 4
_RATE: Final = 25
_QUALITY: Final = "20"
_BT709: Final = 1
_LIMITED: Final = 1


@dataclass(frozen=True)
class Moment:
    """One frame in the plan of a movie.

    Parameters
    ----------
    word
        The word whose map is drawn over the pictures; for a clip, all chosen words merged.
    marked
        The marked word; for a clip, the merged words whose evidence lies in the shown frames.
    frames
        The index of the frame shown, by the index of the picture or clip.
    seconds
        How long it is shown, in seconds.
    """

    word: Word
    marked: Word | None
    frames: dict[int, int]
    seconds: float


def moments(words: Sequence[Word], seconds: float, media: int | None = None) -> list[Moment]:
    """Plan a movie: stills show the words one after another, clips show all of them as they play.

    Parameters
    ----------
    words
        Words of one explanation. Over stills, each is shown for some seconds. Clips play once, at
        their own speed, under the maximum of the words' maps; the words whose evidence lies in the
        current frame are marked (:func:`tam.explanation.strength.lies_in`).
    seconds
        How long a word is shown over stills, in seconds.
    media
        Index of the only picture or clip; None for all that have a map, side by side.
    """
    explanation = words[0].explanation
    times = {
        index: _starts(explanation.media[index].seconds)
        for index in shown_media(explanation, media)
    }
    changes = np.unique(np.concatenate([np.zeros(1), *times.values()]))
    if len(changes) == 1:
        return [Moment(word, word, dict.fromkeys(times, 0), seconds) for word in words]
    every = _as_one(words)
    lasting = np.diff(np.append(changes, max(map(_end, times.values()))))
    heights = [(word, word.visual, {at: word.over_time(at) for at in times}) for word in words]
    planned = []
    for change, long in zip(changes, lasting, strict=True):
        frames = {
            index: int(np.searchsorted(starts, change, side="right")) - 1
            for index, starts in times.items()
        }
        seen = [
            word
            for word, highest, curves in heights
            if any(lies_in(float(curves[at][frame]), highest) for at, frame in frames.items())
        ]
        planned.append(Moment(every, _as_one(seen) if seen else None, frames, float(long)))
    return planned


def _as_one(words: Sequence[Word]) -> Word:
    if len(words) == 1:
        return words[0]
    targets = sorted({target for word in words for target in word.targets})
    return Word(words[0].explanation, tuple(targets))


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
    """Draw a movie: the map over the pictures, the reply with the word marked, and a legend.

    Parameters
    ----------
    words, together
        As in :func:`tam.render.selection.chosen_words`; :func:`moments` defines when each is shown.
    media
        Index of the only picture or clip; None for all that have a map, side by side.
    seconds
        How long each word is shown over stills, in seconds. A clip plays once.
    largest
        Long side of the combined pictures, in pixels.
    opacity, colors
        As in :func:`tam.render.overlay`.

    Yields
    ------
    Pictures, uint8 [H, W, 3] RGB of one size with even sides, and how long each is shown, in
    seconds.

    Raises
    ------
    InputError
        If a word, the picture or the color map is unknown, or ``seconds`` is not positive.
    """
    if not 0 < seconds < 3600:
        raise InputError(
            f"{seconds} is not a duration", where="movie", remedy="give a time above 0"
        )
    chosen = chosen_words(explanation, words, together=together)
    count = len(shown_media(explanation, media))
    small = resized(explanation, largest=max(largest // max(count, 1), 16), smallest=_NARROWEST)
    planned = moments(chosen_words(small, chosen), seconds, media)
    stage, text = Stage(small), None
    with progress("Drawing the movie", len(planned)) as step:
        for moment in planned:
            picture = stage.overlays(moment.word, moment.frames, opacity=opacity, colors=colors)
            if text is None:
                text = running_text(explanation, max(picture.shape[1], _NARROWEST))
            marked = moment.marked.targets if moment.marked else ()
            strip = text.drawn(marked, min(text.lines, _MOST_LINES))
            caption = word_strip(moment.marked, text.width, colors)
            yield _even(stack_vertically(picture, strip, caption)), moment.seconds
            step()


def write_mp4(drawn: Iterator[tuple[Pixels, float]], path: Path) -> None:
    """Encode a movie as H.264 in MP4 (yuv420p, BT.709), which every browser plays.

    Each picture is encoded once and lasts until the next one, at a multiple of 1/25 second.

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
    begun, last = 0, -1
    picture: Any = None
    with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as container:
        container.metadata["comment"] = PLACEHOLDER
        stream: Any = None
        for pixels, seconds in drawn:
            if stream is None:
                stream = _stream(container, pixels)
            shown += seconds
            ended = max(1, round(shown * _RATE))
            if ended == begun:
                continue  # too short to be visible
            picture = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(
                format="yuv420p", dst_colorspace=Colorspace.ITU709
            )
            picture.pts = last = begun
            container.mux(stream.encode(picture))
            begun = ended
        # A frame lasts until the next one, so the last frame is repeated at the end.
        if picture is not None and begun - 1 > last:
            picture.pts = begun - 1
            container.mux(stream.encode(picture))
        if stream is not None:
            container.mux(stream.encode(None))


def _starts(times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return when each frame of a clip begins; evenly spaced if its times do not increase."""
    increasing = bool(np.all(np.diff(times) > 0))
    starts = times - times[0] if increasing else np.arange(len(times)) * SECONDS
    return np.asarray(starts, np.float64)


def _end(starts: NDArray[np.float64]) -> float:
    """Return the end of a clip, whose last frame lasts as long as the one before it."""
    last = starts[-1] - starts[-2] if len(starts) > 1 else 0.0
    return float(starts[-1] + last)


def _stream(container: Any, pixels: Pixels) -> Any:
    stream = container.add_stream("libx264", rate=_RATE)
    stream.height, stream.width = pixels.shape[:2]
    stream.pix_fmt = "yuv420p"
    stream.options = {"crf": _QUALITY, "preset": "veryfast"}
    context = stream.codec_context
    context.colorspace = context.color_primaries = context.color_trc = _BT709
    context.color_range = _LIMITED
    return stream


def _even(pixels: Pixels) -> Pixels:
    """Repeat the last row or column if a side is odd, because yuv420p halves both sides."""
    height, width = pixels.shape[:2]
    return np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
