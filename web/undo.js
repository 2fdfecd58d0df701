// What can be undone for some seconds: it is done when they have run out, or the page is left.

import { byId } from "./dom.js";

const UNDO_MS = 8000;

let waiting = null; // what is not done yet: `finish` does it, `undo` shows that it never will be
let timer = null;

/** Say what is about to be done, and let it be undone; one that waits already is done at once. */
export function offerUndo(text, { finish, undo }) {
  settle();
  waiting = { finish, undo };
  byId("toast-text").textContent = text;
  byId("toast-shown").hidden = false;
  run();
}

/** Do what waits now; with `keepalive` the browser sends it though the page is left. */
export function settle({ keepalive = false } = {}) {
  const { finish } = take() ?? {};
  return finish?.({ keepalive });
}

/** Take back what waits. */
export function takeBack() {
  take()?.undo();
}

function take() {
  const taken = waiting;
  waiting = null;
  clearTimeout(timer);
  byId("toast-shown").hidden = true;
  return taken;
}

function run() {
  clearTimeout(timer);
  timer = setTimeout(settle, UNDO_MS);
}

/** Wire the notice: it waits while somebody is on it. */
export function beginUndo() {
  const toast = byId("toast-shown");
  byId("undo").addEventListener("click", takeBack);
  for (const event of ["pointerenter", "focusin"]) toast.addEventListener(event, () => clearTimeout(timer));
  for (const event of ["pointerleave", "focusout"]) {
    toast.addEventListener(event, () => waiting && run());
  }
  addEventListener("pagehide", () => settle({ keepalive: true }));
}
