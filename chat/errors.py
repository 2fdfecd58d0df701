"""What can go wrong with a request, by whose fault it is.

ChatError
├── CallerError              4xx: the request has to change
│   ├── InvalidRequest       400
│   ├── UnknownConversation  404
│   ├── UnknownRoute         404
│   ├── MethodNotAllowed     405
│   ├── ConversationBusy     409: the same request, a little later
│   └── TooLarge             413
│       └── PromptTooLong    413, with the counts in tokens
├── Unavailable              503: the same request, later
│   ├── StoreUnavailable
│   └── ModelUnavailable
├── ModelFailed              502: the model gave no usable reply
├── ModelTimeout             504: the model took too long
├── CorruptConversation      500: what is stored is no conversation; nothing was changed
└── InvalidSetting           500: the operator has to change a variable
"""

from collections.abc import Mapping


class ChatError(Exception):
    """An answer other than 200. `param` names the field at fault, `headers` go with the answer."""

    status = 500
    code = "internal_error"

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


class UnknownConversation(CallerError):
    """There is no such conversation for this caller: never was, expired, or is another's."""

    status = 404
    code = "conversation_not_found"

    def __init__(self) -> None:
        super().__init__("there is no conversation with this id", "id")


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


class ConversationBusy(CallerError):
    """Another turn of the conversation is running."""

    status = 409
    code = "conversation_busy"

    def __init__(self) -> None:
        super().__init__("another turn of this conversation is running; nothing was stored", "id")

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

    def __init__(self, needed_tokens: int, context_length: int) -> None:
        super().__init__(
            f"context, prompt and the reserve for the reply need about {needed_tokens} tokens, "
            f"and the context length is {context_length}",
            "prompt",
        )


class Unavailable(ChatError):
    """A part is away; the same request may be sent again."""

    status = 503

    @property
    def headers(self) -> Mapping[str, str]:
        """Say when to try again."""
        return {"retry-after": "5"}


class StoreUnavailable(Unavailable):
    """Redis does not answer, or cannot store."""

    code = "store_unavailable"


class ModelUnavailable(Unavailable):
    """The model cannot be reached."""

    code = "model_unavailable"


class ModelFailed(ChatError):
    """The model answered with an error, with nothing, or with what is no completion."""

    status = 502
    code = "model_failed"


class ModelTimeout(ChatError):
    """The model did not answer in time."""

    status = 504
    code = "model_timeout"


class CorruptConversation(ChatError):
    """A key of the conversation holds something else."""

    code = "corrupt_conversation"

    def __init__(self) -> None:
        super().__init__(
            "what is stored under this id is not a conversation; it was left as it is", "id"
        )


class InvalidSetting(ChatError):
    """A variable has an unusable value. The message never quotes it: it may be a secret."""

    code = "invalid_setting"

    def __init__(self, name: str, allowed: str) -> None:
        super().__init__(f"the variable `{name}` must be {allowed}", name)
