"""Describe this machine to asv under the stable name that the records carry: ``python -m optathlon.asv_machine``.

asv names a machine after its host, which changes with every container, and knows no GPU. This writes an entry with all of asv's
fields and the GPU's model into asv's own file (``~/.asv-machine.json``), and prints the name for ``asv run --machine``.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from optathlon.asv.adapter import gpu
from optathlon.measure import environment

_FILE = ".asv-machine.json"


def register(home: Path | None = None) -> str:
    """Write the entry of this machine, keep those of others, and return its name."""
    from asv.machine import Machine

    name = environment.machine_name()
    path = (home or Path.home()) / _FILE
    entries = json.loads(path.read_text()) if path.is_file() else {}
    entries |= {name: Machine.get_defaults() | {"machine": name, "gpu": gpu()}, "version": Machine.api_version}
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "w") as stream:
        json.dump(entries, stream, indent=4)
    os.replace(temporary, path)
    return name


if __name__ == "__main__":
    print(register())
