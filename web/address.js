// Which view an address shows: what is behind its # is read and written here.

const VIEWS = ["search", "memories", "data"];
const CONVERSATION = /^([1-9][0-9]{0,18})(?:\/([1-9][0-9]{0,17}\.[0-9]{1,4}))?$/;

/**
 * Read a hash: a view by its name; `search/WORDS`; a conversation by its id, with a message to go
 * to behind a slash. All else is a conversation that is not yet begun.
 */
export function readAddress(hash) {
  const [name, ...rest] = hash.slice(1).split("/");
  if (VIEWS.includes(name)) return { view: name, words: decoded(rest.join("/")) };
  const [, id, message] = hash.slice(1).match(CONVERSATION) ?? [];
  return { view: "chat", id: id ? Number(id) : null, message: message ?? null };
}

export const ofConversation = (id, message = null) => `#${id}${message ? `/${message}` : ""}`;

export const ofSearch = (words) => `#search${words ? `/${encodeURIComponent(words)}` : ""}`;

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // typed by hand
  }
}
