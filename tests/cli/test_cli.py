"""The command line, mostly as a process: what it prints, what it writes, how it ends."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser

from tam._version import __version__
from tam.cli import run
from tam.cli.extras import GIVES
from tam.cli.models import long_markdown, short_markdown
from tam.files.storage import load_explanation
from tests import forked

ROOT = Path(__file__).parent.parent.parent


def tam(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tam", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=120,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "adapters")])},
    )


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 255, (90, 120, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "picture.png")
    return tmp_path / "picture.png"


def test_explaining_a_picture_from_file_to_report(
    picture: Path, qwen_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    arguments = ("explain", picture, "--prompt", "What is it?", "--model", qwen_folder)
    done = forked.tam(*arguments, "--out", out, "--answer", "a red dog", "--json", "--pictures")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["text"] == "a red dog"
    assert [word["text"] for word in result["words"]] == ["a", "red", "dog"]
    box = result["words"][2]["peaks"][0]["box"]
    assert 0 <= box[0] < box[2] <= 120
    assert 0 <= box[1] < box[3] <= 90
    assert Path(result["report"]) == (out / "report.html").resolve()
    written = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert {"report.html", "explanation.json", "explanation.safetensors"} < written
    assert len([name for name in written if name.startswith("words")]) == 3

    shown = tam("show", out)
    assert shown.returncode == 0, shown.stderr
    assert "red" in shown.stdout

    again = tam(*arguments, "--out", out)
    assert again.returncode == 2
    assert "--force" in again.stderr


def test_several_methods_explain_one_reply(
    picture: Path,
    qwen_folder: Path,
    tmp_path: Path,
    browser: Browser,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    arguments = ["explain", str(picture), "--prompt", "What is it?", "--model", str(qwen_folder)]
    assert run([*arguments, "--out", str(out), "--methods", "tam,attention", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["provenance"]["method"]["name"] == "tam"
    other = load_explanation(out / "methods" / "attention")
    assert other.text == result["text"], "the model answered once"
    assert other.provenance["method"]["name"] == "attention"
    page = browser.new_page(offline=True)
    page.goto(Path(result["report"]).as_uri())
    page.wait_for_selector("html[data-ready]", state="attached")
    shown = page.locator(".pane:not([hidden]) .chosen-word")
    before = shown.inner_text()
    page.get_by_role("button", name="attention", exact=True).click()
    assert shown.inner_text() == before
    assert page.locator(".pane[hidden]").count() == 1
    page.close()


@pytest.mark.parametrize("code", ["from tam.cli import run; run(['--help'])", "import tam"])
def test_help_and_import_load_nothing_large(code: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; {code}; print(*sys.modules)"],
        check=True,
        capture_output=True,
        cwd=ROOT,
        timeout=60,
    )
    heavy = {"torch", "numpy", "transformers", "av", "rich", "attr", "importlib.metadata"}
    assert not heavy & set(done.stdout.decode().split())


def test_every_command_is_summed_up_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    assert "...\n" not in capsys.readouterr().out.partition("Commands:")[2]


@pytest.mark.parametrize("arguments", [["--help"], ["explain", "--help"], ["models", "--json"]])
def test_light_commands_load_no_torch(arguments: list[str]) -> None:
    code = (
        "import sys; from tam.cli import run; "
        f"code = run({arguments!r}); sys.exit(code or ('torch' in sys.modules) * 9)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        cwd=ROOT,
        timeout=60,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT / "adapters")},
    )
    assert done.returncode == 0


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert captured.err.startswith("tam: ")
    return captured.err


def asked(*arguments: object) -> list[str]:
    return ["explain", *map(str, arguments), "--prompt", "What is it?"]


@pytest.mark.promise("prompts", "wrong arguments of every kind", "a one-line error and exit code 2")
def test_bad_input_is_one_line_and_exit_2(
    picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "text.png"
    text.write_text("no picture")
    cut = tmp_path / "cut.png"
    cut.write_bytes(picture.read_bytes()[:2000])
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine.txt").write_text("keep")
    out = ["--out", str(tmp_path / "out")]
    cases: list[tuple[list[str], list[str]]] = [
        (asked(tmp_path / "missing.png", *out), ["missing.png"]),
        (asked(text, *out), ["text.png"]),
        (asked(cut, *out), ["cut.png"]),
        (asked("https://example.org/a.png", *out), ["--allow-urls"]),
        (["explain", str(picture), "--prompt", "\udcff", *out], ["prompt", "UTF-8"]),
        (asked(picture, *out, "--model", "smal"), ["smal", "'small'"]),
        (asked(picture, *out, "--dtype", "int8"), ["dtype", "bfloat16"]),
        (asked(picture, *out, "--model", tmp_path / "no-model"), ["no-model"]),
        (asked(picture, "--out", full), ["full", "--force"]),
        (asked(picture, "--out", full, "--force"), ["full", "mine.txt"]),
        (asked(picture, "--out", picture), ["picture.png"]),
        (["explain", str(picture), "--prompt", " ", *out], ["prompt is empty"]),
        (["explain", str(picture), *out], ["--prompt"]),
        (["show", str(tmp_path / "nothing")], ["nothing"]),
        (["explian"], ["explian"]),
        ([*asked(picture, *out), "--max-new-tokens", "0"], ["--max-new-tokens"]),
    ]
    for arguments, words in cases:
        assert run(arguments) == 2, arguments
        line = one_line(capsys)
        assert all(word in line for word in words), line
    assert not (tmp_path / "out").exists()
    assert (full / "mine.txt").read_text() == "keep"


@pytest.mark.promise(
    "prompts",
    "numbers that are too large, not finite or of the wrong type, in any option",
    "a one-line error and exit code 2, before the model is loaded",
)
def test_impossible_numbers_are_one_line(
    picture: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tam.model.loading.load", None)
    cases = [
        ("--seed", str(2**70)),
        ("--seed", "-1"),
        ("--fps", "inf"),
        ("--fps", "nan"),
        ("--start", "nan"),
        ("--end", "-inf"),
        ("--num-frames", "0"),
        ("--max-new-tokens", "1e3"),
        ("--candidate-maps", "9"),
        *(("--method-option", f"kernel_size={size}") for size in (999, 10**30, 4, -1, "x", "[1]")),
    ]
    for option, value in cases:
        assert run(asked(picture, "--out", tmp_path / "out", option, value)) == 2, value
        told = one_line(capsys)
        name = "kernel_size" if option == "--method-option" else option.strip("-")
        assert name.replace("-", "_") in told.replace("-", "_")
    assert not (tmp_path / "out").exists()


@pytest.mark.promise(
    "memory", "a library that does not load, memory that runs out", "exit codes 3 and 4"
)
@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (ImportError("libcudart.so.13: cannot open shared object file"), 3, "tam doctor"),
        (MemoryError(), 4, "memory of this machine ran out"),
        (RuntimeError("a\nfault"), 1, "unexpected RuntimeError: a fault"),
    ],
)
def test_what_fails_outside_the_toolkit_has_its_exit_code_too(
    picture: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    code: int,
    words: str,
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("tam.model.loading.load", failing)
    assert run(asked(picture, "--out", tmp_path / "out")) == code
    assert words in one_line(capsys)


def test_debug_adds_the_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*asked(tmp_path / "missing.png"), "--debug"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_refused_and_unknown_models_list_what_is_supported(
    picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for model_type, words in (("idefics", "cross-attention"), ("gpt2", "no adapter")):
        folder = tmp_path / model_type
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps({"model_type": model_type}))
        assert run(asked(picture, "--model", folder, "--out", tmp_path / "out")) == 2
        line = one_line(capsys)
        assert words in line
        assert "qwen2_vl" in line


def test_a_clip_is_taken_within_a_budget_that_is_printed(
    qwen_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "clip").mkdir()
    for index in range(12):
        Image.new("RGB", (80, 60), (20 * index, 0, 0)).save(tmp_path / "clip" / f"{index}.png")
    arguments = ["explain", str(tmp_path / "clip"), "--prompt", "What?", "--answer", "a dog"]
    arguments += ["--model", str(qwen_folder), "--start", "1", "--fps", "2", "--max-frames", "5"]
    assert run([*arguments, "--out", str(tmp_path / "out")]) == 0
    assert (
        "clip: 5 frames from 1.00 to 5.00 s; budget: 5 frames, 100 megapixels; "
        "5 of 10 frames taken, within the budget of 5 frames"
    ) in capsys.readouterr().err


def test_models_lists_families_and_refusals(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert {"qwen2_vl", "llava"} <= {t for f in listed["supported"] for t in f["model_types"]}
    assert all(entry["reason"] for entry in listed["refused"])
    assert run(["models"]) == 0
    printed = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "vision tokens attend to each other both ways" in printed
    assert "learned queries" in printed
    assert "thisisiron/Ovis2-2B-hf" in printed


def test_the_readme_shows_some_families_and_the_documents_all() -> None:
    assert short_markdown() in (ROOT / "README.md").read_text("utf-8")
    assert (ROOT / "docs" / "families.md").read_text("utf-8") == long_markdown()


def test_doctor_looks_at_everything(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--json"]) == 0
    found = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert found["torch"]["works"]
    assert {"accelerator", "triton", "PyAV (video)", "small model"} <= set(found)
    assert {f"extra {name}" for name in GIVES} <= set(found)


@pytest.mark.promise(
    "processes", "a library that is broken on this machine", "`tam doctor` reports it and continues"
)
def test_doctor_survives_a_broken_library(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # What importing cv2 raises on a server without libGL.
    monkeypatch.setitem(sys.modules, "cv2", None)
    assert run(["doctor", "--json"]) == 0
    found = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert not found["OpenCV (video)"]["works"]


def test_the_main_path_needs_neither_cv2_nor_decord(
    picture: Path, qwen_folder: Path, tmp_path: Path
) -> None:
    arguments = [*asked(picture), "--model", qwen_folder, "--answer", "a dog"]
    out = tmp_path / "out"
    done = forked.tam(*arguments, "--out", out, lacking=["cv2", "decord"])
    assert done.returncode == 0, done.stderr


@pytest.mark.promise("processes", "Ctrl-C", "exit code 130, no partial file")
def test_an_interrupt_is_told_and_leaves_no_file(
    picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tam.model.loading.load", interrupted)
    assert run(asked(picture, "--out", tmp_path / "out")) == 130
    assert "interrupted" in one_line(capsys)
    assert not (tmp_path / "out").exists()


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"tam {__version__}\n"


def test_a_talk_takes_a_method_and_any_option(
    picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("Describe this image.\n\n"))
    arguments = ["chat", "--image", str(picture), "--method", "rgf", "--method-option"]
    arguments += ["kernel_size=5", "--option", "min_new_tokens=2", "--max-new-tokens", "3"]
    assert run([*arguments, "--out", str(tmp_path / "talk")]) == 0
    told = load_explanation(tmp_path / "talk" / "reply-1").provenance
    assert told["method"] == {"name": "rgf", "kernel_size": 5}
    assert told["generation"] == {"max_new_tokens": "3", "min_new_tokens": "2"}


def test_an_option_that_is_not_known_is_one_line(
    picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = asked(picture, "--out", tmp_path / "out", "--option", "temprature=1")
    assert run(arguments) == 2
    assert "unknown option 'temprature'; did you mean 'temperature'?" in one_line(capsys)
