"""Replies of a serving engine: their maps equal those of a local run, and misfits are refused."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import tam
from tam.cli import run
from tam.errors import TamError
from tam.families.checkpoint import Checkpoint
from tam.files.storage import load_explanation
from tam.model.shipped import weights_folder
from tam.replay.layers import final_norm
from tam.served.partial import load_ends
from tests.served.engine import Engine, asked, serving

PROMPT = "Describe this image."
PICTURE = Path(tam.__file__).parent / "scenes" / "demo.png"


@dataclass(frozen=True)
class Served:
    """A folder with an engine's files, the values in them, and the maps of a local run."""

    folder: Path
    found: dict[str, Any]
    local: tam.Explanation
    ends: Checkpoint

    def explain(self, answer: str, states: str, **options: Any) -> tam.Explanation:
        return tam.from_states(
            (str(PICTURE), PROMPT),
            answer=self.folder / answer,
            states=self.folder / states,
            **{"model": self.ends, **options},
        )


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    folder = tmp_path_factory.mktemp("served")
    model = tam.load("small")
    engine = Engine(model, folder)
    picture = PICTURE.read_bytes()
    with serving(engine) as address:
        for name, path in (("vllm", "/v1/chat/completions"), ("sglang", "/generate")):
            (folder / f"{name}.json").write_bytes(asked(address + path, picture, PROMPT))
    local = model.explain(str(PICTURE), PROMPT, max_new_tokens=12, do_sample=False)
    return Served(folder, engine.answer(picture, PROMPT), local, load_ends("small"))


def assert_same(found: tam.Explanation, wanted: tam.Explanation) -> None:
    assert np.allclose(found.maps, wanted.maps, atol=1e-6)
    assert np.allclose(found.relevance, wanted.relevance, atol=1e-6)
    assert [word.text for word in found.words] == [word.text for word in wanted.words]
    for own, other in zip(found.predictions, wanted.predictions, strict=True):
        assert own.probability == pytest.approx(other.probability, abs=1e-6)


@pytest.mark.parametrize(
    ("answer", "states"), [("vllm.json", "vllm.safetensors"), ("sglang.json", "sglang.json")]
)
def test_maps_of_an_engines_states_are_those_of_a_local_run(
    served: Served, answer: str, states: str
) -> None:
    found = served.explain(answer, states)
    assert_same(found, served.local)
    assert found.provenance["answer"] == "given"
    assert "12 of the reply's 12 tokens" in found.provenance["notes"][-1]


@pytest.mark.parametrize("normed", [False, True])
def test_the_plain_layout(served: Served, normed: bool, tmp_path: Path) -> None:
    content = {"token_ids": served.found["reply"]}
    (tmp_path / "reply.json").write_text(json.dumps(content))
    told = {"tam_states": "1", "normed": str(normed).lower(), "engine": "my own"}
    save_file(tensors(served, "normed" if normed else "raw"), tmp_path / "states", told)
    found = served.explain(str(tmp_path / "reply.json"), str(tmp_path / "states"))
    assert_same(found, served.local)
    assert found.provenance["states"] == {"engine": "my own", "dtype": "float32", "normed": normed}


def test_the_axis_of_layers_may_come_first_and_the_reply_be_whole(
    served: Served, tmp_path: Path
) -> None:
    """A reply that was sent again as a prompt also has a state for its last token."""
    states = torch.cat([served.found["raw"], torch.randn(1, served.found["raw"].shape[1])])
    ids = torch.tensor(served.found["prompt"] + served.found["reply"])
    save_file({"hidden_states": states[None], "token_ids": ids}, tmp_path / "states.safetensors")
    assert_same(served.explain("vllm.json", str(tmp_path / "states.safetensors")), served.local)


def test_only_the_ends_of_the_model_are_in_memory(served: Served) -> None:
    ends = served.ends
    norm, head = final_norm(ends.module, ends.adapter), ends.lm_head
    held = {id(value) for value in ends.module.parameters() if value.device.type != "meta"}
    assert held == {id(value) for part in (norm, head) for value in part.parameters()}
    whole = tam.load("small").module
    assert torch.equal(head.weight, whole.lm_head.weight)


def test_names_of_newer_checkpoints_are_known(served: Served, tmp_path: Path) -> None:
    """The shipped models keep the names of an older release."""
    new = tmp_path / "new"
    shutil.copytree(weights_folder("small"), new)
    [path] = new.glob("*.safetensors")
    old = load_file(path)
    named = {name.replace("model.layers", "model.language_model.layers"): old[name] for name in old}
    named["model.language_model.norm.weight"] = named.pop("model.norm.weight")
    save_file(named, path, {"format": "pt"})
    assert_same(served.explain("vllm.json", "vllm.safetensors", model=new), served.local)


def tensors(served: Served, kind: str = "raw") -> dict[str, torch.Tensor]:
    ids = torch.tensor(served.found["prompt"] + served.found["reply"][:-1])
    return {"hidden_states": served.found[kind].clone(), "token_ids": ids}


Change = Callable[[dict[str, torch.Tensor], Served], dict[str, Any]]


def states(change: Callable[[torch.Tensor], torch.Tensor]) -> Change:
    return lambda saved, _: saved | {"hidden_states": change(saved["hidden_states"])}


