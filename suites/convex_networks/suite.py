"""The declaration of the convex-networks suite."""

from __future__ import annotations

from optathlon.spec import Scale, Suite, Workload
from optathlon.suites.convex_networks import instances
from optathlon.suites.convex_networks.claims import CLAIMS
from optathlon.suites.convex_networks.deep import DEEP_WORKLOADS
from optathlon.suites.convex_networks.methods import METHODS
from optathlon.suites.convex_networks.metrics import METRICS
from optathlon.suites.convex_networks.variants import VARIANT_WORKLOADS

DESCENT = ("sgd-8", "sgd-50", "adam-8", "adam-50", "lbfgs-8", "lbfgs-50")
RELU = ("convex-ssnal", "convex-pooled", *DESCENT)
EVERY_RELU = (*RELU, "convex-enumerated", "convex-admm", "convex-clarabel", "convex-scs", "adam-50-*")
WIDE = ("sgd-50", "adam-50", "lbfgs-50")
ADAPTIVE = ("adagrad-50", "rmsprop-50")
CLASSIFIERS = ("convex-ssnal", "convex-pooled", *WIDE)
SUBNETWORKS = ("convex-three-layer", "sgd-k*", "adam-k*")
LINEAR = ("convex-duality", "sgd-linear", "adam-linear")

SMOKE = (
    Workload(
        name="smoke-relu",
        make=instances.exact_toy("line", 0.1),
        scale=Scale.SMOKE,
        seeds=1,
        budget=30.0,
        target=1e-2,
        methods=(*EVERY_RELU, *ADAPTIVE),
        description="five points on a line",
    ),
    Workload(
        name="smoke-sampled",
        make=instances.planted_relu(20, 4, 0.5, 10),
        scale=Scale.SMOKE,
        seeds=1,
        budget=30.0,
        target=1e-2,
        methods=("convex-sampled",),
        description="20 samples in 4 dimensions, 10 sampled arrangements",
    ),
    Workload(
        name="smoke-vector",
        make=instances.vector_toy(2, 0.1),
        scale=Scale.SMOKE,
        seeds=1,
        budget=30.0,
        target=1e-2,
        methods=("convex-vector",),
        description="two outputs",
    ),
    Workload(
        name="smoke-polynomial",
        make=instances.planted_polynomial(30, 4, 1.0, instances.RELU_POLYNOMIAL),
        scale=Scale.SMOKE,
        seeds=1,
        budget=30.0,
        target=1e-2,
        methods=("convex-lifted",),
        description="polynomial activation, 30 samples",
    ),
    Workload(
        name="smoke-three-layer",
        make=instances.three_layer_toy(0, 0.02),
        scale=Scale.SMOKE,
        seeds=1,
        budget=30.0,
        target=1e-2,
        methods=SUBNETWORKS,
        description="five samples in the plane",
    ),
    Workload(
        name="smoke-linear",
        make=instances.linear(15, 4, 3, 3, 0.05),
        scale=Scale.SMOKE,
        seeds=1,
        budget=30.0,
        target=1e-2,
        methods=LINEAR,
        description="three linear layers",
    ),
    Workload(
        name="smoke-frank-wolfe",
        make=instances.planted_variation(8, 10, 1.0),
        scale=Scale.SMOKE,
        seeds=1,
        budget=30.0,
        methods=("frank-wolfe*",),
        description="eight samples in ten dimensions",
    ),
    Workload(
        name="smoke-moon",
        make=instances.double_moon(20, 1.0),
        scale=Scale.SMOKE,
        seeds=1,
        budget=30.0,
        methods=("convexnn-*",),
        description="twenty points",
    ),
    Workload(
        name="smoke-neuron",
        make=instances.planted_neurons(8, 10, 1),
        scale=Scale.SMOKE,
        seeds=1,
        budget=30.0,
        methods=("neuron-*",),
        description="one planted neuron",
    ),
    Workload(
        name="smoke-moments",
        make=instances.digit_moments(0.1),
        scale=Scale.SMOKE,
        seeds=1,
        budget=30.0,
        data=("digits",),
        methods=("singular-value-thresholding",),
        exact=True,
        description="second moments of the digits",
    ),
)

