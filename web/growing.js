// Shows a text while it is made: what does not change stays the same node, so nothing jumps.

import { render, renderBeginning } from "./markdown.js";

const SHARE = 4; // drawing takes no more than a fifth of the time, however long the text is
const MARKS = /^[-=*+#>`~_|:.)\s\d]*$/;

/** Make what shows in `body` a text that grows. */
export function makeGrowing(body) {
  let text = "";
  let settled = 0; // characters whose nodes will not change any more
  let kept = 0; // their nodes
  let pause = 0; // milliseconds until the next drawing
  let isPlanned = false;
  let isWhole = false;

  function draw() {
    isPlanned = false;
    if (isWhole) return;
    const begun = performance.now();
    const rest = text.slice(settled);
    const { nodes, begins } = renderBeginning(decided(rest));
    merge(body, nodes, kept);
    const last = begins.findLastIndex((line) => isDecided(rest, line));
    if (last > 0) {
      kept += last;
      settled += offsetOf(rest, begins[last]);
    }
    pause = (performance.now() - begun) * SHARE;
  }

  return {
    text: () => text,
    add(part) {
      text += part;
      if (!isPlanned) setTimeout(() => requestAnimationFrame(draw), pause);
      isPlanned = true;
    },
    /** Show the whole text. */
    finish(content) {
      isWhole = true;
      text = content;
      merge(body, [...render(text).childNodes]);
    },
  };
}

/**
 * Return what of a text is certain to look as it does so far: not a line of marks only, which may
 * become a rule, a list, a heading or a fence, and not the first line of what may become a table.
 */
function decided(text) {
  const last = text.lastIndexOf("\n") + 1;
  const before = lineBefore(text, last);
  const isFirstRow = text[before] === "|" && text[lineBefore(text, before)] !== "|";
  if (text[last] === "|" && text[before] !== "|") return text.slice(0, last);
  if (isFirstRow && (text[last] === "|" || last === text.length)) return text.slice(0, before);
  return text[last] !== "|" && MARKS.test(text.slice(last)) ? text.slice(0, last) : text;
}

/** Return where the line before another begins; -1 if there is none. */
function lineBefore(text, begin) {
  if (begin < 2) return begin - 1;
  return text.lastIndexOf("\n", begin - 2) + 1;
}

/** Whether a line and the next are complete: then what begins there is certain. */
function isDecided(text, line) {
  return offsetOf(text, line + 2) > 0;
}

/** Return where a line begins; 0 for the first, and for those that are not there yet. */
function offsetOf(text, line) {
  let at = 0;
  for (let count = 0; count < line; count += 1) {
    at = text.indexOf("\n", at) + 1;
    if (at === 0) return 0;
  }
  return at;
}

/** Make `nodes` the children of `parent` from a place on, and keep what is equal. */
function merge(parent, nodes, from = 0) {
  const old = [...parent.childNodes].slice(from);
  nodes.slice(0, old.length).forEach((node, place) => {
    if (!old[place].isEqualNode(node)) change(old[place], node);
  });
  for (const node of old.slice(nodes.length)) node.remove();
  const more = document.createDocumentFragment();
  for (const node of nodes.slice(old.length)) more.append(node);
  parent.append(more);
}

/** Make a node like another: in place if only what is in it differs. */
function change(shown, node) {
  if (shown.nodeType === Node.TEXT_NODE && node.nodeType === Node.TEXT_NODE) shown.data = node.data;
  else if (shown.nodeName === node.nodeName && shown.cloneNode().isEqualNode(node.cloneNode())) {
    merge(shown, [...node.childNodes]);
  } else shown.replaceWith(node);
}
