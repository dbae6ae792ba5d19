import json
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import tam
from tam.errors import ConversationError, ModelError, ResourceError, SetupError

RNG = np.random.default_rng(0)
WIDE = RNG.integers(0, 255, (60, 180, 3), dtype=np.uint8)
TALL = RNG.integers(0, 255, (180, 60, 3), dtype=np.uint8)


@pytest.fixture(params=["qwen_folder", "llava_folder"], scope="module")
def model(request: pytest.FixtureRequest) -> tam.Model:
    return tam.load(request.getfixturevalue(request.param))


def test_words_maps_and_relevance_of_one_picture(model: tam.Model) -> None:
    result = model.explain(WIDE, "What is in the picture", answer="a big zebra")
    asked = [word.text for word in result.prompt_words]
    assert asked == ["What", "is", "in", "the", "picture"]
    zebra = result.words[2]
    assert zebra.map(0).shape == (60, 180)
    assert zebra.map(0).dtype == np.float32
    assert 0 <= zebra.map(0).min() <= zebra.map(0).max() <= 1
    tokens = [result.token_map(target) for target in zebra.targets]
    assert len(tokens) > 1
    assert all((zebra.map(0) >= token - 1e-6).all() for token in tokens)
    assert 0 <= zebra.relevance(result.words[1]) <= 1
    assert result.words[1].relevance(zebra) == 0, "a later word explains nothing"
    assert zebra.probability == pytest.approx(
        np.prod([result.predictions[t - result.prompt_targets].probability for t in zebra.targets])
    )
    assert result.prompt_words[0].probability is None


def test_where_a_crop_has_no_tokens_the_map_is_zero(llava_folder: object) -> None:
    model = tam.load(llava_folder)
    result = model.explain(WIDE, "What is it?", answer="a dog")
    seen = result.coverage(0)
    assert seen[:, 60:120].all()
    assert seen.mean() == pytest.approx(1 / 3, abs=0.02)
    assert not result.words[1].map(0)[~seen].any()


def test_each_picture_has_its_own_maps(model: tam.Model) -> None:
    result = model.explain([WIDE, TALL], "What is it?", answer="a dog")
    assert result.words[0].map(0).shape == (60, 180)
    assert result.words[0].map(1).shape == (180, 60)
    alone = model.explain(WIDE, "What is it?", answer="a dog")
    cells = alone.grids[0].cells
    assert result.grids[0].cells == cells
    # The first picture's states cannot know of the second; text and scaling can.
    assert result.maps.shape[1] > cells


def test_special_tokens_are_no_words(model: tam.Model) -> None:
    tokenizer = model.processor.tokenizer
    ids = tokenizer("a dog", add_special_tokens=False)["input_ids"]
    result = model.explain(WIDE, "What is it?", answer=[*ids, tokenizer.eos_token_id])
    assert result.text == "a dog"


@pytest.mark.promise("prompts", "an empty answer", "refused with a one-line error")
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("", "no tokens"),
        ([], "no tokens"),
        ([10**9], "unknown token id"),
        ([-1], "unknown"),
        ("  \n", "the answer has no words"),
        ("a \udc80 dog", "surrogate"),
        ([1.5], "neither a text nor token ids"),
        (["a"], "neither a text nor token ids"),
        (b"a dog", "neither a text nor token ids"),
        (5, "neither a text nor token ids"),
    ],
)
def test_an_answer_of_nothing_is_refused(model: tam.Model, answer: object, words: str) -> None:
    with pytest.raises(ConversationError, match=words):
        model.explain(WIDE, "What is it?", answer=answer)


@pytest.mark.promise("prompts", "an answer of special tokens only", "refused with a one-line error")
def test_an_answer_of_special_tokens_alone_is_refused(model: tam.Model) -> None:
    with pytest.raises(ConversationError, match="no words"):
        model.explain(WIDE, "What is it?", answer=[model.processor.tokenizer.eos_token_id])


@pytest.mark.promise("prompts", "a question without a picture", "refused with a one-line error")
def test_no_picture_is_refused(model: tam.Model) -> None:
    with pytest.raises(ConversationError, match="no picture"):
        model.explain([], "What is it?", answer="a dog")


def test_prompt_lookup_does_not_look_pictures_up() -> None:
    """The line end before the reply stands before the picture, too; placeholders follow there."""
    model = tam.load("small")
    options = {"max_new_tokens": 4, "suppress_tokens": [0]}
    plain = model.explain(WIDE, "Describe this image.", **options)
    looked = model.explain(WIDE, "Describe this image.", prompt_lookup_num_tokens=3, **options)
    assert looked.text == plain.text
    assert np.allclose(looked.maps, plain.maps, atol=1e-5)
    assert looked.provenance["generation"]["suppress_tokens"] == "[0]"


