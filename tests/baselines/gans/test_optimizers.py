"""The optimisers as users of torch expect an optimiser to behave."""

import copy
import pickle
import warnings

import numpy as np
import pytest
import torch
from players import SHAPES, flat, make_params, quadratic, take_steps

from optathlon.baselines.gans import (
    ExtraAdam,
    ExtraGradient,
    Lookahead,
    NegativeMomentumAdam,
    NegativeMomentumSGD,
    OptimisticAdam,
    OptimisticGradient,
)

ALL = [OptimisticAdam, NegativeMomentumAdam, NegativeMomentumSGD, ExtraGradient, ExtraAdam, OptimisticGradient]
OWN = [OptimisticAdam, ExtraGradient, ExtraAdam, OptimisticGradient]


@pytest.mark.parametrize("cls", ALL)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_foreach_and_single_agree(cls, dtype):
    shapes = [*SHAPES, (200, 150)]  # one tensor large enough to end a batch
    results = []
    for foreach in (None, True, False):
        params = make_params(shapes=shapes, dtype=dtype)
        optimizer = cls(params, lr=1e-3, foreach=foreach, weight_decay=0.1)
        for step in range(6):
            rng = torch.Generator().manual_seed(step)
            for p in params:
                p.grad = torch.randn(p.shape, generator=rng).to(dtype)
            optimizer.step()
        results.append(flat(params))
    tolerance = {torch.float32: 1e-6, torch.float64: 1e-12, torch.bfloat16: 2e-2}[dtype]
    np.testing.assert_allclose(results[1], results[0], atol=tolerance)
    np.testing.assert_allclose(results[2], results[0], atol=tolerance)


@pytest.mark.parametrize("cls", ALL)
def test_closure_is_called_and_its_loss_returned(cls):
    params, twin = make_params(), make_params()
    optimizer, other = cls(params, lr=0.01), cls(twin, lr=0.01)
    calls = []

    def closure():
        optimizer.zero_grad()
        loss = quadratic(params)
        loss.backward()
        calls.append(loss.item())
        return loss

    first = quadratic(params).item()
    assert optimizer.step(closure).item() == first
    assert len(calls) == (2 if issubclass(cls, ExtraGradient) else 1)
    take_steps(other, twin, len(calls))
    np.testing.assert_array_equal(flat(params), flat(twin))
    assert quadratic(params).item() < first


@pytest.mark.parametrize("cls", ALL)
@pytest.mark.parametrize("steps_before", [1, 4, 5])
def test_state_dict_round_trip_continues_to_the_bit(cls, steps_before):
    params = make_params()
    optimizer = cls(params, lr=0.02)
    take_steps(optimizer, params, steps_before)  # odd: half-way through an extragradient iteration
    twin = [p.detach().clone().requires_grad_() for p in params]
    restored = cls(twin, lr=0.5)
    restored.load_state_dict(torch.load(_saved(optimizer.state_dict()), weights_only=True))
    assert restored.param_groups[0]["lr"] == 0.02
    take_steps(optimizer, params, 5)
    take_steps(restored, twin, 5)
    np.testing.assert_array_equal(flat(params), flat(twin))


@pytest.mark.parametrize("cls", ALL)
def test_state_of_an_older_version_continues_to_the_bit(cls):
    params = make_params()
    optimizer = cls(params, lr=0.02)
    take_steps(optimizer, params, 3)
    older = copy.deepcopy(optimizer.state_dict())
    for state in older["state"].values():
        state.pop("correction", None)
    for group in older["param_groups"]:
        del group["foreach"], group["maximize"]
    twin = [p.detach().clone().requires_grad_() for p in params]
    restored = cls(twin)
    restored.load_state_dict(older)
    take_steps(optimizer, params, 5)
    take_steps(restored, twin, 5)
    np.testing.assert_array_equal(flat(params), flat(twin))


def _saved(state):
    import io

    buffer = io.BytesIO()
    torch.save(state, buffer)
    buffer.seek(0)
    return buffer


@pytest.mark.parametrize("cls", ALL)
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda pair: pickle.loads(pickle.dumps(pair))])
def test_copies_are_independent_and_equal(cls, duplicate):
    params = make_params()
    optimizer = cls(params, lr=0.02)
    take_steps(optimizer, params, 3)
    twin, other = duplicate((params, optimizer))
    take_steps(optimizer, params, 4)
    take_steps(other, twin, 4)
    np.testing.assert_array_equal(flat(params), flat(twin))


