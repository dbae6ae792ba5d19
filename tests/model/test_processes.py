"""A model that two processes share gives the maps of one process, and one of them writes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tam
from tam.errors import SetupError
from tam.files.png import encode_png
from tam.testing import probe_picture
from tests.tiny_models import tiny_llava, tiny_qwen2_vl

ROOT = Path(__file__).parents[2]
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "adapters")])}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shared")
    for name in ("qwen2_vl", "llava", "undivided"):
        (folder / name).mkdir()
    tiny_qwen2_vl(folder / "qwen2_vl", key_heads=2)
    tiny_qwen2_vl(folder / "undivided", key_heads=1)
    tiny_llava(folder / "llava")
    return folder


@pytest.fixture(scope="module")
def done(folders: Path) -> subprocess.CompletedProcess[str]:
    """What two processes printed, of which each compares maps and then runs a command.

    ``accelerate launch`` starts them as ``torchrun`` does, and adds variables of its own.
    """
    (folders / "picture.png").write_bytes(encode_png(probe_picture(60, 90).frames[0]))
    launch = "-m accelerate.commands.launch --multi_gpu --num_processes 2 --num_machines 1"
    command = [sys.executable, *f"{launch} --mixed_precision no --dynamo_backend no".split()]
    command += [str(Path(__file__).with_name("two_processes.py"))]
    asked = ["explain", str(folders / "picture.png"), "--prompt", "What is here"]
    asked += ["--answer", "a dog", "--model", str(folders / "qwen2_vl"), "--tp"]
    asked += ["--out", str(folders / "out"), "--json"]
    return subprocess.run(
        [*command, str(folders), *asked],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        timeout=280,
        check=False,
    )


def test_two_processes_give_the_maps_of_one(
    done: subprocess.CompletedProcess[str], folders: Path
) -> None:
    assert done.returncode == 0, done.stderr
    for rank in (0, 1):
        seen = json.loads((folders / f"seen-{rank}.json").read_text())
        for kind in ("qwen2_vl", "llava", "layers"):
            answered, by_gradients, written = seen[kind]
            assert max(answered, written) <= 1e-6, kind
            # Scaled to 1 at its highest, what the gradients' own rounding comes to.
            assert by_gradients <= 5e-6, kind
        assert "1 key value heads cannot be divided among 2 processes" in seen["undivided"]
        assert "FSDP shards the model at its root" in seen["root"]


def test_one_of_two_processes_writes(done: subprocess.CompletedProcess[str], folders: Path) -> None:
    assert json.loads(done.stdout)["text"].strip() == "a dog"
    picture = folders / "picture.png"
    one = tam.load(folders / "qwen2_vl").explain(str(picture), "What is here", answer="a dog")
    found = tam.load_explanation(folders / "out")
    assert np.allclose(found.maps, one.maps, atol=1e-6)


def test_one_process_alone_is_told_how_to_start_several(folders: Path) -> None:
    with pytest.raises(SetupError, match="torchrun --nproc-per-node 2"):
        tam.load(folders / "qwen2_vl", tp_plan="auto")
