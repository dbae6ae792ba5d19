"""What the tests of files share."""

from pathlib import Path

import pytest

from tam.files.storage import save_explanation
from tests.hand_made import (
    explanation,
)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    save_explanation(explanation(), tmp_path)
    return tmp_path
