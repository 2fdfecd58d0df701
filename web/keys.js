// The keyboard: what a key does, and the list of keys.

import { byId, element } from "./dom.js";

const MOD = /Mac|iP/.test(navigator.platform) ? "⌘" : "Ctrl";
const KEYS = [
  [[MOD, "K"], "Search your conversations"],
  [[MOD, "Shift", "O"], "New conversation"],
  [["Enter"], "Send the prompt"],
  [["Shift", "Enter"], "New line in the prompt"],
  [["↑"], "In an empty prompt: edit the last one"],
  [["Esc"], "Stop the reply, or close what is open"],
  [["?"], "Show these keys"],
];

/** Wire the keys; `search` and `begin` do what their keys do. */
export function beginKeys({ search, begin }) {
  const rows = KEYS.map(([keys, does]) => [
    element("dt", {}, ...keys.flatMap((key) => [element("kbd", {}, key), " "])),
    element("dd", {}, does),
  ]);
  byId("keys-list").append(...rows.flat());
  for (const hint of document.querySelectorAll("#open-search kbd")) hint.textContent = `${MOD} K`;
  byId("open-keys").addEventListener("click", () => byId("keys").showModal());
  document.addEventListener("keydown", (event) => {
    const does = keyed(event, { search, begin });
    if (!does || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    does();
  });
  // Esc that closes what the ring shows stops no reply.
  byId("seen").addEventListener("beforetoggle", ({ newState }) => {
    byId("seen").classList.toggle("open", newState === "open");
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && byId("seen").classList.contains("open")) event.stopPropagation();
  }, { capture: true });
}

function keyed({ key, ctrlKey, metaKey, shiftKey, target }, { search, begin }) {
  const isHeld = ctrlKey || metaKey;
  if (isHeld && !shiftKey && key.toLowerCase() === "k") return search;
  if (isHeld && shiftKey && key.toLowerCase() === "o") return begin;
  const isTyping = target.closest("input, textarea, [contenteditable]");
  if (key === "?" && !isHeld && !isTyping) return () => byId("keys").showModal();
  return null;
}