@pytest.mark.parametrize("cls", ALL)
def test_parameter_groups_have_their_own_rates(cls):
    params = make_params()
    start = [p.detach().clone() for p in params]
    optimizer = cls([{"params": params[:2]}, {"params": params[2:], "lr": 0.0}], lr=0.01)
    take_steps(optimizer, params, 4)
    assert all((p != q).any() for p, q in zip(params[:2], start[:2], strict=True))
    assert all(torch.equal(p, q) for p, q in zip(params[2:], start[2:], strict=True))


@pytest.mark.parametrize("cls", ALL)
def test_a_group_added_later_moves_as_from_its_own_first_step(cls):
    early, late = make_params(shapes=[(4,)]), make_params(1, shapes=[(4,)])
    optimizer = cls(early, lr=0.01)
    take_steps(optimizer, early, 4)
    optimizer.add_param_group({"params": late})
    alone = [p.detach().clone().requires_grad_() for p in late]
    solo = cls(alone, lr=0.01)
    take_steps(optimizer, [*early, *late], 4)
    take_steps(solo, alone, 4)
    np.testing.assert_allclose(flat(late), flat(alone), atol=1e-14)


@pytest.mark.parametrize("cls", ALL)
def test_schedulers_set_the_rate(cls):
    params = make_params()
    optimizer = cls(params, lr=0.01)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(2):
            take_steps(optimizer, params, 1)
            scheduler.step()
    assert optimizer.param_groups[0]["lr"] == 0.0
    if cls is NegativeMomentumSGD:
        optimizer.param_groups[0]["momentum"] = 0.0
    before = flat(params)
    take_steps(optimizer, params, 2)
    np.testing.assert_array_equal(flat(params), before)


@pytest.mark.parametrize("cls", ALL)
def test_parameters_without_gradient_stay(cls):
    params = make_params()
    optimizer = cls(params, lr=0.01)
    start = params[0].detach().clone()
    for _ in range(4):
        optimizer.zero_grad()
        quadratic(params[1:]).backward()
        optimizer.step()
    assert torch.equal(params[0], start)
    assert not optimizer.state.get(params[0])
    take_steps(optimizer, params, 2)
    assert not torch.equal(params[0], start)


def test_gradients_that_come_and_go_keep_their_own_step_count():
    params, twin = make_params(shapes=[(4,), (4,)]), make_params(shapes=[(4,), (4,)])
    optimizer, alone = OptimisticAdam(params, lr=0.01), OptimisticAdam(twin[1:], lr=0.01)
    for step in range(6):
        optimizer.zero_grad()
        quadratic(params if step % 2 else params[:1]).backward()
        optimizer.step()
    take_steps(alone, twin[1:], 3)
    np.testing.assert_array_equal(flat(params[1:]), flat(twin[1:]))


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_extragradient_returns_a_parameter_whose_lookahead_gradient_is_missing(dtype):
    params = make_params(shapes=[(3,)], dtype=dtype) + make_params(1, shapes=[(3,)])
    optimizer = ExtraGradient(params, lr=0.1)
    start = params[0].detach().clone()
    params[0].grad = torch.ones_like(params[0])
    params[1].grad = torch.ones_like(params[1])
    optimizer.step()
    assert optimizer.at_lookahead
    assert not torch.equal(params[0], start)
    optimizer.zero_grad()
    quadratic(params[1:]).backward()
    optimizer.step()
    assert not optimizer.at_lookahead
    assert torch.equal(params[0], start)


def test_extrapolate_is_the_first_half_by_name():
    params, twin = make_params(), make_params()
    named, plain = ExtraGradient(params, lr=0.01), ExtraGradient(twin, lr=0.01)
    quadratic(params).backward()
    named.extrapolate()
    take_steps(plain, twin, 1)
    np.testing.assert_array_equal(flat(params), flat(twin))
    with pytest.raises(RuntimeError, match="already"):
        named.extrapolate()
    take_steps(named, params, 1)
    take_steps(plain, twin, 1)
    np.testing.assert_array_equal(flat(params), flat(twin))


@pytest.mark.parametrize("cls", ALL)
def test_maximize_is_descent_on_the_negative(cls):
    up, down = make_params(), make_params()
    take_steps(cls(up, lr=0.01, maximize=True), up, 4, lambda params: -quadratic(params))
    take_steps(cls(down, lr=0.01), down, 4)
    np.testing.assert_allclose(flat(up), flat(down), atol=1e-14)


@pytest.mark.parametrize("cls", ALL)
def test_weight_decay_is_the_gradient_of_a_square(cls):
    decayed, explicit = make_params(), make_params()
    take_steps(cls(decayed, lr=0.01, weight_decay=0.3), decayed, 4)
    take_steps(
        cls(explicit, lr=0.01), explicit, 4, lambda params: quadratic(params) + 0.15 * sum(p.square().sum() for p in params)
    )
    np.testing.assert_allclose(flat(decayed), flat(explicit), atol=1e-12)


