"""What can go wrong with a request, by whose fault it is.

ChatError
├── CallerError              4xx: the request has to change
│   ├── InvalidRequest       400
│   ├── Unauthorised         401
│   │   ├── InvalidCredential
│   │   ├── CredentialNeeded
│   │   └── OperatorNeeded
│   ├── UnknownConversation  404
│   ├── UnknownMessage       404
│   ├── UnknownMemory        404
│   ├── MemoryOff            404
│   ├── UnknownRoute         404
│   ├── MethodNotAllowed     405
│   ├── RequestTimeout       408: the same request, faster
│   ├── ConversationBusy     409: the same request, a little later
│   ├── TextRemembered       409
│   ├── OwnerErased          409: the same request, as a new owner
│   ├── TooLarge             413
│   │   └── PromptTooLong    413, with the counts in tokens
│   ├── StorageFull          413: something has to be forgotten before
│   ├── KeyReused            422
│   └── LimitExceeded        429: the same request, later
├── Unavailable              503: the same request, later
│   ├── StoreUnavailable
│   ├── IdTaken
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
└── InternalError            500: nobody thought of it
"""

from collections.abc import Mapping

from chat.core.limits import Quota

NOTHING_STORED = "nothing was stored"
MAYBE_STORED = "it may have been stored: look before you send it again"
STORE_AWAY = "the conversation store is not available"


class ChatError(Exception):
    """An answer other than 200. `param` names the field at fault, `headers` go with the answer."""

    status = 500
    code = "internal_error"
    promise = ""
    """What is true of what the request was to store; nothing where the error does not know."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers of the answer."""
        return {}


class CallerError(ChatError):
    """The request has to change."""

    status = 400


class InvalidRequest(CallerError):
    """A field is missing, of the wrong kind, or not allowed here."""

    code = "invalid_request"


class Unauthorised(CallerError):
    """The credential is missing or wrong."""

    status = 401

    @property
    def headers(self) -> Mapping[str, str]:
        """Say what a credential looks like."""
        return {"www-authenticate": "Bearer"}


class InvalidCredential(Unauthorised):
    """What was presented as a credential cannot be one."""

    code = "invalid_credential"

    def __init__(self) -> None:
        super().__init__(
            "`Authorization` must be `Bearer` and a token from `POST /session`", "Authorization"
        )


class CredentialNeeded(Unauthorised):
    """What was asked for belongs to somebody, and the request has no credential."""

    code = "credential_needed"

    def __init__(self) -> None:
        super().__init__("needs a credential; `POST /session` gives one", "Authorization")


class OperatorNeeded(Unauthorised):
    """What was asked for is the operator's, and the request does not have the operator's token."""

    code = "operator_needed"

    def __init__(self) -> None:
        super().__init__("needs `Bearer` and the variable `admin_token`", "Authorization")


class UnknownConversation(CallerError):
    """There is no such conversation for this caller: never was, expired, or is another's."""

    status = 404
    code = "conversation_not_found"

    def __init__(self) -> None:
        super().__init__("there is no conversation with this id", "id")


class UnknownMessage(CallerError):
    """The conversation has no such message."""

    status = 404
    code = "message_not_found"

    def __init__(self) -> None:
        super().__init__("this conversation has no message with this id", "message_id")


class UnknownMemory(CallerError):
    """The owner has no such memory."""

    status = 404
    code = "memory_not_found"

    def __init__(self) -> None:
        super().__init__("you have no memory with this id", "memory_id")


class MemoryOff(CallerError):
    """There are no long-term memories here."""

    status = 404
    code = "memory_off"

    def __init__(self) -> None:
        super().__init__("long-term memories are not switched on here: `long_term` is off")


class TextRemembered(CallerError):
    """Another memory says the same, word for word."""

    status = 409
    code = "already_remembered"

    def __init__(self) -> None:
        super().__init__("another memory has this content; nothing was changed", "content")


class OwnerErased(CallerError):
    """All of the owner was erased while the request ran, or is so just now."""

    status = 409
    code = "owner_erased"

    def __init__(self) -> None:
        super().__init__(
            "`DELETE /me` erased all of you after this request began, or does so just now; "
            "nothing was stored; what you send after its receipt is taken",
            "Authorization",
        )

    @property
    def headers(self) -> Mapping[str, str]:
        """Say when to try again."""
        return {"retry-after": "1"}


