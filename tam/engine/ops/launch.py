"""Settings that all Triton kernels are launched with."""

from typing import Any, Final

import torch
import triton.language as tl
from triton import knobs

INTERPRETED: Final = bool(knobs.runtime.interpret)
"""Whether kernels run in Triton's interpreter, whose half-precision products are wrong."""

OPTIONS: Final[dict[str, Any]] = {} if INTERPRETED else {"enable_fp_fusion": True}
"""Launch options; fusion is set explicitly because Triton's default is about to change."""


def contiguous_index(values: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Convert an index to contiguous int64 on the device of the data, as the kernels expect."""
    return values.to(like.device, torch.int64).contiguous()


def constant(value: Any) -> Any:
    """Wrap a module constant as a ``tl.constexpr``; the interpreter needs the bare value."""
    return value if INTERPRETED else tl.constexpr(value)
