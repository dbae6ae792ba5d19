"""Recorded runs of small models that methods are tried on."""

from pathlib import Path

import pytest

import tam
from tam.prompt.conversation import question
from tam.replay import Replay
from tam.scenes.world import make_scene
from tam.testing import probe_clip, probe_picture

ANSWER = "A red ring and a blue star."


def replayed(model: tam.Model, media: list[tam.Media], answer: str = ANSWER) -> Replay:
    return Replay(model.checkpoint, model.run(question(media, "What is here?"), answer=answer))


@pytest.fixture(scope="session")
def small() -> tam.Model:
    return tam.load("small")


@pytest.fixture(scope="session")
def small_picture(small: tam.Model) -> Replay:
    return replayed(small, [tam.open_image(make_scene(1_000_000_000, 64, 80).image)])


@pytest.fixture(scope="session")
def small_clip(small: tam.Model) -> Replay:
    return replayed(small, [probe_clip(3, 48, 64)])


@pytest.fixture(scope="session")
def llava_pictures(llava_folder: Path) -> Replay:
    """Two pictures, each cropped to a square."""
    media = [probe_picture(60, 90), probe_picture(100, 80, seed=1)]
    return replayed(tam.load(llava_folder), media, "a dog on a bench")


@pytest.fixture(scope="session")
def qwen_picture(qwen_folder: Path) -> Replay:
    return replayed(tam.load(qwen_folder), [probe_picture(90, 120)], "a dog on a bench")


@pytest.fixture(scope="session")
def qwen_half(qwen_folder: Path) -> Replay:
    model = tam.load(qwen_folder, dtype="bfloat16")
    return replayed(model, [probe_picture(90, 120)], "a dog on a bench")


@pytest.fixture(params=["small_picture", "small_clip", "llava_pictures"], scope="session")
def replay(request: pytest.FixtureRequest) -> Replay:
    found: Replay = request.getfixturevalue(request.param)
    return found
