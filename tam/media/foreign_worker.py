"""The process in which decord or OpenCV runs; see tam.media.foreign.

It imports nothing from the toolkit. Its argument is the task as JSON; it writes the frames' shapes
as one line of JSON, followed by their RGB bytes. Exit code 2 means that decoding failed, and 3 that
the library is missing.
"""

import contextlib
import faulthandler
import json
import os
import sys
from collections.abc import Iterator
from typing import Any

MEMORY = 8 * 2**30
"""The limit on address space in bytes, because damaged headers often request more."""


def main() -> int:
    """Decode the frames of the task."""
    task = json.loads(sys.argv[1])
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library may print to standard output
    _limit_memory()
    try:
        reader = {"decord": _decord, "opencv": _opencv}[task["backend"]]()
    except (ImportError, OSError) as error:
        out.write(str(error).splitlines()[0].encode("utf-8", "replace") if str(error) else b"")
        out.close()
        return 3
    with open(os.devnull, "w") as silent:  # noqa: PTH123 - os.devnull is a name, not a path
        faulthandler.dump_traceback_later(task["patience"], exit=True, file=silent)
        try:
            frames = list(reader(task["path"], task["numbers"]))
        except Exception:
            return 2
        faulthandler.cancel_dump_traceback_later()
    out.write(json.dumps([frame.shape for frame in frames]).encode() + b"\n")
    for frame in frames:
        out.write(frame.tobytes())
    out.close()
    return 0


def _limit_memory() -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def _decord() -> Any:
    import decord

    def read(path: str, numbers: list[int]) -> Iterator[Any]:
        reader = decord.VideoReader(path, num_threads=1)
        # Frames are read in order, because decord seeks incorrectly in many containers.
        wanted = set(numbers)
        for number in range(numbers[-1] + 1):
            frame = reader.next()
            if number in wanted:
                yield frame.asnumpy()

    return read


def _opencv() -> Any:
    import cv2

    cv2.setNumThreads(1)

    def read(path: str, numbers: list[int]) -> Iterator[Any]:
        reader = cv2.VideoCapture(path, cv2.CAP_FFMPEG)
        reader.set(cv2.CAP_PROP_ORIENTATION_AUTO, 0)
        wanted = set(numbers)
        for number in range(numbers[-1] + 1):
            if not reader.grab():
                return
            if number in wanted:
                whole, pixels = reader.retrieve()
                if whole:
                    yield pixels[:, :, ::-1]

    return read


if __name__ == "__main__":
    sys.exit(main())
