"""What the board says of its own certainty holds: intervals, ranks and gates, by simulation (figures in docs/calibration.md)."""

from __future__ import annotations

from pathlib import Path

import calibration
import pytest

TRIALS = 400


@pytest.mark.parametrize("n", [3, 5, 10])
@pytest.mark.parametrize("law", [law for law in calibration.LAWS if not law.startswith("skewed")])
def test_intervals_of_means_hold_the_truth(law: str, n: int) -> None:
    assert calibration.coverage_of_means(law, n, TRIALS) >= (0.9 if law.startswith("counts") else 0.92)


@pytest.mark.parametrize("n", [3, 5, 10])
def test_intervals_of_differences_ratios_and_probabilities_hold_the_truth(n: int) -> None:
    assert calibration.coverage_of_differences(n, TRIALS) >= 0.92
    assert calibration.coverage_of_ratios(n, TRIALS) >= 0.92
    assert calibration.coverage_of_proportions(n, TRIALS) >= 0.93


@pytest.mark.parametrize("n_methods", [2, 12])
@pytest.mark.parametrize("law", calibration.BOARDS)
def test_equal_methods_are_told_apart_on_few_boards(law: str, n_methods: int) -> None:
    for n in (3, 5, 10):
        assert calibration.false_ranks(law, n, n_methods, 200) <= 0.09


def test_the_gate_is_green_where_nothing_has_changed() -> None:
    assert calibration.red_gates(300, 5, 20) <= 0.1
    assert calibration.red_gates(300, 3, 20, rates=True) <= 0.1


def test_a_first_place_among_equals_is_seldom_firm() -> None:
    assert max(calibration.false_firmness("normal", n, 2, 400) for n in (2, 3, 5)) <= 0.09


def test_the_figures_in_the_docs_are_of_this_script() -> None:
    text = (Path(calibration.__file__).parents[2] / "docs" / "calibration.md").read_text()
    assert all(f"| mean, {law} |" in text for law in calibration.LAWS)
