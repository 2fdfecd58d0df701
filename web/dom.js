// Makes nodes. Text only ever becomes a text node; nothing here parses HTML.

export const byId = (id) => document.getElementById(id);

/** Make an element; functions in `properties` become listeners, other values properties. */
export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (typeof value === "function") made.addEventListener(key, value);
    else if (key in made) made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

export const button = (label, click, className = "") =>
  element("button", { type: "button", className, click }, label);

/** Put a text on the clipboard, and show on the button that it is there. */
export async function copy(text, pressed) {
  const label = pressed.textContent;
  try {
    await navigator.clipboard.writeText(text);
    pressed.textContent = "Copied";
  } catch {
    pressed.textContent = "Not allowed";
  }
  setTimeout(() => (pressed.textContent = label), 1500);
}

/** Let screen readers say something. */
export function announce(text) {
  byId("status").textContent = text;
}

export const plural = (count, one, many = `${one}s`) => `${count.toLocaleString()} ${count === 1 ? one : many}`;

const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60]];

/** Return how long ago something was, in the largest unit that fits. */
export function ago(seconds) {
  for (const [name, size] of UNITS) {
    if (seconds >= size) return `${plural(Math.floor(seconds / size), name)} ago`;
  }
  return "just now";
}
