// Shows what the model was shown, in a receipt for each turn.

import { ask } from "./api.js";
import { ago, element, plural } from "./dom.js";

/** Make the receipt of one turn; the recalled turns and memories are loaded when it is opened. */
export function makeReceipt(conversationId, usage) {
  const parts = [
    [usage.recalled.length, "recalled turn"],
    [usage.memories.length, "memory", "memories"],
    [usage.evicted.length, "evicted turn"],
  ];
  const told = parts.filter(([count]) => count).map(([count, one, many]) =>
    many && count > 1 ? `${count} ${many}` : plural(count, one));
  const seen = `${plural(usage.window_turns, "turn")} in view`;
  const rows = [
    `The model saw ${plural(usage.window_turns, "turn")} whole, with this one; ` +
      `${usage.prompt_tokens} tokens in, ${usage.generated_tokens} out.`,
    ...(usage.evicted.length ? [`No longer seen whole: turn ${usage.evicted.join(", ")}.`] : []),
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
  for (const { memory, age_s: age, score } of usage.memories) {
    const told = `From another conversation, ${ago(age)}, score ${score.toFixed(2)}`;
    list.append(await recalled(told, `/memories/${memory}`, ({ content }) => content));
  }
}

const saidIn = ({ messages }) => messages.map((message) => message.content).join("\n");

async function recalled(told, path, read) {
  const text = await ask("GET", path).then(read, () => "forgotten since");
  return element("li", {}, `${told}: `, element("q", {}, text));
}
