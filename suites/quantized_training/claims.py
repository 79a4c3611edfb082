"""What chapter 4 of the thesis says happens, and how records decide it."""

from __future__ import annotations

from optathlon.judge.claims import all_of, difference_within, every_run, mean_within, ratio_within
from optathlon.spec import Claim, Scale

TEACHERS = ("teacher-4", "teacher-8", "teacher-16")
LONG = "teacher-8-long"
PROJECTIONS = "projection-*"
QUANT = ("quant-binary", "quant-ternary")
# Accuracies of Table 4.1, in per cent.
TABLE = {"float": 99.37, "quant-binary": 99.33, "quant-ternary": 99.34}


THEORY = (
    *(
        Claim(
            id=f"theorem-{number}",
            source=f"Theorem {number}",
            statement=f"{kind} weights: where the condition holds, every run visits the optimum, n = 4, 8 and 16",
            check=every_run("visited-as-promised", f"recurrence-{kind.lower()}", at_least=1.0, workloads=TEACHERS),
        )
        for number, kind in (("4.1", "Binary"), ("4.2", "Ternary"))
    ),
    *(
        Claim(
            id=f"theorem-{number}-is-necessary",
            source=f"Theorem {number}, its condition taken for necessary",
            statement=f"{kind} weights, n = 8: where the condition fails, a tenth of the runs at least never visit the optimum",
            check=mean_within("visited-without-promise", f"recurrence-{kind.lower()}", at_most=0.9, workloads="teacher-8"),
        )
        for number, kind in (("4.1", "Binary"), ("4.2", "Ternary"))
    ),
    *(
        Claim(
            id=f"never-constant-{name}",
            source=source,
            statement=f"{name.capitalize()} weights: no run stands still in the second half of its steps",
            check=every_run("constant", f"recurrence-{name}", at_most=0.0, workloads=(*TEACHERS, LONG)),
        )
        for name, source in (("binary", "Corollary 4.1"), ("ternary", "Proposition 4.1"))
    ),
    Claim(
        id="lemma-4.11",
        source="Lemma 4.11",
        statement="Ternary weights: after 200,000 steps y has the teacher's signs, and its magnitudes in the teacher's order, in "
        "every run",
        check=every_run("in-cone", "recurrence-ternary", at_least=1.0, workloads=LONG),
    ),
    Claim(
        id="lemma-4.12",
        source="Lemma 4.12",
        statement="Ternary weights: every iterate of the last half of the steps is one of the z_j, n = 4, 8 and 16",
        reported="for all but finitely many t",
        check=every_run("last-outside", "recurrence-ternary", at_most=0.5, workloads=(*TEACHERS, LONG)),
    ),
    Claim(
        id="y-turns-to-the-teacher",
        source="Section 4.3, after Lemma 4.11",
        statement="Ternary weights: after 200,000 steps the cosine of y and the teacher is .99 at least in every run",
        reported="y can only stay in a small region around w* for large t",
        basis="fitted",
        check=every_run("alignment", "recurrence-ternary", at_least=0.99, workloads=LONG),
    ),
    Claim(
        id="wrong-sign-law",
        source="Theorem 4.1, proof",
        statement="Binary weights: coordinate j has the wrong sign (1/sqrt n - |w*_j|)+ sqrt n / 2 of the time, to 0.003 of "
        "20,000 steps",
        check=every_run("law-error", "recurrence-binary", at_most=3e-3, workloads=TEACHERS),
    ),
    Claim(
        id="time-shares-as-suggested",
        source="Remark after Theorem 4.2",
        statement="Ternary weights, n = 8: the share of time at z_j is lambda_j / sum lambda to 0.02 of 200,000 steps",
        reported="lambda_j stands for the proportion of time at z_j",
        check=every_run("naive-law-error", "recurrence-ternary", at_most=0.02, workloads=LONG),
    ),
    Claim(
        id="time-shares-law",
        source="Ours, in place of the remark after Theorem 4.2",
        statement="Ternary weights: time shares are the barycentric coordinates of the projection of w* onto the hull of the "
        "quantised "
        "unit vectors, to 0.003 of 20,000 steps and to 0.0002 of 200,000",
        basis="fitted",
        check=all_of(
            every_run("law-error", "recurrence-ternary", at_most=3e-3, workloads=TEACHERS),
            every_run("law-error", "recurrence-ternary", at_most=2e-4, workloads=LONG),
        ),
    ),
    Claim(
        id="example-4.1-period",
        source="Example 4.1",
        statement="From the example's starts every run has period 3, over 3,000 steps",
        check=every_run("period-three", "recurrence-binary", at_least=1.0, workloads="example-4.1"),
    ),
    Claim(
        id="example-4.1-never-optimal",
        source="Example 4.1",
        statement="From the example's starts no run visits the optimum",
        check=every_run("visited", "recurrence-binary", at_most=0.0, workloads="example-4.1"),
    ),
    Claim(
        id="example-4.1-anywhere",
        source="Example 4.1, its starts aside",
        statement="With the example's teacher, normal starts too seldom visit the optimum: in half of the runs at most",
        check=mean_within("visited", "recurrence-binary", at_most=0.5, workloads="example-4.1-normal"),
    ),
    *(
        Claim(
            id=f"figure-4.3-{name}",
            source="Fig. 4.3",
            statement=f"{name.capitalize()} weights: {share:.0%} of the coordinates change in the last 100 of 200 steps, to 6 "
            "points "
            "(the figure is our reference's; the thesis shows eight runs)",
            basis="fitted",
            check=mean_within(
                "changing", f"recurrence-{name}", at_least=share - 0.06, at_most=share + 0.06, workloads="figure-4.3"
            ),
        )
        for name, share in (("binary", 0.59), ("ternary", 0.70))
    ),
)

