"""What the optimisers refuse: options out of their range, in every group, and gradients that they cannot use."""

import pytest
import torch

from optathlon.baselines.gans import ExtraGradient, NegativeMomentumAdam, NegativeMomentumSGD, OptimisticAdam, OptimisticGradient

ALL = [OptimisticAdam, NegativeMomentumAdam, NegativeMomentumSGD, ExtraGradient, OptimisticGradient]
ADAMS = [OptimisticAdam, NegativeMomentumAdam]


def make_params():
    return [torch.zeros(3, requires_grad=True)]


def assert_refused_everywhere(cls, options, message):
    """At construction, in a group of its own there, and in a group added later, which then is not."""
    with pytest.raises(ValueError, match=message):
        cls(make_params(), **options)
    with pytest.raises(ValueError, match=message):
        cls([{"params": make_params(), **options}])
    optimizer = cls(make_params())
    with pytest.raises(ValueError, match=message):
        optimizer.add_param_group({"params": make_params(), **options})
    assert len(optimizer.param_groups) == 1


@pytest.mark.parametrize("cls", ALL)
@pytest.mark.parametrize("name", ["lr", "weight_decay"])
@pytest.mark.parametrize("value", [-1e-3, float("nan"), float("inf"), None, "a", "0.1", b"0.1", pytest.param(10**400, id="huge")])
def test_bad_rates_and_decays_are_refused(cls, name, value):
    assert_refused_everywhere(cls, {name: value}, f"^{name} must be a finite number >= 0, got ")


@pytest.mark.parametrize("cls", ADAMS)
@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf"), None, "1e-8"])
def test_bad_eps_is_refused(cls, value):
    assert_refused_everywhere(cls, {"eps": value}, "^eps must be a finite number >= 0, got ")


@pytest.mark.parametrize("cls", ADAMS)
@pytest.mark.parametrize("betas", [(0.5,), (0.5, 0.9, 0.9), 0.5, None, {0.5, 0.9}])
def test_betas_that_are_no_pair_are_refused(cls, betas):
    assert_refused_everywhere(cls, {"betas": betas}, "^betas must be a pair of numbers, got ")


@pytest.mark.parametrize(
    ("cls", "options", "message"),
    [
        (OptimisticAdam, {"betas": (-0.5, 0.999)}, r"betas\[0\] must lie in \[0, 1\), got -0.5"),
        (OptimisticAdam, {"betas": (0.5, 1.0)}, r"betas\[1\] must lie"),
        (OptimisticAdam, {"betas": ("0.5", 0.9)}, r"betas\[0\] must be a number in \[0, 1\), got '0.5'"),
        (NegativeMomentumAdam, {"betas": (-1.0, 0.999)}, r"betas\[0\] must lie in \(-1, 1\), got -1"),
        (NegativeMomentumAdam, {"betas": (float("nan"), 0.999)}, r"betas\[0\] must lie"),
        (NegativeMomentumAdam, {"betas": (-0.5, -0.1)}, r"betas\[1\] must lie in \[0, 1\)"),
        (NegativeMomentumSGD, {"momentum": -1.0}, r"momentum must lie in \(-1, 1\)"),
        (NegativeMomentumSGD, {"momentum": "much"}, "momentum must be a number"),
    ],
)
def test_bad_decay_rates_are_refused(cls, options, message):
    assert_refused_everywhere(cls, options, message)


@pytest.mark.parametrize("cls", ALL)
def test_a_sparse_gradient_in_any_group_is_refused_before_anything_moves(cls):
    (dense,), table = make_params(), torch.nn.Embedding(5, 3, sparse=True)
    optimizer = cls([{"params": [dense]}, {"params": table.parameters()}], lr=0.01)
    (dense.sum() + table(torch.tensor([1, 2])).sum()).backward()
    with pytest.raises(RuntimeError, match=f"{cls.__name__} needs dense gradients, got one of layout torch.sparse_coo"):
        optimizer.step()
    assert torch.equal(dense, torch.zeros(3))
    assert not optimizer.state.get(dense)
