"""The rows of the table of operations for models, embeddings and chat completions."""

from chat.core.refusals import PromptTooLong, StorageFull, UnknownModel
from chat.http.operation import Operation, Operations
from chat.http.operations import MODEL, STORE
from chat.openai_api import completion_handlers as completions
from chat.openai_api import model_handlers as models

MODELS: Operations = {
    "/v1/models": {
        "GET": Operation(
            models.openai_list_models, "The models, as OpenAI's API has them",
            {200: "OpenAiModels"},
        ),
    },
    "/v1/models/{model}": {
        "GET": Operation(
            models.openai_show_model, "A model, as OpenAI's API has it", {200: "OpenAiModel"},
            errors=(UnknownModel,),
        ),
    },
    "/v1/embeddings": {
        "POST": Operation(
            models.openai_embed, "Embed texts, by OpenAI's API", {200: "OpenAiEmbeddings"},
            takes="OpenAiTexts", errors=(*STORE, *MODEL, UnknownModel), counts="turn",
            has_deadline=True,
        ),
    },
    "/v1/chat/completions": {
        "POST": Operation(
            completions.openai_complete,
            "Reply to messages, by OpenAI's API; only memories of them are kept",
            {200: "OpenAiCompletion"}, takes="OpenAiMessages",
            errors=(*STORE, *MODEL, PromptTooLong, StorageFull), counts="turn",
            has_deadline=True, events="OpenAiCompletionEvents",
        ),
    },
}  # fmt: skip
