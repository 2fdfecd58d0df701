// One conversation: its messages, and turns from the prompt to the reply.

import { ask, newKey, send } from "./api.js";
import { announce, byId } from "./dom.js";
import { makeDeeds } from "./deeds.js";
import { showBudget } from "./header.js";
import { catchUp, idOf } from "./known.js";
import { makeMessage } from "./message.js";
import { makeTurns, removeFrom } from "./turn.js";

const PAGE = 20;
const SOUGHT = 100; // messages read at a time on the way to one of them
const NEAR_END_PX = 80;

let current = null; // the id of the conversation that is shown; null for one not yet begun
let before = null; // from where on there are earlier messages
let branching = null; // the message before which the next prompt begins a branch
let shown = 0; // counts what was shown, so that a late answer does not land elsewhere
let earlier = null; // the earlier messages that are being read
let changed = () => {}; // called when the list of conversations is not true any more
let told = () => {}; // called with what the chat has of the conversation that is shown

export const currentId = () => current;

/**
 * Wire the composer. `whenChanged` is called with the conversation's id after each turn, and
 * `whenTold` with what the chat has of a conversation when it is shown.
 */
export function begin(whenChanged, whenTold) {
  [changed, told] = [whenChanged, whenTold];
  byId("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  byId("prompt").addEventListener("keydown", (event) => {
    if (event.key === "ArrowUp" && !byId("prompt").value) return editLast(event);
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    submit();
  });
  byId("stop").addEventListener("click", () => turns.stop());
  document.addEventListener("keydown", ({ key }) => {
    if (key === "Escape" && !document.querySelector("dialog[open]")) turns.stop();
  });
  byId("no-branch").addEventListener("click", () => {
    setBranching(null);
    byId("prompt").value = "";
    byId("prompt").focus();
  });
  byId("earlier").addEventListener("click", () => showEarlier());
  new IntersectionObserver((entries) => entries.at(-1).isIntersecting && showEarlier(), {
    root: byId("history"),
  }).observe(byId("earlier"));
}

/** Show a conversation that is not yet begun. */
export function showNew() {
  reset(null);
  byId("start").hidden = false;
  title("New conversation");
}

/**
 * Show a conversation, or go on showing it; null for one that is not yet begun. With a message's
 * id, go to that message.
 */
export async function show(id, message = null) {
  const isShown = id === current && (id !== null || byId("messages").children.length > 0);
  if (id === null) return isShown ? undefined : showNew();
  if (!isShown) await showConversation(id);
  else if (message && !rowOf(message)) await learn();
  if (message && id === current) await showMessage(message);
}

const rowOf = (message) => [...byId("messages").children].find(({ said }) => said?.id === message);

/** Go to a message, through all that was said since. */
async function showMessage(message) {
  const mine = shown;
  while (!rowOf(message) && (await showEarlier(SOUGHT)));
  const row = rowOf(message);
  if (mine !== shown) return;
  if (!row) return notice("This message is not kept any more.");
  row.tabIndex = -1;
  row.scrollIntoView({ block: "center" });
  row.focus({ preventScroll: true });
  row.classList.remove("sought");
  requestAnimationFrame(() => row.classList.add("sought"));
}

/** Show a conversation with its newest messages. */
async function showConversation(id) {
  const mine = reset(id);
  byId("conversation-actions").hidden = false;
  byId("messages").setAttribute("aria-busy", "true");
  try {
    const [summary, page] = await Promise.all([
      ask("GET", `/conversations/${id}`),
      ask("GET", `/conversations/${id}/messages?last=${PAGE}`),
    ]);
    if (mine !== shown) return;
    told(summary);
    tellContext(summary.context);
    byId("messages").append(...page.messages.map((message) => shownMessage(message)));
    setBefore(page.before);
    toEnd();
  } catch (error) {
    if (mine === shown) notice(error.message);
  } finally {
    if (mine === shown) byId("messages").removeAttribute("aria-busy");
  }
}

export function title(text) {
  byId("title").textContent = text;
  document.title = `${text} · Chat with memory`;
}

export function notice(text) {
  byId("notice").hidden = !text;
  byId("notice").textContent = text;
}

function reset(id) {
  turns.leave();
  setBranching(null);
  current = id;
  shown += 1;
  notice("");
  showBudget(null, 0);
  setBefore(null);
  byId("messages").replaceChildren();
  for (const part of ["start", "told", "conversation-actions"]) byId(part).hidden = true;
  return shown;
}

function tellContext(context) {
  byId("told").hidden = !context;
  byId("told-context").textContent = context;
}

function setBefore(place) {
  before = place;
  byId("earlier").hidden = !place;
}

