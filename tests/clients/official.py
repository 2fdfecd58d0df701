"""The newest official client: models, a tool, a plain and a streamed completion, errors."""

import asyncio

import openai

TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
STRICT = {"_strict_response_validation": True}


def called(client: openai.OpenAI, model: str) -> str:
    """Return what the model makes of the output of its call."""
    messages = [{"role": "user", "content": "What is the weather?"}]
    ask = client.chat.completions.create
    asked = ask(model=model, messages=messages, tools=[TOOL]).choices[0].message
    output = {"role": "tool", "tool_call_id": asked.tool_calls[0].id, "content": "Snow."}
    last = ask(model=model, messages=[*messages, asked, output], tools=[TOOL])
    return last.choices[0].message.content


async def streamed(model: str, messages: list[dict[str, str]]) -> str:
    """Return a reply that streams."""
    client = openai.AsyncOpenAI(**STRICT)
    async with client.chat.completions.stream(model=model, messages=messages) as stream:
        return (await stream.get_final_completion()).choices[0].message.content


def main() -> None:
    """Print a line for each."""
    client = openai.OpenAI(**STRICT)
    model = client.models.list().data[0].id
    messages = [{"role": "user", "content": "My name is Ada."}]
    plain = client.chat.completions.create(model=model, messages=messages)
    print(model, called(client, model), plain.choices[0].message.content, sep="\n")
    print(asyncio.run(streamed(model, messages)))
    try:
        client.embeddings.create(model="another", input="Hi")
    except openai.NotFoundError as error:
        print(error.status_code, error.code)
    try:
        client.chat.completions.create(model=model, messages=messages, n=2)
    except openai.BadRequestError as error:
        print(error.status_code, error.param)


main()
