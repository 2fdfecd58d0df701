"""OpenAI's Agents SDK: an agent with a `RedisSession`.

Source: the SDK's documentation, "Sessions", section "Redis sessions".
"""

import os
from collections.abc import AsyncIterator, Sequence

from agents import (
    Agent,
    ModelSettings,
    OpenAIChatCompletionsModel,
    Runner,
    set_tracing_disabled,
)
from agents.extensions.memory import RedisSession
from openai import AsyncOpenAI
from redis.asyncio import Redis
from serving import MODEL, SYSTEM, make_app

DELTA = "response.output_text.delta"


class Agents:
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

    def _session(self, conversation_id: str) -> RedisSession:
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


def _text(content: str | list[dict[str, str]]) -> str:
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


app = make_app(Agents())
