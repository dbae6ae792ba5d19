"""The examples and notebooks run from start to end, offline, with the small model."""

import json
import os
import re
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient
from nbconvert.exporters import HTMLExporter
from PIL import Image
from playwright.sync_api import Browser, expect

from tam.scenes.world import make_scene

ROOT = Path(__file__).parent.parent
DEMO = ROOT / "tam" / "scenes" / "demo.png"
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
WRITTEN = {
    "batch_folder": ["batch_folder_out/scene-1.png/report.html", "batch_folder_out/words.csv"],
    "compare_models": ["compare_models.html"],
    "explain_caption": [],
    "multi_turn": ["multi_turn_out/report.html"],
    "visualize_video": ["visualize_video.mp4"],
}


def environment(folder: Path) -> dict[str, str]:
    """Return an environment with the project on its path and separate Jupyter folders."""
    paths = os.pathsep.join([str(ROOT), str(ROOT / "adapters")])
    places = ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
    return os.environ | {"PYTHONPATH": paths} | {name: str(folder / name) for name in places}


def run(example: str, *arguments: str) -> None:
    path = ROOT / "examples" / f"{example}.py"
    sys.argv = [str(path), *arguments]
    runpy.run_path(str(path), run_name="__main__")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", sys.argv)


def test_every_example_is_tested() -> None:
    names = {path.stem for path in (ROOT / "examples").glob("*.py")}
    assert names == set(WRITTEN)


@pytest.mark.parametrize(
    ("example", "said"),
    [("volume", "slice 1, z = "), ("clip", "clip_out"), ("expected_regions", "circle: cosine 0.")],
)
def test_examples_of_fields_run(
    example: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run(f"fields/{example}")
    assert said in capsys.readouterr().out


@pytest.mark.parametrize("example", WRITTEN)
def test_example_runs(example: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(example)
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) > 3
    for name in WRITTEN[example]:
        assert (tmp_path / name).stat().st_size > 1000


@pytest.mark.promise(
    "app",
    "a folder with files that cannot be used",
    "they are left out, and the others are explained",
)
def test_a_batch_leaves_out_what_it_cannot_use_and_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "broken.jpg").write_bytes(b"no picture")
    (folder / "notes.txt").write_text("no picture either")
    Image.fromarray(make_scene(4, objects=(1, 1)).image).save(folder / "scene.png")
    run("batch_folder", "pictures", "out")
    assert "left out: " in capsys.readouterr().out
    table = (tmp_path / "out" / "words.csv").read_text("utf-8-sig").splitlines()
    assert all(line.startswith("scene.png,") for line in table[1:])
    run("batch_folder", "pictures", "out")
    assert "scene.png:" not in capsys.readouterr().out, "it was explained before"
    assert (tmp_path / "out" / "words.csv").read_text("utf-8-sig").splitlines() == table


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_stored_notebook_shows_its_maps_without_a_script(notebook: Path) -> None:
    """As ``python docs/make_notebooks.py`` stores it: a forge runs nothing and drops scripts."""
    text = notebook.read_text("utf-8")
    assert len(text) < 600_000
    cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert any("image/jpeg" in output.get("data", {}) for output in outputs)
    assert {kind for output in outputs for kind in output.get("data", {})} <= {
        "image/jpeg",
        "text/plain",
    }
    assert all(output.get("name") != "stderr" for output in outputs)
    assert all(output["output_type"] != "error" for output in outputs)
    written = "".join(str(output.get("text")) for output in outputs)
    written += "".join(str(output.get("data", {}).get("text/plain")) for output in outputs)
    assert not re.search(r"(^|[\s'\"(])/\w|[A-Z]:\\\\", written), "a path of one machine"


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KernelManager]:
    """A kernel for all notebooks, which need not each wait for the libraries to be imported."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(env=environment(tmp_path_factory.mktemp("jupyter")))
    yield manager
    manager.shutdown_kernel(now=True)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(
    notebook: Path, kernel: KernelManager, tmp_path: Path, browser: Browser
) -> None:
    """Execute it in a kernel, export it as a page, and use the viewer in that page."""
    cells = nbformat.read(notebook, as_version=4)
    emptied = nbformat.v4.new_code_cell(f"%reset -f\n%cd -q {tmp_path}")
    for each in (nbformat.v4.new_notebook(cells=[emptied]), cells):
        client = NotebookClient(each, km=kernel, timeout=250)
        client.execute()
        client.kc.stop_channels()
    html, _ = HTMLExporter().from_notebook_node(cells)
    (tmp_path / "page.html").write_text(html, "utf-8")
    context = browser.new_context(offline=True, viewport={"width": 1100, "height": 900})
    page = context.new_page()
    page.goto((tmp_path / "page.html").as_uri())
    assert page.locator("img[src^='data:image/png'], iframe, video").count() > 0
    if notebook.stem != "own_model":  # which writes a checkpoint, and transformers says so
        said = page.locator("[data-mime-type='application/vnd.jupyter.stderr']")
        assert said.all_inner_texts() == []
    viewers = page.locator("iframe")
    if notebook.stem in ("explain_caption", "conversation", "video"):
        viewers.first.scroll_into_view_if_needed()
        frame = page.frame_locator("iframe").first
        frame.locator("html[data-ready]").wait_for(state="attached", timeout=20_000)
        word = frame.locator(".word").last
        word.click()
        expect(frame.locator(".chosen-word")).to_have_text(word.inner_text().strip())
    context.close()
