"""Text from elsewhere, made fit to be shown: one function for every door through which it comes in."""

from __future__ import annotations

import re
import unicodedata

# What steers a terminal, or lets text read otherwise than it is: control, format, surrogate and unassigned characters.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_SUSPECT = re.compile(r"[^\n\t\x20-\x7e\xa1-\xac\xae-\u02ff\u0370-\u03ff]")


def clean(text: str) -> str:
    r"""Return the text with every character that is not seen written as its escape (``\x1b``, ``\u202e``); lines stay lines."""
    return _SUSPECT.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    character = found[0]
    if unicodedata.category(character) not in _UNSEEN:
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
