import pytest
import torch

from tam.engine.maps import token_activation_maps
from tam.engine.ops import dispatch
from tam.engine.ops.dispatch import backend_for, select
from tam.errors import SetupError

CPU = torch.device("cpu")


def test_unknown_ops_and_backends_are_refused() -> None:
    with pytest.raises(ValueError, match="no op"):
        select("projection", "fortran")
    with pytest.raises(ValueError, match="no op"):
        select("os", "naive")
    with pytest.raises(SetupError, match="unknown backend 'fortran'"):
        backend_for(CPU, "fortran")


def test_torch_is_chosen_on_the_cpu_and_by_name() -> None:
    assert backend_for(CPU) == backend_for(CPU, "auto") == backend_for(CPU, "torch") == "torch"


def test_the_environment_chooses_where_no_argument_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAM_BACKEND", "fortran")
    with pytest.raises(SetupError, match="fortran"):
        backend_for(CPU)
    assert backend_for(CPU, "torch") == "torch"


def test_triton_is_never_replaced_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "_interpreted", lambda: False)
    with pytest.raises(SetupError, match="on cpu, not on a CUDA device"):
        backend_for(CPU, "triton")
    hidden = torch.ones(6, 4)
    with pytest.raises(SetupError, match="Triton cannot be used"):
        token_activation_maps(hidden, hidden[:1], range(4), [5], [1], [(2, 2)], 0, backend="triton")


def test_without_triton_cuda_tensors_go_to_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "find_spec", lambda _: None)
    assert backend_for(torch.device("cuda")) == "torch"
    with pytest.raises(SetupError, match="not installed"):
        backend_for(torch.device("cuda"), "triton")


@pytest.mark.parametrize(("capability", "wanted"), [((9, 0), "triton"), ((7, 5), "torch")])
def test_on_cuda_triton_is_chosen_from_ampere_on(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], wanted: str
) -> None:
    monkeypatch.setattr(dispatch, "find_spec", lambda _: object())
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    assert backend_for(torch.device("cuda")) == wanted
