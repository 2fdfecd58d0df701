// One message: who said it, what it says, and what can be done with it.

import { copyButton, iconButton } from "./actions.js";
import { element } from "./dom.js";
import { makeGrowing } from "./growing.js";
import { render } from "./markdown.js";
import { makeReceipt } from "./receipt.js";

const SPEAKERS = { user: "You", assistant: "Assistant", system: "System", tool: "Tool" };
const DAY_MS = 86_400_000;

/**
 * Make a message. `id` is null until the chat has said it; `act` has the conversation's id, `here`,
 * and what the buttons do: `edit`, `again`, `remember` and `forget`, each with the row and the
 * button. `body` shows the content, if that is shown yet.
 */
export function makeMessage({ id = null, role, content, usage, metadata, created_at: at = Date.now() / 1000 }, act,
  body = makeBody(role, content)) {
  const actions = element("div", { className: "actions" });
  const row = element("li", { className: `message ${role}` }, speaker(role), body);
  Object.assign(row, { said: { id, role, content } });
  const does = (name, label, deed) => iconButton(name, label, ({ currentTarget }) => deed(row, currentTarget));
  actions.append(copyButton("Copy", () => content));
  if (role === "user") actions.append(does("edit", "Edit", act.edit));
  if (role === "assistant") actions.append(does("again", "Ask again", act.again));
  if (role in { user: 1, assistant: 1 }) actions.append(does("remember", "Remember", act.remember));
  actions.append(does("forget", "Forget", act.forget), shownTime(at));
  if (metadata?.stopped) row.append(note("Stopped: this is what had come."));
  if (usage?.finish_reason === "length") row.append(note("Cut off: there was no room for more."));
  if (usage) row.append(makeReceipt(act.here, usage, at));
  row.append(actions);
  return row;
}

const speaker = (role) => element("h3", { className: role in { user: 1, assistant: 1 } ? "visually-hidden" : "" },
  SPEAKERS[role] ?? role);

const note = (text) => element("p", { className: "quiet" }, text);

function makeBody(role, content) {
  const isMarkdown = role === "assistant"; // of which each block has a direction of its own
  const body = element("div", { className: "content", dir: isMarkdown ? "" : "auto" });
  if (isMarkdown) body.append(render(content));
  else body.textContent = content;
  return body;
}

/** Make the time of a message, in seconds since 1970: of today the hour, else the day, too. */
function shownTime(at) {
  const time = new Date(at * 1000);
  const isToday = Date.now() - time < DAY_MS && time.getDate() === new Date().getDate();
  const day = isToday ? {} : { day: "numeric", month: "short" };
  const told = time.toLocaleString([], { ...day, hour: "2-digit", minute: "2-digit" });
  return element("time", { dateTime: time.toISOString(), title: time.toLocaleString() }, told);
}

/** Make a reply that grows. */
export function makeGrowingMessage() {
  const body = element("div", { className: "content" });
  const row = element("li", { className: "message assistant growing" }, speaker("assistant"), body);
  const growing = makeGrowing(body);
  return {
    row,
    text: growing.text,
    add: growing.add,
    /** Return the node that shows the whole reply. */
    whole(content) {
      growing.finish(content);
      return body;
    },
  };
}
