"""The measuring classifier of a data set: Inception Score, Frechet distance and classes covered in its terms."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.float32]


@dataclass(frozen=True)
class Marks:
    """How a set of pictures looks to the classifier.

    Attributes
    ----------
    inception_score, frechet_distance : float
        The latter to the held-out pictures.
    classes_covered : int
        Classes that are the likeliest for at least one picture in a hundred.
    """

    inception_score: float
    frechet_distance: float
    classes_covered: int


@dataclass(frozen=True)
class Judge:
    """A classifier trained on the data set, with what it says of real pictures.

    Attributes
    ----------
    classifier : baselines.gans.scores.ImageClassifier
        The classifier; the same for all seeds of a workload.
    accuracy : float
        Its share of right answers on all held-out pictures.
    features : Tensor, shape (n_samples, n_features)
        Features of the held-out pictures.
    real : float
        Inception Score of the held-out pictures.
    """

    classifier: Any
    accuracy: float
    features: Any
    real: float
    _seen: list[Any] = field(default_factory=list, repr=False)

    @classmethod
    def train(
        cls,
        images: Pixels,
        labels: NDArray[np.int64],
        held_out: Pixels,
        held_out_labels: NDArray[np.int64],
        settings: tuple[Any, ...],
        device: str,
        n_samples: int | None = None,
    ) -> Judge:
        """Train with `settings` (epochs, batch size, first rate) and look at the first `n_samples` held-out pictures."""
        import torch

        from optathlon.baselines.gans.scores import classify, inception_score, train_classifier

        n_epochs, batch_size, lr = settings
        classifier = train_classifier(
            torch.from_numpy(images).to(device),
            torch.from_numpy(labels).to(device),
            n_epochs=n_epochs,
            batch_size=batch_size,
            lr=lr,
            rng=0,  # one judge for every method and seed
        )
        probabilities, features = classify(classifier, torch.from_numpy(held_out).to(device))
        accuracy = float(np.mean(probabilities.argmax(1).cpu().numpy() == held_out_labels))
        return cls(classifier, accuracy, features[:n_samples], inception_score(probabilities[:n_samples]))

    def marks(self, pictures: Pixels) -> Marks:
        """Return how pictures look; the last answer is remembered, for several metrics ask about the same pictures."""
        if self._seen and self._seen[0] is pictures:
            return self._seen[1]
        import torch

        from optathlon.baselines.gans.scores import classes_covered, classify, frechet_distance, inception_score

        probabilities, features = classify(self.classifier, torch.from_numpy(pictures).to(self.features.device))
        marks = Marks(inception_score(probabilities), frechet_distance(features, self.features), classes_covered(probabilities))
        self._seen[:] = [pictures, marks]
        return marks
