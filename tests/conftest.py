"""What all tests share: no network, one thread a process, small models on disk."""

import os
from pathlib import Path

# Before any test module imports the libraries that read these.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
# Processes that tests start, too: several workers with all threads each would only wait.
os.environ["OMP_NUM_THREADS"] = "1"

import pytest
import torch

torch.set_num_threads(1)

GOLDENS = Path(__file__).parent / "goldens"


@pytest.fixture(scope="session")
def qwen_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Qwen2-VL of two layers with its processor, on disk."""
    from tests.tiny_models import tiny_qwen2_vl

    return tiny_qwen2_vl(tmp_path_factory.mktemp("qwen2_vl"))


@pytest.fixture(scope="session")
def llava_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random LLaVA-1.5 of two layers with its processor, on disk."""
    from tests.tiny_models import tiny_llava

    return tiny_llava(tmp_path_factory.mktemp("llava"))
