"""The functions that write each kind of export."""

from collections.abc import Sequence
from pathlib import Path

from tam.errors import InputError
from tam.explanation.explanation import Explanation
from tam.explanation.word import Word
from tam.files.marks import PLACEHOLDER
from tam.files.png import encode_png
from tam.render.gif import write_gif
from tam.render.movie import LARGEST, draw_movie, write_mp4
from tam.render.pictures import shown_media, word_image
from tam.render.plot import plot
from tam.render.sheet import contact_sheet
from tam.render.table import words_csv


def sheet(
    explanation: Explanation, words: Sequence[Word], path: Path, *, media: int | None, colors: str
) -> None:
    """Write a contact sheet as PNG, see :func:`tam.render.sheet.contact_sheet`."""
    drawn = contact_sheet(explanation, words, media=media, colors=colors)
    path.write_bytes(encode_png(drawn, comment=PLACEHOLDER))


def picture(
    explanation: Explanation,
    words: Sequence[Word],
    path: Path,
    *,
    media: int | None,
    frame: int | None,
    colors: str,
) -> None:
    """Write one word's map over its picture as PNG, at the picture's size.

    Raises
    ------
    InputError
        If there are several words, or several pictures have a map and none is chosen.
    """
    if len(words) > 1:
        raise InputError(
            f"a PNG holds the map of one word or phrase, not of {len(words)}",
            where="--as png",
            remedy="name one, or ask for a sheet of all; 'tam explain --pictures' writes a PNG of "
            "each word",
        )
    shown = shown_media(explanation, media)
    if len(shown) != 1:
        raise InputError(
            f"{len(shown)} pictures have a map",
            where="--as png",
            remedy="choose one of them" if shown else "explain the reply by another method",
        )
    drawn = word_image(words[0], shown[0], frame, colors=colors, caption=False)
    path.write_bytes(encode_png(drawn, comment=PLACEHOLDER))


def movie(
    explanation: Explanation,
    words: Sequence[Word],
    path: Path,
    *,
    media: int | None,
    colors: str,
    seconds: float,
) -> None:
    """Write a movie in the format of the path's suffix, see :func:`tam.render.movie.draw_movie`."""
    kind = path.suffix.removeprefix(".").lower()
    drawn = draw_movie(
        explanation, words, media=media, seconds=seconds, largest=LARGEST[kind], colors=colors
    )
    write = {"mp4": write_mp4, "gif": write_gif}[kind]
    write(drawn, path)


def csv(explanation: Explanation, words: Sequence[Word], path: Path) -> None:
    """Write a table of all words, see :func:`tam.render.table.words_csv`."""
    # With the byte order mark that makes spreadsheets read UTF-8.
    path.write_text(words_csv(explanation), encoding="utf-8-sig", newline="")


def figure(
    explanation: Explanation, words: Sequence[Word], path: Path, *, media: int | None, colors: str
) -> None:
    """Write a figure in the format of the path's suffix, see :func:`tam.render.plot.plot`."""
    drawn = plot(explanation, words, media=media, colors=colors)
    drawn.savefig(path, metadata={"Keywords": PLACEHOLDER})
