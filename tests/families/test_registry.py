import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from tam.errors import ModelError
from tam.families.adapter import Adapter
from tam.families.registry import adapter_for, families, missing_types, refusals
from tam_adapters.table import FAMILIES

AddPackage = Callable[..., None]


@pytest.fixture
def add_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AddPackage:
    """Install a package with one adapter, as pip would leave it on disk."""

    def add(name: str, model_type: str, code: str) -> None:
        site = tmp_path / name
        info = site / f"{name}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(
            f"[tam.adapters]\n{model_type} = {name}_module:Their\n"
        )
        (site / f"{name}_module.py").write_text(code)
        monkeypatch.syspath_prepend(str(site))

    return add


GOOD = """
from tam.families.adapter import Adapter

class Their(Adapter):
    family = "Their family"

    def vision_layout(self, encoded):
        raise AssertionError("the registry asks for no layout")
"""


@pytest.mark.parametrize(
    ("model_type", "family"),
    [("qwen2_vl", "Qwen2-VL"), ("qwen2_5_vl", "Qwen2.5-VL"), ("llava", "LLaVA-1.5")],
)
def test_built_in_families(model_type: str, family: str) -> None:
    for config in (SimpleNamespace(model_type=model_type), {"model_type": model_type}):
        adapter = adapter_for(config)
        assert isinstance(adapter, Adapter)
        assert adapter.family == family


def test_the_table_has_an_adapter_and_examples_for_each_family() -> None:
    for family in families():
        assert family.examples
        assert set(family.inputs) <= {"image", "images", "video"}
        for model_type in {*family.model_types} - missing_types():
            assert adapter_for({"model_type": model_type}).family == family.name


@pytest.mark.parametrize(
    ("model_type", "reason"),
    [
        ("idefics", "cross-attention"),
        ("blip-2", "learned queries"),
        ("instructblip", "learned queries"),
        ("idefics2", "learned queries"),
        ("aria", "learned queries"),
        ("kosmos-2", "learned queries"),
        ("kosmos-2.5", "learned queries"),
        ("deepseek_ocr2", "learned queries"),
        ("florence2", "an encoder reads"),
        ("unlimited_ocr", "learned queries"),
        ("t5gemma2", "an encoder reads"),
        ("pix2struct", "an encoder reads"),
        ("udop", "an encoder reads"),
        ("fuyu", "no format for a conversation"),
        ("git", "prepended to the sequence"),
        ("emu3", "next code"),
        ("internvl_chat", "custom code.*InternVL3-2B-hf"),
        ("llava_llama", "custom code.*llava-hf/llava-1.5-7b-hf"),
        ("llava_qwen", "custom code.*llava-onevision-qwen2-0.5b-ov-hf"),
        ("multi_modality", "custom code.*deepseek-community/Janus-Pro-1B"),
        ("ovis", "custom code.*thisisiron/Ovis2-2B-hf"),
        ("phi4mm", "custom code.*phi4_multimodal"),
        ("minicpmv", "custom code.*openbmb/MiniCPM-V-4.6"),
        ("molmo", "custom code.*allenai/Molmo2-4B"),
    ],
)
def test_refused_families_say_why_and_what_is_supported(model_type: str, reason: str) -> None:
    with pytest.raises(ModelError, match=f"{reason}.*qwen2_vl.*llava"):
        adapter_for({"model_type": model_type})


@pytest.mark.promise("models", "an unknown model type", "refused, with a list of supported ones")
def test_an_unknown_model_is_refused_with_the_supported_ones() -> None:
    with pytest.raises(
        ModelError, match=r"'llama': no adapter supports.*qwen2_vl.*llava.*tam\.ada"
    ):
        adapter_for({"model_type": "llama"})
    with pytest.raises(ModelError, match="has no model_type"):
        adapter_for({})


def test_an_unknown_checkpoint_with_code_of_its_own_is_told_of_native_ones() -> None:
    auto_map = {"AutoConfig": "configuration_new.NewConfig"}
    wanted = (
        "'new_vl': no adapter.*own custom code; use its variant that transformers runs natively"
    )
    for config in (
        {"model_type": "new_vl", "auto_map": auto_map},
        SimpleNamespace(model_type="new_vl", auto_map=auto_map),
    ):
        with pytest.raises(ModelError, match=wanted):
            adapter_for(config)
    # Some checkpoints bring code that transformers no longer needs.
    assert adapter_for({"model_type": "internvl", "auto_map": auto_map}).family == "InternVL 3"


