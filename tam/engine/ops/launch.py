"""Settings that all Triton kernels are launched with."""

from typing import Any, Final

import torch
import triton.language as tl
from triton import knobs

INTERPRETED: Final = bool(knobs.runtime.interpret)
"""Whether kernels run in Triton's interpreter, which multiplies half precision wrongly."""

OPTIONS: Final[dict[str, Any]] = {} if INTERPRETED else {"enable_fp_fusion": True}
"""Said explicitly, because Triton's default is about to change."""


def contiguous_index(values: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """An index as kernels read it: int64, contiguous, beside the data."""
    return values.to(like.device, torch.int64).contiguous()


def constant(value: Any) -> Any:
    """A value of a module as its kernels read it: compiled in; the interpreter wants it bare."""
    return value if INTERPRETED else tl.constexpr(value)
