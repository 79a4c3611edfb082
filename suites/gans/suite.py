"""The declaration of the GAN suite."""

from __future__ import annotations

from optathlon.spec import Scale, Suite, Workload
from optathlon.suites.gans.claims import CLAIMS
from optathlon.suites.gans.exhibits import exhibit
from optathlon.suites.gans.methods import GAME_METHODS, GAN_METHODS, METHODS, PAPER, THEORY_METHODS
from optathlon.suites.gans.metrics import METRICS
from optathlon.suites.gans.problem import Training, bilinear, digits, grid, mnist, quadratic, ring, scored_on_imagenet, spectra

GAMES = tuple(method.name for method in GAME_METHODS)
THEORY = tuple(method.name for method in THEORY_METHODS)
LIMITING = tuple(name for name in THEORY if name.endswith("-limiting") or "wide-argument" in name)
ENDS = ("real-images", "uniform-noise")
TABLE_1 = ("adam", "oadam", "adam-nm", "sgd", "sgd-nm")
ADAMS = ("adam", "oadam", "adam-nm")
RIVALS = ("extra-adam", "lookahead-adam", "adam-r1")
RATES = ("0.3", "3", "10")


def _at_all_rates(*names: str) -> tuple[str, ...]:
    return (*names, *(f"{name}-x{factor}" for name in names for factor in RATES))


# Reduced protocol: rates and budgets at which two cores see the differences. Published: the report's rates and 200 epochs.
REDUCED_RATES = {"adam": 5e-4, "sgd": 1e-2, "consensus": 5e-4}
RING_RATES = {"adam": 2e-3, "sgd": 1e-2, "consensus": 2e-3}
PAPER_RATES = {"adam": 2e-4, "sgd": 1e-3, "consensus": 1e-3}
PAPER_WGAN_RATES = {"adam": 5e-5, "sgd": 1e-3, "consensus": 1e-3}
EPOCH = 60_000 // 64 + 1

POINTS = Training(
    n_steps=2500, rates=RING_RATES, batch_size=128, latent=16, generator=(128, 128), discriminator=(128, 128), slope=0.0
)
POINTS_SMALL = POINTS._replace(
    n_steps=1500,
    rates={**RING_RATES, "adam": 4e-3, "consensus": 4e-3},
    batch_size=64,
    latent=4,
    generator=(64, 64),
    discriminator=(64, 64),
)
DIGITS = Training(n_steps=600, rates=REDUCED_RATES, latent=32, generator=(64, 128), discriminator=(128, 64))
MLP_14 = Training(n_steps=2000, rates=REDUCED_RATES)
DCGAN_14 = Training(
    n_steps=600, rates={**REDUCED_RATES, "consensus": 1e-3}, generator=(16,), discriminator=(16,), convolutional=True
)
WGAN_14 = MLP_14._replace(n_steps=800, rates={**REDUCED_RATES, "adam": 1e-3}, loss="wasserstein", n_critic=5, clip=0.03)
WGAN_GP_14 = WGAN_14._replace(n_steps=1000, n_critic=2, clip=None, gradient_penalty=10.0)
MLP_28 = Training(
    n_steps=200 * EPOCH,
    rates=PAPER_RATES,
    latent=100,
    generator=(128, 256, 512, 1024),
    discriminator=(512, 256),
    batch_norm=True,
)
DCGAN_28 = MLP_28._replace(generator=(64,), discriminator=(64,), convolutional=True, batch_norm=False)
WGAN_28 = MLP_28._replace(rates=PAPER_WGAN_RATES, loss="wasserstein", n_critic=5, clip=0.01)
WGAN_GP_28 = WGAN_28._replace(clip=None, gradient_penalty=10.0)

JUDGE_14 = (20_000, 3, 128, 4e-3)
JUDGE_28 = (60_000, 2, 64, 2e-3)

SMOKE = (
    Workload(
        name="bilinear-smoke",
        make=bilinear(40),
        scale=Scale.SMOKE,
        seeds=1,
        methods=GAMES,
        exact=True,
        description="min max xy, 40 iterations",
    ),
    Workload(
        name="theory-smoke",
        make=spectra(4),
        scale=Scale.SMOKE,
        seeds=1,
        methods=THEORY,
        description="statements of sections 3 to 5 tried on 4 random local games",
    ),
    Workload(
        name="ring-smoke",
        make=ring(POINTS._replace(n_steps=8, generator=(16, 16), discriminator=(16, 16))),
        scale=Scale.SMOKE,
        seeds=1,
        methods=tuple(method.name for method in GAN_METHODS),
        description="ring of 8 Gaussians, 8 steps",
    ),
    Workload(
        name="digits-smoke",
        make=digits(DIGITS._replace(n_steps=8), judging=(1, 64, 4e-3)),
        scale=Scale.SMOKE,
        seeds=1,
        data=("digits",),
        methods=("adam", *ENDS),
        description="vanilla GAN on 8 x 8 digits, 8 steps",
    ),
)

