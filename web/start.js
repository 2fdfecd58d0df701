// The first screen: examples of what a memory is good for, and who the assistant shall be.

import { button, byId, element } from "./dom.js";

const EXAMPLES = [
  ["Keep something in mind", "Remember that I train on Mondays and Thursdays, and that I eat no nuts."],
  ["Plan with what you know", "Plan my dinners for this week, with what you know about me."],
  ["Pick up a thread", "Where did we leave off the last time we talked about my project?"],
  ["Practise day by day", "Teach me five Norwegian words, and quiz me first on those of last time."],
];
const SUGGESTIONS = {
  "A chef": "You are a helpful chef.",
  "A teacher": "You are a patient teacher. Explain with short examples.",
  "An editor": "You are an editor. Make what I write shorter and clearer.",
  "A study partner": "You are a study partner. Remember what I tell you, and quiz me on it.",
};

export function beginStart() {
  byId("examples").append(...EXAMPLES.map(([name, prompt]) => element("li", {}, makeExample(name, prompt))));
  byId("suggestions").append(...Object.entries(SUGGESTIONS).map(([name, context]) =>
    button(name, () => (byId("context").value = context), "small")));
}

/** Make an example: it is put into the prompt, where the visitor can change it before it is sent. */
function makeExample(name, prompt) {
  const pressed = button("", () => {
    byId("prompt").value = prompt;
    byId("prompt").focus();
  });
  pressed.append(element("strong", {}, name), element("span", { className: "quiet" }, prompt));
  return pressed;
}
