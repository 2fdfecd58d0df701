"""Makes and parses the ids of OpenAI's API: they are those of our conversations and messages.

conv_12         conversation 12
msg_12_3_1      message 1 of turn 3 of conversation 12; fc_ and fco_ for calls and their outputs
resp_12_3       the response that is turn 3 of conversation 12
"""

import re

from chat.core.messages import Place
from chat.core.refusals import UnknownConversation, UnknownMessage, UnknownResponse
from chat.http.fields import MAX_ID

NUMBER = "[1-9][0-9]{0,17}"
CONVERSATION = re.compile(rf"conv_({NUMBER})", re.ASCII)
ITEM = re.compile(rf"(?:msg|fc|fco)_({NUMBER})_({NUMBER})_([0-9]{{1,4}})", re.ASCII)

RESPONSE = re.compile(rf"resp_({NUMBER})_({NUMBER})", re.ASCII)


def conversation_name(conversation_id: int) -> str:
    """Return a conversation's id in this API."""
    return f"conv_{conversation_id}"


def parse_conversation_name(name: str) -> int:
    """Parse a conversation's id; what is no id is the id of no conversation.

    Errors: UnknownConversation.
    """
    match = CONVERSATION.fullmatch(name)
    if match is None or int(match[1]) > MAX_ID:
        raise UnknownConversation
    return int(match[1])


def item_name(kind: str, conversation_id: int, place: Place) -> str:
    """Return an item's id in this API; `kind` is how it begins."""
    return f"{kind}_{conversation_id}_{place.turn_number}_{place.index}"


def parse_item_name(name: str, conversation_id: int) -> Place:
    """Parse the id of an item of a conversation; what is no id is the id of no item.

    Errors: UnknownMessage.
    """
    match = ITEM.fullmatch(name)
    if match is None or int(match[1]) != conversation_id:
        raise UnknownMessage
    return Place(int(match[2]), int(match[3]))


def response_name(conversation_id: int, number: int) -> str:
    """Return the id of the response that is a turn of a conversation."""
    return f"resp_{conversation_id}_{number}"


def parse_response_name(name: str, param: str = "response_id") -> tuple[int, int]:
    """Parse the id of a response into the numbers of its conversation and of its turn.

    What is no id is the id of no response.
    Errors: UnknownResponse, which names `param`.
    """
    match = RESPONSE.fullmatch(name)
    if match is None or int(match[1]) > MAX_ID:
        raise UnknownResponse(param)
    return int(match[1]), int(match[2])
