// The dialogs: a question, the memories, and all data that is kept of a visitor.

import { ask, send } from "./api.js";
import { ago, announce, button, byId, element, plural } from "./dom.js";

/** Wire the question's cancel button, which does not submit: so Enter presses the other button. */
export function beginQuestions() {
  byId("ask-no").addEventListener("click", () => byId("ask").close(""));
}

/** Ask before something is done; return the typed title, "yes" if none is asked for, or null. */
export function question(heading, text, yes, { title = null } = {}) {
  const dialog = byId("ask");
  byId("ask-title").textContent = heading;
  byId("ask-text").textContent = text;
  byId("ask-yes").textContent = yes;
  byId("ask-yes").className = title === null ? "danger" : "primary";
  byId("ask-field").hidden = title === null;
  byId("ask-input").value = title ?? "";
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      const isYes = dialog.returnValue === "yes";
      resolve(isYes ? (title === null ? "yes" : byId("ask-input").value.trim()) : null);
    }, { once: true });
  });
}

let cursor = null;

export function beginMemories() {
  byId("open-memories").addEventListener("click", () => {
    byId("memories").showModal();
    byId("memories-list").replaceChildren();
    cursor = null;
    showMemories();
  });
  byId("memories-more").addEventListener("click", showMemories);
  byId("memories-forget").addEventListener("click", forgetAll);
}

async function showMemories() {
  try {
    const page = await ask("GET", `/memories?limit=20${cursor ? `&cursor=${cursor}` : ""}`);
    byId("memories-list").append(...page.memories.map(makeMemory));
    cursor = page.next_cursor;
    tellMemories();
  } catch (error) {
    tellMemories(error.code === "memory_off" ? "Not switched on here." : error.message);
  }
}

function tellMemories(text = "") {
  const count = byId("memories-list").children.length;
  byId("memories-state").textContent = text || (count ? "" : "None yet.");
  byId("memories-more").hidden = !cursor;
  byId("memories-forget").hidden = count === 0;
}

function makeMemory({ id, role, content, created_at: at, pinned }) {
  const told = `${role === "user" ? "You" : "Assistant"}, ${ago(Date.now() / 1000 - at)}`;
  const pin = button(pinned ? "Unpin" : "Pin", () => tried(async () => {
    const changed = await send("PATCH", `/memories/${id}`, { pinned: pin.textContent === "Pin" });
    pin.textContent = changed.pinned ? "Unpin" : "Pin";
  }), "small");
  const remove = button("Remove", () => tried(async () => {
    await ask("DELETE", `/memories/${id}`);
    row.remove();
    announce("Removed");
    tellMemories();
  }), "small");
  pin.setAttribute("aria-label", `Pin: ${content}`);
  remove.setAttribute("aria-label", `Remove: ${content}`);
  const row = element("li", {}, element("p", { className: "quiet" }, told),
    element("q", {}, content), element("div", { className: "buttons" }, pin, remove));
  return row;
}

async function forgetAll() {
  const text = "What was said stays in its conversations, and is recalled in no other.";
  if (!(await question("Forget all memories?", text, "Forget all"))) return;
  await tried(async () => {
    await ask("DELETE", "/memories");
    byId("memories-list").replaceChildren();
    cursor = null;
    tellMemories();
  });
}

async function tried(act) {
  try {
    await act();
  } catch (error) {
    tellMemories(error.message);
  }
}

/** Wire export, import and erasure; `whenChanged` is called after an import or an erasure. */
export function beginData(whenChanged) {
  const tell = (text) => (byId("data-state").textContent = text);
  byId("open-data").addEventListener("click", () => {
    tell("");
    byId("data").showModal();
  });
  byId("import").addEventListener("change", async ({ target }) => {
    try {
      const taken = await ask("POST", "/import", { body: target.files[0] });
      const count = plural(taken.conversations.length, "conversation");
      tell(`Imported: ${count}, ${taken.memories} memories.`);
      whenChanged();
    } catch (error) {
      tell(error.message);
    }
    target.value = "";
  });
  byId("erase").addEventListener("click", async () => {
    const text = "All your conversations, messages and memories. It cannot be undone.";
    if (!(await question("Erase all that is kept of you?", text, "Erase me"))) return;
    try {
      tell(receipt((await ask("DELETE", "/me")).stores));
      whenChanged();
    } catch (error) {
      tell(error.fields?.stores ? `${error.message} ${receipt(error.fields.stores)}` : error.message);
    }
  });
}

function receipt(stores) {
  const told = Object.entries(stores).map(([name, { status, removed = {} }]) => {
    const counts = Object.entries(removed).map(([what, count]) => `${count} ${what}`);
    return `${name}: ${status}${counts.length ? ` (${counts.join(", ")})` : ""}`;
  });
  return `${told.join("; ")}.`;
}