PROJECTION = (
    Claim(
        id="lemma-4.7",
        source="Lemma 4.7",
        statement="The projection keeps no number below a fifth of the mean magnitude, for normal, Laplace and t3 numbers",
        check=every_run("least-kept", "project-ternary", at_least=0.2, workloads=PROJECTIONS),
    ),
    Claim(
        id="lemma-4.7-constant",
        source="Ours, in place of Lemma 4.7's 1/(5n)",
        statement="The projection keeps no number below half of the mean magnitude, for normal, Laplace and t3 numbers",
        check=every_run("least-kept", "project-ternary", at_least=0.5, workloads=PROJECTIONS),
    ),
    Claim(
        id="exact-as-the-sort",
        source="Lemma 4.4",
        statement="The projection in linear time is as near as the sort's, to 1e-9 of the squared norm",
        check=difference_within(
            "distance", "project-ternary", "project-sort", at_least=-1e-9, at_most=1e-9, workloads=PROJECTIONS
        ),
    ),
    Claim(
        id="linear-time-is-faster",
        source="Ours",
        statement="At n = 1,000,000 it takes a fifth of the sort's time at most (bound chosen after a look)",
        basis="fitted",
        check=ratio_within("projection-seconds", "project-ternary", "project-sort", at_most=0.2, workloads="projection-normal"),
    ),
    Claim(
        id="mean-rule-is-near",
        source="Li, Zhang and Liu, eq. 6",
        statement="TWN's rule is within 10 % of the least squared distance, for normal, Laplace and t3 numbers",
        check=ratio_within("distance", "project-mean-threshold", "project-ternary", at_most=1.1, workloads=PROJECTIONS),
    ),
    Claim(
        id="zeros-help",
        source="Section 4.1.4",
        statement="Ternary weights are at most two thirds as far as binary ones, for normal numbers",
        check=ratio_within("distance", "project-ternary", "project-binary", at_most=2 / 3, workloads="projection-normal"),
    ),
)


LESS = {  # what the runs have less of than the thesis; the digits stand in for its data, and say so
    "digits": "",
    "mnist": "3 epochs instead of 50",
    "vgg11-quarter": "8 epochs of 5,000 pictures instead of 200 of 50,000",
}


def _accuracy(method: str, workload: str, scale: Scale, reduced: str) -> Claim:
    return Claim(
        id=f"table-4.1-{method}-{workload}",
        source="Table 4.1",
        statement=f"LeNet-5 on MNIST by {method}: accuracy within 0.1 points of {TABLE[method]} %",
        reported=f"{TABLE[method]} %",
        reduced=reduced,
        check=mean_within(
            "test-error", method, at_least=0.999 - TABLE[method] / 100, at_most=1.001 - TABLE[method] / 100, workloads=workload
        ),
        scale=scale,
    )


