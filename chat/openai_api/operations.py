"""The table of operations of OpenAI's API."""

from chat.http.operation import Operations
from chat.openai_api.conversation_operations import CONVERSATIONS
from chat.openai_api.model_operations import MODELS

OPERATIONS: Operations = {**CONVERSATIONS, **MODELS}
