"""Statements of section 4 on the eigenvalues of momentum and on limiting eigenvalues, tried on random local games."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from optathlon.spec import Context
from optathlon.suites.gans.problem import Eigenvalues, Spectra, Trials

_TIE = 1e-6  # moduli within this of the largest one limit the rate together
_SMALL = -1e-5  # the momentum that stands for "a small negative one"


class _Best(NamedTuple):
    """A game at the step size at which plain gradient play contracts fastest."""

    step: float
    limiting: Eigenvalues
    first: complex  # lambda_1: of the smallest Re(1 / lambda)
    helped: bool  # whether a small negative momentum lowers the spectral radius


def _at_best_step(spectrum: Eigenvalues) -> _Best:
    from optathlon.baselines.gans.theory import best_step, momentum_eigenvalues

    step = best_step(spectrum).step
    moduli = np.abs(1 - step * spectrum)
    limiting = spectrum[moduli >= moduli.max() - _TIE]
    slowed = max(abs(value) for part in spectrum for value in momentum_eigenvalues(step, _SMALL, part))
    return _Best(step, limiting, spectrum[(1 / spectrum).real.argmin()], bool(slowed < moduli.max()))


def _several(best: _Best) -> bool:
    return bool(np.ptp(np.abs(best.limiting.imag)) > _TIE or np.ptp(best.limiting.real) > _TIE)


def run_momentum_expansion(problem: Spectra, context: Context) -> Trials:
    """Try the printed expansions of mu+ and mu- in beta: what they leave out falls by four when beta is halved."""
    from optathlon.baselines.gans.theory import momentum_eigenvalues

    def left_out(step: float, momentum: float, eigenvalue: complex) -> np.ndarray:
        kept = 1 - step * eigenvalue
        plus, minus = momentum_eigenvalues(step, momentum, eigenvalue)
        return np.abs([plus - (kept - momentum * step * eigenvalue / kept), minus - momentum / kept])

    def fails(eigenvalue: complex) -> bool:
        step = float(context.rng.uniform(0.05, 2.5) / abs(eigenvalue))
        size = abs(1 - step * eigenvalue) ** 2
        beta = 1e-3 * size  # the series is one in beta / (1 - eta lambda)^2
        if size < 1e-2:
            return False
        whole, half = left_out(step, beta, eigenvalue), left_out(step, beta / 2, eigenvalue)
        return bool((np.abs(whole / half - 4) > 0.1).any())

    return Trials(np.array([fails(spectrum[0]) for spectrum in problem.eigenvalues]))


def run_one_limiting(problem: Spectra, context: Context) -> Trials:
    """Try condition 1: one limiting eigenvalue, hence eta* = Re(1/lambda_1) in I(lambda_1), and the momentum helps."""
    from optathlon.baselines.gans.theory import momentum_helps

    def fails(best: _Best) -> bool:
        eigenvalue = complex(best.limiting[0])
        if _several(best) or abs(eigenvalue.imag) <= _TIE:
            return False
        tangent = abs(best.step / (1 / eigenvalue).real - 1) < 1e-4
        return not (tangent and momentum_helps(best.step, eigenvalue) and best.helped)

    return _tried(problem, fails)


def run_several_limiting(problem: Spectra, context: Context) -> Trials:
    """Try condition 2: several limiting eigenvalues whose intervals I all hold eta*, and the momentum helps."""
    from optathlon.baselines.gans.theory import momentum_helps

    def fails(best: _Best) -> bool:
        shared = all(momentum_helps(best.step, complex(value)) for value in best.limiting)
        return _several(best) and shared and not best.helped

    return _tried(problem, fails)


def run_wide_argument(problem: Spectra, context: Context, *, helps: bool) -> Trials:
    """Try what |arg lambda_1| > pi/4 gives: eta* in I(lambda_1), or, as worded, that a small negative momentum helps."""
    from optathlon.baselines.gans.theory import momentum_helps

    def fails(best: _Best) -> bool:
        wide = abs(np.angle(best.first)) > np.pi / 4
        return bool(wide) and not (best.helped if helps else momentum_helps(best.step, complex(best.first)))

    return _tried(problem, fails)


def _tried(problem: Spectra, fails: Callable[[_Best], bool]) -> Trials:
    """Try a statement on every game; where its condition is not met it does not fail."""
    return Trials(np.array([fails(_at_best_step(spectrum)) for spectrum in problem.eigenvalues]))
