"""The parameters that operations take in the query and in headers."""

from chat.context.ranking import WAYS
from chat.core.messages import ROLES
from chat.http.fields import NAMESPACE, OTHER_ROLES
from chat.http.operation import Parameter
from chat.http.queries import CURSOR, DEFAULT, DEFAULT_DISTANCE, DEFAULT_TOP_K, FARTHEST, KEY, MOST
from chat.http.shapes import CONTENT


def number(name: str, least: float, most: float, default: float, kind: str) -> Parameter:
    """Return a parameter that is a number."""
    schema = {"type": kind, "minimum": least, "maximum": most, "default": default}
    return Parameter(name, schema)


def flag(name: str) -> Parameter:
    """Return a parameter that is true or false."""
    return Parameter(name, {"type": "boolean", "default": False})


def count(name: str, least: int, default: int) -> Parameter:
    """Return a parameter that is a whole number up to `MOST`."""
    return number(name, least, MOST, default, "integer")


LIMIT = count("limit", 1, DEFAULT)
PAGED = (LIMIT, Parameter("cursor", {"type": "string", "pattern": f"^{CURSOR.pattern}$"}))
ROLE_LIST = "|".join([*ROLES, *OTHER_ROLES])
OF_ROLES = Parameter("role", {"type": "string", "pattern": f"^({ROLE_LIST})(,({ROLE_LIST}))*$"})
OF_NAMESPACE = Parameter("namespace", {"type": "string", "pattern": f"^{NAMESPACE.pattern}$"})
LISTED = (*PAGED, OF_NAMESPACE)
AS_TEXT = flag("as_text")
PROMPT = Parameter("prompt", CONTENT, is_needed=True)
TOP_K = count("top_k", 0, DEFAULT_TOP_K)
WITHIN = number("distance_threshold", 0, FARTHEST, float(DEFAULT_DISTANCE), "number")
BY = Parameter("by", {"type": "string", "enum": list(WAYS), "default": WAYS[0]})
REPETITION = Parameter(
    "Idempotency-Key", {"type": "string", "pattern": f"^{KEY.pattern}$"}, "header"
)
