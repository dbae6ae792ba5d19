"""The extras of the package: what each adds, and which requirements this machine lacks."""

from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement

DISTRIBUTION = "token-activation-map"

GIVES = {
    "app": "the web app: 'tam app'",
    "evaluate": "plots, COCO's masks, the published tagger and METEOR of 'tam evaluate'",
    "masks": "masks in COCO's format: 'tam masks --as coco'",
    "medical": "DICOM, NIfTI and multi-page TIFF",
    "slides": "slides of microscopes",
    "methods": "the methods cf-cam and superpixel-occlusion",
    "pandas": "words as a table: 'result.to_pandas()'",
    "peft": "checkpoints that are a LoRA or like adapter",
    "photo": "what 'tam get photo' assembles a model with",
    "plot": "figures: 'result.plot', 'tam export --as pdf'",
}
"""What each extra adds, by its name in ``pip install "token-activation-map[NAME]"``."""


def lacking(extra: str) -> list[str]:
    """List the requirements of an extra that are missing or too old.

    Raises
    ------
    importlib.metadata.PackageNotFoundError
        If the toolkit itself is not installed.
    """
    needed = [Requirement(line) for line in requires(DISTRIBUTION) or ()]
    return [
        f"{need.name}{need.specifier}"
        for need in needed
        if _belongs(need, extra) and not _is_installed(need)
    ]


def _belongs(need: Requirement, extra: str) -> bool:
    """Whether a requirement applies to this machine only because of an extra."""
    marker = need.marker
    return marker is not None and marker.evaluate({"extra": extra}) > marker.evaluate({"extra": ""})


def _is_installed(need: Requirement) -> bool:
    try:
        return need.specifier.contains(version(need.name), prereleases=True)
    except PackageNotFoundError:
        return False
