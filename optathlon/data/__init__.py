"""Data sets by name and checksum: embedded ones, and real ones from a data folder or a download.

`load` returns verified arrays and raises `NeedsData` with the command that gets them; only `fetch` uses the network.
"""

from optathlon.data.access import (
    Row,
    cache_folder,
    checksum,
    dataset,
    fetch,
    find,
    load,
    needs_data,
    register,
    rows,
    verify,
)
from optathlon.data.catalogue import DATASETS, DataFile, DataSet
from optathlon.data.download import FetchFailed
from optathlon.data.formats import CorruptData
from optathlon.data.torchvision_shim import import_torchvision

__all__ = [
    "DATASETS", "CorruptData", "DataFile", "DataSet", "FetchFailed", "Row", "cache_folder", "checksum", "dataset", "fetch",
    "find", "import_torchvision", "load", "needs_data", "register", "rows", "verify",
]  # fmt: skip