@pytest.mark.promise("memory", "memory that runs out during a run", "exit code 4 and a remedy")
def test_running_out_of_memory_is_said_plainly(
    model: tam.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(model.module, "generate", full)
    with pytest.raises(ResourceError, match="memory of the accelerator ran out"):
        model.explain(WIDE, "What is it?")


def test_provenance_says_what_ran(model: tam.Model) -> None:
    result = model.explain(WIDE, "What is it?", max_new_tokens=4)
    assert result.provenance["family"] == model.adapter.family
    assert result.provenance["dtype"] == "float32"
    assert result.provenance["versions"]["token-activation-map"] == tam.__version__
    assert result.provenance["generation"] == {"max_new_tokens": "4"}
    assert result.provenance["method"] == {"name": "tam", "kernel_size": 3}


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_models_are_explained(qwen_folder: object, dtype: str) -> None:
    model = tam.load(qwen_folder, dtype=dtype)
    exact = tam.load(qwen_folder).explain(WIDE, "What is it?", answer="a dog on a bench")
    half = model.explain(WIDE, "What is it?", answer="a dog on a bench")
    assert half.provenance["dtype"] == dtype
    assert np.corrcoef(half.maps.ravel(), exact.maps.ravel())[0, 1] > 0.98


@pytest.mark.promise(
    "models", "a model that does not exist", "a one-line error with the nearest name"
)
def test_a_model_that_cannot_be_had_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="nowhere/no-model: cannot be fetched"):
        tam.load("nowhere/no-model")
    weights = tmp_path / "model.gguf"
    weights.write_bytes(b"GGUF")
    for name in ("no such", "smal", "", "./nowhere", "/no/such/folder", "a/b/c"):
        with pytest.raises(ModelError, match="unknown model or folder; give 'photo'"):
            tam.load(name)
    with pytest.raises(ModelError, match=r"model\.gguf: is a file, not a folder"):
        tam.load(weights)
    with pytest.raises(ModelError):
        tam.load(tmp_path)
    with pytest.raises(ModelError, match="quantisation"):
        tam.load("small", load_in="3bit")


@pytest.mark.promise(
    "models", "a dtype in which no model computes", "refused with a one-line error"
)
@pytest.mark.parametrize("dtype", ["int8", "float99", "nn", torch.int64])
def test_a_dtype_that_no_model_computes_in_is_refused(dtype: object) -> None:
    with pytest.raises(ModelError, match=r"dtype: models do not compute in .*; use auto, float32"):
        tam.load("small", dtype=dtype)


@pytest.mark.promise("models", "a device that does not exist", "refused before anything is loaded")
def test_a_device_that_is_not_there_is_refused_before_anything_is_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    for device_map in ("cuda:1", torch.device("cuda", 2), 3, {"model": "cpu", "lm_head": "cuda:1"}):
        with pytest.raises(SetupError, match="device_map: this machine has no device"):
            tam.load("small", device_map=device_map)
    with pytest.raises(ModelError, match="device_map: 'mars' is not a device; use auto, cpu"):
        tam.load("small", device_map="mars")


@pytest.mark.promise("models", "an unreachable hub", "reported once, exit code 3")
def test_a_hub_out_of_reach_is_waited_for_once_and_in_silence(
    caplog: pytest.LogCaptureFixture,
) -> None:
    hub = logging.getLogger("huggingface_hub")
    level = hub.level
    asked = []

    def retried(_name: str, file: str, **_: object) -> None:
        logging.getLogger("huggingface_hub.utils._http").warning("Retrying in 1s")
        asked.append(file)
        raise OSError("We couldn't connect to the hub")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("transformers.utils.hub.cached_file", retried)
        with pytest.raises(SetupError, match="cannot be fetched"):
            tam.load("nowhere/no-model")
    assert asked == ["adapter_config.json"], "the hub is waited for once"
    assert not caplog.records
    assert hub.level == level


def test_a_model_in_the_cache_is_loaded_where_the_hub_is_out_of_reach(
    qwen_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = tmp_path / "models--some--model" / "snapshots" / ("0" * 40)
    snapshot.parent.mkdir(parents=True)
    shutil.copytree(qwen_folder, snapshot)
    (tmp_path / "models--some--model" / "refs").mkdir()
    (tmp_path / "models--some--model" / "refs" / "main").write_text("0" * 40)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert tam.load("some/model").provenance["family"] == "Qwen2-VL"


@pytest.mark.promise(
    "models", "a checkpoint with code", "the code is not run without a pinned revision"
)
def test_code_from_a_checkpoint_is_not_run_unseen(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    (tmp_path / "code.py").write_text(f"open({str(marker)!r}, 'w')")
    config = {"model_type": "internvl_chat", "auto_map": {"AutoConfig": "code.Config"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="-hf"):
        tam.load(tmp_path)
    with pytest.raises(ModelError, match="pinned revision"):
        tam.load(tmp_path, trust_remote_code=True)
    assert not marker.exists()


def test_a_clip_and_a_picture_have_maps_over_space_and_time(
    qwen_folder: Path, tmp_path: Path
) -> None:
    for index in range(7):
        pixels = RNG.integers(0, 255, (60, 90, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{index}.png")
    model = tam.load(qwen_folder)
    result = model.explain([tmp_path, WIDE], "What moves?", answer="a red dog")
    assert [media.kind for media in result.media] == ["video", "image"]
    clip, still = result.grids
    assert clip.spans.tolist() == [[0, 2], [2, 4], [4, 6], [6, 7]]
    word = max(result.words, key=lambda word: word.map(0).std())
    frames = [word.map(0, frame) for frame in range(7)]
    assert all(frame.shape == (60, 90) for frame in frames)
    assert np.array_equal(frames[0], frames[1]), "two frames share a temporal cell"
    assert not np.array_equal(frames[1], frames[2])
    assert word.map(1).shape == (60, 180)
    assert still.media == 1


def test_a_seed_makes_a_sampled_answer_again_and_disturbs_nothing(model: tam.Model) -> None:
    options = {"do_sample": True, "temperature": 2.0, "max_new_tokens": 8}
    state = torch.random.get_rng_state()
    first, again, other = (
        model.explain(WIDE, "What is it?", seed=seed, **options) for seed in (3, 3, 4)
    )
    assert torch.equal(torch.random.get_rng_state(), state)
    assert first.text == again.text != other.text
    assert first.provenance["seed"] == 3
