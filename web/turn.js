// A turn: from the prompt to the reply, which shows while it is made and can be stopped.

import { Refused, ask, ensureSession, newKey, send } from "./api.js";
import { announce, button, byId, element } from "./dom.js";
import { makeGrowing } from "./message.js";
import { streamTurn } from "./stream.js";

const PAUSE_MS = 300;
const FREE_TRIES = 20; // the chat finds out within some seconds that nobody reads a stopped reply

/**
 * Make what takes the turns of the conversation that is shown. `view` is what shows it: its
 * `current` id, `add` for a row, `done` for a result, `stopped` for what was kept of a stopped
 * turn, and `toEnd`.
 */
export function makeTurns(view) {
  let running = null; // the AbortController of the turn that is waited for
  const turns = { isRunning: () => running !== null, stop: () => running?.abort(), leave, take };

  /** Stop waiting, because another conversation is shown now. */
  function leave() {
    running?.abort();
    running = null;
    setRunning(false);
  }

  /** Take a turn; if it fails, the visitor can send it again under the same key. */
  async function take(prompt, context, asked, key = newKey()) {
    const growing = makeGrowing();
    const working = showWorking(view);
    const waiting = new AbortController();
    const isShown = () => running === waiting;
    running = waiting;
    const show = (part) => {
      if (!growing.row.isConnected && isShown()) working.row.before(growing.row);
      const isAtEnd = view.isAtEnd();
      growing.add(part);
      if (isAtEnd) requestAnimationFrame(view.toEnd);
    };
    try {
      if (view.current() === null) await ensureSession();
      const fields = view.current() === null ? { context, prompt } : { id: view.current(), prompt };
      const result = await streamTurn(fields, { key, signal: waiting.signal, show });
      view.done(result, asked, growing, isShown());
    } catch (error) {
      const again = (row) => take(prompt, context, row, key);
      await failed(error, growing, { prompt, asked, again, isShown });
    } finally {
      working.end();
      if (isShown()) {
        running = null;
        setRunning(false);
      }
    }
  }

  async function failed(error, growing, { prompt, asked, again, isShown }) {
    const isStopped = error.name === "AbortError";
    if (!isStopped && !(error instanceof Refused)) throw error;
    if (!isShown()) return;
    if (isStopped && growing.text().trim() && view.current() !== null) {
      await keepStopped(prompt, growing, asked, isShown);
      return;
    }
    growing.row.remove();
    showFailed(isStopped ? "Stopped. Nothing of it is kept." : `No reply: ${error.message}`,
      { prompt, asked, again });
  }

  /** Keep a stopped turn: the prompt, and what of the reply was shown. */
  async function keepStopped(prompt, growing, asked, isShown) {
    const content = growing.text().trim();
    const messages = [
      { role: "user", content: prompt },
      { role: "assistant", content, metadata: { stopped: true } },
    ];
    try {
      const path = `/conversations/${view.current()}/messages`;
      const added = await whenFree(() => send("POST", path, { messages }, { key: newKey() }));
      if (isShown()) view.stopped(added, messages, asked, growing.row);
    } catch (error) {
      if (isShown()) view.notice(`What had come is shown, but not kept: ${error.message}`);
    }
  }

  function showFailed(text, { prompt, asked, again }) {
    const retry = button("Try again", () => {
      if (turns.isRunning()) return;
      row.remove();
      again(asked);
    });
    const edit = button("Edit", () => {
      byId("prompt").value = prompt;
      byId("prompt").focus();
      byId("start").hidden = view.current() !== null;
      row.remove();
      asked.remove();
    });
    const buttons = element("div", { className: "buttons" }, retry, edit);
    const row = element("li", { className: "failed" }, element("p", {}, text), buttons);
    asked.after(row);
    announce(text);
    view.toEnd();
  }

  return turns;
}

/** Do something as soon as no turn of the conversation runs any more. */
async function whenFree(act) {
  for (let tries = 1; ; tries += 1) {
    try {
      return await act();
    } catch (error) {
      if (error.code !== "conversation_busy" || tries === FREE_TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}

/** Show that a reply is being made, and for how long already. */
function showWorking(view) {
  const begun = Date.now();
  const time = element("span", { "aria-hidden": "true" });
  const row = element("li", { className: "working" }, "Working on the reply", time);
  const tick = setInterval(() => {
    time.textContent = ` · ${Math.floor((Date.now() - begun) / 1000)} s`;
  }, 1000);
  view.add(row);
  announce("Working on the reply");
  setRunning(true);
  view.toEnd();
  return {
    row,
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

/** Remove a row and all behind it. */
export function removeFrom(row) {
  while (row.nextElementSibling) row.nextElementSibling.remove();
  row.remove();
}

/** Return the id of a shown message; those that were said since are asked for first. */
export async function idOf(row, conversationId) {
  if (row.said.id === null) {
    const rows = [...row.parentElement.children].filter(({ said }) => said);
    const path = `/conversations/${conversationId}/messages?last=${Math.min(rows.length, 100)}`;
    const { messages } = await ask("GET", path);
    for (const message of messages.toReversed()) {
      const shown = rows.pop();
      if (shown?.said.content === message.content) shown.said.id = message.id;
    }
  }
  if (row.said.id === null) throw new Refused("This message is not known to the chat any more.");
  return row.said.id;
}