def changed_id(saved: dict[str, torch.Tensor], _: Served) -> dict[str, Any]:
    saved["token_ids"][7] = 3
    return saved


def only_the_prompt(saved: dict[str, torch.Tensor], served: Served) -> dict[str, Any]:
    count = len(served.found["prompt"])
    return {name: value[:count].contiguous() for name, value in saved.items()}


def with_a_zero(rows: torch.Tensor) -> torch.Tensor:
    rows[5] = 0
    return rows


PLAIN = {"tam_states": "1", "normed": "false"}


@pytest.mark.parametrize(
    ("change", "metadata", "told"),
    [
        (states(lambda rows: rows[:, None].expand(-1, 3, -1).contiguous()), None, "3 layers"),
        (states(lambda rows: rows[9:, None].contiguous()), None, "prefix caching"),
        (states(lambda rows: rows.T.contiguous()), PLAIN, "not [tokens, width]"),
        (states(lambda rows: rows[:, :100].contiguous()), PLAIN, "100 wide, the model's are 160"),
        (states(with_a_zero), PLAIN, "token 5 are zero"),
        (states(lambda rows: rows * float("nan")), PLAIN, "token 0 are zero or not finite"),
        (states(lambda rows: rows.flip(0)), PLAIN, "another layer, model or prompt"),
        (states(lambda rows: rows), PLAIN | {"normed": "true"}, "before the final norm"),
        (states(lambda rows: rows), {"tam_states": "1"}, "whether its states are after"),
        (states(lambda rows: rows.to(torch.int64)), PLAIN, "not a supported floating-point dtype"),
        (lambda saved, served: tensors(served, "normed"), PLAIN, "after the final norm"),
        (only_the_prompt, PLAIN, "those of the reply are missing"),
        (changed_id, PLAIN, "token 7 is 3 ("),
    ],
)
def test_states_that_do_not_fit_are_refused(
    served: Served, tmp_path: Path, change: Change, metadata: dict[str, str] | None, told: str
) -> None:
    save_file(change(tensors(served), served), tmp_path / "states.safetensors", metadata)
    with pytest.raises(TamError, match=r".*") as caught:
        served.explain("vllm.json", str(tmp_path / "states.safetensors"))
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("file", "change", "told"),
    [
        ("vllm", {"choices": [{"text": "a red circle"}]}, "only text"),
        ("vllm", {"choices": []}, "exactly one choice"),
        ("vllm", {"prompt_token_ids": [1, 2, 3]}, "token 0 is 1"),
        ("sglang", {"output_ids": ["a"]}, "not whole numbers"),
        ("sglang", {"meta_info": {}}, "--enable-return-hidden-states"),
    ],
)
def test_a_reply_that_does_not_fit_is_refused(
    served: Served, tmp_path: Path, file: str, change: dict[str, Any], told: str
) -> None:
    content = json.loads((served.folder / f"{file}.json").read_text()) | change
    answer = tmp_path / "reply.json"
    answer.write_text(json.dumps(content))
    with pytest.raises(TamError) as caught:
        served.explain(str(answer), "vllm.safetensors" if file == "vllm" else str(answer))
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("rows", "cached", "told"),
    [(slice(9, None), 9, "prefix cache"), (slice(9, None), 0, "in chunks")],
)
def test_a_prompt_that_sglang_did_not_compute_whole(
    served: Served, tmp_path: Path, rows: slice, cached: int, told: str
) -> None:
    content = json.loads((served.folder / "sglang.json").read_text())
    content["meta_info"]["cached_tokens"] = cached
    content["meta_info"]["hidden_states"][0] = content["meta_info"]["hidden_states"][0][rows]
    answer = tmp_path / "reply.json"
    answer.write_text(json.dumps(content))
    with pytest.raises(TamError) as caught:
        served.explain(str(answer), str(answer))
    assert told in str(caught.value)


def test_other_log_probabilities_than_the_engines_are_refused(
    served: Served, tmp_path: Path
) -> None:
    content = json.loads((served.folder / "vllm.json").read_text())
    for item in content["choices"][0]["logprobs"]["content"]:
        item["logprob"] = -3.0
    (tmp_path / "reply.json").write_text(json.dumps(content))
    with pytest.raises(TamError, match="from those that the engine reported"):
        served.explain(str(tmp_path / "reply.json"), "vllm.safetensors")


@pytest.mark.parametrize("options", [{"method": "grad-cam"}, {"temperature": 0.5}])
def test_what_needs_the_model_is_refused(served: Served, options: dict[str, Any]) -> None:
    with pytest.raises(TamError, match=r"only its final norm|already written"):
        served.explain("vllm.json", "vllm.safetensors", **options)


def test_the_command_line(
    served: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = f"explain {PICTURE} --model small --out {tmp_path / 'out'}".split()
    words = [*named, "--prompt", PROMPT, "--answer-file", str(served.folder / "vllm.json")]
    assert run(words) == 2
    assert "--states: the reply and its states belong together" in capsys.readouterr().err
    words += ["--states", str(served.folder / "vllm.safetensors")]
    assert run([*words, "--live"]) == 2
    assert run(words) == 0
    assert_same(load_explanation(tmp_path / "out"), served.local)
