"""``python -m optathlon`` is the command ``optathlon``."""

from optathlon.cli import main

main()
