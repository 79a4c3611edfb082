"""The methods of the leaderboard: adapters around `optathlon.baselines.gans`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from optathlon.spec import Context, Diverged, Method
from optathlon.suites.gans.limiting import (
    run_momentum_expansion,
    run_one_limiting,
    run_several_limiting,
    run_wide_argument,
)
from optathlon.suites.gans.problem import Eigenvalues, Game, Mixture, Path, Pictures, Samples, Spectra, Trials, shape_of

if TYPE_CHECKING:
    import torch
    from torch.optim import Optimizer

PAPER = "Ghanekar, Little, Liu, Empirical Review of GAN training"
GIDEL = "Gidel et al., Negative momentum for improved game dynamics, 2019"
MESCHEDER = "Mescheder, Nowozin, Geiger, The numerics of GANs, 2017"
DASKALAKIS = "Daskalakis et al., Training GANs with optimism, 2018"

ESCAPE = 1e9  # distance at which the players of a game count as diverged

Play = Literal["simultaneous", "alternating"]


def run_linear(
    problem: Game, context: Context, *, method: str, lr: float, play: Play, momentum: float = 0.0, gamma: float | None = None
) -> Path:
    """Play a game with a linear method, whose exact step matrix is known."""
    from optathlon.baselines.gans import ExtraGradient, NegativeMomentumSGD, OptimisticGradient
    from optathlon.baselines.gans.games import QuadraticGame, spectral_radius, step_matrix

    def make(params: Any) -> Optimizer:
        if method == "optimistic":
            return OptimisticGradient(params, lr=lr)
        if method == "extragradient":
            return ExtraGradient(params, lr=lr)
        return NegativeMomentumSGD(params, lr=lr, momentum=momentum)

    game = QuadraticGame(problem.A, problem.B, problem.C)
    matrix = step_matrix(game, method, lr, momentum=momentum, gamma=gamma or 0.0, play=play)
    return _played(problem, context, make, play, gamma, spectral_radius(matrix))


def run_windowed(problem: Game, context: Context, *, lr: float, window: int) -> Path:
    """Play a game optimistically, the next gradient predicted by the mean of a window."""
    from optathlon.baselines.gans.games import QuadraticGame, spectral_radius
    from optathlon.baselines.gans.windowed_optimism import WindowedOptimism, windowed_step_matrix

    matrix = windowed_step_matrix(QuadraticGame(problem.A, problem.B, problem.C), lr, window)
    make = partial(WindowedOptimism, lr=lr, window=window)
    return _played(problem, context, make, "simultaneous", None, spectral_radius(matrix))


def run_adaptive(problem: Game, context: Context, *, optimizer: str, lr: float, play: Play, **settings: Any) -> Path:
    """Play a game with a method of Adam's family."""
    return _played(problem, context, lambda params: make_optimizer(optimizer, params, lr, **settings), play, None, None)


