"""Explanations of small models that words are checked in."""

import pytest

import tam
from tam.explanation.explanation import Explanation
from tam.scenes.world import make_scene


@pytest.fixture(scope="session")
def small() -> tam.Model:
    return tam.load("small")


@pytest.fixture(scope="session")
def described(small: tam.Model) -> Explanation:
    """A white circle beside a blue one, or the like: what the model says of a scene."""
    scene = make_scene(1_000_000_001, 96, 96)
    return small.explain(scene.image, "Describe this image.", max_new_tokens=24)