/** Show earlier messages, in one request at a time; say whether there were some. */
function showEarlier(most = PAGE) {
  if (!earlier && before) earlier = readEarlier(most).finally(() => (earlier = null));
  return earlier;
}

async function readEarlier(most) {
  const mine = shown;
  try {
    const path = `/conversations/${current}/messages?last=${most}&before=${before}`;
    const page = await ask("GET", path);
    if (mine !== shown) return false;
    const history = byId("history");
    const fromEnd = history.scrollHeight - history.scrollTop;
    byId("messages").prepend(...page.messages.map((message) => shownMessage(message)));
    history.scrollTop = history.scrollHeight - fromEnd;
    setBefore(page.before);
    return true;
  } catch (error) {
    if (mine === shown) notice(error.message);
    return false;
  }
}

function toEnd() {
  const history = byId("history");
  history.scrollTop = history.scrollHeight;
}

function isAtEnd() {
  const history = byId("history");
  return history.scrollHeight - history.scrollTop - history.clientHeight < NEAR_END_PX;
}

const shownMessage = (message, body) => makeMessage(message, act, body);

/** Learn the ids of the messages that were said since; show those that another window has said. */
async function learn() {
  const mine = shown;
  if (current === null) return;
  const list = byId("messages");
  const rows = [...list.children].filter((row) => row.said && !row.classList.contains("unsaved"));
  await catchUp(current, rows, (message, before) => {
    if (mine === shown) list.insertBefore(shownMessage(message), before ?? list.querySelector(".unsaved"));
  });
}

const turns = makeTurns({
  current: () => current,
  add: (row) => byId("messages").append(row),
  done: showReply,
  stopped: showStopped,
  learn,
  notice,
  toEnd,
  isAtEnd,
});
const deeds = makeDeeds({ here: currentId, learn, notice, changed: (id) => changed(id) });
const act = { here: currentId, edit, again, ...deeds };

async function submit() {
  const field = byId("prompt");
  const prompt = field.value;
  if (!prompt.trim() || turns.isRunning()) return;
  const [mine, row] = [shown, branching];
  field.value = "";
  setBranching(null);
  if (row && !(await branch(row))) field.value = prompt;
  else if (mine === shown) say(prompt);
}

function say(prompt) {
  const asked = shownMessage({ role: "user", content: prompt });
  asked.classList.add("unsaved");
  byId("start").hidden = true;
  byId("messages").append(asked);
  turns.take(prompt, byId("context").value, asked);
}

function showReply(result, asked, growing, isShown) {
  if (isShown) {
    if (current === null) {
      current = result.id;
      tellContext(result.context);
      byId("conversation-actions").hidden = false;
    }
    growing.row.remove();
    asked.classList.remove("unsaved");
    const { reply: content, usage } = result;
    asked.after(shownMessage({ role: "assistant", content, usage }, growing.whole(content)));
    announce(`Assistant: ${content}`);
    toEnd();
  }
  changed(result.id);
}

function showStopped({ message_ids: ids }, messages, asked, growing) {
  const [said, reply] = messages.map((message, place) => shownMessage({ ...message, id: ids[place] }));
  growing.remove();
  asked.replaceWith(said, reply);
  announce("Stopped. What had come is kept.");
  changed(current);
}

/** Put a prompt back into the composer; when it is sent, it begins a branch. */
function edit(row) {
  if (turns.isRunning()) return;
  byId("prompt").value = row.said.content;
  byId("prompt").focus();
  setBranching(row);
}

function editLast(event) {
  const last = [...byId("messages").querySelectorAll(".message.user")].at(-1);
  if (!last || turns.isRunning()) return;
  event.preventDefault();
  edit(last);
}

/** Ask for a reply again, in a branch that ends before its prompt. */
async function again(row) {
  let asked = row.previousElementSibling;
  while (asked && asked.said?.role !== "user") asked = asked.previousElementSibling;
  if (!asked || turns.isRunning()) return;
  const mine = shown;
  if ((await branch(asked)) && mine === shown) say(asked.said.content);
}

function setBranching(row) {
  branching = row;
  byId("branching").hidden = row === null;
}

/** Go on in a new conversation, with what was said before a message; say whether that worked. */
async function branch(row) {
  try {
    const before = await idOf(row, learn);
    const path = `/conversations/${current}/branch`;
    const made = await send("POST", path, { before }, { key: newKey() });
    if (!row.isConnected) return false;
    current = made.id;
    removeFrom(row);
    title(made.title ?? `Conversation ${made.id}`);
    changed(made.id);
    return true;
  } catch (error) {
    notice(error.message);
    return false;
  }
}
