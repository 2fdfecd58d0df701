// The receipt of a turn: what the model remembered for it, and what left its view.

import { ofConversation } from "./address.js";
import { ask } from "./api.js";
import { ago, element, plural } from "./dom.js";
import { icon } from "./icons.js";

const SPEAKERS = { user: "You", assistant: "Assistant" };

/**
 * Make the receipt of a reply that was made `at`, in seconds since 1970. The recalled turns and
 * memories are loaded when it is opened, and each leads to where it was said. `here` returns the
 * conversation's id.
 */
export function makeReceipt(here, usage, at) {
  const since = Math.max(0, Date.now() / 1000 - at);
  const marks = [remembered(usage, since), left(usage)].filter(Boolean);
  const isPlain = marks.length === 0;
  const told = isPlain ? `${plural(usage.window_turns, "turn")} in view` : marks.join(" · ");
  const list = element("ul", {});
  const summary = element("summary", {}, icon("memories"), element("span", {}, told));
  const receipt = element("details", { className: `receipt${isPlain ? " plain" : ""}` }, summary, list);
  const open = async () => {
    await addSources(list, here(), usage, since);
    list.append(...facts(here(), usage));
    receipt.scrollIntoView({ block: "nearest" });
  };
  receipt.addEventListener("toggle", open, { once: true });
  return receipt;
}

/** Say what was remembered, and from when; "" for nothing. */
function remembered({ recalled, memories }, since) {
  const ages = [...recalled, ...memories].map(({ age_s: age }) => age + since);
  if (ages.length === 0) return "";
  const oldest = from(Math.max(...ages));
  if (ages.length === 1) return `Remembered ${memories.length ? "from another conversation, " : "from "}${oldest}`;
  const counts = [
    recalled.length && plural(recalled.length, "turn"),
    memories.length && (memories.length === 1 ? "1 memory" : `${memories.length} memories`),
  ].filter(Boolean);
  return `Remembered ${counts.join(" and ")}, the oldest from ${oldest}`;
}

const from = (seconds) => (seconds < 60 ? "a moment ago" : ago(seconds));

const left = ({ evicted }) => (evicted.length ? `${plural(evicted.length, "turn")} left the window` : "");

function facts(id, { window_turns: turns, evicted, prompt_tokens: read, generated_tokens: made }) {
  const links = evicted.flatMap((turn) => [" ", linkTo(ofConversation(id, `${turn}.0`), String(turn))]);
  const rows = [
    ...(evicted.length ? [["No longer seen whole, and remembered when it matters: turn", ...links, "."]] : []),
    [`The model read ${plural(turns, "turn")} whole, with this one: ${plural(read, "token")}. ` +
      `The reply has ${made.toLocaleString()}.`],
  ];
  return rows.map((row) => element("li", { className: "fact" }, ...row));
}

async function addSources(list, id, { recalled, memories }, since) {
  for (const { turn, age_s: age } of recalled) {
    const path = `/conversations/${id}/messages?last=2&before=${turn + 1}.0`;
    list.append(await source(`Turn ${turn}, ${from(age + since)}`, path, ({ messages }) => ({
      said: messages.filter((message) => message.id.startsWith(`${turn}.`)),
      href: ofConversation(id, messages.find((message) => message.id.startsWith(`${turn}.`))?.id),
    })));
  }
  for (const { memory, age_s: age } of memories) {
    list.append(await source(`From another conversation, ${from(age + since)}`, `/memories/${memory}`, (found) => ({
      said: [found],
      href: found.source ? ofConversation(found.source.conversation_id, found.source.message_id) : "#memories",
    })));
  }
}

/** Make what leads to a source, with its words; only its time if it was forgotten since. */
async function source(told, path, read) {
  const { said, href } = await ask("GET", path).then(read, () => ({ said: [] }));
  if (said.length === 0) return element("li", { className: "fact" }, `${told}: forgotten since.`);
  const quotes = said.map(({ role, content }) => element("span", { className: "quote" },
    element("b", {}, `${SPEAKERS[role] ?? role}: `), element("q", { dir: "auto" }, content)));
  return element("li", {}, linkTo(href, element("span", { className: "from" }, told), ...quotes));
}

/** Make a link to a place on the page; it leads there also from there. */
function linkTo(href, ...children) {
  const click = () => location.hash === href && dispatchEvent(new Event("hashchange"));
  return element("a", { href, click }, ...children);
}
