"""The quantised ReLU, its spacing, its estimators, and the rivals that learn their range."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import norm

from optathlon.baselines.coarse_gradients import ESTIMATORS, LearnedClip, LearnedStep, QuantizedReLU, kmeans_step, slope


def distortion(step: float, bits: int) -> float:
    """Mean squared distance of a Gaussian's positive part to its nearest level, by quadrature between the borders."""
    borders = np.append((np.arange(2**bits) - 0.5).clip(0) * step, np.inf)
    return sum(quad(lambda x, k=k: (x - k * step) ** 2 * norm.pdf(x), *borders[k : k + 2])[0] for k in range(2**bits))


@pytest.mark.parametrize("bits", [1, 2, 3, 4])
def test_the_spacing_has_the_least_distortion(bits):
    step = kmeans_step(bits)
    best = distortion(step, bits)
    assert best < min(distortion(step * factor, bits) for factor in (0.5, 0.8, 0.95, 0.999, 1.001, 1.05, 1.25, 2))


def test_the_spacing_is_where_kmeans_of_a_sample_ends():
    x = norm.isf((np.arange(200_000) + 0.5) / 400_000)  # the positive half at equal probabilities
    step = 0.3
    for _ in range(300):
        levels = np.clip(np.rint(x / step), 0, 15)
        step = (levels @ x) / (levels @ levels)
    assert kmeans_step(4) == pytest.approx(step, rel=5e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_levels_follow_the_printed_definition(bits, dtype):
    x = torch.tensor([-2.0, -0.25, 0.0, 0.25, 1.0, 1.25, 2.0, 14.5, 15.0, 1e6], dtype=dtype)
    top = 2.0**bits - 1
    expected = [0 if u <= 0 else float(np.ceil(u)) if u < top else top for u in x.tolist()]
    assert QuantizedReLU(bits, tau=1.0)(x).tolist() == expected
    assert QuantizedReLU(bits, tau=0.25)(x / 4).tolist() == [level / 4 for level in expected]


def test_rounding_to_the_nearest_level():
    assert QuantizedReLU(2, tau=1.0, rounding="nearest")(torch.tensor([-1.0, 0.4, 0.6, 2.4, 9.0])).tolist() == [0, 0, 1, 2, 3]


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("tau", [1.0, 0.3])
def test_the_backward_pass_multiplies_by_the_slope(estimator, tau):
    x = torch.linspace(-3, 30, 667, dtype=torch.float64, requires_grad=True)
    incoming = torch.randn(667, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    QuantizedReLU(4, estimator, tau=tau)(x).backward(incoming)
    expected = incoming.numpy() * slope(x.detach().numpy() / tau, bits=4, estimator=estimator)
    np.testing.assert_allclose(x.grad.numpy(), expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize(
    ("estimator", "g"),
    [
        ("relu", lambda x: max(x, 0.0)),
        ("reverse-exponential", lambda x: max(0.0, 15 * (1 - np.exp(-x / 15)))),
        ("log-tailed", lambda x: 0.0 if x <= 0 else x if x <= 15 else 15 + np.log(x - 14)),
        ("clipped-relu", lambda x: min(max(x, 0.0), 15.0)),
        ("identity", lambda x: x),
    ],
)
def test_slopes_are_derivatives_of_the_printed_functions(estimator, g):
    x = np.array([-7.3, -0.4, 0.3, 3.7, 14.2, 15.9, 40.0])
    differences = [(g(u + 1e-6) - g(u - 1e-6)) / 2e-6 for u in x]
    np.testing.assert_allclose(slope(x, bits=4, estimator=estimator), differences, atol=1e-8)


def test_clipped_relu_passes_at_its_bound_and_nothing_passes_at_zero():
    for dtype in (torch.float32, torch.float64):
        tau = kmeans_step(4)
        x = torch.tensor([0.0, 15 * tau, 15.001 * tau], dtype=dtype, requires_grad=True)
        QuantizedReLU(4, "clipped-relu")(x).sum().backward()
        assert x.grad.tolist() == [0, 1, 0]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_short_floats_work_too(estimator, dtype):
    x = torch.tensor([-1.0, 0.5, 40.0], dtype=dtype, requires_grad=True)
    y = QuantizedReLU(2, estimator, tau=1.0)(x)
    y.sum().backward()
    assert y.dtype == x.grad.dtype == dtype
    assert y.tolist() == [0, 1, 3]
    expected = slope([-1.0, 0.5, 40.0], bits=2, estimator=estimator)
    np.testing.assert_allclose(x.grad.float().numpy(), expected, atol=0.01)


def test_the_input_is_left_alone_and_nan_is_not_hidden():
    x = torch.tensor([-1.0, float("nan"), 3.3])
    before = x.clone()
    y = QuantizedReLU(4)(x)
    assert torch.equal(x.nan_to_num(7), before.nan_to_num(7))
    assert y[1].isnan()
    assert QuantizedReLU(4)(torch.empty(0, 3)).shape == (0, 3)


def test_pact_is_its_three_equations():
    pact = LearnedClip(2, alpha=3.0).double()
    x = torch.tensor([[-1.0, 0.4, 0.6, 2.9, 3.0, 8.0]], dtype=torch.float64, requires_grad=True)
    y = pact(x)
    assert y[0].tolist() == [0, 0, 1, 3, 3, 3]
    y.backward(torch.tensor([[1.0, 2, 3, 4, 5, 6]], dtype=torch.float64))
    assert x.grad[0].tolist() == [0, 2, 3, 4, 0, 0]
    assert pact.alpha.grad.item() == 11


def test_lsq_is_its_three_equations():
    lsq = LearnedStep(2).double()
    x = torch.tensor([[-1.0, 0.4, 1.6, 2.9, 8.0]], dtype=torch.float64, requires_grad=True)
    with torch.no_grad():
        lsq(x)
    assert lsq.step.item() == pytest.approx(2 * x.abs().mean().item() / 3**0.5)
    lsq.step.data.fill_(1.0)
    lsq(x).sum().backward()
    assert x.grad[0].tolist() == [0, 1, 1, 1, 0]
    expected = (-0.4 + 0.4 + 0.1 + 3) / (5 * 3) ** 0.5
    assert lsq.step.grad.item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("bits", [0, -1, 17, 2.0, True, None, "4"])
def test_bits_are_checked(bits):
    for make in (QuantizedReLU, LearnedClip, LearnedStep, kmeans_step):
        with pytest.raises(ValueError, match="bits must be an integer from 1 to 16, got"):
            make(bits)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: QuantizedReLU(4, "sigmoid"), "estimator must be one of"),
        (lambda: QuantizedReLU(4, ["relu"]), "estimator must be one of"),
        (lambda: QuantizedReLU(4, tau=0.0), "tau must be a finite number above 0"),
        (lambda: QuantizedReLU(4, tau=float("nan")), "tau must be a finite number above 0"),
        (lambda: QuantizedReLU(4, rounding="down"), "rounding must be one of"),
        (lambda: QuantizedReLU(4)(torch.arange(3)), "x must be of a floating-point type"),
        (lambda: LearnedClip(4, -1), "alpha must be a finite number above 0"),
        (lambda: slope([1.0], bits=4, estimator="tanh"), "estimator must be one of"),
    ],
)
def test_bad_settings_are_refused_in_a_sentence(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_learned_bound_below_zero_is_named():
    pact = LearnedClip(2)
    pact.alpha.data.fill_(-0.1)
    with pytest.raises(ValueError, match="alpha must stay above 0"):
        pact(torch.ones(2, 2))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("bits", [4, 16])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_half_precision_is_single_precision_rounded(dtype, bits, estimator):
    """65,535 levels are more than half precision counts, and bfloat16 would put numbers on the wrong one."""
    x = (3 * torch.randn(4000, generator=torch.Generator().manual_seed(0))).to(dtype)
    half, single = x.clone().requires_grad_(), x.float().requires_grad_()
    outputs = [QuantizedReLU(bits, estimator)(values) for values in (half, single)]
    for output in outputs:
        output.sum().backward()
    assert half.grad is not None
    assert single.grad is not None
    assert torch.equal(outputs[0], outputs[1].to(dtype))
    assert torch.equal(half.grad, single.grad.to(dtype))


@pytest.mark.parametrize("rival", [LearnedClip, LearnedStep])
def test_rivals_in_half_precision(rival):
    x = torch.randn(50, 40, generator=torch.Generator().manual_seed(0)).half()
    outputs, slopes = [], []
    for values in (x, x.float()):
        module = rival(16)
        outputs.append(module(values))
        outputs[-1].float().sum().backward()
        slopes.append(next(module.parameters()).grad)
    torch.testing.assert_close(outputs[0].float(), outputs[1], rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(slopes[0], slopes[1], rtol=1e-2, atol=1e-3)
    with pytest.raises(ValueError, match="floating-point"):
        rival(4)(torch.ones(2, 3, dtype=torch.int64))
