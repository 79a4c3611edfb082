"""What people see: terminal at 80 columns, narrowed boards, LaTeX, pictures, the page, README tables; no text steers anything."""

from __future__ import annotations

import io
import shutil
import subprocess
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from test_leaderboard import failed, groups, runs
from test_records import cell_of

from optathlon import judge
from optathlon.judge import Judgement, Row
from optathlon.show import console, ledger, plots, readmes, sheet, tables
from optathlon.show.latex import to_latex
from optathlon.spec import Claim, Ruling, Status, Verdict

LONG = "semidefinite-relaxation-with-randomised-rounding"


def shown(
    monkeypatch: pytest.MonkeyPatch,
    rows: list[Row],
    judgements: list[Judgement],
    *,
    whole: list[Row] | None = None,
    details: bool = False,
) -> str:
    """Return what the terminal shows at 80 columns."""
    from rich.console import Console

    stream = io.StringIO()
    monkeypatch.setattr(console, "Console", lambda: Console(file=stream, width=80))
    console.show_leaderboard(rows, judgements, whole=whole, details=details)
    return stream.getvalue()


def judgement(
    statement: str = "a",
    *,
    ruling: Ruling = Ruling.REPRODUCED,
    measured: str = "",
    id: str = "one",
    basis: Literal["stated", "fitted"] = "stated",
) -> Judgement:
    verdict = Verdict(ruling=ruling, measured=measured)
    claim = Claim(id=id, source="Table 9", statement=statement, check=lambda _: verdict, reported="3.7 ± 0.7", basis=basis)
    return Judgement(suite="toy", claim=claim, verdict=verdict, scale="small", machine="m")


@pytest.fixture
def rows(tmp_path: Path) -> list[Row]:
    cells = runs(cell_of(LONG), 1.0), runs(cell_of(LONG + "-2"), 2.0, seconds=0.5), failed(cell_of("gone"), Status.CRASHED, "x")
    return judge.build(groups(tmp_path, *cells))


def test_method_names_are_never_cut_at_80_columns(monkeypatch: pytest.MonkeyPatch, rows: list[Row]) -> None:
    text = shown(monkeypatch, rows, [])
    assert max(map(len, text.splitlines())) <= 80
    folded = folded_names(text)
    assert f"{LONG}*" in folded.replace(" *", "*")
    assert f"{LONG}-2*" in folded.replace(" *", "*")
    short = shown(monkeypatch, [replace(row, method=row.method.replace("-with-randomised", "")) for row in rows[:2]], [])
    assert " semidefinite-relaxation-rounding-2 * " in short[short.index("toy: ") :]


def folded_names(text: str) -> str:
    """Return the names of the one board, those that are folded in one piece."""
    board = text[text.index("toy: ") :].splitlines()
    (start,) = {line.index("method") for line in board if "method" in line}
    return "".join(line[start:].split("  ")[0].strip() for line in board)


@pytest.mark.parametrize("length", [10, 40, 75])
def test_no_rank_value_or_time_is_cut_at_80_columns(monkeypatch: pytest.MonkeyPatch, rows: list[Row], length: int) -> None:
    """Beside a name of 40 letters and a long status no value was shown, beside one of 75 a rank of 12 was "1…"."""
    numbers = {"value": 123456.78, "low": -1.23456e-100, "high": 1.234e17, "seconds": 1234.5678, "ratio": 1234.5}
    board = [
        replace(
            row, method="m" * length + str(k), rank=12, rank_low=12, rank_high=12, status="out-of-memory", failed=3, **numbers
        )
        for k, row in enumerate(rows)
    ]
    text = shown(monkeypatch, board, [])
    assert "…" not in text
    for number in ("12", "1.235e+05", "[-1.235e-100,", "1.234e+17]", "1235", "1.2e+03×", "out-of-memory"):
        assert text.count(f" {number} ") == 3
    assert all("m" * length + str(k) in folded_names(text) for k in range(3))


def test_the_summary_comes_first_with_a_legend(monkeypatch: pytest.MonkeyPatch, rows: list[Row]) -> None:
    text = shown(monkeypatch, rows, [judgement()])
    assert text.index("Who wins where") < text.index("95 %") < text.index("gone") < text.index("Claims")


def test_a_claim_is_one_line_and_details_say_it_all(monkeypatch: pytest.MonkeyPatch) -> None:
    statement = "MAXIMIN has at most 1.15 times the error of the semidefinite relaxation, whatever the noise is"
    one = judgement(statement, measured="error: a 0.1, b 0.2, ratio 0.5 [0.4, 0.6], n=9", ruling=Ruling.REDUCED)
    (line,) = [line for line in shown(monkeypatch, [], [one]).splitlines() if "MAXIMIN" in line]
    assert line.startswith("reduced budget")
    assert "ratio 0.5 [0.4, 0.6]" in line
    full = " ".join(shown(monkeypatch, [], [one], details=True).split())
    assert all(text in full for text in (statement, "3.7 ± 0.7", "Table 9 (stated)", "n=9", "not tested at the paper's budget"))