TOYS = (
    *(
        Workload(
            name=f"toy-{name}-beta{beta}",
            make=instances.exact_toy(name, beta),
            scale=Scale.SMALL,
            seeds=seeds,
            budget=30.0,
            target=1e-2,
            methods=methods,
            description=f"{what}, beta {beta}, every arrangement enumerated (slides, Figure 1)",
        )
        for name, what in (
            ("line", "5 points on a line with bias"),
            ("slides", "the slides' 3 samples in the plane"),
            ("gauss-8x2", "8 Gaussian samples in the plane"),
        )
        # Several initialisations where descent converges; every solver where it hardly does.
        for beta, seeds, methods in (
            (0.001, 2, EVERY_RELU),
            (0.1, 3, ("convex-ssnal", "convex-enumerated", *DESCENT[:-2], "lbfgs-50")),
        )
    ),
    Workload(
        name="starts-line-beta0.1",
        make=instances.exact_toy("line", 0.1),
        scale=Scale.SMALL,
        seeds=36,  # as many as prove a probability of nine tenths
        budget=30.0,
        target=1e-2,
        methods=("sgd-8", "sgd-50", "adam-50"),
        description="5 points on a line with bias, beta 0.1: 36 initialisations (slides, Figure 1)",
    ),
)

PLANTED = tuple(
    Workload(
        name=f"planted-100x10-beta{beta:g}",
        make=instances.planted_relu(100, 10, beta, 200),
        scale=Scale.SMALL,
        seeds=2,
        budget=60.0,
        target=0.0,
        methods=RELU,
        description=f"5 planted neurons, 100 samples, 10 features, beta {beta:g}, 200 sampled arrangements",
    )
    for beta in (0.1, 2.0)
)

EMBEDDED = (
    Workload(
        name="breast-cancer",
        make=instances.breast_cancer(400, 2.0, 200),
        scale=Scale.MEDIUM,
        seeds=3,
        budget=60.0,
        target=0.0,
        data=("breast_cancer",),
        methods=CLASSIFIERS,
        description="400 training and 169 test samples, 30 features and bias, beta 2, 200 sampled arrangements",
    ),
)

OTHER_NETWORKS = (
    *(
        Workload(
            name=f"{name}-100x10-beta{beta:g}",
            make=instances.planted_polynomial(100, 10, beta, coefficients),
            scale=Scale.SMALL,
            seeds=2,
            budget=60.0,
            target=1e-2,
            methods=("convex-lifted", *WIDE),
            description=f"{name} activation, 10 planted neurons, 100 samples, 10 features, beta {beta:g}",
        )
        for name, coefficients in (("quadratic", instances.QUADRATIC), ("polynomial", instances.RELU_POLYNOMIAL))
        for beta in (0.01, 1.0)
    ),
    Workload(
        name="vector-8x2",
        make=instances.vector_toy(3, 0.1),
        scale=Scale.SMALL,
        seeds=3,
        budget=60.0,
        target=1e-2,
        methods=("convex-vector", *WIDE),
        description="3 outputs, 8 samples in the plane, beta 0.1, every arrangement enumerated",
    ),
    Workload(
        name="three-layer-0",
        make=instances.three_layer_toy(0, 0.02),
        scale=Scale.MEDIUM,
        seeds=36,  # as many as prove a probability of nine tenths
        budget=60.0,
        target=1e-2,
        methods=("convex-three-layer", "sgd-k2", "sgd-k15", "adam-k*"),
        description="parallel three-layer networks, 5 samples in the plane, beta 0.02",
    ),
    *(
        Workload(
            name=f"linear-depth{depth}-share{share:g}",
            make=instances.linear(30, 6, 5, depth, share),
            scale=Scale.SMALL,
            seeds=2,
            budget=60.0,
            target=1e-2,
            methods=LINEAR,
            description=f"{depth} linear layers, 5 outputs, beta {share:g} of its largest useful value for two layers",
        )
        for depth, share in ((2, 0.1), (3, 0.01), (3, 0.1), (4, 0.1))
    ),
)

ALGORITHMS = (
    Workload(
        name="frank-wolfe-20x25-delta1",
        make=instances.planted_variation(20, 25, 1.0),
        scale=Scale.SMALL,
        seeds=2,
        budget=60.0,
        target=1e-2,
        methods=("frank-wolfe", "frank-wolfe-line-search"),
        description="10 planted neurons, 20 samples in 25 dimensions, delta the planted norm",
    ),
    Workload(
        name="frank-wolfe-25x20-delta1",
        make=instances.planted_variation(25, 20, 1.0),
        scale=Scale.SMALL,
        seeds=2,
        budget=60.0,
        target=1e-2,
        methods=("frank-wolfe", "frank-wolfe-stochastic"),
        description="10 planted neurons, 25 samples in 20 dimensions, delta the planted norm",
    ),
    *(
        Workload(
            name=f"neurons-{n}x{d}-m{m}",
            make=instances.planted_neurons(n, d, m),
            scale=Scale.SMALL,
            seeds=72,  # as many as prove a probability of .95
            budget=60.0,
            methods=("neuron-*",),
            description=f"{m} planted neurons without noise, {n} samples in {d} dimensions",
        )
        for n, d, m in ((10, 50, 1), (100, 20, 1))
    ),
    *(
        Workload(
            name=f"moments-share{share:g}",
            make=instances.digit_moments(share),
            scale=Scale.SMALL,
            seeds=1,
            budget=60.0,
            data=("digits",),
            methods=("singular-value-thresholding",),
            exact=True,
            description=f"convex Wasserstein GAN on the digits at 4 x 4, beta {share:g} of the largest eigenvalue",
        )
        for share in (0.001, 0.1)
    ),
)

