"""An agent with a tool, over a conversation: prints the conversation's id, and each final output.

The arguments are the id of a conversation, empty for a new one, and the prompts.
"""

import asyncio
import sys

from agents import Agent, OpenAIConversationsSession, Runner, function_tool, set_tracing_disabled


@function_tool
def weather(city: str) -> str:
    """Return the weather in a city."""
    return f"Snow in {city}."


async def main(conversation_id: str, *prompts: str) -> None:
    """Take a turn for each prompt."""
    set_tracing_disabled(True)
    agent = Agent(name="Helper", model="caller", instructions="Be brief.", tools=[weather])
    session = OpenAIConversationsSession(conversation_id=conversation_id or None)
    outputs = [(await Runner.run(agent, one, session=session)).final_output for one in prompts]
    print(await session._get_session_id(), *outputs, sep="\n")


asyncio.run(main(*sys.argv[1:]))
