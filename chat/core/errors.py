"""What can go wrong with a request, by whose fault it is.

ChatError
├── CallerError              4xx: the request has to change
│   ├── InvalidRequest       400
│   │   └── Unsupported      400: only a part of another API has to change
│   ├── Unauthorised         401
│   │   ├── InvalidCredential
│   │   ├── CredentialNeeded
│   │   └── OperatorNeeded
│   ├── ForeignOrigin        403
│   ├── UnknownConversation  404
│   ├── UnknownMessage       404
│   ├── UnknownResponse      404
│   ├── UnknownMemory        404
│   ├── UnknownModel         404
│   ├── MemoryOff            404
│   ├── UnknownRoute         404
│   ├── MethodNotAllowed     405
│   ├── RequestTimeout       408: the same request, faster
│   ├── ConversationBusy     409: the same request, a little later
│   ├── TextRemembered       409
│   ├── OwnerErased          409: the same request, as a new owner
│   ├── TooLarge             413
│   │   └── PromptTooLong    413, with the counts in tokens
│   ├── StorageFull          413: the same request, after something was forgotten
│   ├── KeyReused            422
│   └── LimitExceeded        429: the same request, later
├── Unavailable              503: the same request, later
│   ├── StoreUnavailable
│   │   └── NotReplicated    503: the turn is stored, and a fail-over may lose it
│   ├── IdTaken
│   ├── NewerSchema          503: the same request, to a newer version of this service
│   ├── MemoryUnavailable
│   ├── EraseIncomplete
│   ├── Unhealthy
│   └── ModelUnavailable
├── ModelFailed              502: the model gave no usable reply
│   └── OtherLength          502: it gave an embedding of another length than before
├── ModelTimeout             504: the model took too long
├── CorruptConversation      500: what is stored is no conversation; nothing was changed
│   └── TurnsLost            500: the store has lost some of its turns
├── InvalidSetting           500: the operator has to change a variable
└── InternalError            500: an error that nobody expected
"""

from collections.abc import Mapping

NOTHING_STORED = "nothing was stored"
MAYBE_STORED = "it may have been stored: look before you send it again"
STORED = (
    "it was stored: send it again with the same Idempotency-Key for its answer, or read it back"
)
STORE_AWAY = "the conversation store is not available"


class ChatError(Exception):
    """An answer other than 200. `param` names the field at fault, `headers` go with the answer."""

    status = 500
    code = "internal_error"
    promise = ""
    """What became of the data that the request was to store; empty where the error cannot know."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the answer."""
        return {}


class Unavailable(ChatError):
    """A part is away; the same request may be sent again."""

    status = 503

    @property
    def headers(self) -> Mapping[str, str]:
        """The header that tells the caller when to try again."""
        return {"retry-after": "5"}


class StoreUnavailable(Unavailable):
    """Redis does not answer, or cannot store; `is_sure` says that it has not stored."""

    code = "store_unavailable"

    def __init__(self, message: str = STORE_AWAY, *, is_sure: bool = True) -> None:
        super().__init__(message)
        self.promise = NOTHING_STORED if is_sure else MAYBE_STORED


class NotReplicated(StoreUnavailable):
    """Redis has stored a turn, and too few of its replicas have it yet."""

    code = "not_replicated"

    def __init__(self) -> None:
        super().__init__(
            "the turn is stored, but fewer replicas have it than `redis_wait_replicas`"
        )
        self.promise = STORED


class IdTaken(Unavailable):
    """The counter of ids gave one that is there: it was lost, or set back."""

    code = "store_unavailable"
    promise = NOTHING_STORED

    def __init__(self) -> None:
        super().__init__("the id for this conversation was taken")


class NewerSchema(Unavailable):
    """A newer version of this service has stored it.

    While replicas are exchanged, one of the newer ones may get the next request.
    """

    code = "newer_schema"
    promise = NOTHING_STORED

    def __init__(self) -> None:
        super().__init__("a newer version of this service has stored this; it was left as it is")


class MemoryUnavailable(Unavailable):
    """Chroma does not answer, or cannot store."""

    code = "memory_unavailable"
    promise = NOTHING_STORED

    def __init__(self, message: str = "the long-term memory is not available") -> None:
        super().__init__(message)


class EraseIncomplete(Unavailable):
    """A store was away, or had something left."""

    code = "erase_incomplete"

    def __init__(self) -> None:
        super().__init__("not everything could be erased; `stores` says what; send it again")


class Unhealthy(Unavailable):
    """A part that a turn needs does not answer."""

    code = "unhealthy"

    def __init__(self) -> None:
        super().__init__("not every part answers; `parts` says which")


class ModelUnavailable(Unavailable):
    """The model cannot be reached."""

    code = "model_unavailable"
    promise = NOTHING_STORED


class ModelFailed(ChatError):
    """The model answered with an error, with nothing, or with what is no completion."""

    status = 502
    code = "model_failed"
    promise = NOTHING_STORED


class OtherLength(ModelFailed):
    """The model gave an embedding that cannot be compared with those that it gave before."""

    def __init__(self) -> None:
        super().__init__("the embedding model gave an embedding of another length than before")


class ModelTimeout(ChatError):
    """The model did not answer in time."""

    status = 504
    code = "model_timeout"
    promise = NOTHING_STORED


class CorruptConversation(ChatError):
    """A key of the conversation holds something else."""

    code = "corrupt_conversation"

    def __init__(
        self,
        message: str = "what is stored under this id is not a conversation; it was left as it is",
    ) -> None:
        super().__init__(message, "id")


class TurnsLost(CorruptConversation):
    """Redis has fewer turns of the conversation than it noted; `turn_count` is its last one's."""

    def __init__(self, turn_count: int) -> None:
        super().__init__("the store lost turns of this conversation; the rest was left as it is")
        self.turn_count = turn_count


class InvalidSetting(ChatError):
    """A variable has an unusable value. The message never quotes it: it may be a secret."""

    code = "invalid_setting"

    def __init__(self, name: str, allowed: str) -> None:
        super().__init__(f"the variable `{name}` must be {allowed}", name)


class InternalError(ChatError):
    """Something went wrong that should not; the log has it under the answer's `X-Request-Id`."""

    def __init__(self) -> None:
        super().__init__(
            "something went wrong that should not; the log has it under this answer's X-Request-Id"
        )


FAULTS = frozenset(
    error.code
    for error in (
        StoreUnavailable, IdTaken, NewerSchema, MemoryUnavailable, EraseIncomplete, Unhealthy,
        ModelUnavailable, ModelFailed, ModelTimeout, CorruptConversation, InvalidSetting,
        InternalError, NotReplicated,
    )
)  # fmt: skip
"""The codes of the errors that are this service's fault, and not the caller's."""
