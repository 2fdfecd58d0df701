// Which of the messages that are shown the chat has under which id, and which were said elsewhere.

import { Refused, ask } from "./api.js";

const MOST = 100;

/**
 * Give the rows that were said since the conversation was shown their ids. Messages that another
 * window has said since are handed to `insert`, with the row before which they were said, or null.
 */
export async function catchUp(conversationId, rows, insert) {
  const { messages } = await ask("GET", `/conversations/${conversationId}/messages?last=${MOST}`);
  const newest = rows.findLast(({ said }) => said.id !== null)?.said.id ?? "0.0";
  const waiting = rows.filter(({ said }) => said.id === null);
  for (const message of messages.filter(({ id }) => isLater(id, newest))) {
    const place = waiting.findIndex(({ said }) =>
      said.role === message.role && said.content === message.content);
    if (place < 0) insert(message, waiting[0] ?? null);
    else waiting.splice(0, place + 1).at(-1).said.id = message.id;
  }
}

function isLater(id, other) {
  const [turn, place] = id.split(".").map(Number);
  const [otherTurn, otherPlace] = other.split(".").map(Number);
  return turn > otherTurn || (turn === otherTurn && place > otherPlace);
}

/** Return the id of a shown message; `learn` asks for those that are not known yet. */
export async function idOf(row, learn) {
  if (row.said.id === null) await learn();
  if (row.said.id === null) throw new Refused("This message is not known to the chat any more.");
  return row.said.id;
}
