// One conversation: its messages, and turns from the prompt to the reply.

import { ask, newKey, send } from "./api.js";
import { announce, byId } from "./dom.js";
import { makeMessage } from "./message.js";
import { showBudget } from "./receipt.js";
import { idOf, makeTurns, removeFrom } from "./turn.js";

const PAGE = 20;
const NEAR_END_PX = 80;

let current = null; // the id of the conversation that is shown; null for one not yet begun
let before = null; // from where on there are earlier messages
let branching = null; // the message before which the next prompt begins a branch
let shown = 0; // counts what was shown, so that a late answer does not land elsewhere
let changed = () => {}; // called when the list of conversations is not true any more

export const currentId = () => current;

/** Wire the composer; `whenChanged` is called with the conversation's id after each turn. */
export function begin(whenChanged) {
  changed = whenChanged;
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
  byId("earlier").addEventListener("click", showEarlier);
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

/** Show a conversation with its newest messages. */
export async function showConversation(id) {
  const mine = reset(id);
  byId("conversation-actions").hidden = false;
  byId("messages").setAttribute("aria-busy", "true");
  try {
    const [summary, page] = await Promise.all([
      ask("GET", `/conversations/${id}`),
      ask("GET", `/conversations/${id}/messages?last=${PAGE}`),
    ]);
    if (mine !== shown) return;
    title(summary.title ?? `Conversation ${id}`);
    tellContext(summary.context);
    showBudget(summary.window_tokens, summary.context_length, "at most ");
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

async function showEarlier() {
  if (!before) return;
  const [mine, asked] = [shown, before];
  before = null; // no second request while this one runs
  try {
    const path = `/conversations/${current}/messages?last=${PAGE}&before=${asked}`;
    const page = await ask("GET", path);
    if (mine !== shown) return;
    const history = byId("history");
    const fromEnd = history.scrollHeight - history.scrollTop;
    byId("messages").prepend(...page.messages.map((message) => shownMessage(message)));
    history.scrollTop = history.scrollHeight - fromEnd;
    setBefore(page.before);
  } catch (error) {
    if (mine !== shown) return;
    setBefore(asked);
    notice(error.message);
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

const shownMessage = (message, body) => makeMessage(message, current, { edit, again }, body);

const turns = makeTurns({
  current: () => current,
  add: (row) => byId("messages").append(row),
  done: showReply,
  stopped: showStopped,
  notice,
  toEnd,
  isAtEnd,
});

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
    showBudget(usage.prompt_tokens + usage.generated_tokens, usage.context_length);
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
    const before = await idOf(row, current);
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
