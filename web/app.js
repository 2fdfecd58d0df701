// The page: the list of conversations, and which of them is shown.

import { ask, ensureSession, send } from "./api.js";
import * as conversation from "./conversation.js";
import { beginData, beginMemories, beginQuestions, question } from "./dialogs.js";
import { button, byId, element } from "./dom.js";

const SUGGESTIONS = {
  "A chef": "You are a helpful chef.",
  "A teacher": "You are a patient teacher. Explain with short examples.",
  "An editor": "You are an editor. Make what I write shorter and clearer.",
  "A study partner": "You are a study partner. Remember what I tell you, and quiz me on it.",
};
const PAGE = 50;

let cursor = null;

async function showList({ isMore = false } = {}) {
  const after = isMore && cursor ? `&cursor=${cursor}` : "";
  const page = await ask("GET", `/conversations?limit=${PAGE}${after}`);
  if (!isMore) byId("list").replaceChildren();
  byId("list").append(...page.conversations.map(makeRow));
  cursor = page.next_cursor;
  byId("list-more").hidden = !cursor;
  byId("list-empty").hidden = byId("list").children.length > 0;
  markCurrent();
}

function makeRow({ id, title }) {
  const link = element("a", { href: `#${id}`, title: title ?? "", dir: "auto" }, title ?? `Conversation ${id}`);
  link.dataset.id = id;
  return element("li", {}, link);
}

function markCurrent() {
  for (const link of byId("list").querySelectorAll("a")) {
    if (link.dataset.id === String(conversation.currentId())) {
      link.setAttribute("aria-current", "page");
    } else link.removeAttribute("aria-current");
  }
}

/** Show the conversation that the address names, or else a new one. */
async function showAddressed() {
  const [id] = location.hash.match(/(?<=^#)[0-9]+$/) ?? [];
  openSidebar(false);
  if (id && id === String(conversation.currentId())) return markCurrent();
  if (id) await conversation.showConversation(Number(id));
  else conversation.showNew();
  markCurrent();
  byId("prompt").focus({ preventScroll: true });
}

function go(id) {
  const hash = id ? `#${id}` : "";
  if (location.hash === hash) showAddressed();
  else if (hash) location.hash = hash;
  else {
    history.pushState(null, "", location.pathname);
    showAddressed();
  }
}

/** Do something, and say on the page what went wrong if it fails. */
async function tried(act) {
  try {
    await act();
  } catch (error) {
    conversation.notice(error.message);
  }
}

async function rename() {
  const id = conversation.currentId();
  const before = byId("title").textContent;
  const title = await question("Rename the conversation", "", "Rename", { title: before });
  if (title === null) return;
  const changed = await send("PATCH", `/conversations/${id}`, { title });
  if (id === conversation.currentId()) conversation.title(changed.title ?? `Conversation ${id}`);
  await showList();
}

async function remove() {
  const id = conversation.currentId();
  const heading = `Delete “${byId("title").textContent}”?`;
  const text = "Its messages and the memories that came from them go too. It cannot be undone.";
  if (!(await question(heading, text, "Delete"))) return;
  await ask("DELETE", `/conversations/${id}`);
  go(null);
  await showList();
}

function openSidebar(isOpen) {
  document.body.classList.toggle("sidebar-open", isOpen);
  byId("toggle-sidebar").setAttribute("aria-expanded", String(isOpen));
}

function begin() {
  const suggestions = Object.entries(SUGGESTIONS).map(([name, context]) =>
    button(name, () => (byId("context").value = context), "small"));
  byId("suggestions").append(...suggestions);
  byId("skip").addEventListener("click", (event) => {
    event.preventDefault(); // the address names the conversation
    byId("prompt").focus();
  });
  byId("start").addEventListener("submit", (event) => event.preventDefault());
  byId("new").addEventListener("click", () => go(null));
  byId("rename").addEventListener("click", () => tried(rename));
  byId("delete").addEventListener("click", () => tried(remove));
  byId("list-more").addEventListener("click", () => tried(() => showList({ isMore: true })));
  byId("toggle-sidebar").addEventListener("click", () =>
    openSidebar(!document.body.classList.contains("sidebar-open")));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") openSidebar(false);
    if (event.key.toLowerCase() === "o" && event.shiftKey && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      go(null);
    }
  });
  addEventListener("hashchange", showAddressed);
  addEventListener("popstate", showAddressed);
  beginQuestions();
  beginMemories();
  beginData(async () => {
    await tried(async () => {
      await ensureSession();
      await showList();
    });
    go(null);
  });
  conversation.begin((id) => {
    if (id === conversation.currentId()) history.replaceState(null, "", `#${id}`);
    tried(async () => {
      await showList();
      const link = byId("list").querySelector("a[aria-current]");
      if (link) conversation.title(link.textContent);
    });
  });
}

begin();
const isAddressed = location.hash !== "";
if (!isAddressed) showAddressed();
byId("composer").inert = isAddressed;
await tried(async () => {
  await ensureSession();
  await showList();
});
if (isAddressed) await showAddressed();
byId("composer").inert = false;
byId("prompt").focus({ preventScroll: true });
