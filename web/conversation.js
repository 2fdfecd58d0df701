// One conversation: its messages, and turns from the prompt to the reply.

import { Refused, ask, ensureSession, newKey, send } from "./api.js";
import { announce, button, byId, copy, element } from "./dom.js";
import { render } from "./markdown.js";
import { makeReceipt, showBudget } from "./receipt.js";

const PAGE = 20;
const TITLE_CHARS = 60;
const SPEAKERS = { user: "You", assistant: "Assistant", system: "System", tool: "Tool" };

let current = null; // the id of the conversation that is shown; null for one not yet begun
let before = null; // from where on there are earlier messages
let running = null; // the AbortController of the turn that is waited for
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
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    submit();
  });
  byId("stop").addEventListener("click", () => running?.abort());
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
    byId("messages").append(...page.messages.map(makeMessage));
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
  running?.abort();
  running = null;
  setRunning(false);
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
    byId("messages").prepend(...page.messages.map(makeMessage));
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

function makeMessage({ role, content }) {
  const body = element("div", { className: "content" });
  if (role === "assistant") body.append(render(content));
  else body.textContent = content;
  const press = button("Copy", () => copy(content, press), "small");
  const speaker = element("h3", {}, SPEAKERS[role] ?? role);
  return element("li", { className: `message ${role}` }, speaker, body, press);
}

function submit() {
  const field = byId("prompt");
  const prompt = field.value;
  if (!prompt.trim() || running) return;
  const turn = { prompt, key: newKey(), context: byId("context").value };
  field.value = "";
  const asked = makeMessage({ role: "user", content: prompt });
  byId("start").hidden = true;
  byId("messages").append(asked);
  take(turn, asked);
}

/** Take a turn; if it fails, the visitor can send it again under the same key. */
async function take(turn, asked) {
  const mine = shown;
  const working = showWorking();
  const waiting = new AbortController();
  running = waiting;
  try {
    const result = await post(turn, waiting.signal);
    if (mine === shown) showReply(result, asked, turn);
    changed(result.id, turn);
  } catch (error) {
    if (mine === shown) showFailed(error, turn, asked);
  } finally {
    working.end();
    if (running === waiting) {
      running = null;
      setRunning(false);
    }
  }
}

async function post({ prompt, context, key }, signal) {
  if (current !== null) return send("POST", "/", { id: current, prompt }, { key, signal });
  await ensureSession();
  const result = await send("POST", "/", { context, prompt }, { key, signal });
  const text = prompt.trim().replace(/\s+/g, " ");
  const short = text.length > TITLE_CHARS ? `${text.slice(0, TITLE_CHARS - 1)}…` : text;
  await send("PATCH", `/conversations/${result.id}`, { title: short }).catch(() => {});
  return { ...result, title: short };
}

function showReply(result, asked, turn) {
  if (current === null) {
    current = result.id;
    title(result.title);
    tellContext(turn.context);
    byId("conversation-actions").hidden = false;
  }
  const reply = makeMessage({ role: "assistant", content: result.reply });
  if (result.usage.finish_reason === "length") {
    reply.append(element("p", { className: "quiet" }, "Cut off: there was no room for more."));
  }
  reply.append(makeReceipt(result.id, result.usage));
  asked.after(reply);
  const { prompt_tokens: read, generated_tokens: written, context_length: most } = result.usage;
  showBudget(read + written, most);
  announce(`Assistant: ${result.reply}`);
  toEnd();
}

function showFailed(error, turn, asked) {
  const isStopped = error.name === "AbortError";
  if (!isStopped && !(error instanceof Refused)) throw error;
  const text = isStopped
    ? "You stopped waiting. The reply may still be on its way."
    : `No reply: ${error.message}`;
  const again = button("Try again", () => {
    if (running) return;
    failed.remove();
    take(turn, asked);
  });
  const edit = button("Edit", () => {
    byId("prompt").value = turn.prompt;
    byId("prompt").focus();
    byId("start").hidden = current !== null;
    failed.remove();
    asked.remove();
  });
  const buttons = element("div", { className: "buttons" }, again, edit);
  const failed = element("li", { className: "failed" }, element("p", {}, text), buttons);
  asked.after(failed);
  announce(text);
  toEnd();
}

/** Show that a reply is being made, and for how long already. */
function showWorking() {
  const begun = Date.now();
  const time = element("span", { "aria-hidden": "true" });
  const row = element("li", { className: "working" }, "Working on the reply", time);
  const tick = setInterval(() => {
    const seconds = Math.floor((Date.now() - begun) / 1000);
    time.textContent = ` · ${seconds} s`;
  }, 1000);
  byId("messages").append(row);
  announce("Working on the reply");
  setRunning(true);
  toEnd();
  return {
    end() {
      clearInterval(tick);
      row.remove();
    },
  };
}

function setRunning(isRunning) {
  byId("send").hidden = isRunning;
  byId("stop").hidden = !isRunning;
}
