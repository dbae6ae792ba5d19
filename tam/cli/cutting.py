"""Read the options that select a part of a volume, a stack or a slide."""

from typing import Any

from tam.errors import MediaError
from tam.media import Cut


def cut_asked(
    window: str | None,
    plane: str | None,
    slices: str | None,
    region: str | None,
    level: int | None,
) -> Cut | None:
    """Return the part of a volume, stack or slide that options select; None without any.

    Raises
    ------
    MediaError
        If an option is malformed, or a value is out of range.
    """
    begin, _, end = (slices or "").partition("-")
    asked: dict[str, Any] = {
        "window": _numbers(window, "--window", 2, float),
        "plane": plane,
        "slices": _numbers(slices and f"{begin},{end or begin}", "--slices", 2, int),
        "region": _numbers(region, "--region", 4, int),
        "level": level,
    }
    given = {name: value for name, value in asked.items() if value is not None}
    if "slices" in given:
        first, last = given["slices"]
        if not 1 <= first <= last:
            raise MediaError(f"{slices} is not possible", where="--slices", remedy="count from 1")
        given["slices"] = first - 1, last
    return Cut(**given) if given else None


_FORMS = {
    "--window": "a centre and a width, such as 40,400",
    "--slices": "a first and a last number, such as 12-40",
    "--region": "left, top, width and height, such as 1000,2000,512,512",
}


def _numbers(
    typed: str | None, where: str, count: int, kind: type[int] | type[float]
) -> tuple[float, ...] | None:
    """Parse numbers separated by commas."""
    if typed is None:
        return None
    try:
        numbers = tuple(kind(number) for number in typed.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) != count:
        raise MediaError("is of another form", where=where, remedy=f"give {_FORMS[where]}")
    return numbers
