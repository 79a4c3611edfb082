"""The ImageNet score of the GAN suite: absent weights are said to be absent, and a file of weights is really loaded and used."""

import numpy as np
import pytest

from optathlon.measure import run_cell
from optathlon.spec import NeedsData, Status
from optathlon.suites.gans import imagenet
from optathlon.suites.gans.suite import SUITE


@pytest.fixture(autouse=True)
def empty_torch_home(tmp_path, monkeypatch):
    import torch

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    return tmp_path


def test_absent_weights_are_needed_data():
    with pytest.raises(NeedsData, match=imagenet.WEIGHTS):
        imagenet.imagenet_score(np.zeros((4, 1, 28, 28), np.float32))


def test_a_cell_that_is_ranked_by_the_score_needs_the_weights():
    record = run_cell(SUITE, SUITE.workload("mnist28-imagenet"), SUITE.method("real-images"), "cpu", 0)
    assert record.status is Status.NEEDS_DATA
    assert imagenet.WEIGHTS in record.reason


@pytest.mark.slow
def test_weights_in_the_cache_are_loaded_and_scored(empty_torch_home, monkeypatch):
    import torch

    from optathlon.data import import_torchvision

    torchvision = import_torchvision()  # before torchmetrics, which imports it too
    pytest.importorskip("torchmetrics")
    monkeypatch.setattr(imagenet, "BATCH", 3)
    network = torchvision.models.inception_v3(weights=None, init_weights=False, transform_input=True)
    with torch.no_grad():  # an answer that depends on the picture: the head reads the mean of its features
        network.fc.weight.fill_(0.5)
        network.fc.bias.zero_()
        network.fc.weight[0] = -0.5
    folder = empty_torch_home / "checkpoints"
    folder.mkdir()
    torch.save(network.state_dict(), folder / imagenet.WEIGHTS)
    same = np.zeros((6, 1, 28, 28), np.float32)
    assert imagenet.imagenet_score(same) == pytest.approx(1.0, abs=1e-4)
    mixed = np.random.default_rng(0).uniform(-1, 1, (6, 1, 28, 28)).astype(np.float32)
    mixed[:3] = -1
    score = imagenet.imagenet_score(mixed)
    assert np.isfinite(score)
    assert score >= 1 - 1e-6
