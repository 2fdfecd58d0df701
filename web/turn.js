// A turn: from the prompt to the reply, which shows while it is made and can be stopped.

import { Refused, ensureSession, newKey, send } from "./api.js";
import { announce, byId, element } from "./dom.js";
import { makeFailure } from "./failure.js";
import { makeGrowingMessage } from "./message.js";
import { streamTurn } from "./stream.js";

const PAUSE_S = 0.3;
const FREE_TRIES = 20; // the chat finds out within some seconds that nobody reads a stopped reply
const ELSEWHERE = "Another window is writing in this conversation. Yours is sent when that is done";

/**
 * Make what takes the turns of the conversation that is shown. `view` is what shows it: its
 * `current` id, `add` for a row, `done` for a result, `stopped` for what was kept of a stopped
 * turn, `learn`, which shows what was said elsewhere, and `toEnd`.
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
    const growing = makeGrowingMessage();
    const working = showWorking(view);
    const waiting = new AbortController();
    const { signal } = waiting;
    const isShown = () => running === waiting;
    running = waiting;
    const show = (part) => {
      if (!growing.row.isConnected && isShown()) working.begin(growing.row);
      const isAtEnd = view.isAtEnd();
      growing.add(part);
      if (isAtEnd) requestAnimationFrame(view.toEnd);
    };
    const busy = { signal, isWaiting: () => isShown() && working.say(ELSEWHERE), learn: view.learn };
    try {
      if (view.current() === null) await ensureSession();
      const fields = view.current() === null ? { context, prompt } : { id: view.current(), prompt };
      const result = await inTurn(() => streamTurn(fields, { key, signal, show }), busy);
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
    const text = isStopped ? "Stopped. Nothing of it is kept." : error.message;
    showFailed(text, error, { prompt, asked, again });
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

  function showFailed(text, error, { prompt, asked, again }) {
    const back = () => {
      byId("prompt").value = prompt;
      byId("prompt").focus();
    };
    const row = makeFailure(text, error, {
      again: () => {
        if (turns.isRunning()) return;
        row.remove();
        again(asked);
      },
      edit: () => {
        byId("start").hidden = view.current() !== null;
        row.remove();
        asked.remove();
        back();
      },
      anew: () => {
        byId("new").click();
        back();
      },
    });
    asked.after(row);
    announce(text);
    view.toEnd();
  }

  return turns;
}

/** Take a turn; while another window takes one, wait, and show what was said there first. */
async function inTurn(take, { signal, isWaiting, learn }) {
  for (let hasWaited = false; ; hasWaited = true) {
    try {
      if (hasWaited) await learn();
      return await take();
    } catch (error) {
      if (error.code !== "conversation_busy") throw error;
      isWaiting();
      await pause(error.retryAfterS || 1, signal);
    }
  }
}

/** Do something as soon as no turn of the conversation runs any more. */
async function whenFree(act) {
  for (let tries = 1; ; tries += 1) {
    try {
      return await act();
    } catch (error) {
      if (error.code !== "conversation_busy" || tries === FREE_TRIES) throw error;
      await pause(PAUSE_S);
    }
  }
}

function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    setTimeout(resolve, seconds * 1000);
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** Show that a reply is being made, and for how long already. */
function showWorking(view) {
  const begun = Date.now();
  const text = element("span", {}, "Working on the reply");
  const time = element("span", { "aria-hidden": "true" });
  const row = element("li", { className: "working" }, text, time);
  const tick = setInterval(() => {
    time.textContent = ` · ${Math.floor((Date.now() - begun) / 1000)} s`;
  }, 1000);
  const say = (words) => {
    if (text.textContent === words) return;
    text.textContent = words;
    announce(words);
  };
  view.add(row);
  announce(text.textContent);
  setRunning(true);
  view.toEnd();
  return {
    say,
    /** Show the reply, which begins to come. */
    begin(growing) {
      say("Working on the reply");
      row.before(growing);
    },
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
