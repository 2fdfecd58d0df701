"""What is done with conversations by OpenAI's API: parse, act, render."""

from chat.core.heads import Summary
from chat.http.call import Call
from chat.http.response import Response, render_json
from chat.openai_api.ids import conversation_name, parse_conversation_name


async def openai_show_conversation(call: Call) -> Response:
    """Answer `GET /v1/conversations/{conversation_id}`."""
    conversation_id = _parse_id(call)
    return render_conversation(
        await (await call.connect()).conversations.summarise(conversation_id)
    )


async def openai_forget_conversation(call: Call) -> Response:
    """Answer `DELETE /v1/conversations/{conversation_id}`."""
    conversation_id = _parse_id(call)
    await (await call.connect()).conversations.forget(conversation_id)
    fields = {
        "id": conversation_name(conversation_id),
        "object": "conversation.deleted",
        "deleted": True,
    }
    return render_json(200, fields)


def render_conversation(summary: Summary) -> Response:
    """Render a conversation without its items."""
    fields = {
        "id": conversation_name(summary.id),
        "object": "conversation",
        "created_at": int(summary.created_at),
        "metadata": {},
    }
    return render_json(200, fields)


def _parse_id(call: Call) -> int:
    return parse_conversation_name(call.path["conversation_id"])
