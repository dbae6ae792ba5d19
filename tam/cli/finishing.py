"""The last step of every explaining command: save the report, and print the words."""

from pathlib import Path
from typing import Any

from tam.cli.answered import print_model
from tam.cli.summary import summary
from tam.explanation.explanation import Explanation
from tam.model.processes import is_first
from tam.text.printable import json_text


def finish(result: Explanation, out: Path, as_json: bool, **saving: Any) -> None:
    """Save an explanation, and print its table and the path of its report, or JSON.

    If several processes share a model, only the first one does so.

    Parameters
    ----------
    result
        The explanation.
    out
        The folder of the report.
    as_json
        Whether to print JSON instead of the table.
    **saving
        As in :meth:`tam.Explanation.save`.
    """
    if not is_first():
        return
    report = result.save(out, **saving)
    print_model(result)
    if as_json:
        print_json(result, report)
        return
    from tam.render.terminal import show as print_explanation
    from tam.text.terminal import console

    print_explanation(result, console())
    print_report(report)


def print_report(report: Path) -> None:
    """Print the size and the path of a report."""
    print(f"Report, {report.stat().st_size / 1e6:.2f} MB:")
    print(report.resolve())


def print_json(result: Explanation, report: Path | None) -> None:
    """Print the summary of an explanation as JSON, with the path of its report."""
    content = summary(result)
    if report is not None:
        content["report"] = str(report.resolve())
    print(json_text(content))
