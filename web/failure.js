// A turn that failed: what went wrong, and the buttons that help.

import { ensureSession } from "./api.js";
import { button, element } from "./dom.js";
import { helpOf } from "./errors.js";

/**
 * Make the row of a turn that failed. `does` has what the buttons do: `again` sends the prompt once
 * more, `edit` puts it back, `anew` begins a conversation with it.
 */
export function makeFailure(text, { code = "", retryAfterS = 0 }, does) {
  const buttons = element("div", { className: "buttons" });
  const row = element("li", { className: "failed" }, element("p", {}, text), buttons);
  const helps = {
    retry: () => [retryButton(does.again, retryAfterS), button("Edit", does.edit)],
    edit: () => [button("Shorten it", does.edit)],
    new: () => [button("New conversation", does.anew)],
    session: () => [button("Get a credential", () => ensureSession().then(does.again))],
    data: () => [linkTo("#data", "Your data"), button("Try again", does.again)],
    reload: () => [button("Reload the page", () => location.reload())],
  };
  buttons.append(...(helps[helpOf(code)] ?? helps.retry)());
  return row;
}

const linkTo = (href, text) => element("a", { href, className: "button" }, text);

/** Make a button that can be pressed as soon as the chat would take the turn. */
function retryButton(again, waitS) {
  const made = button("Try again", again);
  let left = waitS;
  const tell = () => {
    made.disabled = left > 0;
    made.textContent = left > 0 ? `Try again in ${left} s` : "Try again";
  };
  tell();
  const tick = setInterval(() => {
    left -= 1;
    tell();
    if (left <= 0 || !made.isConnected) clearInterval(tick);
  }, 1000);
  return made;
}
