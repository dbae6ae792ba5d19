"""Every model type in transformers' mappings has a row in the table, supported or not."""

import warnings

import pytest
import transformers
from packaging.version import Version
from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES,
    MODEL_FOR_MULTIMODAL_LM_MAPPING_NAMES,
)

from tam.families.registry import families, missing_types, refusals
from tam_adapters.table import COMPARED_WITH, FAMILIES
from tests.tiny import BUILDERS, mllama

MAPPED = {*MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES, *MODEL_FOR_MULTIMODAL_LM_MAPPING_NAMES}
# transformers reads pictures with them for years: a table without them is not read at all.
WELL_KNOWN = {"qwen2_vl", "llava", "gemma3", "mllama", "blip-2"}


def test_every_type_of_the_mappings_has_a_row() -> None:
    listed = {name for entry in (*families(), *refusals()) for name in entry.model_types}
    assert WELL_KNOWN <= MAPPED
    missing = sorted(MAPPED - listed)
    if Version(transformers.__version__) <= Version(COMPARED_WITH):
        assert not missing
    elif missing:
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            warnings.warn(
                f"transformers {transformers.__version__} has types that no row tells of: "
                f"{', '.join(missing)}",
                stacklevel=1,
            )


def test_the_table_says_which_types_this_release_lacks() -> None:
    supported = {name for family in FAMILIES for name in family.model_types}
    assert supported - {*CONFIG_MAPPING_NAMES} <= missing_types()


def test_every_supported_type_has_a_tiny_model() -> None:
    supported = {name for family in families() for name in family.model_types}
    assert supported - missing_types() - {"mllama"} == {*BUILDERS} & supported
    # Mllama has no vision tokens, so its tests are its own.
    assert {*mllama.BUILDERS} == {"mllama"}


@pytest.mark.transformers(COMPARED_WITH)
def test_what_is_not_supported_yet_is_a_type_of_the_mappings() -> None:
    waiting = {n for entry in refusals() if entry.status == "not yet" for n in entry.model_types}
    sound = {n for entry in refusals() if entry.status == "audio only" for n in entry.model_types}
    assert waiting | sound <= MAPPED
