// What can be done with one message that was said: remember it for other conversations, or forget it.

import { showDone } from "./actions.js";
import { ask, newKey, send } from "./api.js";
import { announce } from "./dom.js";
import { idOf } from "./known.js";
import { offerUndo } from "./undo.js";

/**
 * Make the deeds. `view` is what shows the conversation: its `here` id, `learn`, which asks for the
 * ids of messages, `notice`, and `changed`, which is called when the chat has something else.
 */
export function makeDeeds(view) {
  async function tried(act) {
    try {
      await act();
    } catch (error) {
      view.notice(error.message);
    }
  }

  /** Keep a message as a memory, for other conversations. */
  const remember = ({ said }, pressed) => tried(async () => {
    const { role, content } = said;
    await send("POST", "/memories", { role, content }, { key: newKey() });
    announce("Remembered");
    showDone(pressed, true, "Remember");
  });

  /** Take a message out of sight, and forget it when that can no longer be undone. */
  function forget(row) {
    const id = view.here();
    const seen = (isSeen) => (row.hidden = !isSeen);
    seen(false);
    offerUndo("Forgot the message.", {
      finish: (options) => tried(async () => {
        try {
          await ask("DELETE", `/conversations/${id}/messages/${await idOf(row, view.learn)}`, options);
          row.remove();
          if (!options.keepalive) view.changed(id);
        } catch (error) {
          seen(true);
          throw error;
        }
      }),
      undo: () => seen(true),
    });
  }

  return { remember, forget };
}
