"""OpenAI's Agents SDK: an agent with a `RedisSession`.

With `MEMORY_URL` in the environment, its sessions are conversations of the chat that serves
OpenAI's API there, with `MEMORY_TOKEN` as its key, and that chat replies.

Source: the SDK's documentation, "Sessions", sections "Redis sessions" and "OpenAI Conversations API
sessions".
"""

import os
from collections.abc import AsyncIterator, Sequence

from agents import (
    Agent,
    ModelSettings,
    OpenAIChatCompletionsModel,
    OpenAIConversationsSession,
    OpenAIResponsesModel,
    Runner,
    set_tracing_disabled,
)
from agents.extensions.memory import RedisSession
from agents.memory import Session
from openai import AsyncOpenAI
from redis.asyncio import Redis
from serving import MODEL, SYSTEM, Named, make_app

DELTA = "response.output_text.delta"
MAX_ITEMS = 20
"""How many items that API adds at a time."""


class Agents(Named):
    """One agent, and a session for each conversation."""

    def __init__(self) -> None:
        set_tracing_disabled(disabled=True)
        client = AsyncOpenAI(base_url=os.environ["MODEL_URL"], api_key="none")
        self._redis = Redis.from_url(os.environ["REDIS_URL"])
        self._agent = Agent(
            name="chef",
            instructions=SYSTEM,
            model=OpenAIChatCompletionsModel(model=MODEL, openai_client=client),
            model_settings=ModelSettings(max_tokens=256),
        )

    def _session(self, conversation_id: str) -> Session:
        return RedisSession(conversation_id, redis_client=self._redis)

    async def reply(self, conversation_id: str, prompt: str) -> str:
        """Take a turn."""
        session = self._session(conversation_id)
        return str((await Runner.run(self._agent, prompt, session=session)).final_output)

    async def parts(self, conversation_id: str, prompt: str) -> AsyncIterator[str]:
        """Take a turn, and yield the parts of its reply."""
        run = Runner.run_streamed(self._agent, prompt, session=self._session(conversation_id))
        async for event in run.stream_events():
            if event.type == "raw_response_event" and event.data.type == DELTA:
                yield event.data.delta

    async def add(self, conversation_id: str, contents: Sequence[str]) -> None:
        """Add prompts and replies, in turn."""
        sides = ("user", "assistant")
        items = [
            {"role": sides[place % 2], "content": content} for place, content in enumerate(contents)
        ]
        await self._session(conversation_id).add_items(items)

    async def contents(self, conversation_id: str) -> list[str]:
        """Return all prompts and replies, in turn."""
        items = await self._session(conversation_id).get_items()
        return [_text(item["content"]) for item in items]


class Conversing(Agents):
    """The same agent over a chat, which has its sessions as conversations, and replies.

    With such a session the SDK asks for responses; it has all of the session in each request.
    """

    def __init__(self) -> None:
        super().__init__()
        environ = os.environ
        self._chat = AsyncOpenAI(base_url=environ["MEMORY_URL"], api_key=environ["MEMORY_TOKEN"])
        self._agent.model = OpenAIResponsesModel(model=MODEL, openai_client=self._chat)
        self._agent.model_settings = ModelSettings(max_tokens=256, store=False)

    def _session(self, conversation_id: str) -> Session:
        return OpenAIConversationsSession(conversation_id=conversation_id, openai_client=self._chat)

    async def begin(self) -> str:
        """Begin a conversation; return its id."""
        return (await self._chat.conversations.create()).id

    async def add(self, conversation_id: str, contents: Sequence[str]) -> None:
        """Add prompts and replies, in turn, as many at once as that API takes."""
        for start in range(0, len(contents), MAX_ITEMS):
            await super().add(conversation_id, contents[start : start + MAX_ITEMS])


def _text(content: str | list[dict[str, str]]) -> str:
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


app = make_app(Conversing() if "MEMORY_URL" in os.environ else Agents())
