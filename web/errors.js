// What went wrong, in sentences for the person who reads them, and what helps.

/**
 * What is told for each code of the chat: a sentence, and the help that is offered. With `told`,
 * the chat's own words are added, which name the number or the field. The helps are: `retry` sends
 * the same again, `edit` puts the prompt back, `new` begins a conversation, `session` gets a
 * credential, `data` shows what is kept, `reload` loads the page anew.
 */
export const ERRORS = {
  invalid_request: { text: "The chat did not take this.", told: true, help: "edit" },
  unsupported: { text: "This is not done here.", told: true, help: "edit" },
  foreign_origin: { text: "Pages of this address are not let in here.", help: null },
  credential_needed: { text: "This browser has no credential any more, so nothing here is yours.", help: "session" },
  invalid_credential: { text: "The credential of this browser is not one of this chat.", help: "data" },
  operator_needed: { text: "Only those who run this chat may do that.", help: null },
  conversation_not_found: { text: "This conversation is not there: it was deleted, has expired, or is somebody else's.", help: "new" },
  message_not_found: { text: "This message is not there any more.", help: "reload" },
  response_not_found: { text: "This reply is not there any more.", help: "reload" },
  model_not_found: { text: "There is no such model here.", told: true, help: null },
  memory_not_found: { text: "This memory is not there any more.", help: "reload" },
  memory_off: { text: "Memory across conversations is not switched on here.", help: null },
  not_found: { text: "This page is older than the chat behind it.", help: "reload" },
  method_not_allowed: { text: "This page is older than the chat behind it.", help: "reload" },
  request_timeout: { text: "Your connection was too slow to send this.", help: "retry" },
  conversation_busy: { text: "Another window is writing in this conversation.", help: "retry" },
  already_remembered: { text: "This is remembered already.", help: null },
  owner_erased: { text: "Your data was erased while this ran.", help: "retry" },
  prompt_too_long: { text: "This is longer than the model can read.", told: true, help: "edit" },
  too_large: { text: "This is too long.", told: true, help: "edit" },
  storage_full: { text: "There is no room for more: forget something first.", help: "data" },
  idempotency_key_reused: { text: "This was sent before with other words.", help: "edit" },
  rate_limited: { text: "That was a lot in one minute. It goes on in a moment.", help: "retry" },
  internal_error: { text: "Something went wrong in the chat that should not.", help: "retry" },
  corrupt_conversation: { text: "This conversation is damaged: those who run this chat have to repair it.", help: "new" },
  invalid_setting: { text: "This chat is not set up right: those who run it have to mend a setting.", told: true, help: "retry" },
  model_failed: { text: "The model gave no whole reply.", help: "retry" },
  store_unavailable: { text: "The memory of this chat is away for a moment.", help: "retry" },
  not_replicated: { text: "This was written, and may still be lost: send it again in a moment.", help: "retry" },
  newer_schema: { text: "The chat is just being renewed.", help: "retry" },
  memory_unavailable: { text: "The long-term memory is away for a moment.", help: "retry" },
  model_unavailable: { text: "The model is away for a moment.", help: "retry" },
  unhealthy: { text: "A part of this chat is away for a moment.", help: "retry" },
  erase_incomplete: { text: "Not everything could be erased yet. Ask for it again.", help: "retry" },
  model_timeout: { text: "The model took too long.", help: "retry" },
};

export const UNREACHED = "The chat cannot be reached. Is your connection up?";
export const BROKEN_OFF = "The reply broke off.";

/** Return the sentence for what an answer says of an error. */
export function sentence({ code = "", message = "" }, status) {
  const known = ERRORS[code];
  if (!known) return `The chat answered ${status}${message ? `: ${message}` : ""}.`;
  return known.told && message ? `${known.text} It says: ${message}.` : known.text;
}

/** Return the name of what helps. */
export const helpOf = (code) => (code in ERRORS ? ERRORS[code].help : "retry");