SMALL = (
    Workload(
        name="bilinear",
        make=bilinear(1000),
        scale=Scale.SMALL,
        seeds=1,
        methods=GAMES,
        exact=True,
        target=1e-6,
        description="min over x, max over y of xy from (1, 1), 1000 iterations",
    ),
    Workload(
        name="quadratic",
        make=quadratic(5, 200),
        scale=Scale.SMALL,
        methods=GAMES,
        target=1e-6,
        description="random games of 5 + 5 variables, interaction above curvature, 200 iterations",
    ),
    Workload(
        name="theory",
        make=spectra(1000),
        scale=Scale.SMALL,
        seeds=3,
        budget=300.0,
        methods=tuple(name for name in THEORY if name not in LIMITING),
        description="statements of sections 3 to 5 tried on 1000 random local games",
    ),
    Workload(
        name="theory-limiting",
        make=spectra(500),
        scale=Scale.SMALL,
        seeds=3,
        budget=300.0,
        methods=LIMITING,
        description="statements of section 4 on limiting eigenvalues tried on 500 random local games",
    ),
    Workload(
        name="ring-small",
        make=ring(POINTS_SMALL),
        scale=Scale.SMALL,
        seeds=3,
        budget=300.0,
        methods=("sgd", "sgd-nm", "adam-simultaneous", "consensus-0.1"),
        description="ring of 8 Gaussians (radius 2, sd .05), 64-64 networks, 1500 steps",
    ),
    Workload(
        name="digits-gan",
        make=digits(DIGITS),
        scale=Scale.SMALL,
        seeds=3,
        budget=300.0,
        metric="inception-score",
        data=("digits",),
        methods=(*ADAMS, "adam-x3", "sgd", "real-images"),
        description="vanilla GAN on scikit-learn's 8 x 8 digits, 600 steps",
    ),
)

MEDIUM = (
    Workload(
        name="ring-8",
        make=ring(POINTS),
        scale=Scale.MEDIUM,
        budget=600.0,
        methods=("adam", "adam-simultaneous", "consensus-0.1", "symplectic-1", *_at_all_rates(*RIVALS)),
        description="ring of 8 Gaussians (radius 2, sd .05), 128-128 networks, 2500 steps",
    ),
    Workload(
        name="grid-25",
        make=grid(POINTS),
        scale=Scale.MEDIUM,
        budget=600.0,
        methods=("adam", "adam-nm", "consensus-0.1", "symplectic-1", *RIVALS),
        description="5 x 5 grid of Gaussians (spacing 1, sd .05), 2500 steps",
    ),
    Workload(
        name="mnist14-gan",
        make=mnist(MLP_14, 14, 10_000, 2_500, JUDGE_14),
        scale=Scale.MEDIUM,
        budget=600.0,
        metric="inception-score",
        data=("mnist",),
        methods=(*_at_all_rates(*TABLE_1, "consensus-0.01", *RIVALS), *ENDS),
        description="vanilla GAN on 10,000 MNIST pictures at 14 x 14, 2000 steps",
    ),
    Workload(
        name="mnist28-imagenet",
        make=scored_on_imagenet(mnist(MLP_28, 28, 10_000, 2_500, JUDGE_14)),
        scale=Scale.MEDIUM,
        budget=3600.0,
        seeds=1,
        metric="imagenet-inception-score",
        data=("mnist",),
        methods=ENDS,
        description="the published score of real MNIST and of noise: the ends of Tables 1 and 2 on ImageNet's classes",
    ),
    Workload(
        name="mnist14-dcgan",
        make=mnist(DCGAN_14, 14, 10_000, 2_500, JUDGE_14),
        scale=Scale.MEDIUM,
        budget=600.0,
        metric="inception-score",
        data=("mnist",),
        methods=(*_at_all_rates(*TABLE_1), "consensus-0.01"),
        description="DCGAN on 10,000 MNIST pictures at 14 x 14, 600 steps",
    ),
    Workload(
        name="mnist14-wgan",
        make=mnist(WGAN_14, 14, 10_000, 2_500, JUDGE_14),
        scale=Scale.MEDIUM,
        budget=600.0,
        metric="inception-score",
        data=("mnist",),
        methods=_at_all_rates(*TABLE_1),
        description="WGAN with clipping on 10,000 MNIST pictures at 14 x 14, 800 steps",
    ),
    Workload(
        name="mnist14-wgan-gp",
        make=mnist(WGAN_GP_14, 14, 10_000, 2_500, JUDGE_14),
        scale=Scale.MEDIUM,
        budget=600.0,
        metric="inception-score",
        data=("mnist",),
        methods=_at_all_rates(*ADAMS),
        description="WGAN with gradient penalty on 10,000 MNIST pictures at 14 x 14, 1000 steps",
    ),
)

HOURS = 3600.0
FULL = ("mnist",)


def _published(name: str, training: Training, methods: tuple[str, ...], description: str) -> Workload:
    return Workload(
        name=name,
        make=mnist(training, 28, 60_000, 10_000, JUDGE_28),
        scale=Scale.PAPER,
        seeds=3,
        budget=12 * HOURS,
        metric="inception-score",
        data=FULL,
        methods=methods,
        description=description,
    )


PUBLISHED = (
    _published(
        "mnist28-gan",
        MLP_28,
        (*_at_all_rates(*TABLE_1, "consensus-0.01"), *ENDS),
        "vanilla GAN on MNIST, 200 epochs at the report's rates",
    ),
    _published("mnist28-dcgan", DCGAN_28, TABLE_1, "DCGAN on MNIST, 200 epochs at the report's rates"),
    _published("mnist28-wgan", WGAN_28, TABLE_1, "WGAN with clipping on MNIST, 200 epochs at the report's rates"),
    _published("mnist28-wgan-gp", WGAN_GP_28, ("adam", "oadam", "adam-nm"), "WGAN with gradient penalty on MNIST, 200 epochs"),
    _published(
        "mnist28-dcgan-100",
        DCGAN_28._replace(n_steps=100 * EPOCH),
        ("adam", "consensus-0.01"),
        "DCGAN on MNIST, 100 epochs: early stopping at 50 and the end (Table 2)",
    ),
)

SUITE = Suite(
    name="gans",
    version="2",
    title="Two-player games and GANs: optimism, negative momentum, consensus",
    source=PAPER,
    workloads=(*SMOKE, *SMALL, *MEDIUM, *PUBLISHED),
    methods=METHODS,
    metrics=METRICS,
    claims=CLAIMS,
    reference_method="adam",
    exhibit=exhibit,
)
