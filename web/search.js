// The search: messages in all conversations, by their words.

import { ofConversation, ofSearch } from "./address.js";
import { ask } from "./api.js";
import { ago, byId, element, plural } from "./dom.js";
import { titleOf } from "./header.js";

const PAUSE_MS = 400; // every search counts as a turn, so it waits until a word is written
const SPEAKERS = { user: "You", assistant: "Assistant", system: "System", tool: "Tool" };
const ENDING = /(?<=...)(?:ings?|ed|ers?|es|s|e|ly)$/; // a word is found by others of its endings, too

let cursor = null;
let searched = null; // what the hits are of
let searches = 0; // counts them, so that a late answer does not show
let timer = null;

export function beginSearch() {
  const field = byId("search-words");
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(search, PAUSE_MS);
  });
  byId("search-form").addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(timer);
    search();
  });
  byId("search-more").addEventListener("click", showMore);
}

/** Show the search for the words of the address, with the cursor in its field. */
export function showSearch(words) {
  const field = byId("search-words");
  if (words !== field.value.trim()) field.value = words;
  field.focus();
  field.select();
  if (words !== searched) search();
}

async function search() {
  const words = byId("search-words").value.trim();
  if (words === searched) return;
  searched = words;
  searches += 1;
  cursor = null;
  byId("search-hits").replaceChildren();
  history.replaceState(null, "", ofSearch(words)); // Back returns to these hits
  tell(words ? "Searching …" : "");
  if (words) await showMore();
}

async function showMore() {
  const mine = (searches += 1);
  const after = cursor ? `&cursor=${cursor}` : "";
  try {
    const page = await ask("GET", `/search?prompt=${encodeURIComponent(searched)}${after}`);
    if (mine !== searches) return;
    byId("search-hits").append(...page.hits.map(makeHit));
    cursor = page.next_cursor;
    const count = byId("search-hits").children.length;
    tell(count ? plural(count, "message") : "Nothing found. Fewer or other words may find it.");
  } catch (error) {
    if (mine !== searches) return;
    tell(error.message);
    searched = null;
  }
}

function tell(text) {
  byId("search-state").textContent = text;
  byId("search-more").hidden = !cursor;
}

function makeHit({ conversation_id: id, title, message_id: message, role, snippet, created_at: at }) {
  const when = ago(Date.now() / 1000 - at);
  const link = element("a", { href: ofConversation(id, message) },
    element("strong", { dir: "auto" }, titleOf({ id, title })),
    element("span", { className: "quiet" }, `${SPEAKERS[role]}, ${when}`),
    element("span", { className: "snippet", dir: "auto" }, ...marked(snippet, searched)));
  return element("li", {}, link);
}

/** Return a text as nodes, in which the words of a search are marked. */
export function marked(text, words) {
  const wanted = parts(words).filter(({ isWordLike }) => isWordLike).map(({ segment }) => folded(segment));
  return parts(text).map(({ segment, isWordLike }) =>
    isWordLike && wanted.some((word) => isSame(folded(segment), word))
      ? element("mark", {}, segment) : segment);
}

const parts = (text) => [...new Intl.Segmenter("en", { granularity: "word" }).segment(text)];

const folded = (word) => word.normalize("NFKC").toLowerCase();

/** Whether a word is another but for its ending, or begins with it. */
const isSame = (word, wanted) => word.startsWith(wanted) || bare(word) === bare(wanted);

const bare = (word) => word.replace(ENDING, "");
