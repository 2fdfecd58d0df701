"""Parses JSON."""

import json
from typing import Any


def parse_json(data: bytes | str) -> Any:
    """Parse JSON; bytes are UTF-8. `json` itself looks for other encodings, which no guest has.

    Errors: ValueError.
    """
    try:
        return json.loads(data.decode() if isinstance(data, bytes) else data)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
