"""The Python code and commands in the README and the guide run, with small models."""

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
GUIDES = ("start", "conversations", "clips", "models", "command_line")
PAGES = {"README": (ROOT / "README.md").read_text("utf-8")} | {
    name: (ROOT / "docs" / f"{name}.md").read_text("utf-8") for name in GUIDES
}
PYTHON = {name: re.findall(r"```python\n(.*?)```", text, re.S) for name, text in PAGES.items()}
TAM = {
    name: [
        shlex.split(line, comments=True)[1:]
        for block in re.findall(r"```sh\n(.*?)```", text, re.S)
        for line in block.splitlines()
        if line.startswith("tam ")
    ]
    for name, text in PAGES.items()
}
WRITTEN = {
    "README": ["out/report.html"],
    "start": ["out/report.html", "words.mp4", "words.pdf"],
    "conversations": ["talk/reply-2/report.html"],
    "clips": ["moves.mp4"],
}
"""The files that the Python code of each page writes."""

pytestmark = [
    pytest.mark.filterwarnings("ignore:Setting `save_embedding_layers`:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning"),
]


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a working folder with all files that the pages name."""
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
    """Replace hub models by the small one, and four bits by eight, which any width supports."""
    return re.sub(r"Qwen/[\w.-]+", "small", text).replace("4bit", "8bit")


def save_named_models() -> None:
    """Save the checkpoint and the LoRA adapter that the page on models loads."""
    shutil.copytree(weights_folder("small"), "my-model")
    module = AutoModelForMultimodalLM.from_pretrained("my-model")
    config = peft.LoraConfig(r=2, target_modules=["q_proj"])
    peft.get_peft_model(module, config).save_pretrained("my-lora")


@pytest.mark.parametrize("page", [name for name, blocks in PYTHON.items() if blocks])
def test_its_python_runs(page: str, files: Path) -> None:
    if page == "models":
        save_named_models()
    names: dict[str, Any] = {}
    for block in PYTHON[page]:
        exec(compile(stand_in(block), page, "exec"), names)
    for written in WRITTEN.get(page, ()):
        assert (files / written).stat().st_size > 1000


@pytest.mark.parametrize("page", [name for name, commands in TAM.items() if commands])
def test_its_commands_run(
    page: str, files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for index, command in enumerate(TAM[page]):
        arguments = [stand_in(argument) for argument in command]
        if "evaluate" in arguments:
            arguments += ["--count", "1"]
        if "explain" in arguments and "--out" not in arguments:
            arguments += ["--out", f"out-{index}"]
        monkeypatch.setattr("sys.stdin", io.StringIO("Describe this image.\n\n"))
        assert run(arguments) == 0, (command, capsys.readouterr().err)
    if page == "command_line":
        assert (files / "compare.html").stat().st_size > 10_000


def test_the_pages_name_every_command() -> None:
    commands = {info.name or info.callback.__name__ for info in app.registered_commands}
    assert commands - {"app", "demo", "get"} <= {
        command[0] for page in TAM.values() for command in page
    }
    assert "make demo" in PAGES["README"]
    assert "tam get photo" in PAGES["README"]
    assert any("tam app" in page for page in PAGES.values())


def test_the_readme_is_a_front_page() -> None:
    assert len(PAGES["README"].splitlines()) < 120
