import inspect
import re
import subprocess
import sys

import pytest

from tam.errors import InputError, SetupError
from tam.methods import METHODS, explain
from tam.replay import Replay


@pytest.mark.parametrize("name", METHODS)
def test_every_function_is_there_and_says_what_it_costs(name: str) -> None:
    method = METHODS[name]
    assert method.name == name
    function = method.load()
    parameters = list(inspect.signature(function).parameters.values())
    assert [p.name for p in parameters[:3]] == ["trace", "replay", "targets"]
    assert all(p.kind is p.KEYWORD_ONLY for p in parameters[3:])
    text = inspect.getdoc(function) or ""
    assert "Cost" in text
    for option in method.options():
        assert option in text


def test_the_table_needs_no_torch() -> None:
    code = "import sys; from tam.methods import listed; listed(); sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_cam_is_the_raw_activation(qwen_picture: Replay) -> None:
    named = explain("cam", qwen_picture.trace)
    assert named.provenance["method"] == {"name": "activation"}


def test_wrong_names_are_answered_with_the_right_ones(qwen_picture: Replay) -> None:
    with pytest.raises(InputError, match="unknown method 'tom'; did you mean 'tam'"):
        explain("tom", qwen_picture.trace)
    with pytest.raises(InputError, match="unknown option 'depth'; it has layer"):
        explain("grad-cam", qwen_picture.trace, qwen_picture, depth=1)
    with pytest.raises(InputError, match="method attention: runs the model again"):
        explain("attention", qwen_picture.trace)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("grad-cam", {"layer": -1}, "no word depends on the picture's states after the last"),
        ("grad-cam", {"layer": 7}, "unknown layer 7; layers are numbered 0 to 1"),
        ("eigen-cam", {"layer": "tower"}, "'tower' is not the name of a layer"),
        ("attention", {"layers": [2]}, "layer 2 has no attention weights"),
        ("attention", {"heads": []}, "heads: [] is not a list of heads; name at least one"),
        ("attention", {"heads": 1}, "the option heads cannot be 1; give a list"),
        ("attention", {"layers": ["a"]}, "layer 'a' has no attention weights"),
        ("grad-cam", {"layer": 0.5}, "layer cannot be 0.5; give an integer or a text"),
        ("integrated-gradients", {"steps": 0}, "steps: 0 is not possible; give a whole number"),
        ("llava-cam", {"samples": "many"}, "samples cannot be 'many'; give an integer"),
        ("smooth-grad-cam++", {"noise": -1}, "noise: -1 is not possible; give a number above 0"),
        ("cf-cam", {"sigma": 0}, "sigma: 0 is not possible"),
        ("random", {"seed": -1}, "seed: -1 is not possible; give a whole number from 0 on"),
        ("center", {"width": 0}, "width: 0 is not possible"),
        ("tam-plus", {"reach": 0}, "reach: 0 is not possible"),
        ("superpixel-occlusion", {"segments": 0}, "segments: 0 is not possible"),
        ("dex-ar", {"depth": 0}, "depth: 0 is not possible"),
        ("tam", {"kernel_size": "x"}, "kernel_size cannot be 'x'; give an integer"),
        ("tam", {"eci_cap": -1}, "eci_cap: -1 is not possible; give a number from 0 on"),
        ("tam", {"eci_cap": "x"}, "eci_cap cannot be 'x'; give a number"),
        ("rgf", {"kernel_size": [1]}, "kernel_size cannot be [1]"),
        ("tam", {"stages": "x"}, "stages cannot be 'x'; give true or false"),
        ("attn-lrp", {"pixels": 1}, "the option pixels cannot be 1; give true or false"),
        ("occlusion", {"size": 0}, "size: 0 is not possible"),
        ("occlusion", {"targets": [0]}, "token 0 cannot be explained; give numbers from 6"),
    ],
)
def test_options_that_cannot_be_are_refused(
    name: str, options: dict[str, object], message: str, qwen_picture: Replay
) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        explain(name, qwen_picture.trace, qwen_picture, **options)


@pytest.mark.parametrize(
    ("name", "module", "package"),
    [
        ("cf-cam", "sklearn.cluster", "scikit-learn"),
        ("superpixel-occlusion", "skimage.segmentation", "scikit-image"),
    ],
)
def test_a_package_that_is_missing_is_named(
    name: str, module: str, package: str, qwen_picture: Replay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(SetupError, match=rf"{package} is missing; pip install .*methods"):
        explain(name, qwen_picture.trace, qwen_picture)
