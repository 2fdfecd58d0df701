// Shows what the model was shown, in a receipt for each turn, and the token budget.

import { ask } from "./api.js";
import { ago, byId, element, plural } from "./dom.js";

/** Show how much of the context length is taken; `used` is null if that is not known. */
export function showBudget(used, most, prefix = "") {
  byId("budget").hidden = used === null;
  if (used === null) return;
  const text = `${prefix}${used.toLocaleString()} of ${most.toLocaleString()} tokens`;
  byId("budget-label").textContent = text;
  Object.assign(byId("budget-meter"), { max: most, high: most * 0.9, value: used, title: text });
}

/** Make the receipt of one turn; the recalled turns and memories are loaded when it is opened. */
export function makeReceipt(conversationId, usage) {
  const parts = [
    [usage.recalled.length, "recalled turn"],
    [usage.memories.length, "memory", "memories"],
    [usage.evicted.length, "evicted turn"],
    [usage.summarised_turns ? 1 : 0, "summary"],
  ];
  const told = parts.filter(([count]) => count).map(([count, one, many]) =>
    many && count > 1 ? `${count} ${many}` : plural(count, one));
  const seen = `${plural(usage.window_turns, "turn")} in view`;
  const rows = [
    `The model saw ${plural(usage.window_turns, "turn")} whole, with this one; ` +
      `${usage.prompt_tokens} tokens in, ${usage.generated_tokens} out.`,
    ...(usage.evicted.length ? [`No longer seen whole: turn ${usage.evicted.join(", ")}.`] : []),
    ...(usage.summarised_turns ? [`Seen as a summary: turns 1 to ${usage.summarised_turns}.`] : []),
  ].map((text) => element("li", {}, text));
  const list = element("ul", {}, ...rows);
  const summary = element("summary", {}, `Memory: ${[seen, ...told].join(", ")}`);
  const receipt = element("details", { className: "receipt" }, summary, list);
  const open = async () => {
    await addRecalled(list, conversationId, usage);
    receipt.scrollIntoView({ block: "nearest" });
  };
  receipt.addEventListener("toggle", open, { once: true });
  return receipt;
}

async function addRecalled(list, conversationId, usage) {
  for (const { turn, age_s: age } of usage.recalled) {
    const path = `/conversations/${conversationId}/messages?last=2&before=${turn + 1}.0`;
    list.append(await recalled(`Turn ${turn}, ${ago(age)}`, path, saidIn));
  }
  if (usage.summarised_turns) {
    const path = `/conversations/${conversationId}`;
    list.append(await recalled("The summary as it is now", path, summed));
  }
  for (const { memory, age_s: age, score } of usage.memories) {
    const told = `From another conversation, ${ago(age)}, score ${score.toFixed(2)}`;
    list.append(await recalled(told, `/memories/${memory}`, ({ content }) => content));
  }
}

const summed = ({ summary }) => summary ? summary.text : "forgotten since";
const saidIn = ({ messages }) => messages.map((message) => message.content).join("\n");

async function recalled(told, path, read) {
  const text = await ask("GET", path).then(read, () => "forgotten since");
  return element("li", {}, `${told}: `, element("q", {}, text));
}
