"""Names the version of what is stored, and refuses what a newer version has stored.

Each head of a conversation and each record has its version under `v`; what has none is of version
1. What is read of the version before this one is written as this one when it is written again.
"""

from collections.abc import Mapping
from typing import Any

from chat.core.errors import NewerSchema

SCHEMA = 2
"""2: heads and records have their version."""
FIRST = 1
FIELD = "v"


def check_schema(fields: Mapping[str, Any]) -> None:
    """Check that this version of the component can read a head or a record.

    Errors: NewerSchema; TypeError for a version that is no number.
    """
    if fields.get(FIELD, FIRST) > SCHEMA:
        raise NewerSchema
