"""Where the tests of data sets find real ones, or why they are skipped."""

import os
from pathlib import Path

import pytest

REPO = Path(__file__).parents[2]
REAL = Path(os.environ.get("OPTATHLON_DATA") or REPO.parent / "shared" / "data")
needs_real = pytest.mark.skipif(not (REAL / "SHA256SUMS").exists(), reason="no folder of real data")
