// The page: which view is shown, and how its parts hang together.

import { ofConversation, readAddress } from "./address.js";
import { ask, ensureSession } from "./api.js";
import * as conversation from "./conversation.js";
import { beginData, showData } from "./data.js";
import { beginQuestions } from "./dialogs.js";
import { byId } from "./dom.js";
import { beginHeader, showBudget, showPinned, titleOf } from "./header.js";
import { beginKeys } from "./keys.js";
import { beginList, hideInList, isAway, markCurrent, refreshList } from "./list.js";
import { beginMemories, showMemories } from "./memories.js";
import { beginSearch, showSearch } from "./search.js";
import { beginStart } from "./start.js";
import { beginUndo, takeBack } from "./undo.js";

const TITLES = { search: "Search", memories: "Memories", data: "Your data" };
const narrow = matchMedia("(max-width: 44rem)");

/** Show the view that the address names. */
async function showAddressed() {
  const { view, id, message, words } = readAddress(location.hash);
  openSidebar(false);
  showView(view);
  if (view === "search") showSearch(words);
  if (view === "memories") await showMemories();
  if (view === "data") await showData();
  if (view !== "chat") return;
  if (id && isAway(id)) takeBack(); // it is not deleted yet, and somebody went back to it
  await conversation.show(id, message);
  markCurrent(id);
  if (!message) focusPrompt();
}

function showView(shown) {
  for (const view of ["chat", ...Object.keys(TITLES)]) byId(`view-${view}`).hidden = view !== shown;
  for (const view of Object.keys(TITLES)) {
    if (view === shown) byId(`open-${view}`).setAttribute("aria-current", "page");
    else byId(`open-${view}`).removeAttribute("aria-current");
  }
  const isChat = shown === "chat";
  byId("chat-top").hidden = !isChat;
  byId("view-title").hidden = isChat;
  if (isChat) return conversation.title(byId("title").textContent);
  markCurrent(null);
  byId("view-title").textContent = TITLES[shown];
  document.title = `${TITLES[shown]} · Chat with memory`;
  byId("view-title").focus();
}

/** Put the cursor into the prompt; where that would open a keyboard on the screen, on the title. */
function focusPrompt() {
  const field = matchMedia("(hover: none)").matches ? byId("title") : byId("prompt");
  field.focus({ preventScroll: true });
}

/** Go to a conversation; null for a new one. */
function go(id) {
  if (id) return (location.hash = ofConversation(id));
  conversation.showNew();
  if (location.hash) history.pushState(null, "", location.pathname);
  showAddressed();
}

/** Do something, and say on the page what went wrong if it fails. */
async function tried(act) {
  try {
    await act();
  } catch (error) {
    conversation.notice(error.message);
  }
}

/** Show what the chat has of the conversation that is shown, and the list, as they are by now. */
async function refresh() {
  const id = conversation.currentId();
  const [summary] = await Promise.all([id && ask("GET", `/conversations/${id}`), refreshList()]);
  if (!summary || id !== conversation.currentId()) return;
  tellSummary(summary);
}

function tellSummary(summary) {
  if (!byId("view-chat").hidden) conversation.title(titleOf(summary));
  else byId("title").textContent = titleOf(summary);
  showBudget(summary.window_tokens, summary.context_length);
  showPinned(summary.pinned);
}

function openSidebar(isOpen) {
  const was = document.body.classList.contains("sidebar-open");
  document.body.classList.toggle("sidebar-open", isOpen);
  byId("toggle-sidebar").setAttribute("aria-expanded", String(isOpen));
  document.querySelector("main").inert = isOpen;
  if (isOpen) byId("close-sidebar").focus();
  else if (was) byId("toggle-sidebar").focus();
}

function beginSidebar() {
  byId("new").addEventListener("click", () => go(null));
  byId("toggle-sidebar").addEventListener("click", () => openSidebar(true));
  for (const part of ["close-sidebar", "backdrop"]) {
    byId(part).addEventListener("click", () => openSidebar(false));
  }
  byId("sidebar").addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !document.body.classList.contains("sidebar-open")) return;
    event.stopPropagation();
    openSidebar(false);
  });
  byId("sidebar").addEventListener("click", ({ target }) => target.closest("a") && openSidebar(false));
  narrow.addEventListener("change", () => openSidebar(false));
  byId("skip").addEventListener("click", (event) => {
    event.preventDefault(); // the address names the view
    (byId("view-chat").hidden ? byId("view-title") : byId("prompt")).focus();
  });
}

/** After a turn or a branch: the conversation may have got its id, and all is told anew. */
function changed(id) {
  const { view } = readAddress(location.hash);
  if (id === conversation.currentId() && view === "chat") {
    history.replaceState(null, "", ofConversation(id));
  }
  tried(async () => {
    await refresh();
    if (!byId("view-chat").hidden) markCurrent(conversation.currentId());
  });
}

/** After an import, an erasure or a change of credential. */
async function changedOwner() {
  conversation.showNew();
  await ensureSession();
  await refreshList();
  await showData();
}

function begin() {
  for (const part of [beginSidebar, beginStart, beginQuestions, beginUndo, beginMemories, beginSearch]) part();
  beginHeader({ shown: conversation.currentId, go, hide: hideInList, refresh, tried });
  beginList({ tried, changed: refresh });
  beginData(changedOwner);
  beginKeys({ search: () => (location.hash = "#search"), begin: () => go(null) });
  conversation.begin(changed, tellSummary);
  addEventListener("hashchange", showAddressed);
}

begin();
const isAddressed = location.hash !== "";
if (!isAddressed) showAddressed();
byId("composer").inert = isAddressed;
await tried(async () => {
  await ensureSession();
  await refreshList();
});
byId("composer").inert = false;
if (isAddressed) await showAddressed();
