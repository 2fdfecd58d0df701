"""Makes sure that an embedder is asked only once for each text of a request."""

from collections.abc import Sequence

from chat.core.errors import ModelFailed, OtherLength
from chat.core.portions import slices
from chat.core.vectors import BATCH, unit
from chat.usecases.ports import Embedder


class OnceEmbedder:
    """An embedder that asks another embedder once for each text of a request, in batches.

    Its embeddings are unit vectors of one length.
    """

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._known: dict[str, Sequence[float]] = {}

    async def embed(self, texts: Sequence[str]) -> list[Sequence[float]]:
        """Return an embedding of each text.

        Errors: those of the port; ModelFailed for unusable embeddings; OtherLength if their lengths
                differ.
        """
        missing = [text for text in dict.fromkeys(texts) if text not in self._known]
        for batch in slices(missing, BATCH):
            embeddings = [unit(embedding) for embedding in await self._embedder.embed(batch)]
            if len(embeddings) != len(batch):
                raise ModelFailed("the embedding model gave another number of embeddings")
            if len({len(one) for one in (*self._known.values(), *embeddings)}) > 1:
                raise OtherLength
            self._known |= zip(batch, embeddings, strict=True)
        return [self._known[text] for text in texts]
