"""The labels of the explanations of ``tam compare``."""

from collections.abc import Sequence
from pathlib import Path

from tam.explanation.explanation import Explanation


def labels_of(saved: Sequence[Path], opened: Sequence[Explanation]) -> list[str]:
    """Label each explanation by its folder, and by its model and method if these differ.

    Parameters
    ----------
    saved
        The folder of each explanation, or the JSON file in it.
    opened
        The explanations in them.
    """
    folders = [(path.parent if path.suffix == ".json" else path).resolve() for path in saved]
    unlike = len({folder.name for folder in folders}) == len(folders)
    names = [folder.name if unlike else str(folder) for folder in folders]
    told = [(_model(item), _method(item)) for item in opened]
    differing = [i for i in range(2) if len({parts[i] for parts in told}) > 1]
    return [
        " · ".join([name, *(parts[i] for i in differing if parts[i])])
        for name, parts in zip(names, told, strict=True)
    ]


def _model(explanation: Explanation) -> str:
    return str(explanation.provenance.get("model", ""))


def _method(explanation: Explanation) -> str:
    method = explanation.provenance.get("method")
    return str(method.get("name", "")) if isinstance(method, dict) else ""
