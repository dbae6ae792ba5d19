"""Write docs/reliability.md, the tables of faults, from the ``promise`` marks of the tests.

python docs/make_reliability.py
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = Path(__file__).with_name("reliability.md")
GROUPS = (
    "pictures",
    "clips",
    "addresses",
    "prompts",
    "hostile words",
    "saved files",
    "conversations",
    "evaluation",
    "output",
    "processes",
    "memory",
    "models",
    "app",
)
HEAD = """# What can go wrong, and what the toolkit promises

A test checks each row, and carries it as a mark: `@pytest.mark.promise(group, fault, promise)`.
`python docs/make_reliability.py` generates this page from these marks, and a test fails if the page
is out of date. `make fuzz` damages pictures, clips and saved explanations at random.

Exit codes: 0 success, 1 a bug in the toolkit, 2 bad input, 3 something is missing from the machine,
4 out of memory or disk space, 130 interrupted.
"""


@dataclass(frozen=True, order=True)
class Promise:
    """One row: a kind of fault, what is promised, and the test that checks it."""

    group: str
    fault: str
    promise: str
    test: str


def promises(tests: Path) -> list[Promise]:
    """Collect the ``promise`` marks of all test functions.

    Raises
    ------
    ValueError
        If a mark does not have three texts, or decorates something other than a test function.
    """
    found = []
    for path in sorted(tests.rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        at_tests = 0
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                name = f"{path.relative_to(tests.parent).as_posix()}::{node.name}"
                for decorator in node.decorator_list:
                    for mark in _marks(decorator):
                        at_tests += 1
                        found.append(_promise(mark, name))
        if at_tests != sum(1 for _ in _marks(tree)):
            raise ValueError(f"{path}: a promise decorates something other than a test function")
    return sorted(found, key=lambda row: (GROUPS.index(row.group), row.test, row.fault))


def _marks(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("mark.promise"):
            yield node


def _promise(mark: ast.Call, test: str) -> Promise:
    texts = [ast.literal_eval(argument) for argument in mark.args]
    if len(texts) != 3 or mark.keywords or texts[0] not in GROUPS:
        raise ValueError(f"{test}: give promise(group, fault, promise), group one of {GROUPS}")
    return Promise(*texts, test)


def page(rows: list[Promise]) -> str:
    """Return the page as Markdown."""
    parts = [HEAD]
    for group in GROUPS:
        own = [row for row in rows if row.group == group]
        if own:
            parts.append(
                f"\n## {group.capitalize()}\n\n| fault | promised | test |\n| --- | --- | --- |\n"
            )
            parts += [
                f"| {_cell(row.fault)} | {_cell(row.promise)} | `{row.test}` |\n" for row in own
            ]
    return "".join(parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    PAGE.write_text(page(promises(ROOT / "tests")), encoding="utf-8")
