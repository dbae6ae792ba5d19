"""Words, pictures and frames by the numbers that a person types, see :mod:`tam.text.counting`."""

from collections.abc import Sequence

from tam.explanation.explanation import Explanation
from tam.text.counting import index_of


def word_named(typed: str, explanation: Explanation, where: str = "--word") -> int | str:
    """Read digits as a word's number, and give its index; anything else is the word's text.

    Raises
    ------
    InputError
        If the reply has no word of that number.
    """
    if typed.isascii() and typed.isdigit():
        return index_of(int(typed), len(explanation.words), "word", where)
    return typed


def words_named(typed: Sequence[str] | None, explanation: Explanation) -> list[int | str] | None:
    """Read several words as :func:`word_named` does; None where none is named."""
    return [word_named(word, explanation) for word in typed] if typed else None


def place_named(
    picture: int | None, frame: int | None, explanation: Explanation
) -> tuple[int | None, int | None]:
    """Return the indices of a picture and of a frame of it; None for what is not named.

    Raises
    ------
    InputError
        If the explanation has no picture, or the picture no frame, of that number.
    """
    media = None
    if picture is not None:
        media = index_of(picture, len(explanation.media), "picture", "--picture")
    if frame is None:
        return media, None
    item = explanation.item(media or 0)
    return media, index_of(frame, len(item.frames), item.axis.frame, "--frame")
