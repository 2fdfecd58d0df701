// Buttons that are icons with names: what can be done with a message or with code.

import { announce, element } from "./dom.js";
import { icon } from "./icons.js";

const SHOWN_MS = 1500;

/** Make a button that is an icon; its name is told by a tooltip, too. */
export function iconButton(name, label, click) {
  const made = element("button", { type: "button", className: "icon-button act", title: label, click }, icon(name));
  made.setAttribute("aria-label", label);
  return made;
}

/** Make a button that copies what `read` returns of it, and shows that it did. */
export function copyButton(label, read) {
  return iconButton("copy", label, async ({ currentTarget: pressed }) => {
    const isDone = await navigator.clipboard.writeText(read(pressed)).then(() => true, () => false);
    announce(isDone ? "Copied" : "The browser does not allow copying");
    showDone(pressed, isDone, label);
  });
}

/** Show on a button for a moment whether what it does is done. */
export function showDone(pressed, isDone, label) {
  const before = pressed.querySelector("svg");
  before.replaceWith(icon(isDone ? "done" : "close"));
  pressed.title = isDone ? "Done" : "Not allowed";
  setTimeout(() => {
    pressed.querySelector("svg").replaceWith(before);
    pressed.title = label;
  }, SHOWN_MS);
}
