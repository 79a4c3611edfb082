"""The consensus field against finite differences of the regulariser, and its demands on the graph."""

import numpy as np
import pytest
import torch

from optathlon.baselines.gans import consensus, simultaneous, symplectic
from optathlon.baselines.gans.networks import mlp_discriminator, mlp_generator


def small_game(seed=0):
    """Two smooth players of a few weights each, in float64, with losses on one graph."""
    rng = torch.Generator().manual_seed(seed)
    noise, real = torch.randn(6, 2, generator=rng).double(), torch.randn(6, 2, generator=rng).double()
    generator = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 2)).double()
    discriminator = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1)).double()
    for weight in [*generator.parameters(), *discriminator.parameters()]:
        torch.nn.init.normal_(weight, generator=rng)

    def losses():
        fake = discriminator(generator(noise))
        softplus = torch.nn.functional.softplus
        return softplus(-fake).mean(), softplus(-discriminator(real)).mean() + softplus(fake).mean()

    return losses, [list(generator.parameters()), list(discriminator.parameters())]


def half_squared_norm(losses, players):
    field = [
        grad
        for loss, player in zip(losses(), players, strict=True)
        for grad in torch.autograd.grad(loss, player, retain_graph=True)
    ]
    return 0.5 * sum(part.square().sum() for part in field).item()


def test_simultaneous_gives_each_player_the_gradient_of_its_own_loss():
    losses, players = small_game()
    squared = simultaneous(losses(), players)
    for loss, player in zip(losses(), players, strict=True):
        for param, grad in zip(player, torch.autograd.grad(loss, player, retain_graph=True), strict=True):
            torch.testing.assert_close(param.grad, grad)
    assert squared.item() == pytest.approx(2 * half_squared_norm(losses, players))


@pytest.mark.parametrize("seed", [0, 1])
def test_consensus_adds_the_gradient_of_half_the_squared_norm(seed):
    losses, players = small_game(seed)
    gamma, h = 0.7, 1e-5
    simultaneous(losses(), players)
    plain = [param.grad.clone() for player in players for param in player]
    consensus(losses(), players, gamma)
    for param, own in zip([param for player in players for param in player], plain, strict=True):
        pull = torch.empty_like(param)
        for index in range(param.numel()):
            entry = param.detach().view(-1)
            entry[index] += h
            above = half_squared_norm(losses, players)
            entry[index] -= 2 * h
            below = half_squared_norm(losses, players)
            entry[index] += h
            pull.view(-1)[index] = (above - below) / (2 * h)
        torch.testing.assert_close(param.grad, own + gamma * pull, atol=1e-8, rtol=1e-6)


def test_gamma_zero_is_simultaneous_play():
    losses, players = small_game()
    simultaneous(losses(), players)
    plain = [param.grad.clone() for player in players for param in player]
    consensus(losses(), players, 0.0)
    for param, own in zip([param for player in players for param in player], plain, strict=True):
        torch.testing.assert_close(param.grad, own)


def test_a_parameter_outside_the_game_gets_no_gradient():
    x, y, idle = (torch.ones(1, requires_grad=True) for _ in range(3))
    consensus([(x * y).sum(), -(x * y).sum()], [[x, idle], [y]], 0.5)
    assert idle.grad is None
    torch.testing.assert_close(x.grad, torch.tensor([1.5]))  # y + gamma x
    torch.testing.assert_close(y.grad, torch.tensor([-0.5]))  # -x + gamma y


def test_linear_losses_have_no_pull():
    x, y = torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)
    consensus([x.sum(), y.sum()], [[x], [y]], 0.5)
    torch.testing.assert_close(x.grad, torch.ones(1))


def test_bad_games_are_refused():
    losses, players = small_game()
    with pytest.raises(ValueError, match="match one to one"):
        consensus(losses()[:1], players)
    with pytest.raises(ValueError, match=r"losses\[0\] must be a scalar"):
        consensus([losses()[0].detach(), losses()[1]], players)
    with pytest.raises(ValueError, match=r"players\[1\] must hold"):
        simultaneous(losses(), [players[0], []])
    with pytest.raises(ValueError, match="gamma must be"):
        consensus(losses(), players, -0.1)
    with pytest.raises(ValueError, match=r"losses\[1\] must be a scalar tensor .* got 0.5"):
        simultaneous([losses()[0], 0.5], players)
    with pytest.raises(ValueError, match="must not share parameters"):
        consensus(losses(), [players[0], players[1] + players[0][:1]])
    strangers = [[torch.ones(1, requires_grad=True)], [torch.ones(1, requires_grad=True)]]
    for play in (simultaneous, consensus):
        with pytest.raises(ValueError, match="depend on none of them"):
            play(losses(), strangers)
    players[1][0].requires_grad_(False)
    with pytest.raises(ValueError, match="require gradients, got one that does not"):
        simultaneous(losses(), players)


def test_networks_of_a_gan_can_be_players():
    generator, discriminator = mlp_generator((2,), widths=(8,), bounded=False), mlp_discriminator((2,), widths=(8,))
    fake = discriminator(generator(torch.randn(4, 64, generator=torch.Generator().manual_seed(0))))
    consensus([-fake.mean(), fake.square().mean()], [generator.parameters(), discriminator.parameters()], 0.1)
    assert all(param.grad is not None for param in generator.parameters())


@pytest.mark.parametrize("align", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_symplectic_adjustment_equals_its_definition_in_matrices(seed, align):
    rng = np.random.default_rng(seed)
    A, B, C = rng.standard_normal((3, 3)), rng.standard_normal((2, 2)), rng.standard_normal((3, 2))
    A, B = A + A.T, B + B.T
    x, y = (torch.tensor(rng.standard_normal(n), requires_grad=True) for n in (3, 2))
    a, b, c = (torch.tensor(m) for m in (A, B, C))
    losses = [x @ a @ x / 2 + x @ c @ y, -(x @ c @ y) + y @ b @ y / 2]
    squared = symplectic(losses, [[x], [y]], 0.7, align=align)
    jacobian = np.block([[A, C], [-C.T, B]])
    v = jacobian @ np.concatenate([x.detach().numpy(), y.detach().numpy()])
    turn, slope = (jacobian - jacobian.T).T / 2 @ v, jacobian.T @ v
    sign = np.sign((v @ slope) * (turn @ slope)) if align else 1.0
    expected = v + sign * 0.7 * turn
    np.testing.assert_allclose(np.concatenate([x.grad.numpy(), y.grad.numpy()]), expected, atol=1e-10)
    assert squared.item() == pytest.approx(v @ v)


def test_symplectic_adjustment_converges_where_play_circles():
    x, y = (torch.ones(1, dtype=torch.float64, requires_grad=True) for _ in range(2))
    for _ in range(200):
        symplectic([(x * y).sum(), -(x * y).sum()], [[x], [y]], 1.0)
        with torch.no_grad():
            for p in (x, y):
                p -= 0.3 * p.grad
    assert float(x.detach().abs() + y.detach().abs()) < 1e-6
