// "Your data": what is kept and how long, export and import, the credential, and erasure.

import { ask } from "./api.js";
import { byId, copy, element, plural } from "./dom.js";

const WORD = "erase everything";
const DAY_S = 86_400;

/** Wire the view; `whenChanged` is called after an import, an erasure, or a change of credential. */
export function beginData(whenChanged) {
  byId("import").addEventListener("change", ({ target }) => tried(() => take(target, whenChanged)));
  byId("show-credential").addEventListener("click", () => tried(showCredential));
  byId("copy-credential").addEventListener("click", ({ target }) => tried(async () =>
    copy((await ask("GET", "/session")).token, target)));
  byId("log-out").addEventListener("click", () => tried(async () => {
    await ask("DELETE", "/session");
    await whenChanged();
  }));
  onSubmit("use-credential", async () => {
    await ask("PUT", "/session", { bearer: byId("another").value.trim() });
    await whenChanged();
  });
  byId("erase-word").addEventListener("input", ({ target }) => {
    byId("erase").disabled = target.value.trim().toLowerCase() !== WORD;
  });
  onSubmit("erase-form", () => erase(whenChanged));
}

function onSubmit(form, act) {
  byId(form).addEventListener("submit", (event) => {
    event.preventDefault();
    tried(act);
  });
}

/** Show what is kept by now. */
export async function showData() {
  byId("credential").hidden = true;
  byId("show-credential").textContent = "Show it";
  for (const field of ["another", "erase-word"]) byId(field).value = "";
  byId("erase").disabled = true;
  tell("");
  await tried(showKept);
}

async function showKept() {
  const kept = await ask("GET", "/me");
  byId("kept").replaceChildren(...sentences(kept).map((text) => element("li", {}, text)));
}

/** Say in sentences what is kept and for how long. */
function sentences({ conversations, lifetime_s: lifetime, lifetime_after_pause_s: short, pause_s: pause,
  retention_s: retention, long_term: memory }) {
  const many = plural(conversations, "conversation");
  const shorter = short === lifetime || !pause ? "" :
    ` (${lasting(short)} if it came after a pause of ${spell(pause)})`;
  return [
    memory === "chroma" || !lifetime ? `${many}, kept until you delete them.` :
      `${many}. Each is kept ${lasting(lifetime)} after its last turn${shorter}. Pinned ones stay.`,
    memory === "off" ? "No memories: memory across conversations is not switched on here." :
      "Memories, until you forget them or delete the conversation that they came from.",
    ...(retention ? [`Whoever runs this chat may remove what nobody used for ${spell(retention)}.`] : []),
    "Nothing else of you: no name, no address, and no copy of your credential.",
  ];
}

const lasting = (seconds) => (seconds ? `for ${spell(seconds)}` : "for good");

const spell = (seconds) =>
  seconds >= DAY_S ? plural(Math.floor(seconds / DAY_S), "day") :
    seconds >= 3600 ? plural(Math.floor(seconds / 3600), "hour") : plural(Math.ceil(seconds / 60), "minute");

async function showCredential() {
  const shown = byId("credential");
  if (shown.hidden) shown.firstChild.textContent = (await ask("GET", "/session")).token;
  shown.hidden = !shown.hidden;
  byId("show-credential").textContent = shown.hidden ? "Show it" : "Hide it";
}

async function take(field, whenChanged) {
  const file = field.files[0];
  field.value = "";
  tell("Importing …");
  const taken = await ask("POST", "/import", { body: await file.arrayBuffer() });
  const memories = plural(taken.memories, "memory", "memories");
  await whenChanged();
  tell(`Imported: ${plural(taken.conversations.length, "conversation")}, ${memories}.`);
}

async function erase(whenChanged) {
  const { stores } = await ask("DELETE", "/me");
  await whenChanged();
  tell(`Erased. ${receipt(stores)}`);
}

function receipt(stores) {
  const told = Object.entries(stores).map(([name, { status, removed = {} }]) => {
    const counts = Object.entries(removed).map(([what, count]) => `${count} ${what}`);
    return `${name}: ${status}${counts.length ? ` (${counts.join(", ")})` : ""}`;
  });
  return `${told.join("; ")}.`;
}

const tell = (text) => (byId("data-state").textContent = text);

async function tried(act) {
  try {
    await act();
  } catch (error) {
    tell(error.fields?.stores ? `${error.message} ${receipt(error.fields.stores)}` : error.message);
  }
}
