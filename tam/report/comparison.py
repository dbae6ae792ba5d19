"""Compare explanations side by side in one HTML file."""

from collections.abc import Sequence
from pathlib import Path

from tam.explanation.explanation import Explanation
from tam.files.marks import PLACEHOLDER
from tam.files.writing import check_file, replacing_file
from tam.report.page import comparison_html


def compare(
    explanations: Sequence[Explanation],
    path: str | Path,
    *,
    labels: Sequence[str],
    force: bool = False,
) -> Path:
    """Write a report on several models, methods or prompts, in which equal words are linked.

    Parameters
    ----------
    explanations
        The explanations; all others are compared with the first.
    path
        The HTML file, which is written under a temporary name and renamed.
    labels
        A name for each explanation.
    force
        Whether to replace an earlier comparison that has not been changed.

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
    return write_page(comparison_html(explanations, labels), path, force=force)


def write_page(html: str, path: Path, *, force: bool) -> Path:
    """Write a page to a temporary file, which is then renamed.

    Raises
    ------
    OutputError
        If the file exists and is not to be replaced, or cannot be written.
    ResourceError
        If the disk or the memory is full.
    """
    with replacing_file(path, force=force) as temporary:
        temporary.write_bytes(f"{html}<!-- {PLACEHOLDER} -->\n".encode("utf-8", "replace"))
    return path