def run_gan(
    problem: Mixture | Pictures,
    context: Context,
    *,
    optimizer: str,
    rate: str,
    x: float,
    play: Play,
    gamma: float | None = None,
    turn: float | None = None,
    real_penalty: float = 0.0,
    gradients: int = 1,
    **settings: Any,
) -> Samples:
    """Train a GAN at x times the workload's rate of the family `rate`, with as many steps as `gradients` in each allow."""
    import torch

    from optathlon.baselines.gans.training import train_gan

    plan, rng = problem.training, torch.Generator().manual_seed(context.seed)
    generator, discriminator = _networks(problem, rng, context.device)
    lr, n_steps = x * plan.rates[rate], plan.n_steps // gradients
    seen = {n_steps * quarter // 4 for quarter in (1, 2, 3)}

    def look(step: int, net: torch.nn.Module) -> None:
        if step in seen:
            context.observe(step, Samples(_draw(net, problem, context, step)))

    outcome = train_gan(
        generator,
        discriminator,
        torch.from_numpy(problem.samples).to(context.device),
        optimizers=(
            make_optimizer(optimizer, generator.parameters(), lr, **settings),
            make_optimizer(optimizer, discriminator.parameters(), lr, **settings),
        ),
        n_steps=n_steps,
        latent=plan.latent,
        batch_size=plan.batch_size,
        loss=plan.loss,
        play=play,
        n_critic=1 if play == "simultaneous" else plan.n_critic,
        clip=plan.clip,
        gradient_penalty=plan.gradient_penalty,
        real_penalty=real_penalty,
        gamma=gamma,
        turn=turn,
        rng=rng,
        callback=look,
    )
    if outcome.diverged_at is not None:
        raise Diverged(f"the players escaped at step {outcome.diverged_at}")
    return Samples(_draw(generator, problem, context, n_steps), outcome.generator_loss, outcome.discriminator_loss)


def make_optimizer(
    name: str,
    params: Any,
    lr: float,
    *,
    beta1: float = 0.0,
    beta2: float = 0.999,
    momentum: float = 0.0,
    k: int = 5,
    alpha: float = 0.5,
) -> Optimizer:
    """Return one player's optimiser: of Adam's family with its betas, of gradient descent's with its momentum."""
    import torch

    from optathlon.baselines import gans

    betas = (beta1, beta2)
    if name == "lookahead-adam":
        return gans.Lookahead(torch.optim.Adam(params, lr=lr, betas=betas), k=k, alpha=alpha)
    if name == "sgd":
        return torch.optim.SGD(params, lr=lr, momentum=momentum)
    if name == "negative-momentum-sgd":
        return gans.NegativeMomentumSGD(params, lr=lr, momentum=momentum)
    kind = {
        "adam": torch.optim.Adam,
        "optimistic-adam": gans.OptimisticAdam,
        "negative-momentum-adam": gans.NegativeMomentumAdam,
        "extra-adam": gans.ExtraAdam,
    }[name]
    return kind(params, lr=lr, betas=betas)


def run_real(problem: Pictures, context: Context) -> Samples:
    """Show held-out pictures: the upper end of the scale."""
    return Samples(problem.held_out)


def run_noise(problem: Pictures, context: Context) -> Samples:
    """Show uniform noise: the lower end of the scale."""
    return Samples(context.rng.uniform(-1, 1, problem.held_out.shape).astype(np.float32))


def run_best_rate(problem: Spectra, context: Context) -> Trials:
    """Try the bounds of the best rate and of its step size, eqs. 2 and 4."""
    from optathlon.baselines.gans.theory import best_step, rate_bounds

    def fails(spectrum: Eigenvalues) -> bool:
        bounds, best = rate_bounds(spectrum), best_step(spectrum)
        rate_holds = bounds.lower - 1e-9 <= best.radius**2 <= bounds.upper + 1e-9
        return not (rate_holds and bounds.step_low * (1 - 1e-6) <= best.step <= bounds.step_high * (1 + 1e-6))

    return Trials(np.array([fails(spectrum) for spectrum in problem.eigenvalues]))


def run_stable_step(problem: Spectra, context: Context) -> Trials:
    """Try the step-size bound of simultaneous play, section 5: stable just below, not above."""
    from optathlon.baselines.gans.theory import stable_step

    def fails(spectrum: Eigenvalues) -> bool:
        edge = stable_step(spectrum)
        below, above = (np.abs(1 - share * edge * spectrum).max() for share in (0.999, 1.001))
        return not below < 1 < above

    return Trials(np.array([fails(spectrum) for spectrum in problem.eigenvalues]))


def run_stable_step_largest(problem: Spectra, context: Context) -> Trials:
    """Try the same bound as printed, with the eigenvalue of largest modulus alone."""
    from optathlon.baselines.gans.theory import stable_step

    def fails(spectrum: Eigenvalues) -> bool:
        edge = stable_step(spectrum[[np.abs(spectrum).argmax()]])
        return bool(np.abs(1 - 0.999 * edge * spectrum).max() >= 1)

    return Trials(np.array([fails(spectrum) for spectrum in problem.eigenvalues]))


def run_momentum_interval(problem: Spectra, context: Context) -> Trials:
    """Try the interval in which a small negative momentum helps, section 4, at random step sizes."""
    from optathlon.baselines.gans.theory import momentum_eigenvalues, momentum_helps

    def fails(eigenvalue: complex) -> bool:
        step = float(context.rng.uniform(0.05, 2.5) / abs(eigenvalue))
        plus, minus = (abs(momentum_eigenvalues(step, beta, eigenvalue)[0]) for beta in (1e-6, -1e-6))
        return abs(plus - minus) > 1e-9 and momentum_helps(step, eigenvalue) != (plus > minus)

    return Trials(np.array([fails(spectrum[0]) for spectrum in problem.eigenvalues]))


def run_best_momentum(problem: Spectra, context: Context) -> Trials:
    """Try whether the best momentum of a complex eigenvalue is negative, and its step size above that of plain play."""
    from optathlon.baselines.gans.theory import best_momentum, best_step

    def fails(eigenvalue: complex) -> bool:
        best = best_momentum(eigenvalue)
        return not (best.momentum < 0 and best.step > best_step([eigenvalue]).step)

    turning = [spectrum[np.abs(spectrum.imag).argmax()] for spectrum in problem.eigenvalues]
    return Trials(np.array([fails(value) for value in turning if abs(value.imag) > 1e-6]))


def run_consensus_ratio(problem: Spectra, context: Context, *, gammas: Sequence[float]) -> Trials:
    """Try whether a larger gamma lowers the largest |Im/Re| of the eigenvalues of M + gamma M'M, the field with consensus."""

    def fails(jacobian: np.ndarray) -> bool:
        fields = [np.linalg.eigvals(jacobian + gamma * jacobian.T @ jacobian) for gamma in gammas]
        ratios = [np.abs(spectrum.imag / spectrum.real).max() for spectrum in fields]
        return bool((np.diff(ratios) > 1e-12).any())

    return Trials(np.array([fails(jacobian) for jacobian in problem.jacobians]))


def _warm_up() -> None:
    """Let torch import what its optimisers load at first use."""
    import torch

    weight = torch.zeros(1, requires_grad=True)
    weight.grad = torch.zeros(1)
    torch.optim.Adam([weight], lr=0.0).step()


def _played(
    problem: Game,
    context: Context,
    make: Callable[[Any], Optimizer],
    play: Play,
    gamma: float | None,
    radius: float | None,
) -> Path:
    from optathlon.baselines.gans.games import QuadraticGame, play_game

    game, n_steps = QuadraticGame(problem.A, problem.B, problem.C), problem.n_steps
    path = play_game(game, make, n_steps=n_steps, play=play, gamma=gamma, escape=ESCAPE)
    if path.diverged:
        raise Diverged(f"the players escaped at step {len(path.points) - 1}")
    for step in range(0, n_steps, max(1, n_steps // 50)):
        context.observe(step, Path(path.points[: step + 1]))
    return Path(path.points, radius)


def _networks(problem: Mixture | Pictures, rng: torch.Generator, device: str) -> tuple[torch.nn.Module, torch.nn.Module]:
    from optathlon.baselines.gans.networks import dcgan_discriminator, dcgan_generator, mlp_discriminator, mlp_generator

    plan, shape = problem.training, shape_of(problem)
    if plan.convolutional:
        generator = dcgan_generator(shape[-1], latent=plan.latent, channels=plan.generator[0], rng=rng)
        normalise = plan.gradient_penalty == 0
        discriminator = dcgan_discriminator(shape[-1], channels=plan.discriminator[0], batch_norm=normalise, rng=rng)
    else:
        bounded = isinstance(problem, Pictures)
        generator = mlp_generator(
            shape,
            latent=plan.latent,
            widths=plan.generator,
            bounded=bounded,
            batch_norm=plan.batch_norm,
            slope=plan.slope,
            rng=rng,
        )
        discriminator = mlp_discriminator(shape, widths=plan.discriminator, slope=plan.slope, rng=rng)
    return generator.to(device), discriminator.to(device)


def _draw(generator: torch.nn.Module, problem: Mixture | Pictures, context: Context, step: int) -> np.ndarray:
    import torch

    from optathlon.baselines.gans.networks import sample_images

    rng = torch.Generator().manual_seed(context.seed + 1)  # the same noise at every look
    samples = sample_images(generator, problem.n_samples, latent=problem.training.latent, rng=rng).cpu().numpy()
    if not np.isfinite(samples).all():
        raise Diverged(f"the generator's samples left the finite numbers at step {step}")
    return samples


def _linear(name: str, method: str, lr: float, reference: str, *, play: Play = "simultaneous", **settings: Any) -> Method:
    settings = {"method": method, "lr": lr, "play": play, **settings}
    return Method(name=name, run=run_linear, settings=settings, reference=reference, warm_up=_warm_up)


def _adaptive(name: str, optimizer: str, beta1: float, reference: str, play: Play = "simultaneous") -> Method:
    settings = {"optimizer": optimizer, "lr": 0.05, "beta1": beta1, "play": play}
    return Method(name=name, run=run_adaptive, settings=settings, reference=reference, warm_up=_warm_up)


def _gan(
    name: str, optimizer: str, rate: str, reference: str, *, play: Play = "alternating", sweep: bool = True, **settings: Any
) -> tuple[Method, ...]:
    """Return a method at the workload's rate and, in a sweep, at multiples x of it."""
    settings = {"optimizer": optimizer, "rate": rate, "play": play, **settings}
    shared: dict[str, Any] = {"devices": ("cpu", "cuda"), "warm_up": _warm_up}
    method = Method(name=name, run=run_gan, settings={**settings, "x": 1.0}, reference=reference, **shared)
    if not sweep:
        return (method,)
    grid = {"x": (0.3, 3.0, 10.0)}
    return (method, *Method.grid(name, run_gan, settings=settings, grid=grid, reference=f"{reference}; rate sweep", **shared))


def _theory(name: str, run: Callable[..., Trials], reference: str, **settings: Any) -> Method:
    return Method(name=f"theory-{name}", run=run, settings=settings, reference=reference)


KORPELEVICH = "Korpelevich, The extragradient method, 1977"

GAME_METHODS = (
    _linear("gda-0.1", "gradient", 0.1, f"{PAPER}, eq. 6"),
    _linear("gda-0.5", "gradient", 0.5, f"{PAPER}, eq. 6"),
    _linear("gda-alternating-0.5", "gradient", 0.5, f"{PAPER}, Figure 1", play="alternating"),
    _linear("momentum-0.5-simultaneous-0.5", "gradient", 0.5, f"{GIDEL}, eq. 6", momentum=-0.5),
    _linear("momentum-0.9-simultaneous-0.5", "gradient", 0.5, f"{GIDEL}, eq. 6", momentum=-0.9),
    _linear("momentum-0.5-alternating-0.5", "gradient", 0.5, f"{GIDEL}, section 6", momentum=-0.5, play="alternating"),
    _linear("momentum-0.1-alternating-0.5", "gradient", 0.5, f"{GIDEL}, section 6", momentum=-0.1, play="alternating"),
    _linear("positive-momentum-alternating-0.1", "gradient", 0.1, f"{GIDEL}, section 6", momentum=0.5, play="alternating"),
    _linear("ogda-0.5", "optimistic", 0.5, f"{DASKALAKIS}, eq. 6"),
    _linear("ogda-0.6", "optimistic", 0.6, f"{DASKALAKIS}, eq. 6"),
    *(
        Method(
            name=f"window{window}-{lr}",
            run=run_windowed,
            settings={"lr": lr, "window": window},
            reference=f"{PAPER}, section 3: an average of a window of previous gradients",
            warm_up=_warm_up,
        )
        for window, lr in ((5, 0.1), (2, 0.5))
    ),
    _linear("extragradient-0.5", "extragradient", 0.5, KORPELEVICH),
    _linear("consensus-1-0.5", "consensus", 0.5, f"{MESCHEDER}, Algorithm 2", gamma=1.0),
    _linear("consensus-0.01-0.1", "consensus", 0.1, f"{PAPER}, section 6.1.4", gamma=0.01),
    _adaptive("game-adam", "adam", 0.5, f"{PAPER}, section 6.1.1"),
    _adaptive("game-adam-nm", "negative-momentum-adam", -0.5, f"{PAPER}, section 6.1.3"),
    _adaptive("game-adam-nm-alternating", "negative-momentum-adam", -0.5, f"{PAPER}, section 6.1.3", "alternating"),
    _adaptive("game-oadam", "optimistic-adam", 0.5, f"{DASKALAKIS}, Algorithm 1"),
    _adaptive("game-oadam-beta1-0", "optimistic-adam", 0.0, f"{DASKALAKIS}, Algorithm 1"),
)

THEORY_METHODS = (
    _theory("best-rate", run_best_rate, f"{PAPER}, eqs. 2-4; {GIDEL}, Theorem 2"),
    _theory("stable-step", run_stable_step, f"{PAPER}, section 5; {MESCHEDER}, Lemma 4"),
    _theory("stable-step-largest", run_stable_step_largest, f"{PAPER}, section 5"),
    _theory("momentum-interval", run_momentum_interval, f"{PAPER}, section 4; {GIDEL}, Theorem 4"),
    _theory("best-momentum", run_best_momentum, f"{PAPER}, section 4; {GIDEL}, section 4"),
    _theory("momentum-expansion", run_momentum_expansion, f"{PAPER}, section 4, the expansions of mu+ and mu-"),
    _theory("one-limiting", run_one_limiting, f"{PAPER}, section 4, condition 1"),
    _theory("several-limiting", run_several_limiting, f"{PAPER}, section 4, condition 2"),
    _theory("wide-argument", run_wide_argument, f"{PAPER}, section 4, condition 2", helps=False),
    _theory("wide-argument-helps", run_wide_argument, f"{PAPER}, section 4, condition 2 as worded", helps=True),
    _theory("consensus-ratio", run_consensus_ratio, f"{PAPER}, section 5; {MESCHEDER}, Corollary 9", gammas=[0.0, 0.1, 1.0]),
)

GAN_METHODS = (
    *_gan("adam", "adam", "adam", f"{PAPER}, section 6.1.1", beta1=0.5),
    *_gan("oadam", "optimistic-adam", "adam", f"{PAPER}, section 6.1.2; {DASKALAKIS}, Algorithm 1", beta1=0.5),
    *_gan("adam-nm", "negative-momentum-adam", "adam", f"{PAPER}, section 6.1.3", beta1=-0.5),
    *_gan("sgd", "sgd", "sgd", f"{PAPER}, section 6.1.3", momentum=0.9),
    *_gan("sgd-nm", "negative-momentum-sgd", "sgd", f"{PAPER}, section 6.1.3", momentum=-0.5),
    *_gan("consensus-0.01", "adam", "consensus", f"{PAPER}, section 6.1.4", beta1=0.5, play="simultaneous", gamma=0.01),
    *_gan("adam-simultaneous", "adam", "adam", f"{PAPER}, eq. 6", beta1=0.5, play="simultaneous", sweep=False),
    *_gan(
        "symplectic-1",
        "adam",
        "consensus",
        "Balduzzi et al. 2018, Algorithm 1",
        beta1=0.5,
        play="simultaneous",
        turn=1.0,
        sweep=False,
    ),
    *_gan("extra-adam", "extra-adam", "adam", "Gidel et al. 2019a, Algorithm 4", beta1=0.5, play="simultaneous", gradients=2),
    *_gan("lookahead-adam", "lookahead-adam", "adam", "Chavdarova et al. 2021, Algorithm 1", beta1=0.5, k=5, alpha=0.5),
    *_gan("adam-r1", "adam", "adam", "Mescheder et al. 2018, eq. 9", beta1=0.5, real_penalty=0.1),
    *_gan(
        "consensus-0.1", "adam", "consensus", f"{MESCHEDER}, Algorithm 2", beta1=0.5, play="simultaneous", gamma=0.1, sweep=False
    ),
)

SCALE_METHODS = (
    Method(name="real-images", run=run_real, reference="upper end of the scale", yardstick=True, warm_up=_warm_up),
    Method(name="uniform-noise", run=run_noise, reference="lower end of the scale", yardstick=True, warm_up=_warm_up),
)

METHODS = (*GAME_METHODS, *THEORY_METHODS, *GAN_METHODS, *SCALE_METHODS)
