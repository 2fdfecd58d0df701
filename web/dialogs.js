// A question before something is done.

import { byId } from "./dom.js";

/** Wire the question's cancel button, which does not submit: so Enter presses the other button. */
export function beginQuestions() {
  byId("ask-no").addEventListener("click", () => byId("ask").close(""));
}

/** Ask before something is done; return the typed title, "yes" if none is asked for, or null. */
export function question(heading, text, yes, { title = null } = {}) {
  const dialog = byId("ask");
  byId("ask-title").textContent = heading;
  byId("ask-text").textContent = text;
  byId("ask-text").hidden = !text;
  byId("ask-yes").textContent = yes;
  byId("ask-yes").className = title === null ? "danger" : "primary";
  byId("ask-field").hidden = title === null;
  byId("ask-input").value = title ?? "";
  dialog.returnValue = "";
  dialog.showModal();
  if (title !== null) byId("ask-input").select();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      const isYes = dialog.returnValue === "yes";
      resolve(isYes ? (title === null ? "yes" : byId("ask-input").value.trim()) : null);
    }, { once: true });
  });
}
