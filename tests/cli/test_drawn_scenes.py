"""A model that was made for drawn scenes says so beside every other picture."""

import json
from pathlib import Path

import pytest
from PIL import Image

from tam.cli import run
from tam.media import open_image
from tam.model.shipped import KNOWS
from tam.scenes.files import write_scene
from tam.scenes.world import make_scene
from tests.hand_made import picture


def test_scenes_carry_the_mark_and_other_pictures_do_not(tmp_path: Path) -> None:
    scene = make_scene(1).image
    assert open_image(write_scene(scene, tmp_path / "scene.png")).drawn
    assert open_image(Path("tam/scenes/demo.png")).drawn
    assert not open_image(scene).drawn


@pytest.mark.parametrize("drawn", [True, False])
def test_one_line_tells_what_the_model_knows(
    drawn: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.png"
    if drawn:
        write_scene(make_scene(1).image, path)
    else:
        Image.fromarray(picture(96, 96).frames[0]).save(path)
    out = tmp_path / "out"
    words = ["explain", str(path), "-p", "Describe this image.", "--json", "--out", str(out)]
    assert run([*words, "--max-new-tokens", "3"]) == 0
    captured = capsys.readouterr()
    told = json.loads(captured.out)["provenance"]
    assert told["model"] == "small"
    lines = [line for line in captured.err.splitlines() if "small" in line]
    assert len(lines) == 1
    for place in (lines[0], " ".join(told["notes"])):
        assert (KNOWS in place) is not drawn
    report = (out / "report.html").read_text()
    assert ("a.png: the model is" in report) is not drawn
