"""The runner: the same results however often it is killed and however many processes there are."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tam
from tam.cli import run
from tam.errors import ConversationError
from tam.evaluate.journal import Block, blocks
from tam.evaluate.plan import Plan
from tam.evaluate.runner import run as execute
from tam.evaluate.summary import Row, summarize
from tam.files.png import encode_png
from tam.prompt.conversation import Conversation
from tests.forked import tam_in_two

OPTIONS = (
    "--methods tam,random --split one,false,clip-one --count 2 --faithful-words 1 --steps 2"
).split()
METHODS = ["tam", "random"]
ITEMS = 3 * 2


def measured(folder: Path) -> list[tuple[dict[str, Any], tuple[dict[str, Any], ...]]]:
    """All that was measured, but for how long it took; floats as a batch of any size gives them."""
    return [
        (_rounded({k: v for k, v in block.item.items() if k != "seconds"}), block_words(block))
        for block in blocks(folder)
    ]


def block_words(block: Block) -> tuple[dict[str, Any], ...]:
    return tuple(_rounded(word) for word in block.words)


def _rounded(line: dict[str, Any]) -> dict[str, Any]:
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in line.items()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole") / "out"
    assert run(["evaluate", "--out", str(folder), "--plots", *OPTIONS]) == 0
    return folder


def test_a_run_leaves_lines_a_table_charts_and_a_page(whole: Path) -> None:
    found = measured(whole)
    assert len(found) == ITEMS * len(METHODS)
    item, words = next(entry for entry in found if entry[0]["split"] == "false")
    assert sum(word["false"] for word in words) == 1
    assert {"text", "rouge_l", "tagger", "targets", "obj_iou", "func_iou"} <= set(item)
    [shown, *_] = [word for word in words if "iou" in word]
    assert {"pointing", "energy", "probability", "iou_curve", "chance"} <= set(shown)
    assert len([word for word in words if "insertion" in word]) == 1
    summary = json.loads((whole / "summary.json").read_text("utf-8"))
    assert summary["reference"] == "tam"
    overall = {row["method"]: row for row in summary["rows"] if row["split"] == "all"}
    assert overall["tam"]["items"] == ITEMS
    tam, random = (overall[name]["figures"]["pointing"]["value"] for name in METHODS)
    assert tam > random
    assert overall["random"]["differences"]["pointing"]["value"] == pytest.approx(random - tam)
    assert 0 <= overall["random"]["p_values"]["pointing"] <= 1
    table = (whole / "summary.md").read_text("utf-8")
    assert f"small, all splits: {ITEMS} items" in table
    assert {"f1_iou.png", "splits.png"} <= {path.name for path in whole.glob("*.png")}
    page = (whole / "cases-small.html").read_text("utf-8")
    assert page.count("<section>") == ITEMS
    assert "http" not in page.replace("http-equiv", "")
    assert not list(whole.glob(".*"))


def table(folder: Path) -> list[dict[str, Any]]:
    def plain(row: Row) -> dict[str, Any]:
        return {name: value for name, value in asdict(row).items() if "seconds" not in name}

    return [plain(row) for row in summarize(blocks(folder), METHODS)]


@pytest.mark.promise("evaluation", "several processes in one folder", "give the same table as one")
def test_two_processes_give_the_table_of_one(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    launched = tam_in_two("evaluate", "--out", folder, *OPTIONS)
    assert launched.returncode == 0, launched.stderr
    files = sorted(folder.glob("results-*.jsonl"))
    assert [path.name for path in files] == ["results-000.jsonl", "results-001.jsonl"]
    assert measured(folder) == measured(whole)
    for one, two in zip(table(whole), table(folder), strict=True):
        for name in ("figures", "differences"):
            for measure, value in one[name].items():
                assert two[name][measure] == pytest.approx(value, abs=1e-4)
        assert (one["method"], one["split"], one["items"]) == (
            two["method"],
            two["split"],
            two["items"],
        )
    assert launched.stdout.count(str(folder.resolve())) == 1, "one process prints the tables"


def test_a_method_is_compared_with_itself_under_other_options(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    methods = ["tam", "rgf[kernel_size=3]", "rgf[kernel_size=5]"]
    options = ["--split", "one", "--count", "1", "--faithful-words", "0", "--out", str(tmp_path)]
    assert run(["evaluate", "--methods", ",".join(methods), *options]) == 0
    rows = summarize(blocks(tmp_path), methods)
    energies = {row.method: row.figures["energy"].value for row in rows if row.split == "one"}
    assert list(energies) == methods
    assert len(set(energies.values())) == len(methods)
    printed = capsys.readouterr().out
    assert all(method in printed for method in methods), "brackets are no markup"


def test_a_model_is_measured_in_the_requested_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, types = tam.Model.run, []

    def noted(model: tam.Model, conversation: Conversation, **options: Any) -> Any:
        types.append(str(model.module.dtype))
        return plain(model, conversation, **options)

    monkeypatch.setattr(tam.Model, "run", noted)
    options = ["--split", "one", "--count", "1", "--faithful-words", "0", "--methods", "center"]
    assert run(["evaluate", *options, "--dtype", "bfloat16", "--out", str(tmp_path / "b")]) == 0
    assert run(["evaluate", *options, "--out", str(tmp_path / "f")]) == 0
    assert list(dict.fromkeys(types)) == ["torch.bfloat16", "torch.float32"]


@pytest.mark.promise(
    "evaluation", "an item for which the model writes no words", "left out, with a message"
)
def test_an_item_that_the_model_has_no_words_for_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = tam.Model.run

    def silent(model: tam.Model, conversation: Conversation, **options: Any) -> Any:
        if conversation.media[0][1].name.endswith("0"):
            raise ConversationError("the model wrote no words", where="answer", remedy="ask again")
        return plain(model, conversation, **options)

    monkeypatch.setattr(tam.Model, "run", silent)
    plan = Plan(splits=("one",), count=2, faithful_words=0)
    execute(plan, ["small"], ["center"], tmp_path / "out")
    assert [block.key[2] for block in blocks(tmp_path / "out")] == ["test-one-00001"]
    assert "test-one-00000 is left out: answer: the model wrote" in capsys.readouterr().err


@pytest.mark.promise(
    "evaluation", "an unknown data set, split, method or model", "a one-line error"
)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "scene"], "data 'scene': is not a known data set; give scenes, photo"),
        (["--data", "coco:nowhere"], "folder 'nowhere' does not exist"),
        (["--split", "few"], "unknown split 'few'; use one, same-color"),
        (["--methods", "tam,tom"], "unknown method 'tom'; did you mean 'tam'"),
        (["--methods", "tam,tam"], "is not a list of distinct names"),
        (["--methods", "logit-lens[layer=1],logit-lens[ layer=1]"], "is not a list of distinct"),
        (["--methods", "tam[kernel=3]"], "unknown option 'kernel'"),
        (["--methods", "tam[kernel_size=3"], "is not a method's name; write NAME or NAME["),
        (["--model", "nowhere/nothing", "--count", "1"], "nowhere/nothing"),
        (["--dtype", "float12", "--count", "1"], "dtype: models do not compute in 'float12'"),
    ],
)
def test_wrong_input_is_answered_in_one_line(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["evaluate", "--out", str(tmp_path / "out"), *arguments]) in (2, 3)
    said = capsys.readouterr().err.strip()
    assert message in said
    assert len(said.splitlines()) == 1


@pytest.mark.promise("evaluation", "a folder with other results or other files", "left unchanged")
def test_a_folder_of_other_results_is_left_alone(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = measured(whole)
    changed = [*OPTIONS[:-1], "3"]
    assert run(["evaluate", "--out", str(whole), *changed]) == 2
    assert "holds results with another steps" in capsys.readouterr().err
    assert run(["evaluate", "--out", str(whole), *OPTIONS, "--dtype", "bfloat16"]) == 2
    assert "holds results with another dtype" in capsys.readouterr().err
    assert measured(whole) == before
    (tmp_path / "mine.txt").write_text("x")
    assert run(["evaluate", "--out", str(tmp_path), *OPTIONS]) == 2
    assert "is not empty" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.promise("evaluation", "going on after a picture was replaced", "a one-line error")
def test_results_of_a_replaced_picture_are_not_gone_on_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    data.mkdir()
    for name, shade in (("dog.png", 90), ("cat.png", 160)):
        pixels = np.full((32, 32, 3), shade, np.uint8)
        (data / name).write_bytes(encode_png(pixels))
    (data / "mask.png").write_bytes(encode_png(np.full((32, 32), 255, np.uint8)))
    (data / "items.csv").write_text(
        "image,mask,category,answer\ndog.png,mask.png,circle,a red circle\n", encoding="utf-8"
    )
    asked = ["evaluate", "--data", f"folder:{data}", "--methods", "center", "--out", str(out)]
    assert run(asked) == 0
    before = measured(out)
    (data / "dog.png").write_bytes((data / "cat.png").read_bytes())
    capsys.readouterr()
    assert run(asked) == 2
    assert "holds results of item 00000-dog with another picture" in capsys.readouterr().err
    assert measured(out) == before
