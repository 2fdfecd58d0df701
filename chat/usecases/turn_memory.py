"""What a turn does with embeddings: rank found turns, search its owner's memories, add to them."""

import dataclasses
from collections.abc import Mapping, Sequence
from functools import partial

from chat.context.ranking import rank
from chat.core.memories import make_memories
from chat.core.messages import Commit, Conversation, Embedded, Found, FoundMemory, Turn
from chat.core.packed import distances
from chat.core.vectors import comparable, embedding_name
from chat.settings import Settings
from chat.usecases.memory_port import LongTermMemory
from chat.usecases.ports import Embedder, Later, OwnedStore
from chat.usecases.summarise import Summariser

MAX_EMBEDDED_ANEW = 32
"""The most texts of evicted turns that one turn embeds anew.

Those texts have no kept embedding, or one that another model made.
"""


class Recaller:
    """Ranks, searches and remembers for one turn; does nothing that the settings turn off.

    Errors: every method may raise those of the embedder, and the turn then fails.
    """

    def __init__(
        self,
        settings: Settings,
        embedder: Embedder,
        conversations: OwnedStore,
        memory: LongTermMemory | None,
        later: Later,
        summariser: Summariser | None = None,
    ) -> None:
        """Take the caller's `memory`; None without a credential, or with `long_term` off.

        Without a `summariser`, no summary is made.
        """
        self._summariser = summariser
        self._settings = settings
        self._embedder = embedder
        self._conversations = conversations
        self._memory = memory
        self._later = later
        self._tag = settings.embedding_tag

    async def rank(
        self, loaded: Conversation, found: Sequence[Found], prompt: str
    ) -> Sequence[Found]:
        """Rank the turns that were found by their words again, by their meaning as well.

        No answer waits for embeddings of turns that are still in the window: without one that is
        kept, such a turn counts as an average one.
        """
        if not self._settings.is_hybrid:
            return found
        shown = {turn.number for turn in loaded.turns}
        named = {one.turn.number: self._names(one.turn) for one in found}
        archived = [number for number in named if number not in shown]
        if not archived:
            return found
        wanted = (await self._embedder.embed([prompt]))[0]
        texts = {name: text for of_turn in named.values() for name, text in of_turn.items()}
        known = await self._conversations.load_embeddings(loaded.id, list(texts))
        kept = comparable(wanted, known)
        names = [name for number in archived for name in named[number]]
        missing = [name for name in names if name not in kept][:MAX_EMBEDDED_ANEW]
        made = await self._embed({name: texts[name] for name in missing})
        await self._keep(loaded.id, made)
        kept |= made
        far = dict(zip(kept, distances(wanted, list(kept.values())), strict=True))
        cosines = {}
        for number, of_turn in named.items():
            apart = [far[name] for name in of_turn if name in far]
            if apart:
                cosines[number] = 1 - min(apart)
        return rank(found, cosines)

    def keep_evicted_later(self, loaded: Conversation, commit: Commit) -> None:
        """Embed the turns that were evicted, and fold them into the summary, behind the answer.

        Embeddings that are not made then, `rank` makes in the turn that finds such a turn.
        """
        if self._summariser:
            self._summariser.fold_later(loaded, commit)
        if self._settings.is_hybrid and commit.evicted:
            self._later(partial(self._keep_evicted, loaded.id, commit.evicted))

    async def _keep_evicted(self, conversation_id: int, evicted: Sequence[Turn]) -> None:
        texts = {name: text for turn in evicted for name, text in self._names(turn).items()}
        known = await self._conversations.load_embeddings(conversation_id, list(texts))
        made = await self._embed({name: texts[name] for name in texts if name not in known})
        # Nothing locks the conversation by now: somebody may have removed messages of it meanwhile.
        first, last = evicted[0].number, evicted[-1].number
        stored = await self._conversations.turns_page(conversation_id, last, last - first + 1)
        left = {name for one in stored for name in self._names(one.turn)}
        await self._keep(conversation_id, {name: made[name] for name in made if name in left})

    async def _embed(self, texts: Mapping[str, str]) -> dict[str, Sequence[float]]:
        """Return an embedding of each text, by its name."""
        embeddings = await self._embedder.embed(list(texts.values())) if texts else []
        return dict(zip(texts, embeddings, strict=True))

    async def _keep(self, conversation_id: int, made: Mapping[str, Sequence[float]]) -> None:
        if made:
            await self._conversations.keep_embeddings(conversation_id, made)

    def _names(self, turn: Turn) -> Mapping[str, str]:
        """Return the text of each message of a turn, by the name of its embedding."""
        return {
            embedding_name(self._tag, placed.place): placed.message.text for placed in turn.placed()
        }

    async def search(self, conversation: Conversation, prompt: str) -> list[FoundMemory]:
        """Return memories of what the owner said in other conversations of the same namespace.

        None are searched for in a conversation that others may read.
        """
        memory, long_term = self._memory, self._settings.long_term
        if memory is None or memory.owner != conversation.owner or not long_term.per_turn:
            return []
        return await memory.search(
            prompt,
            count=long_term.per_turn,
            max_distance=long_term.max_distance,
            beside=conversation.id,
            by="both",
            namespace=conversation.namespace,
        )

    async def remember(self, conversation: Conversation, commit: Commit) -> Commit:
        """Return the commit with the memories that the new turns leave to the owner."""
        if self._memory is None or self._memory.owner != conversation.owner:
            return commit
        min_chars = self._settings.long_term.min_chars
        memories = make_memories(conversation.id, commit.turns, min_chars, conversation.namespace)
        embeddings = await self._embedder.embed([memory.content for memory in memories])
        embedded = map(Embedded, memories, embeddings)
        return dataclasses.replace(commit, memories=tuple(embedded))