def test_a_type_that_this_release_of_transformers_lacks_is_named_with_the_one_that_has_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for place in ("release", "registry"):
        monkeypatch.setattr(f"tam.families.{place}.installed", lambda: "5.19.0")
    assert {"molmo2", "muse_spark"} < missing_types()
    assert not {"muse_glimmer", "qwen4_exp"} & missing_types()
    with pytest.raises(
        ModelError,
        match=r"'molmo2': transformers 5\.19\.0 is too old.*install transformers 5\.20\.0",
    ):
        adapter_for({"model_type": "molmo2"})
    monkeypatch.setattr("tam.families.release.installed", lambda: "5.20.0.dev0")
    assert adapter_for({"model_type": "molmo2"}).family == "Molmo2"


def test_no_type_is_both_supported_and_refused_or_named_twice() -> None:
    named = [name for entry in (*families(), *refusals()) for name in entry.model_types]
    assert len(named) == len(set(named))


def test_another_package_adds_a_model_type(add_package: AddPackage) -> None:
    add_package("theirs", "their_model", GOOD)
    assert adapter_for({"model_type": "their_model"}).family == "Their family"
    added = families()[-1]
    assert added.model_types == ("their_model",)
    assert added.notes == ("from the package theirs",)
    with pytest.raises(ModelError, match="their_model"):
        adapter_for({"model_type": "unknown"})


def test_another_package_cannot_replace_a_family(add_package: AddPackage) -> None:
    add_package("usurper", "qwen2_vl", GOOD)
    with pytest.warns(UserWarning, match=r"usurper supplies for model type 'qwen2_vl' is not used"):
        assert adapter_for({"model_type": "qwen2_vl"}).family == "Qwen2-VL"
    assert adapter_for({"model_type": "llava"}).family == "LLaVA-1.5"
    assert families() == FAMILIES


def test_another_package_cannot_support_what_is_refused(add_package: AddPackage) -> None:
    add_package("daring", "idefics", GOOD)
    with (
        pytest.warns(UserWarning, match="daring"),
        pytest.raises(ModelError, match="cross-attention"),
    ):
        adapter_for({"model_type": "idefics"})


def test_two_packages_for_one_type_are_an_error_for_that_type(add_package: AddPackage) -> None:
    add_package("first", "their_model", GOOD)
    add_package("second", "their_model", GOOD)
    with pytest.raises(
        ModelError, match="more than one package supplies an adapter: first and second"
    ):
        adapter_for({"model_type": "their_model"})
    assert adapter_for({"model_type": "llava"}).family == "LLaVA-1.5"


@pytest.mark.promise(
    "models",
    "another package whose adapter cannot be imported",
    "affects only its own model type",
)
@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import nothing_of_that_name", "cannot be imported .ModuleNotFoundError"),
        ("1 / 0", "cannot be imported .ZeroDivisionError"),
        ("Theirs = 1", "cannot be imported .AttributeError"),
        ("from tam.families.adapter import Adapter as Their", "cannot be imported .TypeError"),
        ("class Their: pass", "not a subclass"),
    ],
)
def test_a_broken_package_breaks_its_own_type_alone(
    add_package: AddPackage, code: str, message: str
) -> None:
    name = f"broken{abs(hash(code))}"
    add_package(name, "their_model", code)
    with pytest.raises(ModelError, match=f"{name}.*{message}"):
        adapter_for({"model_type": "their_model"})
    assert "their_model" in {name for family in families() for name in family.model_types}
    assert adapter_for({"model_type": "llava"}).family == "LLaVA-1.5"


def test_the_registry_and_the_adapters_import_no_torch() -> None:
    code = (
        "import sys; from tam.families.registry import adapter_for, families, refusals; "
        "families(); refusals(); adapter_for({'model_type': 'llava'}); "
        "adapter_for({'model_type': 'qwen2_vl'});"
        "print(sorted({'torch', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
