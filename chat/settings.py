"""Reads the component's variables into values, once for each request."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from chat.context.templates import FORMATS
from chat.core.addresses import ChromaAddress, ModelEndpoint, Origin, RedisAddress, parse_address
from chat.core.errors import InvalidSetting
from chat.core.lifetime import Lifetimes
from chat.core.limits import Bounds, Limits, Replicas
from chat.core.memories import NO_MEMORY, LongTerm
from chat.core.messages import Sampling
from chat.core.owners import digest
from chat.core.parameters import parse_parameters
from chat.core.redis_variables import parse_redis, parse_replicas
from chat.core.tokens import LARGE, LARGE_PIECES, UNKNOWN, Vocabulary
from chat.core.variables import IPV6_PORT, Getter
from chat.core.variables import integer as _integer
from chat.core.variables import matching as _matching
from chat.core.variables import number as _number
from chat.core.variables import one_of as _one_of
from chat.core.vectors import TAG_DIGITS, Way, embedding_tag

ORIGIN = re.compile(r"https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
MODEL = re.compile(r"\S{1,200}")
PATH = re.compile(r"/[!-~]{0,500}")
ADMIN_TOKEN = re.compile(r"|[!-~]{16,500}")
KEY = re.compile(r"[!-~]{0,2000}")
LONGEST_S = 100 * 365 * 86_400
MAX_PIECES = MAX_CONVERSATIONS = MAX_PER_MINUTE = 10_000_000
MAX_BYTES = 1_000_000_000_000
PREFIX = re.compile(r"[A-Za-z0-9_.-]{1,64}")
NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}")
BACKENDS = ("off", "redis", "chroma")
HEADER = re.compile(r"[a-z0-9-]{1,64}")


@dataclass(frozen=True)
class Settings:
    """What the operator has set. Units are in the names; lengths without a unit are in tokens."""

    redis: RedisAddress
    replicas: Replicas
    key_prefix: str
    model: str
    model_endpoint: ModelEndpoint | None
    embedding_model: str
    embedding_endpoint: ModelEndpoint | None
    prompt_format: str
    vocabulary: Vocabulary
    context_length: int
    sampling: Sampling
    turn_timeout_s: int
    max_prompt_bytes: int
    max_import_bytes: int
    archive_turns: int
    recall_tokens: int
    summary_tokens: int
    is_hybrid: bool
    long_term: LongTerm
    chroma: ChromaAddress | None
    lifetimes: Lifetimes
    retention_s: int
    is_open: bool
    limits: Limits
    bounds: Bounds
    client_address_header: str

    @property
    def is_sharded(self) -> bool:
        """Whether owners are spread over the nodes of a cluster."""
        return self.redis.mode == "cluster"

    @cached_property
    def embedding_tag(self) -> str:
        """The tag of the model that embeds now; embeddings with another tag are made anew."""
        way: Way = "spin, text by text" if self.embedding_endpoint is None else "openai"
        return embedding_tag(self.embedding_model, way)

    @cached_property
    def model_tag(self) -> str:
        """The tag of the model that is asked: what its counts show holds for no other one."""
        endpoint = self.model_endpoint
        where = f"{endpoint.origin.authority}{endpoint.path}" if endpoint else ""
        return digest("model", where, self.model, self.prompt_format)[:TAG_DIGITS]


def parse_settings(get: Getter) -> Settings:
    """Parse the variables that `get` gives.

    Errors: InvalidSetting, which names the variable and what is allowed, never the value.
    """
    context_length = _integer(get, "context_length", 64, 10_000_000)
    max_reply_tokens = _integer(get, "max_reply_tokens", 1, 1_000_000)
    if max_reply_tokens >= context_length:
        raise InvalidSetting("max_reply_tokens", "less than `context_length`")
    recall = _one_of(get, "recall", ("off", "lexical", "hybrid"))
    return Settings(
        redis=parse_redis(get),
        replicas=parse_replicas(get),
        key_prefix=_key_prefix(get),
        model=_matching(get, "model", MODEL, "a model's name"),
        model_endpoint=_model_endpoint(get, "model_path"),
        embedding_model=_matching(get, "embedding_model", MODEL, "a model's name"),
        embedding_endpoint=_model_endpoint(get, "embedding_path"),
        prompt_format=_one_of(get, "prompt_format", tuple(FORMATS)),
        vocabulary=_vocabulary(get),
        context_length=context_length,
        sampling=_sampling(get, max_reply_tokens),
        turn_timeout_s=_integer(get, "turn_timeout_s", 1, 86_400),
        max_prompt_bytes=_integer(get, "max_prompt_bytes", 1, 16_000_000),
        recall_tokens=0 if recall == "off" else _integer(get, "recall_tokens", 1, 1_000_000),
        summary_tokens=_summary_tokens(get, context_length),
        is_hybrid=recall == "hybrid",
        long_term=_long_term(get),
        chroma=_chroma(get),
        max_import_bytes=_integer(get, "max_import_bytes", 1, 1_000_000_000),
        archive_turns=_integer(get, "archive_turns", 0, 10_000_000),
        lifetimes=_lifetimes(get),
        retention_s=_integer(get, "retention_s", 0, LONGEST_S),
        is_open=_one_of(get, "access", ("open", "private")) == "open",
        limits=_limits(get),
        bounds=_bounds(get),
        client_address_header=_matching(
            get, "client_address_header", HEADER, "a header's name in lower case"
        ),
    )


def parse_admin_token(get: Getter) -> str:
    """Parse the operator's token; it is empty if there is no operator.

    Errors: InvalidSetting.
    """
    return _matching(get, "admin_token", ADMIN_TOKEN, "empty, or 16 to 500 visible characters")


def parse_store(get: Getter) -> tuple[RedisAddress, str]:
    """Parse the address of Redis and the prefix of its keys: all that counting needs.

    Errors: InvalidSetting.
    """
    return parse_redis(get), _key_prefix(get)


def parse_cors_origins(get: Getter) -> Sequence[str]:
    """Parse the origins whose pages may read answers, separated by commas.

    Errors: InvalidSetting.
    """
    origins = [origin.strip() for origin in get("cors_origins").split(",") if origin.strip()]
    if not all(ORIGIN.fullmatch(origin) for origin in origins):
        raise InvalidSetting("cors_origins", "origins as `https://host`, with commas between")
    return origins


def _limits(get: Getter) -> Limits:
    return Limits(
        per_owner=_integer(get, "rate_per_owner_per_minute", 0, MAX_PER_MINUTE),
        of_all=_integer(get, "rate_global_per_minute", 0, MAX_PER_MINUTE),
        credentials=_integer(get, "rate_credentials_per_minute", 0, MAX_PER_MINUTE),
        import_bytes=_integer(get, "import_bytes_per_minute", 0, MAX_BYTES),
    )


def _sampling(get: Getter, max_reply_tokens: int) -> Sampling:
    return Sampling(
        max_reply_tokens=max_reply_tokens,
        temperature=_number(get, "temperature", 0, 10),
        top_p=_number(get, "top_p", 0, 1),
        top_k=_integer(get, "top_k", 0, 1_000_000),
        repeat_penalty=_number(get, "repeat_penalty", 0, 10),
        repeat_last_n=_integer(get, "repeat_last_n", 0, 1_000_000),
    )


def _summary_tokens(get: Getter, context_length: int) -> int:
    tokens = _integer(get, "summary_tokens", 0, 1_000_000)
    if tokens >= context_length:
        raise InvalidSetting("summary_tokens", "less than `context_length`")
    return tokens


def _bounds(get: Getter) -> Bounds:
    return Bounds(
        _integer(get, "conversations_per_owner", 0, MAX_CONVERSATIONS),
        _integer(get, "bytes_per_owner", 0, MAX_BYTES),
    )


def _lifetimes(get: Getter) -> Lifetimes:
    return Lifetimes(
        active_s=_integer(get, "ttl_active_s", 0, LONGEST_S),
        inactive_s=_integer(get, "ttl_inactive_s", 0, LONGEST_S),
        inactive_after_s=_integer(get, "inactive_after_s", 0, LONGEST_S),
    )


def _long_term(get: Getter) -> LongTerm:
    """Parse the variables about long-term memories; if these are off, no other is looked at."""
    backend = _one_of(get, "long_term", BACKENDS)
    if backend == "off":
        return NO_MEMORY
    template = get("memory_template").replace("\\n", "\n")
    if "{memory}" not in template:
        raise InvalidSetting("memory_template", "a text with `{memory}` in it")
    return LongTerm(
        backend=backend,
        min_chars=_integer(get, "memory_min_chars", 1, 1_000_000),
        max_chars=_integer(get, "memory_max_chars", 1, 1_000_000),
        per_turn=_integer(get, "memories_per_turn", 0, 50),
        max_distance=_number(get, "memory_max_distance", 0, 2),
        most=_integer(get, "memories_per_owner", 0, 1_000_000),
        template=template,
    )


def _chroma(get: Getter) -> ChromaAddress | None:
    """Parse where Chroma is, if it keeps the long-term memories.

    The address is checked in any case: it is among the allowed hosts, and one that Spin cannot read
    fails every connection.
    """
    origin = _origin(get, "chroma_address")
    if _one_of(get, "long_term", BACKENDS) != "chroma":
        return None
    name = "1 to 128 letters, digits, `_`, `.` or `-`"
    return ChromaAddress(
        origin,
        _matching(get, "chroma_tenant", NAME, name),
        _matching(get, "chroma_database", NAME, name),
        _matching(get, "chroma_token", KEY, "empty, or one word"),
    )


def _key_prefix(get: Getter) -> str:
    return _matching(get, "key_prefix", PREFIX, "1 to 64 letters, digits, `_`, `.` or `-`")


def _origin(get: Getter, name: str) -> Origin:
    address = parse_address(get(name), ("http", "https"))
    if address is None:
        raise InvalidSetting(name, f"`https://host` or `http://host:port`, no more; {IPV6_PORT}")
    return Origin(*address)


def _vocabulary(get: Getter) -> Vocabulary:
    return LARGE if _integer(get, "vocabulary_size", 0, MAX_PIECES) >= LARGE_PIECES else UNKNOWN


def _model_endpoint(get: Getter, path_name: str) -> ModelEndpoint | None:
    """Parse where a model is, if `model_api` says that the component itself asks an endpoint.

    The address is checked in any case: it is among the allowed hosts, and one that Spin cannot read
    fails every connection, to Redis too.
    """
    origin = _origin(get, "model_origin")
    if _one_of(get, "model_api", ("spin", "openai")) == "spin":
        return None
    path = _matching(get, path_name, PATH, "a path that starts with `/`")
    key = _matching(get, "model_key", KEY, "empty, or one word")
    image_tokens = _integer(get, "model_image_tokens", 0, 1_000_000)
    return ModelEndpoint(origin, path, key, image_tokens, _parameters(get))


def _parameters(get: Getter) -> tuple[str, ...]:
    parameters = parse_parameters(get("model_parameters"))
    if parameters is None:
        allowed = "one of `max_tokens` and `max_completion_tokens`, and any of"
        others = "`temperature`, `top_p` and `stream_options`, with commas between"
        raise InvalidSetting("model_parameters", f"{allowed} {others}")
    return parameters
