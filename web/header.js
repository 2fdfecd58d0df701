// The top of a conversation: its title, how much of the context is taken, and its menu.

import { ask, newKey, send } from "./api.js";
import { question } from "./dialogs.js";
import { byId, element } from "./dom.js";
import { makeMenu } from "./menu.js";
import { offerUndo } from "./undo.js";

const PAGE = 100;
const SPEAKERS = { user: "You", assistant: "Assistant", system: "System", tool: "Tool" };

export const titleOf = ({ id, title }) => title ?? `Conversation ${id}`;

/**
 * Show how much of the context length a conversation takes, as the chat counts it: the same number
 * after a turn and after a reload. `used` is null if there is nothing to tell.
 */
export function showBudget(used, most) {
  byId("budget").hidden = used === null;
  if (used === null) return byId("seen").hidePopover();
  const percent = Math.min(100, Math.ceil((used / most) * 100));
  const text = `At most ${used.toLocaleString()} of ${most.toLocaleString()} tokens of context (${percent}%)`;
  byId("budget-label").textContent = `${text}.`;
  byId("budget").title = text;
  byId("budget").setAttribute("aria-label", text);
  byId("ring-used").setAttribute("stroke-dasharray", `${percent} 100`);
  byId("ring").classList.toggle("full", percent >= 90);
}

/**
 * Wire the menu. `page` is what it acts on: the `shown` conversation's id, `go` to one (null for a
 * new one), `hide` one in the list or not, `refresh` the list, and `tried`, which says what failed.
 */
export function beginHeader(page) {
  makeMenu(byId("menu-button"));
  const acts = { rename, pin: togglePin, branch, "export-one": exportOne, delete: remove };
  for (const [name, act] of Object.entries(acts)) {
    byId(name).addEventListener("click", () => page.tried(() => act(page.shown(), page)));
  }
}

/** Say in the menu what a press does. */
export function showPinned(isPinned) {
  byId("pin").textContent = isPinned ? "Unpin" : "Pin";
}

async function rename(id, { refresh }) {
  const before = byId("title").textContent;
  const title = await question("Rename the conversation", "", "Rename", { title: before });
  if (title === null) return;
  await send("PATCH", `/conversations/${id}`, { title: title || null });
  await refresh();
}

async function togglePin(id, { refresh }) {
  await send("PATCH", `/conversations/${id}`, { pinned: byId("pin").textContent === "Pin" });
  await refresh();
}

async function branch(id, { go, refresh }) {
  const made = await send("POST", `/conversations/${id}/branch`, {}, { key: newKey() });
  go(made.id);
  await refresh();
}

/** Take a conversation out of sight, and forget it when it can no longer be undone. */
async function remove(id, page) {
  const title = byId("title").textContent;
  page.hide(id, true);
  page.go(null);
  offerUndo(`Deleted “${title}”.`, {
    finish: (options) => page.tried(async () => {
      try {
        await ask("DELETE", `/conversations/${id}`, options);
      } finally {
        page.hide(id, false);
        if (!options.keepalive) await page.refresh();
      }
    }),
    undo: () => {
      page.hide(id, false);
      page.go(id);
    },
  });
}

/** Save a conversation as a text that people read, in Markdown. */
async function exportOne(id) {
  const [summary, messages] = await Promise.all([ask("GET", `/conversations/${id}`), everyMessage(id)]);
  const parts = messages.map(({ role, content, created_at: at }) =>
    `## ${SPEAKERS[role]}, ${new Date(at * 1000).toLocaleString()}\n\n${content}\n`);
  const context = summary.context ? [`> ${summary.context.replaceAll("\n", "\n> ")}\n`] : [];
  const text = [`# ${titleOf(summary)}\n`, ...context, ...parts].join("\n");
  const url = URL.createObjectURL(new Blob([text], { type: "text/markdown" }));
  element("a", { href: url, download: `${fileName(titleOf(summary))}.md` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

const fileName = (title) => title.replaceAll(/[^\p{L}\p{N}]+/gu, "-").replaceAll(/^-|-$/g, "") || "conversation";

async function everyMessage(id) {
  const messages = [];
  for (let before = null; ;) {
    const from = before ? `&before=${before}` : "";
    const page = await ask("GET", `/conversations/${id}/messages?last=${PAGE}${from}`);
    messages.unshift(...page.messages);
    before = page.before;
    if (!before) return messages;
  }
}