class UnknownRoute(CallerError):
    """Nothing is served at this path."""

    status = 404
    code = "not_found"

    def __init__(self) -> None:
        super().__init__("nothing is served at this path")


class MethodNotAllowed(CallerError):
    """The path is served, with other methods."""

    status = 405
    code = "method_not_allowed"

    def __init__(self, allowed: str) -> None:
        super().__init__(f"this path allows {allowed}")
        self.allowed = allowed

    @property
    def headers(self) -> Mapping[str, str]:
        """Say which methods are allowed."""
        return {"allow": self.allowed}


class RequestTimeout(CallerError):
    """The body did not come, or too slowly."""

    status = 408
    code = "request_timeout"

    def __init__(self, silence_s: int, bytes_per_s: int) -> None:
        super().__init__(
            f"the body was given up: there was nothing of it for {silence_s} s, "
            f"or it came with less than {bytes_per_s} bytes a second"
        )


class ConversationBusy(CallerError):
    """Another turn of the conversation is running."""

    status = 409
    code = "conversation_busy"
    promise = NOTHING_STORED

    def __init__(self) -> None:
        super().__init__("another turn of this conversation is running", "id")

    @property
    def headers(self) -> Mapping[str, str]:
        """Say when to try again."""
        return {"retry-after": "1"}


class TooLarge(CallerError):
    """The body or a field has too many bytes."""

    status = 413
    code = "too_large"


class PromptTooLong(TooLarge):
    """The prompt does not fit the context length, even with every turn evicted."""

    code = "prompt_too_long"

    def __init__(self, needed_tokens: int, context_length: int, param: str = "prompt") -> None:
        super().__init__(
            f"context, prompt and the reserve for the reply need about {needed_tokens} tokens, "
            f"and the context length is {context_length}",
            param,
        )


class StorageFull(CallerError):
    """The owner has as much as may be. `what` is `conversations` or `bytes`."""

    status = 413
    code = "storage_full"

    def __init__(self, what: str, most: int) -> None:
        super().__init__(
            f"you have as many {what} here as may be, which is {most}; nothing was stored; "
            f"{REMEDIES.get(what, '')}"
        )


REMEDIES = {
    "conversations": "forget a conversation, or let one expire, before you begin another",
    "bytes": "forget conversations, messages or memories before anything is begun or added",
}
"""What helps against having too much."""


class KeyReused(CallerError):
    """An Idempotency-Key came with another body than before."""

    status = 422
    code = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__("this key was sent before, with another body", "Idempotency-Key")


class LimitExceeded(CallerError):
    """There was as much in the last minute as may be.

    `whose` names what was counted: a key of `LIMITED`.
    """

    status = 429
    code = "rate_limited"

    def __init__(self, limit: int, retry_after_s: int, whose: str = "caller") -> None:
        allowed = LIMITED[whose].format(limit)
        super().__init__(f"{allowed} a minute; try again in {retry_after_s} s")
        self.quota = Quota(limit, 0, retry_after_s)

    @property
    def headers(self) -> Mapping[str, str]:
        """Say when to try again."""
        return {"retry-after": str(self.quota.reset_s), **self.quota.headers()}


LIMITED = {
    "caller": "you may take {} turns",
    "everybody": "this service takes {} turns",
    "newcomers": "your address may bring {} new credentials",
    "imports": "your address may import {} bytes",
}
"""What may be, by what was counted."""


class Unavailable(ChatError):
    """A part is away; the same request may be sent again."""

    status = 503

    @property
    def headers(self) -> Mapping[str, str]:
        """Say when to try again."""
        return {"retry-after": "5"}


class StoreUnavailable(Unavailable):
    """Redis does not answer, or cannot store; `is_sure` says that it has not stored."""

    code = "store_unavailable"

    def __init__(self, message: str = STORE_AWAY, *, is_sure: bool = True) -> None:
        super().__init__(message)
        self.promise = NOTHING_STORED if is_sure else MAYBE_STORED


class IdTaken(Unavailable):
    """The counter of ids gave one that is there: it was lost, or set back."""

    code = "store_unavailable"
    promise = NOTHING_STORED

    def __init__(self) -> None:
        super().__init__("the id for this conversation was taken")


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
