"""A roofline model of the engine: measured peak rates of the machine, and bounds on time."""

from dataclasses import dataclass

import torch

from benchmarks.cases import Case
from benchmarks.timing import seconds

# Comparisons of the 3 × 3 filter per cell. On a CPU three exchanges sort a column, which three
# windows share, and sixteen sort the rest; an exchange is a minimum and a maximum. On a GPU the
# eight windows of a thread share ten rows of three.
_COMPARISONS = {"cpu": 2 * (3 + 16), "cuda": 2 * (3 * 10 / 8 + 16)}


@dataclass(frozen=True)
class Machine:
    """Measured rates.

    Parameters
    ----------
    copy
        Bytes per second, read and written, of a large copy.
    products
        Operations per second of a large matrix product, by dtype.
    comparisons, exponentials
        Minima or maxima, and exponentials, per second, on numbers that stay in the cache (CPU) or
        in registers (GPU).
    """

    copy: float
    products: dict[str, float]
    comparisons: float
    exponentials: float


def measured(device: torch.device, dtypes: tuple[str, ...]) -> Machine:
    """Measure this machine."""
    size = 1 << (26 if device.type == "cpu" else 28)
    source = torch.ones(size, device=device)
    target = torch.empty_like(source)
    copy = 2 * source.nbytes / seconds(lambda: target.copy_(source), device)
    products = {}
    for name in dtypes:
        side = 1024 if device.type == "cpu" else 8192
        left = torch.randn(side, side, device=device).to(getattr(torch, name))
        took = seconds(lambda left=left: left @ left, device, repeats=3)
        products[name] = 2 * side**3 / took
    rates = _rates_of_instructions(device)
    return Machine(copy, products, *rates)


def _rates_of_instructions(device: torch.device) -> tuple[float, float]:
    """Return minima or maxima, and exponentials, per second."""
    if device.type == "cuda":
        # Imported only here, because Triton is not available on every machine.
        from benchmarks import instructions

        return instructions.comparisons(device), instructions.exponentials(device)
    # The filter's computing dtype and block size.
    few = 1 << 14
    left, right = (torch.rand(few, dtype=torch.float64) for _ in range(2))
    spare = torch.empty_like(left)

    def compare() -> None:
        for _ in range(20):
            torch.minimum(left, right, out=spare)

    def raise_two() -> None:
        for _ in range(20):
            torch.exp2(left, out=spare)

    return 20 * few / seconds(compare, device), 20 * few / seconds(raise_two, device)


def bound(case: Case, machine: Machine, device: torch.device) -> float:
    """Return the least possible seconds of an engine, by its bytes or by its matrix operations.

    It reads only the states and the K rows of the head, and writes only the maps. The projection
    is computed in float32 on a CPU and in the inputs' dtype elsewhere; the causal product, half of
    K × K × N, in the maps' own dtype.
    """
    n, k, d = case.cells, case.targets, case.width
    moved = getattr(torch, case.dtype).itemsize * (n + 2 * k) * d + 4 * (n * k + 2 * k * k)
    on_cpu = device.type == "cpu"
    projection = 2 * (n + k) * k * d / machine.products["float32" if on_cpu else case.dtype]
    causal = k * k * n / machine.products["float64" if on_cpu else "float32"]
    return max(moved / machine.copy, projection + causal)


def filter_bounds(case: Case, machine: Machine, device: torch.device) -> tuple[float, float]:
    """Return the least seconds of the 3 × 3 filter by bytes moved, and by its instructions."""
    elements = case.cells * case.targets
    itemsize = 8 if device.type == "cpu" else 4
    compared = _COMPARISONS[device.type] / machine.comparisons
    return (
        2 * itemsize * elements / machine.copy,
        elements * (compared + 1 / machine.exponentials),
    )
