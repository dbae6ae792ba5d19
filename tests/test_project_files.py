"""The project's pages and configuration files parse and refer only to what exists."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tam._version import __version__
from tam.cli.app import app

ROOT = Path(__file__).parent.parent
GITHUB = ROOT / ".github"
YAML = sorted([*GITHUB.rglob("*.yml"), ROOT / "CITATION.cff", ROOT / ".pre-commit-config.yaml"])
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")]
TEXTS = [*YAML, *PAGES, GITHUB / "pull_request_template.md", *sorted((ROOT / "docs").glob("*.md"))]
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


def project() -> Any:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def targets() -> set[str]:
    return set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


@pytest.mark.parametrize("path", YAML, ids=lambda path: path.name)
def test_it_is_yaml(path: Path) -> None:
    assert isinstance(read(path), dict)


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_what_it_names_is_there(path: Path) -> None:
    text = path.read_text("utf-8")
    commands = {info.name or info.callback.__name__ for info in app.registered_commands}
    asked = r"(?:^\s*(?:- run: |entry: )?|`)"
    assert set(re.findall(rf"{asked}make ([\w-]+)", text, re.MULTILINE)) <= targets()
    assert set(re.findall(rf"{asked}tam ([a-z]+)\b", text, re.MULTILINE)) <= commands
    for test in re.findall(r"(?<![\w/])tests/[\w/]+(?:\.py)?", text):
        assert (ROOT / test).exists(), test
    for link in re.findall(r"\]\((?!https?:|#)([^)#]+)\)", text):
        assert (path.parent / link).exists(), link


@pytest.mark.parametrize(
    "path", sorted((GITHUB / "workflows").iterdir()), ids=lambda path: path.name
)
def test_a_workflow_is_pinned_bounded_and_may_do_little(path: Path) -> None:
    workflow = read(path)
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        for step in job.get("steps", ()):
            assert ("uses" in step) != ("run" in step)
            assert re.fullmatch(r"actions/[\w-]+@v\d+", step.get("uses", "actions/x@v1"))
            # What comes from outside is passed as a variable, never as a part of a command.
            assert "${{" not in step.get("run", "")


def test_the_whole_suite_runs_on_every_python_that_the_package_names() -> None:
    workflow = read(GITHUB / "workflows" / "test.yml")
    assert workflow["jobs"]["linux"]["strategy"]["matrix"]["python"] == PYTHONS
    named = [line.rpartition(" ")[2] for line in project()["project"]["classifiers"]]
    assert [version for version in named if re.fullmatch(r"3\.\d+", version)] == PYTHONS
    assert project()["project"]["requires-python"] == f">={PYTHONS[0]}"


def test_templates_ask_for_the_doctor_and_verification() -> None:
    for path in (*(GITHUB / "ISSUE_TEMPLATE").glob("f*.yml"), GITHUB / "pull_request_template.md"):
        text = path.read_text("utf-8")
        assert "`tam doctor`" in text
        assert "`tam verify MODEL`" in text


def test_the_citation_is_of_this_version_and_names_the_paper() -> None:
    cited = read(ROOT / "CITATION.cff")
    needed = {"cff-version", "message", "title", "authors", "type", "version", "license"}
    assert needed <= set(cited)
    assert (cited["cff-version"], cited["type"]) == ("1.2.0", "software")
    assert cited["version"] == __version__
    assert cited["license"] == project()["project"]["license"]
    (paper,) = cited["references"]
    assert "2506.23270" in paper["url"]
    assert {"type", "title", "authors", "year"} <= set(paper)
    assert all({"family-names", "given-names"} == set(author) for author in paper["authors"])


def test_the_changelog_is_in_the_usual_form() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    versions = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert versions[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[[\d.]+\] - \d{4}-\d\d-\d\d", version) for version in versions[1:])
    usual = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    kinds = re.findall(r"^### (.+)$", text, re.MULTILINE)
    assert kinds
    assert set(kinds) <= usual