@pytest.mark.parametrize("cls", ALL)
def test_gradients_are_not_changed(cls):
    params = make_params()
    optimizer = cls(params, lr=0.01, weight_decay=0.3, maximize=True)
    quadratic(params).backward()
    grads = [p.grad.clone() for p in params]
    optimizer.step()
    assert all(torch.equal(p.grad, g) for p, g in zip(params, grads, strict=True))


@pytest.mark.parametrize("cls", ALL)
def test_mixed_dtypes_in_one_group_equal_separate_ones(cls):
    def mixed():
        return make_params(shapes=[(3, 4)], dtype=torch.float32) + make_params(1, shapes=[(5,)], dtype=torch.float64)

    together, apart = mixed(), mixed()
    take_steps(cls(together, lr=0.01), together, 4)
    for param in apart:
        take_steps(cls([param], lr=0.01), [param], 4)
    assert [p.dtype for p in together] == [torch.float32, torch.float64]
    np.testing.assert_allclose(flat(together), flat(apart), atol=1e-7)


@pytest.mark.parametrize("cls", ALL)
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_mixed_devices_in_one_group(cls):
    cpu = make_params()
    mixed = [p.detach().clone().to("cuda" if i % 2 else "cpu").requires_grad_() for i, p in enumerate(cpu)]
    take_steps(cls(cpu, lr=0.01), cpu, 4)
    optimizer = cls(mixed, lr=0.01)
    for _ in range(4):
        optimizer.zero_grad()
        for p in mixed:
            weights = torch.arange(1, p.numel() + 1, dtype=p.dtype, device=p.device).reshape(p.shape)
            (weights * (p - 0.3).square()).sum().backward()
        optimizer.step()
    np.testing.assert_allclose(flat([p.cpu() for p in mixed]), flat(cpu), atol=1e-12)


@pytest.mark.parametrize("cls", OWN)
def test_complex_parameters_move_as_pairs_of_reals(cls):
    rng = torch.Generator().manual_seed(0)
    complex_param = torch.randn(4, dtype=torch.complex128, generator=rng).requires_grad_()
    pair = torch.view_as_real(complex_param.detach()).clone().requires_grad_()
    left, right = cls([complex_param], lr=0.01), cls([pair], lr=0.01)
    for _ in range(4):
        left.zero_grad()
        right.zero_grad()
        (complex_param - (0.2 + 0.5j)).abs().square().sum().backward()
        (pair - torch.tensor([0.2, 0.5], dtype=torch.float64)).square().sum().backward()
        left.step()
        right.step()
    np.testing.assert_allclose(torch.view_as_real(complex_param).detach(), pair.detach(), atol=1e-13)


@pytest.mark.parametrize("cls", ALL)
def test_lazily_conjugated_gradients_move_as_resolved_ones(cls):
    left, right = make_params(shapes=[(4,)], dtype=torch.complex128), make_params(shapes=[(4,)], dtype=torch.complex128)
    (start,) = make_params(1, shapes=[(4,)], dtype=torch.complex128)
    grad = ((0.5 + 2j) * start.detach()).conj()
    for (param,), given in ((left, grad), (right, grad.resolve_conj())):
        optimizer = cls([param], lr=0.01)
        for _ in range(2):
            param.grad = given
            optimizer.step()
    assert grad.is_conj()
    assert torch.equal(left[0], right[0])


@pytest.mark.parametrize("cls", ALL)
def test_tensor_rate_moves_as_the_number(cls):
    left, right = make_params(), make_params()
    take_steps(cls(left, lr=torch.tensor(0.01, dtype=torch.float64), foreach=False), left, 4)
    take_steps(cls(right, lr=0.01, foreach=False), right, 4)
    np.testing.assert_allclose(flat(left), flat(right), atol=1e-9)


