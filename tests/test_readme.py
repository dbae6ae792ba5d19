"""What the README prints runs: its Python and its commands, with the small model for any other."""

import io
import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import peft
import pytest
from PIL import Image
from transformers import AutoModelForMultimodalLM

from tam.cli import run
from tam.cli.app import app
from tam.model.shipped import weights_folder
from tam.render.movie import write_mp4
from tam.scenes.world import make_scene

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
LINKED = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
COMMANDS = [
    line for block in re.findall(r"```sh\n(.*?)```", README, re.S) for line in block.splitlines()
]
TAM = [shlex.split(line, comments=True)[1:] for line in COMMANDS if line.startswith("tam ")]

pytestmark = [
    pytest.mark.filterwarnings("ignore:Setting `save_embedding_layers`:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning"),
]


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with all that the README names."""
    monkeypatch.chdir(tmp_path)
    scenes = [make_scene(seed, objects=(2, 2)).image for seed in range(3)]
    for name, scene in zip(("photo", "before", "after"), scenes, strict=True):
        Image.fromarray(scene).save(f"{name}.jpg")
    write_mp4(((np.roll(scenes[0], 20 * i, axis=1), 0.5) for i in range(8)), Path("clip.mp4"))
    said = [
        {"type": "image", "image": "photo.jpg"},
        {"type": "text", "text": "Describe this image."},
    ]
    Path("talk.json").write_text(json.dumps([{"role": "user", "content": said}]))
    return tmp_path


def stand_in(text: str) -> str:
    """Name the small model for one of the hub, and eight bits, which any width can have."""
    return re.sub(r"Qwen/[\w.-]+", "small", text).replace("4bit", "8bit")


def test_its_python_runs(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(weights_folder("small"), "my-model")
    module = AutoModelForMultimodalLM.from_pretrained("my-model")
    config = peft.LoraConfig(r=2, target_modules=["q_proj"])
    peft.get_peft_model(module, config).save_pretrained("my-lora")
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", README, re.S):
        exec(compile(stand_in(block), "README.md", "exec"), names)
    assert len(capsys.readouterr().out.splitlines()) > 4
    for written in ("out/report.html", "words.mp4", "words.pdf", "talk/reply-2/report.html"):
        assert (files / written).stat().st_size > 1000


def test_its_commands_run(
    files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(TAM) > 15
    for index, command in enumerate(TAM):
        arguments = [stand_in(argument) for argument in command]
        if "evaluate" in arguments:
            arguments += ["--count", "1"]
        if "explain" in arguments and "--out" not in arguments:
            arguments += ["--out", f"out-{index}"]
        monkeypatch.setattr("sys.stdin", io.StringIO("Describe this image.\n\n"))
        assert run(arguments) == 0, (command, capsys.readouterr().err)
    assert (files / "compare.html").stat().st_size > 10_000


def test_it_names_every_command() -> None:
    commands = {info.name or info.callback.__name__ for info in app.registered_commands}
    assert commands - {"demo", "get"} <= {command[0] for command in TAM}
    assert "make demo" in README
    assert "tam get photo" in README


@pytest.mark.parametrize("link", sorted(set(LINKED)))
def test_its_links_lead_somewhere(link: str) -> None:
    assert (ROOT / link).is_file()
