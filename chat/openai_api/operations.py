"""The table of operations of OpenAI's API."""

from chat.http.operation import Operations
from chat.openai_api.conversation_operations import CONVERSATIONS
from chat.openai_api.model_operations import MODELS
from chat.openai_api.response_operations import RESPONSES

OPERATIONS: Operations = {**CONVERSATIONS, **MODELS, **RESPONSES}