@pytest.mark.parametrize("unscaled_first", [False, True])
@pytest.mark.parametrize("overflows", ["lookahead", "completing"])
def test_extragradient_under_a_grad_scaler_counts_an_overflow_as_zero(overflows, unscaled_first):
    """Play the game of xy in lockstep: y's gradient overflows in one half, and y keeps the pace at its start."""
    x, y = (torch.full((2,), value, requires_grad=True) for value in (1.0, 2.0))
    players = [ExtraGradient([x], lr=0.1), ExtraGradient([y], lr=0.1)]
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**8)
    for half in ("lookahead", "completing"):
        scaler.scale(x @ y.detach()).backward()
        scaler.scale(-(x.detach() @ y) * (float("inf") if half == overflows else 1.0)).backward()
        for player in players:
            if unscaled_first:
                scaler.unscale_(player)
            scaler.step(player)
            assert player.at_lookahead == (half == "lookahead")
            player.zero_grad()
        scaler.update()
    # y either stays at 2 while x looks ahead to .8, or looks ahead to 2.1 and comes back
    x_end, y_end = (1 - 0.1 * 2.0, 2 + 0.1 * 0.8) if overflows == "lookahead" else (1 - 0.1 * 2.1, 2.0)
    torch.testing.assert_close(x.detach(), torch.full((2,), x_end), atol=1e-6, rtol=0)
    torch.testing.assert_close(y.detach(), torch.full((2,), y_end), atol=1e-6, rtol=0)


@pytest.mark.parametrize(("cls", "name"), [(NegativeMomentumAdam, "betas"), (NegativeMomentumSGD, "momentum")])
def test_no_scheduler_makes_a_negative_momentum_positive(cls, name):
    params, late = make_params(shapes=[(3,)]), make_params(1, shapes=[(3,)])
    optimizer = cls(params, lr=0.01)
    given = optimizer.param_groups[0][name]
    for cycling in (torch.optim.lr_scheduler.OneCycleLR, torch.optim.lr_scheduler.CyclicLR):
        settings = {"max_lr": 0.1} | ({"total_steps": 9} if cycling is torch.optim.lr_scheduler.OneCycleLR else {"base_lr": 0.01})
        with pytest.raises(ValueError, match="optimizer must support momentum"):
            cycling(optimizer, **settings)
        cycling(optimizer, **settings, cycle_momentum=False)
    for one in (optimizer, copy.deepcopy(optimizer)):
        one.add_param_group({"params": late})
        assert [group[name] for group in one.param_groups] == [given, given]


def test_extra_adam_by_hand():
    """Two iterations of Algorithm 4 in numpy, on a field that turns."""
    point, lr, b1, b2, eps = np.array([1.0, -0.5]), 0.1, 0.5, 0.9, 1e-8
    param = torch.tensor(point, requires_grad=True)
    optimizer = ExtraAdam([param], lr=lr, betas=(b1, b2), eps=eps)
    turn = np.array([[0.2, 1.0], [-1.0, 0.2]])
    m, v, seen = np.zeros(2), np.zeros(2), 0
    for _ in range(2):
        start = point
        for _ in range(2):
            g = turn @ point
            m, v, seen = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g, seen + 1
            point = start - lr * (m / (1 - b1**seen)) / (np.sqrt(v / (1 - b2**seen)) + eps)
            param.grad = torch.tensor(turn) @ param.detach()
            optimizer.step()
            np.testing.assert_allclose(param.detach().numpy(), point, atol=1e-12)


def test_lookahead_goes_back_part_of_the_way_and_tames_a_circling_game():
    params, twin = make_params(), make_params()
    plain, ahead = (
        torch.optim.SGD(twin, lr=0.05, momentum=0.9),
        Lookahead(torch.optim.SGD(params, lr=0.05, momentum=0.9), k=3, alpha=0.25),
    )
    start = flat(params)
    take_steps(plain, twin, 3)
    take_steps(ahead, params, 3)
    np.testing.assert_allclose(flat(params), start + 0.25 * (flat(twin) - start), rtol=1e-6)
    saved = copy.deepcopy(ahead.state_dict())
    copied = [p.detach().clone().requires_grad_() for p in params]
    restored = Lookahead(torch.optim.SGD(copied, lr=0.5, momentum=0.9), k=3, alpha=0.25)
    restored.load_state_dict(saved)
    take_steps(ahead, params, 4)
    take_steps(restored, copied, 4)
    np.testing.assert_array_equal(flat(copied), flat(params))

    def distance(wrap):
        x, y = (torch.ones(1, dtype=torch.float64, requires_grad=True) for _ in range(2))
        players = [wrap(torch.optim.SGD([p], lr=0.3)) for p in (x, y)]
        for _ in range(200):
            x.grad, y.grad = y.detach().clone(), -x.detach().clone()
            for player in players:
                player.step()
        return float(x.detach().abs() + y.detach().abs())

    assert distance(lambda optimizer: optimizer) > 100
    assert distance(lambda optimizer: Lookahead(optimizer, k=5)) < 1e-2
    for wrong, message in (({"k": 0}, "k must be an integer >= 1"), ({"alpha": 0.0}, "alpha must be a number in")):
        with pytest.raises(ValueError, match=message):
            Lookahead(plain, **wrong)
