"""The directive ``public`` builds a module's reference from its ``__all__`` and its docstrings.

A module with an ``__all__`` is public, and so are the names in it. A name that several modules
export is described once, with the first of them, and the others refer to it.
"""

import ast
import inspect
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).parent.parent
_INHERITED = "object, tuple, dict, Exception, BaseException, ABC, Protocol, TypedDict"


def public_modules() -> list[str]:
    """Return the names of all modules with an ``__all__``, packages before their submodules."""
    found = []
    for path in (ROOT / "tam").rglob("*.py"):
        assigned = [
            node for node in ast.parse(path.read_text()).body if isinstance(node, ast.Assign)
        ]
        if any(
            getattr(target, "id", "") == "__all__" for node in assigned for target in node.targets
        ):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return sorted(found, key=lambda name: (name.count("."), name))


def public_names() -> list[str]:
    """Return ``module.name`` for each name in each ``__all__``."""
    return [
        f"{name}.{member}" for name in public_modules() for member in import_module(name).__all__
    ]


@cache
def _first_names() -> dict[int, str]:
    """Return the first public name of each class and function, keyed by the object's id."""
    first: dict[int, str] = {}
    for name in public_names():
        found = _object(name)
        if inspect.isclass(found) or inspect.isroutine(found):
            first.setdefault(id(found), name)
    return first


def _object(name: str) -> Any:
    module, _, member = name.rpartition(".")
    return getattr(import_module(module), member)


def _constant_docstring(module: ModuleType, member: str) -> str:
    """Return the docstring below a constant, from the module that assigns it."""
    name: str | None = module.__name__
    while name:
        comments = ModuleAnalyzer.for_module(name).find_attr_docs()
        if ("", member) in comments:
            return "\n".join(comments["", member])
        name = _imported_from(name, member)
    return ""


def _imported_from(module: str, member: str) -> str | None:
    spec = find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    for node in ast.walk(ast.parse(Path(spec.origin).read_text())):
        if isinstance(node, ast.ImportFrom) and member in {alias.name for alias in node.names}:
            return node.module
    return None


def _entry(module: ModuleType, member: str) -> list[str]:
    full, found = f"{module.__name__}.{member}", getattr(module, member)
    if isinstance(found, ModuleType):
        return [f":py:mod:`{found.__name__}` is a module with its own section.", ""]
    first = _first_names().get(id(found), full)
    kind = "class" if inspect.isclass(found) else "function" if inspect.isroutine(found) else "data"
    if first != full:
        return [f".. py:{kind}:: {member}", "", f"   Described as :py:obj:`{first}`.", ""]
    if kind == "class":
        options = [":members:", f":inherited-members: {_INHERITED}"]
        if issubclass(found, BaseException):
            options.append(":show-inheritance:")
        return [f".. autoclass:: {full}", *(f"   {option}" for option in options), ""]
    if kind == "function":
        return [f".. autofunction:: {full}", ""]
    described = _constant_docstring(module, member).splitlines()
    return [f".. py:data:: {member}", "", *(f"   {line}" for line in described), ""]


class Public(SphinxDirective):
    """``{public} tam.methods`` shows the module's docstring, then each of its public names."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the entries, filled in by autodoc."""
        module = import_module(self.arguments[0])
        lines = [f".. automodule:: {module.__name__}", "   :no-members:", ""]
        for member in module.__all__:
            lines += _entry(module, member)
        text = "\n".join(["````{eval-rst}", *lines, "````"])
        return self.parse_text_to_nodes(text)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("public", Public)
    return {"parallel_read_safe": True}
