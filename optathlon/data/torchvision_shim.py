"""Import torchvision also where its compiled operators do not load.

A torchvision wheel that was built for another torch (the CPU and CUDA builds of one release, for example) fails at import
because it registers shape rules for operators that its binary never defined. Data sets, transforms and classification models
need none of those operators, so their schemas are enough.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
_MISSING = "operator torchvision::nms does not exist"

# The schemas live as long as the library object.
_libraries: list[object] = []


def import_torchvision() -> ModuleType:
    """Return the module `torchvision`, with the missing operators declared if they alone prevent the import.

    Returns
    -------
    module
        The imported `torchvision`. Where the schemas were declared here, box operators (`torchvision.ops`) raise when called.

    Raises
    ------
    ImportError
        torchvision is not installed.
    RuntimeError
        torchvision is broken in another way.
    """
    try:
        return importlib.import_module("torchvision")
    except RuntimeError as error:
        if _MISSING not in str(error):
            raise
    _declare_operators()
    # The failed import left submodules behind that would otherwise be taken for complete ones.
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    return importlib.import_module("torchvision")


def _declare_operators() -> None:
    """Declare the schemas of ``torchvision::nms`` and ``torchvision::qnms``, once in a process."""
    if _libraries:
        return
    import torch

    library = torch.library.Library("torchvision", "DEF")
    for operator in ("nms", "qnms"):
        library.define(operator + _SCHEMA)
    _libraries.append(library)