def test_stated_and_fitted_claims_are_counted_apart() -> None:
    ruled = [judgement(), judgement(ruling=Ruling.REDUCED), judgement(basis="fitted")]
    assert ledger.count(ruled) == (
        "2 stated by the paper: 1 reproduced, 1 not tested at the paper's budget; 1 fitted after a look at results: 1 reproduced"
    )
    assert ledger.count(ruled) in tables.claims_markdown(ruled)


HOSTILE = "\x1b[2J\u202egnp.exe"


def test_control_characters_reach_no_terminal_markdown_csv_or_latex(monkeypatch: pytest.MonkeyPatch, rows: list[Row]) -> None:
    bad = [replace(row, method=HOSTILE, machine=HOSTILE, reason=HOSTILE, note=HOSTILE, unit=HOSTILE) for row in rows]
    ruled = [judgement(HOSTILE, measured=HOSTILE)]
    for text in (
        shown(monkeypatch, bad, ruled, details=True),
        shown(monkeypatch, bad, ruled),
        tables.to_markdown(bad, ruled),
        sheet.to_csv(bad),
        to_latex(bad),
    ):
        assert "\x1b" not in text
        assert "\u202e" not in text


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t="])
def test_free_text_is_no_formula_in_csv(rows: list[Row], start: str) -> None:
    text = sheet.to_csv([replace(rows[0], method=start + "cmd()")])
    assert f"'{start}cmd()" in text


def test_dirty_failed_and_claimed_are_said_wherever_their_value_stands(monkeypatch: pytest.MonkeyPatch, rows: list[Row]) -> None:
    dirty = [replace(row, dirty=row.method == LONG) for row in rows if row.value is not None]
    assert "ok, dirty" in shown(monkeypatch, [replace(row, method=row.method[-5:]) for row in dirty], [])
    assert f"{LONG} (dirty)" in to_latex(dirty)
    lost = [replace(dirty[0], dirty=False, failed=2, status="diverged", rank=None)]
    assert f"{LONG} (diverged (2 of 10))" in to_latex(lost)
    text = "<!-- board:w* -->\n<!-- end -->"
    for row, word in ((dirty[0], "dirty"), (lost[0], "diverged (2 of 10)"), (replace(rows[0], trust="claimed"), "claimed")):
        filled = readmes.fill(text, [row, replace(rows[0], workload="w2")])
        (line,) = [line for line in filled.splitlines() if LONG in line]
        assert line.count(word) == 1


def test_latex_has_labels_bold_best_and_names_its_packages(rows: list[Row]) -> None:
    text = to_latex(rows)
    assert text.startswith("% needs \\usepackage{booktabs}")
    assert "\\label{tab:" in text
    assert f"\\textbf{{{LONG}}}" in text
    assert f"\\textbf{{{LONG}-2}}" not in text
    assert to_latex([replace(rows[0], method="50% of_x & {y}")]).count(r"50\% of\_x \& \{y\}") == 1


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex here")
def test_latex_compiles(rows: list[Row], tmp_path: Path) -> None:
    hostile = [replace(row, method=f"a_{row.method} & 50% ~ ^ \\ $ # {{}}") for row in rows]
    document = (
        f"\\documentclass{{article}}\n\\usepackage{{booktabs}}\n\\begin{{document}}\n{to_latex(hostile)}\n\\end{{document}}\n"
    )
    (tmp_path / "board.tex").write_text(document)
    ended = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "board.tex"], cwd=tmp_path, capture_output=True, check=False
    )
    assert ended.returncode == 0, ended.stdout.decode(errors="replace")[-2000:]


def test_boards_narrow_and_a_wrong_name_is_an_error_with_near_misses(rows: list[Row]) -> None:
    from optathlon.cli.boards import narrow
    from optathlon.cli.common import UsageError

    assert {row.method for row in narrow(rows, (), ("*-2",), ())} == {LONG + "-2"}
    assert narrow(rows, (), ("*-2",), ())[0].rank == 2  # among all, not among those shown
    assert {row.method for row in narrow(rows, (), (), (), 1)} == {LONG}
    with pytest.raises(UsageError, match="did you mean"):
        narrow(rows, (), (LONG + "-3",), ())


