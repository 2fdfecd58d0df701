"""The table of operations of OpenAI's API."""

from chat.http.operation import Operations
from chat.openai_api.conversation_operations import CONVERSATIONS

OPERATIONS: Operations = {**CONVERSATIONS}
