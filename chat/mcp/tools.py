"""The tools: a row for each, with the operation that it stands for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chat.http.fields import MAX_ID
from chat.http.operations import OPERATIONS
from chat.http.queries import DEFAULT, DEFAULT_TOP_K, MOST
from chat.http.schemas import GIVEN, STORED_MEMORY, TAKEN
from chat.http.shapes import COUNT, MEMORY, NEAR, Schema, many, record
from chat.mcp import texts
from chat.mcp.protocol import Fields

OF_NAMESPACE = "namespace"
"""What no tool takes: a model has no namespace of its own, and reads and writes outside of all."""

Tell = Callable[[Fields, float], Sequence[str]]
"""Renders a result as texts; the second argument is the time now."""


@dataclass(frozen=True)
class Tool:
    """A tool, and the operation that it stands for.

    Shapes: `takes` and `gives` are the schemas of arguments and of structured results. `is_turn`:
            whether the model is asked, so that the answer may stream.
    """

    name: str
    title: str
    description: str
    method: str
    path: str
    takes: Schema
    gives: Schema
    tell: Tell
    is_read_only: bool = False
    is_destructive: bool = False
    is_idempotent: bool = False

    @property
    def is_turn(self) -> bool:
        """Whether the tool takes a turn, so that its answer may come in parts."""
        return (self.method, self.path) == ("POST", "/")

    @property
    def needs_memory(self) -> bool:
        """Whether there is nothing to be had from the tool without long-term memories."""
        return OPERATIONS[self.path][self.method].needs_memory


def _described(schema: Schema, **words: str) -> dict[str, Any]:
    """Return a schema of an object with descriptions of its fields."""
    fields = schema["properties"]
    told = {name: {**field, "description": words[name]} for name, field in fields.items()}
    return {**schema, "properties": told}


def _arguments(path: str, method: str, needed: Mapping[str, Schema]) -> Schema:
    """Return the schema of a tool that takes what an operation takes in the query."""
    parameters = [p for p in OPERATIONS[path][method].parameters if p.name != OF_NAMESPACE]
    optional = {one.name: one.schema for one in parameters if not one.is_needed}
    taken = {one.name: one.schema for one in parameters if one.is_needed}
    return record({**needed, **taken, **optional}, tuple(optional))


def _turn(kind: int, *names: str) -> Schema:
    """Return the schema of a tool that takes one kind of turn."""
    fields = TAKEN["Turn"]["oneOf"][kind]["properties"]
    return record({name: fields[name] for name in names})


def _without(schema: Schema, name: str) -> Schema:
    fields = {key: value for key, value in schema["properties"].items() if key != name}
    return {**schema, "properties": fields}


ONE: Schema = {"type": "integer", "minimum": 1, "maximum": MAX_ID}
TURN_RESULT = _without(GIVEN["TurnResult"], "token")
"""A caller without a credential gets one with its first turn; here everybody has one."""
RECALLED = record({"memories": many(record({**STORED_MEMORY, **NEAR, "age_s": COUNT}))})
OF_CONVERSATION = "The id of a conversation, as `start_conversation` or another tool gave it"
NEXT = "`next_cursor` of the page before, for the next page"
HOW_MANY = f"How many at most, from 1 to {MOST}; {DEFAULT} if left out"
READ = ("GET", "/conversations/{id}/messages")


TOOLS: Mapping[str, Tool] = {
    tool.name: tool
    for tool in (
        Tool(
            "remember", "Remember something",
            "Store one fact about the user for good, as a sentence that can be understood by "
            "itself, such as \"The user's sister is called Ada.\" Use it when the user asks to "
            "remember something, or tells a lasting fact or preference. Do not use it for what "
            "matters in this task only, for secrets such as passwords, or for what `recall` shows "
            "to be remembered already. The same text is never stored twice.",
            "POST", "/memories",
            _described(
                _without(TAKEN["Note"], OF_NAMESPACE),
                content="What to remember, as one sentence",
                role="Whose words these are; `user` if left out",
                created_at="When it was said, in seconds since 1970; now if left out",
            ),
            GIVEN["Memory"], texts.tell_remembered, is_idempotent=True,
        ),
        Tool(
            "recall", "Recall memories",
            "Search what is remembered of the user by words and meaning: notes, and what was said "
            "in all conversations. Use it at the beginning of a task, and before you ask the user "
            "for something that they may have told before. Each memory comes with its score (1 is "
            "the same meaning), age and source. Do not use it to look for exact words: "
            "`search_conversations` does that.",
            "GET", "/memories/relevant",
            _described(
                _arguments("/memories/relevant", "GET", {}),
                prompt="What the memories should be about, as a sentence or a question",
                top_k=f"How many memories at most, up to {MOST}; {DEFAULT_TOP_K} if left out",
                distance_threshold="The largest cosine distance, from 0 to 2: with less, only "
                "what is nearer is returned; if left out, what the service has as its default",
                by="What to search by; `both` if left out: words and meaning",
            ),
            RECALLED, texts.tell_recalled, is_read_only=True,
        ),
        Tool(
            "list_memories", "List memories",
            "List everything that is remembered of the user, the newest first, in pages. Use it "
            "when the user asks what is known about them, or to find the id of a memory for "
            "`forget`. Do not use it to find what matters for a question: `recall` does that.",
            "GET", "/memories",
            _described(_arguments("/memories", "GET", {}), limit=HOW_MANY, cursor=NEXT),
            GIVEN["MemoryPage"], texts.tell_memories, is_read_only=True,
        ),
        Tool(
            "forget", "Forget a memory",
            "Remove one memory for good. Use it only when the user asks for that, or says that a "
            "memory is wrong; then `remember` what is right. A message that the memory was made "
            "from stays in its conversation.",
            "DELETE", "/memories/{memory_id}",
            _described(
                record({"memory_id": MEMORY}),
                memory_id="The id of a memory, as `recall` or `list_memories` gave it",
            ),
            GIVEN["ForgottenMemories"], texts.tell_forgotten,
            is_destructive=True, is_idempotent=True,
        ),
        Tool(
            "start_conversation", "Start a conversation",
            "Begin a conversation with the chat bot behind this server, and get its first reply. "
            "The bot is another model: it remembers the conversation, and answers in it. Use it "
            "when the user wants to talk to that bot, or to have a thread kept there. Do not use "
            "it to store a fact: `remember` does that. The result has the id for `say`.",
            "POST", "/",
            _described(
                _turn(0, "context", "prompt"),
                context="The instruction that the bot keeps for the whole conversation; may be "
                "empty",
                prompt="The first message to the bot",
            ),
            TURN_RESULT, texts.tell_turn,
        ),
        Tool(
            "say", "Say something in a conversation",
            "Send the next message of a conversation to the chat bot behind this server, and get "
            "its reply. Use it to go on with a conversation. What was said in it before is known "
            "to the bot: do not repeat it. Do not use it to store something without a reply: "
            "`add_messages` does that. If the conversation is busy, another turn is running: wait "
            "a little, and try again.",
            "POST", "/",
            _described(
                record({
                    "conversation_id": ONE,
                    "prompt": TAKEN["Turn"]["oneOf"][1]["properties"]["prompt"],
                }),
                conversation_id=OF_CONVERSATION,
                prompt="The message to the bot",
            ),
            TURN_RESULT, texts.tell_turn,
        ),
        Tool(
            "add_messages", "Add messages to a conversation",
            "Store messages at the end of a conversation without asking the bot for a reply. Use "
            "it to keep what was said elsewhere, in order. Do not use it to talk to the bot: `say` "
            "does that.",
            "POST", "/conversations/{id}/messages",
            _described(
                record({"conversation_id": ONE, **TAKEN["Messages"]["properties"]}),
                conversation_id=OF_CONVERSATION,
                messages="The messages, the oldest first",
            ),
            GIVEN["AddedMessages"], texts.tell_added,
        ),
        Tool(
            "read_conversation", "Read a conversation",
            "Read the newest messages of a conversation, word for word. Use it to look up what was "
            "said there. To find a conversation, use `search_conversations` or "
            "`list_conversations` first.",
            *READ,
            _described(
                _without(_arguments(READ[1], READ[0], {"conversation_id": ONE}), "as_text"),
                conversation_id=OF_CONVERSATION,
                last=f"How many of the newest messages, up to {MOST}; {DEFAULT} if left out",
                before="The id of a message: only older messages are read; `before` of the result "
                "leads to them",
                role="Only messages of these roles, with commas between, such as `user,assistant`",
            ),
            GIVEN["MessagePage"], texts.tell_messages, is_read_only=True,
        ),
        Tool(
            "list_conversations", "List conversations",
            "List the user's conversations with the bot, the latest activity first, in pages. Use "
            "it to find the id of a recent conversation. To find one by what was said in it, use "
            "`search_conversations`.",
            "GET", "/conversations",
            _described(_arguments("/conversations", "GET", {}), limit=HOW_MANY, cursor=NEXT),
            GIVEN["ConversationPage"], texts.tell_conversations, is_read_only=True,
        ),
        Tool(
            "search_conversations", "Search conversations",
            "Find messages in all conversations of the user by their words; the score is the share "
            "of the words that a message has. Use it to find where something was said. Do not use "
            "it for questions about what the user means or likes: `recall` searches by meaning.",
            "GET", "/search",
            _described(
                _arguments("/search", "GET", {}),
                prompt="The words to look for",
                limit=HOW_MANY,
                cursor=NEXT,
            ),
            GIVEN["SearchPage"], texts.tell_hits, is_read_only=True,
        ),
    )
}  # fmt: skip

OFF = "Not available here: this service keeps no long-term memories (`long_term` is off)."
"""What the description of a tool begins with where it can do nothing."""


def describe_tool(tool: Tool, *, has_memory: bool) -> dict[str, Any]:
    """Describe a tool for a client."""
    is_away = tool.needs_memory and not has_memory
    return {
        "name": tool.name,
        "title": tool.title,
        "description": f"{OFF} {tool.description}" if is_away else tool.description,
        "inputSchema": tool.takes,
        "outputSchema": tool.gives,
        "annotations": {
            "title": tool.title,
            "readOnlyHint": tool.is_read_only,
            "destructiveHint": tool.is_destructive,
            "idempotentHint": tool.is_idempotent or tool.is_read_only,
            "openWorldHint": False,
        },
    }