def test_a_part_of_a_board_tells_first_places_and_mean_ranks_of_the_whole(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cells = [(name, w, mean) for w in ("w", "w2") for name, mean in (("best", 1.0), ("second", 2.0), ("third", 3.0))]
    whole = judge.build(groups(tmp_path, *(runs(cell_of(name, workload=w), mean) for name, w, mean in cells)))
    part = [row for row in whole if row.method == "second"]
    text = tables.to_markdown(part, (), whole)
    assert text.count("First place: best, firm") == 2
    assert "| second | 2.00 | 0 | 2 of 2 |" in text
    assert "| best |" not in text
    one = tables.to_markdown([row for row in part if row.workload == "w"], (), whole)
    assert "| second | 2.00 | 0 | 2 of 2 |" in one  # "over all workloads"
    summary = shown(monkeypatch, part, [], whole=whole)
    assert "nobody ranked" not in summary
    assert "best *" in summary


def test_a_history_joins_no_machines_metrics_or_directions_and_draws_an_interval_that_ends_at_zero(rows: list[Row]) -> None:
    first = replace(rows[0], value=-0.5, low=-1.0, high=0.0, better="higher")
    elsewhere = replace(first, machine="there", value=7.0, low=6.0, high=8.0)
    renamed = replace(first, metric="loss", better="lower", value=3.0, low=2.0, high=4.0)
    figure = plots.history([("a" * 40, [first, elsewhere]), ("b" * 40, [first]), ("c" * 40, [renamed])])
    axes = [axis for axis in figure.axes if axis.get_lines()]
    drawn = [np.asarray(axis.get_lines()[0].get_ydata()).tolist() for axis in axes]
    assert drawn == [[-0.5, -0.5], [7.0], [3.0]]
    assert [axis.get_ylabel() for axis in axes] == ["norm (higher is better)"] * 2 + ["loss (lower is better)"]
    assert len({axis.get_title() for axis in axes}) == 3
    assert axes[0].collections[0].get_paths()[0].get_extents().intervaly == pytest.approx((-1.0, 0.0))


def test_a_picture_says_which_machine_and_how_many_methods_it_leaves_out(tmp_path: Path) -> None:
    points = ((0, 0.0, 1.0), (1, 0.1, 0.5))
    cells = (cell_of(f"m{k:02d}") for k in range(plots.LINES + 2))
    traced = groups(tmp_path, *([replace(run, trace=points) for run in runs(cell, 1.0)] for cell in cells))
    there = [g._replace(cell=replace(g.cell, environment=replace(g.cell.environment, machine="there"))) for g in traced[:1]]
    axes = [axis for axis in plots.trace([*traced, *there]).axes if axis.get_title()]
    assert [axis.get_title() for axis in axes] == ["w, here", "w, there"]
    legend = axes[0].get_legend()
    assert legend is not None
    assert legend.get_title().get_text() == "12 of 14 methods"


def test_a_picture_says_what_is_not_ranked_and_what_it_leaves_out(rows: list[Row]) -> None:
    """A method that fails now and then, and one that is only claimed, were grey points like any other."""
    board = [
        replace(rows[0], method=name, rank=1, failed=0, trust="measured", note="") for name in ("fine", "partly", "told", "gone")
    ]
    board[1] = replace(board[1], rank=None, pareto=False, status="timeout", failed=1, seeds=4)
    board[2] = replace(board[2], rank=None, pareto=False, trust="claimed")
    board[3] = replace(board[3], rank=None, pareto=False, value=None, status="crashed", failed=5, seeds=0)
    (axis,) = (axis for axis in plots.pareto(board).axes if axis.get_title())
    assert {"partly: timeout (1 of 5)", "told: claimed"} <= {text.get_text() for text in axis.texts}
    assert axis.get_xlabel() == "seconds\nnot drawn: gone: crashed (5 of 5)"


@pytest.mark.parametrize("widest", [1.4, 3.0, 22.0, 3e5])
def test_a_picture_names_several_numbers_and_none_over_another(rows: list[Row], widest: float) -> None:
    board = [
        replace(rows[0], method=name, seconds=at, workload="sigma" * 20) for name, at in (("a", 0.031), ("b", 0.031 * widest))
    ]
    figure = plots.pareto([*board, *(replace(row, workload="delta" * 20) for row in board)])
    figure.draw_without_rendering()
    first, second = (axis for axis in figure.axes if axis.get_title())
    assert first.title.get_window_extent().x1 < second.title.get_window_extent().x0
    low, high = first.get_xlim()
    ticks = (
        tick
        for which in (True, False)
        for tick in zip(first.get_xticks(minor=which), first.get_xticklabels(minor=which), strict=True)
    )
    boxes = sorted((t.get_window_extent().x0, t.get_window_extent().x1) for at, t in ticks if t.get_text() and low <= at <= high)
    assert len(boxes) >= 2
    assert all(left[1] < right[0] for left, right in pairwise(boxes))


def test_readme_tables_are_written_between_markers_and_prose_is_left_alone(rows: list[Row]) -> None:
    text = "# Suite\n\nProse | with a bar.\n\n<!-- board:w -->\nold\n<!-- end -->\n\nMore.\n"
    filled = readmes.fill(text, rows)
    assert filled.startswith("# Suite\n\nProse | with a bar.\n\n<!-- board:w -->\n")
    assert filled.endswith("<!-- end -->\n\nMore.\n")
    assert "old" not in filled
    assert f"| {LONG} |" in filled
    assert readmes.fill(filled, rows) == filled
    two = [*rows, *(replace(row, workload="w2", value=0.25) for row in rows)]
    assert "| method | w | w2 |" in readmes.fill(text.replace("board:w", "board:w*"), two)


def test_what_is_reported_and_measured_is_written_between_markers(rows: list[Row]) -> None:
    text = "# Suite\n\n<!-- claims:be* -->\nold\n<!-- end -->\n"
    better = judgement("A is better", id="better", measured="ratio .5 [.4, .6] over 5 seeds")
    judgements = [better, judgement("other", measured="nothing")]
    filled = readmes.fill(text, rows, judgements)
    assert "ratio .5" in filled
    assert "nothing" not in filled
    assert readmes.fill(filled, rows, judgements) == filled
    assert "nothing" in readmes.fill(text.replace(":be*", ""), rows, judgements)


def test_a_value_within_a_line_is_the_mean_or_the_median_seconds_of_the_board(rows: list[Row]) -> None:
    text = f"It errs by <!-- value: w {LONG} norm -->.5<!-- end --> in <!-- value: w {LONG}-2 seconds --><!-- end --> s.\n"
    filled = readmes.fill(text, rows)
    assert f"<!-- value: w {LONG} norm -->1.004<!-- end --> in <!-- value: w {LONG}-2 seconds -->0.5<!-- end --> s" in filled
    assert readmes.fill(filled, rows) == filled
    digits = [replace(row, value=0.123456) for row in rows if row.method == LONG]
    assert "errs by <!-- value: w " + LONG + " norm -->0.1235<" in readmes.fill(text, [*digits, rows[1]])


def test_a_value_comes_from_the_machine_with_most_runs_and_the_largest_scale(rows: list[Row]) -> None:
    text = f"<!-- value: w {LONG} norm -->0<!-- end -->"
    busier = [*rows, *(replace(row, machine="a", value=7.0, seeds=row.seeds + 1) for row in rows)]
    assert readmes.fill(text, busier).endswith("-->7<!-- end -->")
    larger = [*busier, replace(rows[0], machine="b", scale="medium", value=8.0)]
    assert readmes.fill(text, larger).endswith("-->8<!-- end -->")
    claimed = [*busier, replace(rows[0], machine="b", scale="medium", value=9.0, trust="claimed")]
    assert readmes.fill(text, claimed).endswith("-->7<!-- end -->")


def test_records_of_an_older_version_give_way_or_say_so(rows: list[Row]) -> None:
    text = f"<!-- board:w -->\n<!-- end -->\n\n<!-- value: w {LONG} norm -->0<!-- end -->"
    newer = [replace(row, version="10", machine="new", value=3.0) for row in rows]
    filled = readmes.fill(text, [*(replace(row, version="9") for row in rows), *newer])
    assert "here" not in filled
    assert "version" not in filled
    assert filled.endswith("-->3<!-- end -->")
    elsewhere = [replace(row, workload="other") for row in newer]
    assert "here, version 9 of the suite" in readmes.fill(text, [*(replace(row, version="9") for row in rows), *elsewhere])


@pytest.mark.parametrize(
    "text",
    [
        "<!-- value: w gone norm -->0<!-- end -->",
        "<!-- value: w no-such norm -->0<!-- end -->",
        "<!-- value: nothing gda norm -->0<!-- end -->",
        "<!-- value: w gone no-such -->0<!-- end -->",
        "<!-- value: w gone -->0<!-- end -->",
        "<!-- value: w gone norm -->0\n",
        "<!-- board:w -->\nprose\n<!-- claims -->\n<!-- end -->",
        "<!-- board:nothing -->\n<!-- end -->",
        "<!-- board:w -->\n",
        "<!-- claims -->\n",
        "<!-- claims:no-such -->\n<!-- end -->",
    ],
)
def test_a_marker_without_records_or_end_is_an_error(rows: list[Row], text: str) -> None:
    with pytest.raises(ValueError, match=r"no records of|no claim|has no <!-- end -->"):
        readmes.fill(text, rows)
