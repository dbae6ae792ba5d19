"""The labels of the two explanations of ``tam compare``."""

from pathlib import Path

from tam.explanation.explanation import Explanation


def labels_of(saved: tuple[Path, Path], opened: tuple[Explanation, Explanation]) -> tuple[str, str]:
    """Label each by its folder, and by its model and method where these differ.

    Parameters
    ----------
    saved
        The folder of each, or the JSON file in it.
    opened
        The explanations in them.
    """
    folders = [(path.parent if path.suffix == ".json" else path).resolve() for path in saved]
    same_names = folders[0].name == folders[1].name
    names = [str(folder) if same_names else folder.name for folder in folders]
    told = [(_model(item), _method(item)) for item in opened]
    differing = [i for i in range(2) if told[0][i] != told[1][i]]
    first, second = (
        " · ".join([name, *(parts[i] for i in differing if parts[i])])
        for name, parts in zip(names, told, strict=True)
    )
    return first, second


def _model(explanation: Explanation) -> str:
    return str(explanation.provenance.get("model", ""))


def _method(explanation: Explanation) -> str:
    method = explanation.provenance.get("method")
    return str(method.get("name", "")) if isinstance(method, dict) else ""
