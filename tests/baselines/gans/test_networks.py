"""Networks of sizes that numpy counted, and what is refused as a size."""

import numpy as np
import pytest
import torch

from optathlon.baselines.gans.networks import (
    dcgan_discriminator,
    dcgan_generator,
    mlp_discriminator,
    mlp_generator,
    sample_images,
)


@pytest.mark.parametrize("integer", [int, np.int64, np.uint8])
def test_sizes_may_be_numpys_integers(integer):
    size, latent, width = integer(9), integer(4), integer(200)  # doubled, the width is more than a byte holds
    shape = (integer(1), size, size)
    for generator, discriminator in (
        (mlp_generator(shape, latent=latent, widths=[width]), mlp_discriminator(shape, widths=[width])),
        (dcgan_generator(size, latent=latent, channels=width), dcgan_discriminator(size, channels=width)),
    ):
        images = sample_images(generator, integer(5), latent=latent, rng=torch.Generator().manual_seed(0), batch=integer(2))
        assert images.shape == (5, 1, 9, 9)
        assert discriminator(images).shape == (5,)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: mlp_generator((2,), widths=(True,)), "widths must be an integer >= 1, got True"),
        (lambda: mlp_generator((2,), latent=4.0), r"latent must be an integer >= 1, got 4\.0"),
        (lambda: dcgan_generator(np.int64(7)), "size must be an integer >= 8"),
        (lambda: sample_images(mlp_generator((2,)), 3, latent=64, rng=torch.Generator(), batch=0), "batch must be an integer"),
    ],
)
def test_other_sizes_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
