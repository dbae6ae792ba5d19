"""The pool of training pictures: which pictures it may use."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tam.photo.training import pool
from tam.photo.training.pictures import Entry, Photo


def test_pictures_of_nouns_that_are_left_out_are_not_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shades = {"dog": 40, "cat": 120, None: 220}

    def opened(_data: Path, _packages: object) -> Iterator[tuple[Entry, Photo]]:
        for noun, shade in shades.items():
            yield Entry("package", str(noun), noun), Photo(noun, np.full((64, 64, 3), shade, "u1"))

    monkeypatch.setattr(pool, "read_pictures", opened)
    for left_out, expected in ((frozenset(), {"dog", "cat"}), (frozenset({"dog"}), {"cat"})):
        drawn = pool._part(tmp_path, None, left_out, 30, (0, 0))
        assert {noun for _, nouns in drawn for noun in nouns} == expected
