"""Which part of a volume, a stack of pages or a slide to use, and how to show its values."""

from dataclasses import dataclass, fields
from typing import Final

from tam.errors import MediaError

Window = tuple[float, float]
"""Centre and width of the range of values shown from black to white."""

PLANES: Final = {"sagittal": 0, "coronal": 1, "axial": 2}
"""The planes of a volume, and the RAS+ axis normal to each."""


@dataclass(frozen=True)
class Cut:
    """The part of a volume, a stack of pages or a slide to use.

    Parameters
    ----------
    window
        Centre and width of the range shown from black to white, in the file's rescaled values. None
        for the window that the file states, or else the full range.
    plane
        The plane of the slices of a NIfTI volume: ``"axial"`` (the default), ``"coronal"`` or
        ``"sagittal"``.
    slices
        Start and stop index of the slices or pages, as in :func:`range`; None for all.
    region
        Left, top, width and height of the part of a slide, in pixels at full resolution; None for
        the whole slide.
    level
        Level of the slide's pyramid: 0 is full resolution, and higher levels are coarser. None for
        the finest level at which the part has at most `tam.media.slides.LARGEST` pixels.

    Raises
    ------
    MediaError
        If a value is out of range.

    Examples
    --------
    >>> cut = tam.Cut(window=(40, 400), slices=(10, 30))                # doctest: +SKIP
    >>> model.explain("SERIES/", "What is bright?", cut=cut)            # doctest: +SKIP
    """

    window: Window | None = None
    plane: str | None = None
    slices: tuple[int, int] | None = None
    region: tuple[int, int, int, int] | None = None
    level: int | None = None

    def __post_init__(self) -> None:
        first, behind = self.slices or (0, 1)
        left, top, width, height = self.region or (0, 0, 1, 1)
        wrong = {
            "window": self.window is not None and not self.window[1] > 0,
            "plane": self.plane is not None and self.plane not in PLANES,
            "slices": not 0 <= first < behind,
            "region": min(left, top) < 0 or min(width, height) < 1,
            "level": self.level is not None and self.level < 0,
        }
        remedies = {
            "window": "give a centre and a width above 0",
            "plane": f"use {', '.join(PLANES)}",
            "slices": "name a first one and a later end",
            "region": "give left, top, width and height in pixels",
            "level": "count from 0",
        }
        for name in (name for name, bad in wrong.items() if bad):
            raise MediaError(
                f"{getattr(self, name)} is not possible", where=name, remedy=remedies[name]
            )

    def check_fits(self, kind: str, names: tuple[str, ...]) -> None:
        """Refuse fields that do not apply to a kind of file.

        Parameters
        ----------
        kind
            A description of the file, for the message.
        names
            The fields that apply to it.

        Raises
        ------
        MediaError
            If another field is set.
        """
        for item in fields(self):
            if item.name not in names and getattr(self, item.name) is not None:
                can = f"it has {', '.join(names)}" if names else "leave it out"
                raise MediaError(f"{kind} has no {item.name}", where=item.name, remedy=can)


WHOLE: Final = Cut()
"""The whole file, with the window that it states."""
