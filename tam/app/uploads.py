"""Uploaded pictures and clips, and the examples that the app offers."""

import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import anyio.to_thread

from tam.errors import MediaError
from tam.media import Media, open_media
from tam.text.printable import one_line

_PACKAGE: Final = Path(__file__).parent.parent

EXAMPLES: Final = {
    "A drawn scene": _PACKAGE / "scenes" / "demo.png",
    "A photograph": _PACKAGE / "photo" / "demo.jpg",
}
"""Example pictures that ship with the package, by title."""

_LONGEST_NAME: Final = 120


async def received(chunks: AsyncIterator[bytes], name: str, limit: int) -> Media:
    """Receive an upload, open it, and keep only its pixels.

    Parameters
    ----------
    chunks
        The bytes of the file.
    name
        Its display name; never used as a path.
    limit
        The largest accepted size in bytes.

    Raises
    ------
    MediaError
        If the file is larger than ``limit``, or is not a usable picture or clip.
    """
    name = one_line(name)[-_LONGEST_NAME:] or "picture"
    with tempfile.TemporaryDirectory(prefix="tam-app-") as folder:
        path = Path(folder) / "upload"
        taken = 0
        with path.open("wb") as file:
            async for chunk in chunks:
                taken += len(chunk)
                if taken > limit:
                    raise MediaError(
                        f"is larger than {limit / 1e6:g} MB",
                        where=name,
                        remedy="send a smaller one",
                    )
                file.write(chunk)
        try:
            item = await anyio.to_thread.run_sync(open_media, str(path))
        except MediaError as error:
            raise MediaError(error.what, where=name, remedy=error.remedy) from error
    return replace(item, name=name)
