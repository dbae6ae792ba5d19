"""Recordings joined byte by byte: all are read, or a note says that only the first one is."""

from pathlib import Path

import numpy as np
import pytest

from tam.media import Sampling, open_video
from tam.media.stamps import frame_times
from tests.media.numbered import H264, Kind, numbers_of, write

ALL = Sampling(num_frames=24, max_frames=24)
NOTE = "another recording follows the first one in the file; only the first is read"


@pytest.mark.promise(
    "clips",
    "two files joined byte by byte",
    "all frames are read, or a note says that only the first recording is",
)
@pytest.mark.parametrize(
    ("kind", "all_are_read"),
    [
        (H264, False),
        (Kind("mpeg4", ".3gp"), False),
        (Kind("libx264", ".flv"), False),
        (Kind("wmv2", ".wmv"), False),
        (Kind("libvpx", ".ivf"), False),
        (Kind("libx264", ".mkv"), True),
        (Kind("mpeg2video", ".ts"), True),
    ],
    ids=str,
)
def test_what_follows_the_first_recording_is_read_or_noted(
    tmp_path: Path, kind: Kind, all_are_read: bool
) -> None:
    parts = [tmp_path / f"{name}{kind.suffix}" for name in ("first", "second")]
    write(parts[0], range(12), kind)
    write(parts[1], range(12, 24), kind)
    joined = tmp_path / f"joined{kind.suffix}"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    assert NOTE not in open_video(parts[0], sampling=ALL).notes
    clip = open_video(joined, sampling=ALL)
    assert numbers_of(clip.frames) == list(range(24 if all_are_read else 12))
    assert (NOTE in clip.notes) == (not all_are_read)


@pytest.mark.parametrize("where", [0, -1])
def test_a_stamp_at_either_end_that_is_years_away_is_not_believed(where: int) -> None:
    stamps: list[int | None] = list(range(1000, 1010))
    stamps[where] = 10**17 * (1 if where else -1)
    times, notes = frame_times(stamps, 0.04, 25.0)
    assert np.allclose(times, np.arange(10) * 0.04)
    assert notes == ("1 of 10 time stamps are missing or wrong; the times are filled in",)
