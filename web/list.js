// The list of conversations, by date; those that are pinned come first.

import { ofConversation } from "./address.js";
import { ask, send } from "./api.js";
import { byId, element } from "./dom.js";
import { titleOf } from "./header.js";
import { icon } from "./icons.js";

const PAGE = 50;
const DAY_MS = 86_400_000;

let known = []; // summaries, the latest activity first
let cursor = null; // where the list goes on
let loading = null;
const away = new Set(); // ids of those that are being deleted

/** Return the heading under which a conversation stands. */
export function groupOf({ pinned, active_at: at }, now = new Date()) {
  if (pinned) return "Pinned";
  const day = new Date(at * 1000);
  const days = Math.round((midnight(now) - midnight(day)) / DAY_MS); // 23 or 25 hours are a day, too
  if (days <= 0) return "Today";
  if (days === 1) return "Yesterday";
  if (days <= 7) return "Previous 7 days";
  if (days <= 30) return "Previous 30 days";
  const year = day.getFullYear() === now.getFullYear() ? {} : { year: "numeric" };
  return day.toLocaleDateString("en", { month: "long", ...year });
}

const midnight = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate());

/** Read the list anew; what was scrolled to before stays. */
export async function refreshList() {
  const page = await ask("GET", `/conversations?limit=${PAGE}`);
  const last = page.conversations.at(-1);
  const isIn = new Set(page.conversations.map(({ id }) => id));
  const isLonger = page.next_cursor && known.length > page.conversations.length;
  const rest = known.filter(({ id, active_at: at }) => !isIn.has(id) && at <= last?.active_at);
  known = [...page.conversations, ...(isLonger ? rest : [])];
  if (!isLonger) cursor = page.next_cursor;
  draw();
}

/** Show more of the list. */
export function showMore(tried) {
  if (!cursor) return;
  loading ??= tried(async () => {
    const page = await ask("GET", `/conversations?limit=${PAGE}&cursor=${cursor}`);
    const isIn = new Set(page.conversations.map(({ id }) => id));
    known = [...known.filter(({ id }) => !isIn.has(id)), ...page.conversations];
    cursor = page.next_cursor;
    draw();
  }).finally(() => (loading = null));
}

/** Take a conversation out of the list while it is being deleted, or put it back. */
export function hideInList(id, isAway) {
  if (isAway) away.add(id);
  else away.delete(id);
  draw();
}

export const isAway = (id) => away.has(id);

/** Mark the conversation that is shown; null for none. */
export function markCurrent(id) {
  for (const link of byId("list").querySelectorAll("a")) {
    if (link.dataset.id === String(id)) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

function draw() {
  const list = byId("list");
  const current = list.querySelector("a[aria-current]")?.dataset.id;
  const focused = list.contains(document.activeElement) ? document.activeElement.dataset : null;
  const shown = known.filter(({ id }) => !away.has(id));
  const groups = Map.groupBy(shown.toSorted((a, b) => b.pinned - a.pinned), (one) => groupOf(one));
  list.replaceChildren(...[...groups].flatMap(([name, members]) => [
    element("h3", {}, name), element("ul", {}, ...members.map(makeRow)),
  ]));
  markCurrent(current);
  if (focused) list.querySelector(`${focused.does ? "button" : "a"}[data-id="${focused.id}"]`)?.focus();
  byId("list-more").hidden = !cursor;
  byId("list-empty").hidden = shown.length > 0;
}

function makeRow(summary) {
  const { id, pinned } = summary;
  const title = titleOf(summary);
  const link = element("a", { href: ofConversation(id), title, dir: "auto" }, title);
  const pin = element("button", {
    type: "button", className: "icon-button pin", "aria-pressed": String(pinned), "aria-label": `Pin ${title}`,
  }, icon("pin"));
  Object.assign(link.dataset, { id });
  Object.assign(pin.dataset, { id, does: "pin" });
  return element("li", {}, link, pin);
}

/** Wire the list; `changed` is called with the id of a conversation that was pinned or not. */
export function beginList({ tried, changed }) {
  byId("list-more").addEventListener("click", () => showMore(tried));
  new IntersectionObserver((entries) => entries.at(-1).isIntersecting && showMore(tried), {
    root: byId("list").parentElement,
    rootMargin: "200px",
  }).observe(byId("list-more"));
  byId("list").addEventListener("click", ({ target }) => {
    const pin = target.closest("button.pin");
    if (pin) tried(() => togglePin(Number(pin.dataset.id), changed));
  });
}

async function togglePin(id, changed) {
  const one = known.find((summary) => summary.id === id);
  const { pinned } = await send("PATCH", `/conversations/${id}`, { pinned: !one.pinned });
  one.pinned = pinned;
  draw();
  await changed(id);
}
