// One message: who said it, what it says, and what can be done with it.

import { button, copy, element } from "./dom.js";
import { render } from "./markdown.js";
import { makeReceipt } from "./receipt.js";

const SPEAKERS = { user: "You", assistant: "Assistant", system: "System", tool: "Tool" };

/**
 * Make a message. `id` is null until the chat has said it; `act` has what its buttons do beside
 * copying: `edit` for a prompt, `again` for a reply. `body` shows the content, if that is shown yet.
 */
export function makeMessage({ id = null, role, content, usage, metadata }, conversationId, act,
  body = makeBody(role, content)) {
  const actions = element("div", { className: "actions" });
  const row = element("li", { className: `message ${role}` },
    element("h3", {}, SPEAKERS[role] ?? role), body);
  const press = button("Copy", () => copy(content, press), "small");
  actions.append(press);
  if (role === "user") actions.append(button("Edit", () => act.edit(row), "small"));
  if (role === "assistant") actions.append(button("Ask again", () => act.again(row), "small"));
  Object.assign(row, { said: { id, role, content } });
  if (metadata?.stopped) row.append(note("Stopped: this is what had come."));
  if (usage?.finish_reason === "length") row.append(note("Cut off: there was no room for more."));
  if (usage) row.append(makeReceipt(conversationId, usage));
  row.append(actions);
  return row;
}

function makeBody(role, content) {
  const isMarkdown = role === "assistant"; // of which each block has a direction of its own
  const body = element("div", { className: "content", dir: isMarkdown ? "" : "auto" });
  if (isMarkdown) body.append(render(content));
  else body.textContent = content;
  return body;
}

const note = (text) => element("p", { className: "quiet" }, text);

/** Make a reply that grows; what does not change in it stays the same node, so nothing jumps. */
export function makeGrowing() {
  const body = element("div", { className: "content" });
  const row = element("li", { className: "message assistant growing" },
    element("h3", {}, SPEAKERS.assistant), body);
  let text = "";
  let drawn = "";
  let isPlanned = false;
  const draw = () => {
    isPlanned = false;
    if (drawn === text) return;
    drawn = text;
    replaceChanged(body, [...render(text).childNodes]);
  };
  return {
    row,
    text: () => text,
    /** Return the node that shows the whole reply. */
    whole(content) {
      text = content;
      draw();
      return body;
    },
    add(part) {
      text += part;
      if (!isPlanned) requestAnimationFrame(draw);
      isPlanned = true;
    },
  };
}

/** Make `nodes` the children of `parent`, but keep those at the beginning that are equal. */
function replaceChanged(parent, nodes) {
  const old = [...parent.childNodes];
  let same = 0;
  while (same < old.length && same < nodes.length && old[same].isEqualNode(nodes[same])) same += 1;
  for (const node of old.slice(same)) node.remove();
  parent.append(...nodes.slice(same));
}
