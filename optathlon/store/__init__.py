"""Records on disk: the one room that opens files under `results/`.

It writes a run as it ends, atomically, reads and validates what is there, and knows which of the groups of one address counts.
"""

from optathlon.store import spool
from optathlon.store.encoding import SCHEMA, Group, RecordError, to_groups, to_records
from optathlon.store.files import discard, load_runs, path_is_of, path_of, read, replace_text, save, sweep
from optathlon.store.history import UnknownRevision, history_of, load_revision, locate
from optathlon.store.newest import ABSENT, address, current, last_finished, newest, recency
from optathlon.store.remembered import recall, remember, remembered_at
from optathlon.store.runs import finished_runs
from optathlon.store.scanning import Sources, holds_records, pack, read_at, scan, sources
from optathlon.store.verified import (
    CLAIMED,
    EVERYTHING,
    MEASURED,
    VERIFIED,
    Trust,
    add_verified,
    load_trust,
    load_verified,
    own_machines,
    parse_machines,
)

__all__ = [
    "ABSENT",
    "CLAIMED",
    "EVERYTHING",
    "MEASURED",
    "SCHEMA",
    "VERIFIED",
    "Group",
    "RecordError",
    "Sources",
    "Trust",
    "UnknownRevision",
    "add_verified",
    "address",
    "current",
    "discard",
    "finished_runs",
    "history_of",
    "holds_records",
    "last_finished",
    "load_revision",
    "load_runs",
    "load_trust",
    "load_verified",
    "locate",
    "newest",
    "own_machines",
    "pack",
    "parse_machines",
    "path_is_of",
    "path_of",
    "read",
    "read_at",
    "recall",
    "recency",
    "remember",
    "remembered_at",
    "replace_text",
    "save",
    "scan",
    "sources",
    "spool",
    "sweep",
    "to_groups",
    "to_records",
]  # fmt: skip
