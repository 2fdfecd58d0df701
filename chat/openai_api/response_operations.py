"""The rows of the table of operations for responses."""

from chat.core.refusals import (
    ConversationBusy,
    KeyReused,
    PromptTooLong,
    StorageFull,
    UnknownConversation,
    UnknownMessage,
    UnknownResponse,
    Unsupported,
)
from chat.http.operation import Errors, Operation, Operations, Parameter
from chat.http.operations import MODEL, STORE
from chat.http.parameters import REPETITION
from chat.openai_api import response_handlers as responses
from chat.openai_api.conversation_operations import INCLUDE, PAGED

RESPONSE: Errors = (*STORE, UnknownResponse)
OF_RESPONSE = {
    action: {"response_id": "/id"}
    for action in (
        "openai_show_response", "openai_forget_response", "openai_cancel_response",
        "openai_list_input",
    )
}  # fmt: skip
REPLAY = (
    Parameter("stream", {"type": "boolean", "default": False}),
    Parameter("starting_after", {"type": "integer", "minimum": 0, "maximum": 10**9 - 1}),
    Parameter("include_obfuscation", {"type": "boolean"}),
)

RESPONSES: Operations = {
    "/v1/responses": {
        "POST": Operation(
            responses.openai_respond, "Respond to items, by OpenAI's API",
            {200: "OpenAiResponse"}, takes="OpenAiRequest", parameters=(REPETITION,),
            errors=(
                *RESPONSE, *MODEL, UnknownConversation, StorageFull, ConversationBusy,
                PromptTooLong, KeyReused, Unsupported,
            ),
            links=OF_RESPONSE, is_stored_whole=True, counts="turn by itself", has_deadline=True,
            events="OpenAiResponseEvents",
        ),
    },
    "/v1/responses/input_tokens": {
        "POST": Operation(
            responses.openai_count_input,
            "The most tokens that the model would be shown: an estimate from above",
            {200: "OpenAiInputTokens"}, takes="OpenAiRequest",
            errors=(*RESPONSE, UnknownConversation, Unsupported),
        ),
    },
    "/v1/responses/compact": {
        "POST": Operation(
            responses.openai_compact_responses, "Refused: turns leave the context by themselves",
            {}, takes="OpenAiCompaction", errors=(Unsupported,),
        ),
    },
    "/v1/responses/{response_id}": {
        "GET": Operation(
            responses.openai_show_response, "A response, as OpenAI's API has it",
            {200: "OpenAiResponse"}, parameters=(INCLUDE, *REPLAY), errors=RESPONSE,
            events="OpenAiResponseEvents",
        ),
        "DELETE": Operation(
            responses.openai_forget_response, "Forget a response with all of its turn",
            {200: "OpenAiDeletedResponse"}, errors=(*RESPONSE, ConversationBusy),
        ),
    },
    "/v1/responses/{response_id}/cancel": {
        "POST": Operation(
            responses.openai_cancel_response, "Refused: no response runs in the background", {},
            errors=(*RESPONSE, Unsupported),
        ),
    },
    "/v1/responses/{response_id}/input_items": {
        "GET": Operation(
            responses.openai_list_input, "The items that a response was made of",
            {200: "OpenAiItems"}, parameters=PAGED, errors=(*RESPONSE, UnknownMessage),
        ),
    },
}  # fmt: skip
