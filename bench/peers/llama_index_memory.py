"""LlamaIndex: a `SimpleChatEngine` whose `ChatMemoryBuffer` is kept by a `RedisChatStore`.

Source: LlamaIndex' documentation, "Chat Stores", section "RedisChatStore".
"""

import os
from collections.abc import AsyncIterator, Sequence

from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.llms import ChatMessage
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.llms.openai_like import OpenAILike
from llama_index.storage.chat_store.redis import RedisChatStore
from serving import MODEL, SYSTEM, Named, make_app

CONTEXT_LENGTH = 3500
MAX_REPLY_TOKENS = 256


class LlamaIndex(Named):
    """A chat engine for each turn, over one store."""

    def __init__(self) -> None:
        self._store = RedisChatStore(redis_url=os.environ["REDIS_URL"])
        self._model = OpenAILike(
            model=MODEL,
            api_base=os.environ["MODEL_URL"],
            api_key="none",
            is_chat_model=True,
            context_window=CONTEXT_LENGTH,
            max_tokens=MAX_REPLY_TOKENS,
        )

    def _engine(self, conversation_id: str) -> SimpleChatEngine:
        memory = ChatMemoryBuffer.from_defaults(
            token_limit=CONTEXT_LENGTH - MAX_REPLY_TOKENS,
            chat_store=self._store,
            chat_store_key=conversation_id,
        )
        return SimpleChatEngine.from_defaults(llm=self._model, memory=memory, system_prompt=SYSTEM)

    async def reply(self, conversation_id: str, prompt: str) -> str:
        """Take a turn."""
        return str((await self._engine(conversation_id).achat(prompt)).response)

    async def parts(self, conversation_id: str, prompt: str) -> AsyncIterator[str]:
        """Take a turn, and yield the parts of its reply."""
        response = await self._engine(conversation_id).astream_chat(prompt)
        async for part in response.async_response_gen():
            yield part

    async def add(self, conversation_id: str, contents: Sequence[str]) -> None:
        """Add prompts and replies, in turn."""
        sides = ("user", "assistant")
        for place, content in enumerate(contents):
            message = ChatMessage(role=sides[place % 2], content=content)
            await self._store.async_add_message(conversation_id, message)

    async def contents(self, conversation_id: str) -> list[str]:
        """Return all prompts and replies, in turn."""
        messages = await self._store.aget_messages(conversation_id)
        return [str(message.content) for message in messages]


app = make_app(LlamaIndex())
