// Reads a reply while it is made: server-sent events of the chat.

import { Refused, refusal } from "./api.js";
import { BROKEN_OFF, UNREACHED } from "./errors.js";

/**
 * Take a turn; `show` is called with each part of the reply, and the result is returned.
 * Throws Refused, also for an error in the middle and for an answer that breaks off.
 */
export async function streamTurn(fields, { key, signal, show }) {
  const headers = { Accept: "text/event-stream", "Idempotency-Key": key };
  const body = JSON.stringify(fields);
  let answer;
  try {
    answer = await fetch("/", { method: "POST", body, headers, signal, credentials: "same-origin" });
    if (!answer.ok) throw refusal(answer, await answer.json().catch(() => ({})));
    for await (const { event, data } of events(answer.body)) {
      if (event === "delta") show(data.text);
      else if (event === "result") return data;
      else throw refusal(answer, data);
    }
  } catch (error) {
    if (error.name === "AbortError" || error instanceof Refused) throw error;
    throw new Refused(UNREACHED);
  }
  throw new Refused(BROKEN_OFF);
}

/** Yield each event of a body: its name, and its data as JSON. Comments have neither. */
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) {
        const lines = block.split("\n").map((line) => line.match(/^(event|data): (.*)$/s)?.slice(1));
        const { event, data } = Object.fromEntries(lines.filter(Boolean));
        if (data !== undefined) yield { event, data: JSON.parse(data) };
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