MEDIUM = (
    Workload(
        name="digits-odd",
        make=instances.digits(400, 0.5, 100),
        scale=Scale.MEDIUM,
        seeds=3,
        budget=60.0,
        target=0.0,
        data=("digits",),
        methods=(*CLASSIFIERS, "convex-sampled", *ADAPTIVE),
        description="odd or even, 400 training and 1397 test samples, 64 pixels and bias, beta 0.5, 100 sampled arrangements",
    ),
    Workload(
        name="double-moon",
        make=instances.double_moon(100, 2.0),
        scale=Scale.MEDIUM,
        seeds=8,
        budget=60.0,
        target=1e-2,
        methods=("convexnn-*",),
        description="100 training and 2000 test points, noise 0.2, penalty 2",
    ),
    Workload(
        name="ecg-2000",
        make=instances.ecg(2000, 1000, 1.0, 100),
        scale=Scale.MEDIUM,
        seeds=3,
        budget=300.0,
        target=0.0,
        data=("ecg",),
        methods=(*RELU, "convex-sampled", *ADAPTIVE),
        description="next sample of an electrocardiogram from 15, 2000 training and 1000 test windows, beta 1",
    ),
    Workload(
        name="mnist-odd-2000",
        make=instances.images("mnist", (1, 3, 5, 7, 9), 4, 0.5, 100, n_train=2000),
        scale=Scale.MEDIUM,
        seeds=2,
        budget=600.0,
        target=0.0,
        data=("mnist",),
        methods=RELU,
        description="MNIST odd or even, 7 x 7 block means, 2000 training and 5000 test images, beta 0.5",
    ),
    Workload(
        name="cifar-animals-2000",
        make=instances.images("cifar10_subset", (2, 3, 4, 5, 6, 7), 8, 0.5, 100, n_train=2000),
        scale=Scale.MEDIUM,
        seeds=2,
        budget=600.0,
        target=0.0,
        data=("cifar10_subset",),
        methods=RELU,
        description="CIFAR-10 animals or vehicles, 4 x 4 block means in 3 colours, 2000 training and 870 test images, beta 0.5",
    ),
)

PAPER = (
    Workload(
        name="ecg-20000",
        make=instances.ecg(20_000, 10_000, 1.0, 500),
        scale=Scale.PAPER,
        seeds=3,
        budget=7200.0,
        target=0.0,
        data=("ecg",),
        methods=(*RELU, "convex-sampled", *ADAPTIVE),
        description="next sample of an electrocardiogram from 15, 20000 training windows, 500 sampled arrangements",
    ),
    Workload(
        name="mnist-odd",
        make=instances.images("mnist", (1, 3, 5, 7, 9), 1, 0.5, 50, n_train=None, certify=False),
        scale=Scale.PAPER,
        seeds=1,
        budget=86_400.0,
        memory=64 * 2**30,
        data=("mnist",),
        methods=("convex-ssnal", "convex-admm", *WIDE),
        description="MNIST odd or even, all 60000 images of 28 x 28 pixels",
    ),
    Workload(
        name="cifar-animals",
        make=instances.images("cifar10_subset", (2, 3, 4, 5, 6, 7), 4, 0.5, 200, n_train=None),
        scale=Scale.PAPER,
        seeds=3,
        budget=86_400.0,
        memory=32 * 2**30,
        data=("cifar10_subset",),
        methods=RELU,
        description="CIFAR-10 animals or vehicles, 8 x 8 block means in 3 colours, 5000 images",
    ),
)

SUITE = Suite(
    name="convex_networks",
    version="3",
    title="Convex networks: global optima with certificates, against SGD and Adam",
    source="M. Pilanci, Convex optimization for neural networks; D. H. Lina and Y. Yang, Literature review for neural"
    " network training and convex optimization",
    workloads=(
        *SMOKE,
        *TOYS,
        *PLANTED,
        *EMBEDDED,
        *OTHER_NETWORKS,
        *ALGORITHMS,
        *VARIANT_WORKLOADS,
        *DEEP_WORKLOADS,
        *MEDIUM,
        *PAPER,
    ),
    methods=METHODS,
    metrics=METRICS,
    claims=CLAIMS,
    reference_method="convex-ssnal",
)
