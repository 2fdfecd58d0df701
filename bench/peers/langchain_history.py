"""LangChain: `RunnableWithMessageHistory` over `RedisChatMessageHistory`.

Source: LangChain's how-to "How to add message history", with the chat history of
`langchain-community`. The chat history of `langchain-redis` needs Redis' search module.
"""

import os
from collections.abc import AsyncIterator, Sequence

from langchain_community.chat_message_histories import RedisChatMessageHistory
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables.history import RunnableWithMessageHistory
from langchain_openai import ChatOpenAI
from serving import MODEL, SYSTEM, Named, make_app

PROMPT = ChatPromptTemplate.from_messages(
    [("system", SYSTEM), MessagesPlaceholder("history"), ("human", "{prompt}")]
)


def history_of(session_id: str) -> RedisChatMessageHistory:
    """Return a conversation's history."""
    return RedisChatMessageHistory(session_id, url=os.environ["REDIS_URL"])


class LangChain(Named):
    """The chain of the how-to."""

    def __init__(self) -> None:
        model = ChatOpenAI(model=MODEL, base_url=os.environ["MODEL_URL"], api_key="none")
        self._chain = RunnableWithMessageHistory(
            PROMPT | model, history_of, input_messages_key="prompt", history_messages_key="history"
        )

    async def reply(self, conversation_id: str, prompt: str) -> str:
        """Take a turn."""
        config = {"configurable": {"session_id": conversation_id}}
        return str((await self._chain.ainvoke({"prompt": prompt}, config=config)).content)

    async def parts(self, conversation_id: str, prompt: str) -> AsyncIterator[str]:
        """Take a turn, and yield the parts of its reply."""
        config = {"configurable": {"session_id": conversation_id}}
        async for chunk in self._chain.astream({"prompt": prompt}, config=config):
            if chunk.content:
                yield str(chunk.content)

    async def add(self, conversation_id: str, contents: Sequence[str]) -> None:
        """Add prompts and replies, in turn."""
        kinds = (HumanMessage, AIMessage)
        messages = [kinds[place % 2](content) for place, content in enumerate(contents)]
        history_of(conversation_id).add_messages(messages)

    async def contents(self, conversation_id: str) -> list[str]:
        """Return all prompts and replies, in turn."""
        return [str(message.content) for message in history_of(conversation_id).messages]


app = make_app(LangChain())