NETWORKS = (
    *(_accuracy(method, "mnist", Scale.MEDIUM, LESS["mnist"]) for method in TABLE),
    *(_accuracy(method, "mnist-50", Scale.PAPER, "") for method in TABLE),
    Claim(
        id="lenet-levels",
        source="Table 4.1",
        statement="After 3 epochs QUANT with binary and with ternary weights errs on at most 1.2 % of MNIST (level of our "
        "reference)",
        basis="fitted",
        reduced=LESS["mnist"],
        check=all_of(*(mean_within("test-error", method, at_most=0.012, workloads="mnist") for method in QUANT)),
        scale=Scale.MEDIUM,
    ),
    *(
        Claim(
            id=f"{method}-costs-little-{workload}",
            source="Table 4.1",
            statement=f"{method} errs at most {points} points more than the float network, on {workload}",
            reported="0.04 and 0.03 points on MNIST",
            reduced=LESS[workload],
            basis="fitted",
            check=difference_within("test-error", method, "float", at_most=points / 100, workloads=workload),
            scale=scale,
        )
        for method in QUANT
        for workload, points, scale in (("digits", 2, Scale.SMALL), ("mnist", 0.5, Scale.MEDIUM))
    ),
    *(
        Claim(
            id=f"losses-in-order-{workload}",
            source="Table 4.1, on the training loss, which separates what accuracy does not",
            statement=f"The training loss orders float before ternary before binary weights, on {workload}",
            reported="accuracy 92.33 > 90.86 > 89.42 (ResNet-20)",
            reduced=LESS[workload],
            check=all_of(
                difference_within("train-loss", "float", "quant-ternary", at_most=0.0, workloads=workload),
                difference_within("train-loss", "quant-ternary", "quant-binary", at_most=0.0, workloads=workload),
            ),
            scale=scale,
        )
        for workload, scale in (("digits", Scale.SMALL), ("mnist", Scale.MEDIUM), ("vgg11-quarter", Scale.MEDIUM))
    ),
    Claim(
        id="vgg11-accuracy",
        source="Table 4.1",
        statement="VGG-11 at a quarter of its width is right in 44 % at least with float, 41 % with QUANT, in every run "
        "(levels of our reference)",
        reported="92.15 % for float",
        reduced=LESS["vgg11-quarter"],
        basis="fitted",
        check=all_of(
            every_run("test-error", "float", at_most=0.56, workloads="vgg11-quarter"),
            *(every_run("test-error", method, at_most=0.59, workloads="vgg11-quarter") for method in QUANT),
        ),
        scale=Scale.MEDIUM,
    ),
    Claim(
        id="vgg11-loss",
        source="Table 4.1, on the training loss",
        statement="Quantised weights and activations raise VGG-11's training loss by .04 at least, quarter width, 8 epochs (our "
        "reference: .09 to .18)",
        reduced=LESS["vgg11-quarter"],
        basis="fitted",
        check=all_of(
            *(difference_within("train-loss", method, "float", at_least=0.04, workloads="vgg11-quarter") for method in QUANT)
        ),
        scale=Scale.MEDIUM,
    ),
    *(
        Claim(
            id=f"resnet20-bounded-{estimator}",
            source="Fig. 3.5, with quantised weights",
            statement=f"ResNet-20 with QUANT and the estimator {estimator}: the norm of the weights is 25 at most after 4 epochs",
            reported="bounded during the training",
            reduced="4 epochs of 5,000 pictures instead of 200 of 50,000",
            basis="fitted",
            check=all_of(*(every_run("norm", method, at_most=25.0, workloads=f"resnet20-{estimator}") for method in QUANT)),
            scale=Scale.MEDIUM,
        )
        for estimator in ("relu", "clipped-relu")
    ),
    *(
        Claim(
            id=f"signs-oscillate-{method}",
            source="Figs. 4.4 and 4.5",
            statement=f"{method} at a constant rate: a tenth of the first convolution's signs at least still change in the last "
            "200 steps, "
            "while the training loss falls by less than 15 % an epoch",
            reported="signs oscillate while the loss no longer drops",
            reduced="6 epochs on 20,000 images instead of 50 on 60,000",
            basis="fitted",
            check=all_of(
                mean_within("changing-signs", method, at_least=0.1, workloads="mnist-constant-rate"),
                mean_within("late-decay", method, at_least=0.85, workloads="mnist-constant-rate"),
            ),
            scale=Scale.MEDIUM,
        )
        for method in QUANT
    ),
    *(
        Claim(
            id=f"{ours}-against-{rival}",
            source="Section 4.4, a rival beside it",
            statement=f"{ours} ends with no higher training loss than {rival}, on digits",
            check=difference_within("train-loss", ours, rival, at_most=0.0, workloads="digits"),
        )
        for ours, rival in (
            ("quant-binary", "binary-connect"),
            ("quant-binary", "straight-through"),
            ("quant-binary", "binary-relax"),
            ("quant-ternary", "mean-threshold"),
            ("quant-ternary", "ternary-relax"),
        )
    ),
)

CLAIMS = (*THEORY, *PROJECTION, *NETWORKS)
