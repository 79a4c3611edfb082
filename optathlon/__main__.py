"""``python -m optathlon`` is the command ``optathlon``."""

import os
import sys

# The folder that one happens to stand in may hold a numpy.py or a suites/ of its own: nothing is imported from there.
if sys.path and sys.path[0] in ("", os.getcwd()):
    del sys.path[0]

from optathlon.cli import main

main()
