"""What the failures of Redis and of connections to it mean, as the chat's errors."""

from collections.abc import Callable

from chat.core.errors import (
    ChatError,
    CorruptConversation,
    IdTaken,
    NewerSchema,
    OtherLength,
    StoreUnavailable,
    TurnsLost,
)
from chat.core.refusals import (
    ConversationBusy,
    KeyReused,
    LimitExceeded,
    OwnerErased,
    PinNeedsOwner,
    StorageFull,
    TextRemembered,
    UnknownConversation,
    UnknownMemory,
)


class RedisError(Exception):
    """A command failed; the error has the host's text."""


class NodeAway(StoreUnavailable):
    """Nothing answers at an address: what was to be sent there was not sent."""


class Refused(StoreUnavailable):
    """A server is there and refuses the chat: a setting, a right or a certificate is not right."""


class UnknownToNewcomer(UnknownConversation):
    """There is no such conversation, and its caller has to be counted as a new owner."""


OWN_ERRORS: dict[str, Callable[[], ChatError]] = {
    "CHATBUSY": ConversationBusy,
    "CHATCORRUPT": CorruptConversation,
    "CHATERASED": OwnerErased,
    "CHATLENGTH": OtherLength,
    "CHATNEW": UnknownToNewcomer,
    "CHATNEWER": NewerSchema,
    "CHATNOMEMORY": UnknownMemory,
    "CHATNOPIN": PinNeedsOwner,
    "CHATREMEMBERED": TextRemembered,
    "CHATREUSED": KeyReused,
    "CHATTAKEN": IdTaken,
    "CHATUNKNOWN": UnknownConversation,
    "WRONGTYPE": CorruptConversation,
}
"""The error that a caller gets, by the code of our scripts or of Redis."""


BROKEN = "broken pipe"
"""What redis-rs says when a connection ends while it is used."""
TOO_SLOW = f"no answer in time: {BROKEN}"
"""What is said of a call that was given up: as if its connection broke, it may have run."""
LOGIN = "refuses the login: see `redis_username` and `redis_password`"
CERTIFICATE = (
    "has a certificate that this host does not trust, or that does not name the server as "
    "`redis_address` or the other servers do"
)
REFUSALS = {
    "AuthenticationFailed": LOGIN,
    "NOAUTH": LOGIN,
    "unauthenticated": LOGIN,
    "WRONGPASS": LOGIN,
    "NOPERM": "does not allow its user what the chat needs",
    "switch database": "does not have the database of `redis_database`",
    "certificate verify failed": CERTIFICATE,
    "wrong version number": "does not speak TLS: see `redis_address`",
}
"""What a refusal means to an operator, by a part of the text of redis-rs or of the server."""
FAILURES = {
    "OOM": "is full",
    "ReadOnly": "is read-only",
    "READONLY": "is read-only",
    "MISCONF": "cannot save to its disk",
    "BusyLoadingError": "is still loading what it has saved",
    "ClusterDown": "is a cluster that has no node for some of its keys",
    "TryAgain": "is moving these keys to another node",
    " - Ask:": "is moving these keys to another node",
    "Moved": "is a cluster: see `redis_mode`",
    "Connection refused": "does not answer: nothing listens at `redis_address`",
    "failed to lookup": "does not answer: nobody knows the host name of `redis_address`",
}
"""What any other failure means, by such a part."""


def parse_error(error: RedisError) -> ChatError:
    """Return the chat's error for a failed command."""
    code, _, rest = str(error).partition(":")
    if code in OWN_ERRORS:
        return OWN_ERRORS[code]()
    if code == "CHATLIMITED":
        whose, limit, wait_s = rest.split()
        return LimitExceeded(int(limit), int(wait_s), whose)
    if code == "CHATFULL":
        what, most = rest.split()
        return StorageFull(what, int(most))
    if code == "CHATLOST":
        return TurnsLost(int(rest))
    return parse_failure(str(error))


def parse_failure(text: str) -> StoreUnavailable:
    """Return why a command or a connection failed, in our words; the server's are not passed on.

    If the connection broke, the command may have been carried out before.
    """
    for kind, meanings in ((Refused, REFUSALS), (StoreUnavailable, FAILURES)):
        for said, meaning in meanings.items():
            if said in text:
                return kind(f"the conversation store {meaning}")
    return StoreUnavailable(is_sure=BROKEN not in text)


def parse_away(text: str) -> StoreUnavailable:
    """Return why there is no connection; NodeAway if another address or a later try may help."""
    failure = parse_failure(text)
    is_refused = str(failure) != str(StoreUnavailable()) and "does not answer" not in str(failure)
    return failure if is_refused else NodeAway(str(failure))
