"""What the slides say of other losses and layers, of sparsity and of the number of patterns, and how records decide it."""

from __future__ import annotations

from itertools import pairwise

from optathlon.judge.claims import across, all_of, decided_on, difference_within, every_run
from optathlon.spec import Claim, Scale
from optathlon.suites.convex_networks.checks import SLIDES, never_below
from optathlon.suites.convex_networks.variants import DESCENT, PATH

EXACT = {
    "convex-classifier": ("logistic-8x2", "hinge-8x2"),
    "convex-batch-norm": ("batch-norm-*",),
    "convex-convolution": ("convolution-*",),
}


def _fewer(share: float, larger: float) -> Claim:
    return Claim(
        id=f"path-{share:g}-{larger:g}",
        source=f"{SLIDES}, sparsity of the group penalty",
        statement=f"A heavier penalty leaves fewer neurons: at {larger:g} of the vanishing beta than at {share:g}.",
        check=across(
            difference_within,
            "neurons",
            ("convex-ssnal", f"path-10x2-share{larger:g}"),
            ("convex-ssnal", f"path-10x2-share{share:g}"),
            at_most=0.0,
        ),
    )


VARIANT_CLAIMS = (
    *decided_on(
        "5 to 8 samples in the plane or of 2 patches, beta 0.1, every arrangement, 2 seeds; Adam 2000 steps at 0.03, L-BFGS "
        "1000; scale small",
        *(
            Claim(
                id=f"{name}-duality",
                source=source,
                statement=f"The network recovered from the program {what} attains its dual bound (to 1e-5).",
                reported="equality",
                check=all_of(
                    *(
                        every_run(metric, f"convex-{name}", at_most=1e-5, at_least=-1e-8, workloads=EXACT[f"convex-{name}"])
                        for metric in ("certified-gap", "objective-gap")
                    )
                ),
            )
            for name, source, what in (
                ("classifier", f"{SLIDES}, arbitrary convex loss functions", "with the logistic loss and with the hinge"),
                ("batch-norm", f"{SLIDES}, batch normalization", "with batch normalisation"),
                ("convolution", f"{SLIDES}, convolutional networks", "over patches"),
            )
        ),
        Claim(
            id="variants-never-below",
            source=f"{SLIDES}, Figure 1, for other losses and layers",
            statement="No trained classifier, normalised or convolutional network of 50 neurons ends below the convex optimum.",
            check=all_of(*(never_below(method, DESCENT, workloads) for method, workloads in EXACT.items())),
        ),
    ),
    *decided_on(
        "10 Gaussian samples in the plane with Gaussian labels, every arrangement, 12 seeds, scale small",
        *(_fewer(share, larger) for share, larger in pairwise(PATH)),
    ),
    *decided_on(
        "12 rows in 3 dimensions, 3 seeds, scale small",
        Claim(
            id="covers-number-is-exact",
            source=f"{SLIDES}, number of hyperplane arrangements",
            statement="Gaussian rows have exactly Cover's number of patterns, 2 sum over k < r of C(n - 1, k).",
            reported="at most 2 sum C(n, k)",
            check=every_run("objective-gap", "enumeration", at_least=0.0, at_most=0.0, workloads="count-12x3"),
        ),
        Claim(
            id="covers-number-is-a-bound",
            source=f"{SLIDES}, number of hyperplane arrangements",
            statement="Rows of -1, 0 and 1, which are not in general position, have no more patterns than that.",
            reported="at most 2 sum C(n, k)",
            check=every_run("objective-gap", "enumeration", at_least=0.0, workloads="count-whole-12x3"),
        ),
    ),
    *decided_on(
        "400 samples, 100 sampled arrangements, beta 2, 3 seeds, scale medium",
        Claim(
            id="sampled-classifier-global",
            source=f"{SLIDES}, Approximating the convex program, with the logistic loss",
            statement="With sampled arrangements no logistic network of 50 neurons ends below the convex one.",
            check=never_below("convex-classifier", DESCENT, ("logistic-breast-cancer",)),
            scale=Scale.MEDIUM,
        ),
    ),
)
