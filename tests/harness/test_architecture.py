from __future__ import annotations

import subprocess
import sys
from pathlib import Path

REPO = Path(__file__).parents[2]


def test_the_picture_of_the_rooms_is_that_of_the_code() -> None:
    ended = subprocess.run(
        [sys.executable, str(REPO / "docs" / "architecture.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_every_room_is_on_the_page() -> None:
    page = (REPO / "docs" / "architecture.md").read_text()
    rooms = {
        path.name.removesuffix(".py")
        for path in (REPO / "optathlon").iterdir()
        if not path.name.startswith(("_", ".", "py.typed"))
    }
    assert [room for room in rooms if f"| `{room}` |" not in page] == []
