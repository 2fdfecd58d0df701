// The memories: they are searched, changed where they stand, added, pinned and forgotten.

import { ofConversation } from "./address.js";
import { ask, send } from "./api.js";
import { question } from "./dialogs.js";
import { ago, announce, button, byId, element, plural } from "./dom.js";
import { offerUndo } from "./undo.js";

const PAGE = 50;
const FOUND = 20;
const NAMED = 60; // characters of a memory in the names of its buttons

let known = []; // the memories that were read, the newest first
let found = null; // those that are about what was searched for; null if nothing was
let cursor = null;
let isRead = false;
const away = new Set(); // ids of those that are being forgotten

export function beginMemories() {
  byId("memories-more").addEventListener("click", () => tried(readMore));
  byId("memories-forget").addEventListener("click", () => tried(forgetAll));
  byId("memories-words").addEventListener("input", () => {
    found = null;
    draw();
  });
  byId("memories-search").addEventListener("submit", (event) => {
    event.preventDefault();
    tried(findByMeaning);
  });
  byId("memories-add").addEventListener("submit", (event) => {
    event.preventDefault();
    tried(add);
  });
}

/** Read the memories anew. */
export async function showMemories() {
  [known, found, cursor, isRead] = [[], null, null, false];
  byId("memories-words").value = "";
  draw();
  await tried(readMore);
}

async function readMore() {
  const page = await ask("GET", `/memories?limit=${PAGE}${cursor ? `&cursor=${cursor}` : ""}`);
  const isIn = new Set(known.map(({ id }) => id));
  known = [...known, ...page.memories.filter(({ id }) => !isIn.has(id))];
  cursor = page.next_cursor;
  isRead = true;
  byId("memories-tools").hidden = false;
  draw();
}

const words = () => byId("memories-words").value.trim().toLowerCase();

const withWords = () => known.filter(({ content }) =>
  words().split(/\s+/).every((word) => content.toLowerCase().includes(word)));

/** Find memories that mean what was typed, behind those that have its words. */
async function findByMeaning() {
  if (!words()) return;
  const asked = encodeURIComponent(byId("memories-words").value.trim());
  const { memories } = await ask("GET", `/memories/relevant?top_k=${FOUND}&prompt=${asked}`);
  const first = withWords();
  const isIn = new Set(first.map(({ id }) => id));
  found = [...first, ...memories.filter(({ id }) => !isIn.has(id))];
  draw();
}

function draw() {
  const shown = (found ?? withWords()).filter(({ id }) => !away.has(id));
  byId("memories-list").replaceChildren(...shown.map(makeRow));
  byId("memories-more").hidden = !cursor || found !== null;
  byId("memories-forget").hidden = known.length === 0;
  if (!isRead) return tell("");
  if (shown.length) tell(`${plural(shown.length, "memory", "memories")}${cursor && !words() ? " so far" : ""}`);
  else if (!words()) tell("None yet.");
  else tell(found ? "None is about that." : "None has these words. Enter finds those that mean the same.");
}

const tell = (text) => (byId("memories-state").textContent = text);

function makeRow(memory) {
  const text = element("p", { dir: "auto", className: "said" }, memory.content);
  const buttons = element("div", { className: "buttons" },
    ...Object.entries({ Pin: togglePin, Edit: edit, Forget: forget }).map(([name, act]) => {
      const press = button(name, () => tried(() => act(memory, row)), "small");
      press.setAttribute("aria-label", `${name}: ${memory.content.slice(0, NAMED)}`);
      return press;
    }));
  buttons.firstChild.setAttribute("aria-pressed", String(memory.pinned));
  const row = element("li", {}, text, element("p", { className: "quiet" }, ...toldOf(memory)), buttons);
  row.dataset.id = memory.id;
  return row;
}

function toldOf({ role, created_at: at, source, pinned }) {
  const when = ago(Date.now() / 1000 - at);
  const told = [...(pinned ? ["pinned"] : []), source ? "" : "a note"].filter(Boolean).join(", ");
  const said = `${role === "user" ? "You" : "Assistant"}, ${when}${told ? `, ${told}` : ""}`;
  if (!source) return [said];
  const to = ofConversation(source.conversation_id, source.message_id);
  return [said, " · ", element("a", { href: to }, "where it was said")];
}

/** Put a memory as it is by now in the place of what was known of it. */
function replace(memory) {
  const inPlace = (one) => (one.id === memory.id ? memory : one);
  known = known.map(inPlace);
  found = found?.map(inPlace) ?? null;
  draw();
}

const focusOn = (id, name) =>
  byId("memories-list").querySelector(`[data-id="${CSS.escape(id)}"] button[aria-label^="${name}"]`)?.focus();

async function togglePin({ id, pinned }) {
  replace(await send("PATCH", `/memories/${id}`, { pinned: !pinned }));
  focusOn(id, "Pin");
}

/** Let a memory be changed where it stands. */
function edit(memory, row) {
  const field = element("textarea", { dir: "auto", value: memory.content, required: true });
  field.setAttribute("aria-label", "What is remembered");
  const leave = () => {
    draw();
    focusOn(memory.id, "Edit");
  };
  const save = (event) => tried(async () => {
    event.preventDefault();
    const content = field.value.trim();
    if (content && content !== memory.content) {
      replace(await send("PATCH", `/memories/${memory.id}`, { content }));
      announce("Changed");
    }
    leave();
  });
  const form = element("form", { submit: save }, field, element("div", { className: "buttons" },
    element("button", { type: "submit", className: "small primary" }, "Save"),
    button("Cancel", leave, "small")));
  form.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "Escape") leave();
    else if (event.key === "Enter" && !event.shiftKey && event.target === field) save(event);
  });
  row.replaceChildren(form);
  field.focus();
}

function forget({ id, content }) {
  away.add(id);
  draw();
  offerUndo(`Forgotten: “${content.slice(0, NAMED)}”.`, {
    finish: (options) => tried(async () => {
      try {
        await ask("DELETE", `/memories/${id}`, options);
        known = known.filter((one) => one.id !== id);
        found = found?.filter((one) => one.id !== id) ?? null;
      } finally {
        away.delete(id);
        draw();
      }
    }),
    undo: () => {
      away.delete(id);
      draw();
      focusOn(id, "Forget");
    },
  });
}

async function add() {
  const field = byId("memories-note");
  const made = await send("POST", "/memories", { content: field.value.trim() });
  const isOld = known.some(({ id }) => id === made.id);
  known = [made, ...known.filter(({ id }) => id !== made.id)];
  [field.value, byId("memories-words").value, found] = ["", "", null];
  draw();
  tell(isOld ? "That is remembered already." : "Remembered.");
}

async function forgetAll() {
  const text = "What was said stays in its conversations, and is recalled in no other.";
  if (!(await question("Forget all memories?", text, "Forget all"))) return;
  await ask("DELETE", "/memories");
  await showMemories();
}

async function tried(act) {
  try {
    await act();
  } catch (error) {
    tell(error.code === "memory_off" ? "Memory across conversations is not switched on here." : error.message);
  }
}
