"""The photo model's vision tower, without the language model."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from tam.photo.assembly import HEAD_FILE, PIXELS, weights_of
from tam.photo.parts import ARCHITECTURE

_PREFIX = "model.vision_tower.timm_model."


class Tower:
    """The vision tower of an assembled photo model, in float32.

    Parameters
    ----------
    folder
        The folder of the assembled model.
    device
        The device to compute features on.
    """

    def __init__(self, folder: Path, device: torch.device | None = None) -> None:
        import timm

        self._device = device or torch.device("cpu")
        self._tower: Any = timm.create_model(ARCHITECTURE, pretrained=False, num_classes=0).eval()
        self._tower.load_state_dict(weights_of(folder, _PREFIX))
        self._tower.to(self._device)
        head = load_file(folder / HEAD_FILE)
        self.weight = head["classifier.weight"].float()
        self.bias = head["classifier.bias"].float()

    @torch.inference_mode()
    def features(self, pictures: Sequence[NDArray[np.uint8]]) -> torch.Tensor:
        """Return features float32 [B, N, 1280] of the cells of ``PIXELS`` × ``PIXELS`` pictures."""
        batch = torch.from_numpy(np.stack(pictures)).to(self._device).permute(0, 3, 1, 2)
        seen: torch.Tensor = self._tower.forward_features((batch.float() - 127) / 128)
        return seen.flatten(2).transpose(1, 2).contiguous()


def squared(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Scale a picture to the square that the tower takes, ignoring its aspect ratio."""
    smaller = picture.shape[0] * picture.shape[1] > PIXELS**2
    scaled = cv2.resize(
        picture, (PIXELS, PIXELS), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    )
    return np.asarray(scaled, np.uint8)
