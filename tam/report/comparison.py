"""Two explanations side by side in one HTML file."""

from pathlib import Path

from tam.explanation.explanation import Explanation
from tam.files.marks import PLACEHOLDER
from tam.files.writing import check_file, replacing_file
from tam.report.page import comparison_html


def compare(
    first: Explanation,
    second: Explanation,
    path: str | Path,
    *,
    labels: tuple[str, str] = ("first", "second"),
    force: bool = False,
) -> Path:
    """Write a report of two models, two methods or two prompts, the same words linked.

    Parameters
    ----------
    first, second
        The explanations to compare.
    path
        The HTML file, which is written under a temporary name and renamed.
    labels
        Names of the two explanations.
    force
        Replace an earlier comparison that nobody has changed.

    Returns
    -------
    The path.

    Raises
    ------
    OutputError
        If the file exists and is not to be replaced, or cannot be written.
    ResourceError
        If the disk or the memory is full.
    """
    path = Path(path)
    check_file(path, force=force)
    with replacing_file(path, force=force) as temporary:
        html = f"{comparison_html(first, second, labels)}<!-- {PLACEHOLDER} -->\n"
        temporary.write_bytes(html.encode("utf-8", "replace"))
    return path
