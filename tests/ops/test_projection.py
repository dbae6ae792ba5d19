import numpy as np
import pytest
import torch

from tam.ops.dispatch import select


def test_hand_computed() -> None:
    states, rows = np.array([[1.0, 2.0], [-1.0, 0.0]]), np.array([[3.0, 1.0], [0.0, -1.0]])
    assert np.array_equal(select("projection", "naive")(states, rows), [[5, 0], [0, 0]])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_torch_equals_the_definition(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    states = torch.randn(20, 64, generator=generator).to(dtype)
    rows = torch.randn(5, 64, generator=generator).to(dtype)
    wanted = select("projection", "naive")(states.double().numpy(), rows.double().numpy())
    found = select("projection")(states, rows)
    assert found.dtype == torch.float32
    assert np.allclose(found, wanted, atol=1e-4)


def test_unknown_ops_and_backends_are_refused() -> None:
    with pytest.raises(ValueError, match="no op"):
        select("projection", "fortran")
    with pytest.raises(ValueError, match="no op"):
        select("os", "naive")
