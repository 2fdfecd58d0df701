// Asks the chat. The credential is a cookie that no script can read.

import { UNREACHED, sentence } from "./errors.js";

/**
 * A refusal of the chat, in a sentence for the reader; `code` is empty if the chat did not answer
 * at all, and `retryAfterS` is 0 if it did not say when to try again.
 */
export class Refused extends Error {
  constructor(message, { code = "", fields = {}, retryAfterS = 0 } = {}) {
    super(message);
    Object.assign(this, { code, fields, retryAfterS });
  }
}

export async function ask(method, path, { body, key, bearer, signal, keepalive } = {}) {
  const headers = {
    ...(key && { "Idempotency-Key": key }),
    ...(bearer && { Authorization: `Bearer ${bearer}` }),
  };
  let answer;
  try {
    answer = await fetch(path, { method, body, headers, signal, keepalive, credentials: "same-origin" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(UNREACHED);
  }
  const fields = await answer.json().catch(() => ({}));
  if (answer.ok) return fields;
  throw refusal(answer, fields);
}

/** Return the error that an answer is, or an event in it. */
export function refusal({ status, headers }, fields) {
  const error = fields.error ?? {};
  const retryAfterS = Number(headers.get("Retry-After") ?? 0);
  return new Refused(sentence(error, status), { code: error.code, fields, retryAfterS });
}

export const send = (method, path, fields, options = {}) =>
  ask(method, path, { ...options, body: JSON.stringify(fields) });

let ensuring = null; // two at once would get two credentials, of which the first is then lost

/** Make sure that there is a credential before anything is said, so that it is private at once. */
export function ensureSession() {
  const ensure = () => navigator.locks?.request("session", makeSession) ?? makeSession();
  ensuring ??= ensure().finally(() => (ensuring = null));
  return ensuring;
}

async function makeSession() {
  const known = () => ask("GET", "/conversations?limit=1");
  try {
    await known();
  } catch (error) {
    if (error.code !== "credential_needed") throw error;
    await ask("POST", "/session");
    await known().catch((again) => {
      if (again.code !== "credential_needed") throw again;
      throw new Refused("Allow cookies for this page: they keep what you say yours alone.");
    });
  }
}

/** Return a name for a request, by which the chat recognises the request when it is sent again. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
