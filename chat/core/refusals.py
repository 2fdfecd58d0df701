"""The errors for which a caller has to change the request, or to send it again later.

They are the 4xx of the tree in `chat.core.errors`.
"""

from collections.abc import Mapping, Sequence

from chat.core.errors import NOTHING_STORED, ChatError
from chat.core.limits import Quota

REMEDIES = {
    "conversations": "forget a conversation, or let one expire, before you begin another",
    "bytes": "forget conversations, messages or memories before anything is begun or added",
}
"""What a caller can do when storage is full, by what there is too much of."""
LIMITED = {
    "caller": "you may take {} turns",
    "everybody": "this service takes {} turns",
    "newcomers": "your address may bring {} new credentials",
    "imports": "your address may import {} bytes",
}
"""What a limit allows, by what the limit counts."""


class CallerError(ChatError):
    """The request has to change."""

    status = 400


class InvalidRequest(CallerError):
    """A field is missing, of the wrong kind, or not allowed here."""

    code = "invalid_request"


class Unsupported(InvalidRequest):
    """Something of OpenAI's API was asked for that this service does not do."""

    code = "unsupported"


class UnknownModel(CallerError):
    """A request names another model than those that this service has."""

    status = 404
    code = "model_not_found"

    def __init__(self, known: Sequence[str]) -> None:
        named = " and ".join(f"`{name}`" for name in known)
        super().__init__(f"there is no such model here; there is {named}", "model")


class PinNeedsOwner(InvalidRequest):
    """What is nobody's would be kept for ever, and nobody could ever have it erased."""

    def __init__(self) -> None:
        super().__init__(
            "`pinned` must not be true here: this conversation was begun without a credential, "
            "belongs to nobody, and expires",
            "pinned",
        )


class Unauthorised(CallerError):
    """The credential is missing or wrong."""

    status = 401

    @property
    def headers(self) -> Mapping[str, str]:
        """The header that tells the caller how to send a credential."""
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


class UnknownResponse(CallerError):
    """There is no such response for this caller, in OpenAI's sense: a turn with a model's reply."""

    status = 404
    code = "response_not_found"

    def __init__(self, param: str = "response_id") -> None:
        super().__init__("there is no response with this id", param)


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
        """The headers that tell the caller when to try again."""
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
        """The header that names the allowed methods."""
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
        """The headers that tell the caller when to try again."""
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


class KeyReused(CallerError):
    """An Idempotency-Key came with another body than before."""

    status = 422
    code = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__("this key was sent before, with another body", "Idempotency-Key")


class LimitExceeded(CallerError):
    """There was as much in the last minute as may be.

    `whose` is the key of `LIMITED` that names what the limit counts.
    """

    status = 429
    code = "rate_limited"

    def __init__(self, limit: int, retry_after_s: int, whose: str = "caller") -> None:
        allowed = LIMITED[whose].format(limit)
        super().__init__(f"{allowed} a minute; try again in {retry_after_s} s")
        self.quota = Quota(limit, 0, retry_after_s)

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers that tell the caller when to try again."""
        return {"retry-after": str(self.quota.reset_s), **self.quota.headers()}
