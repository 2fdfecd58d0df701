// Shows Markdown as nodes: headings, lists, quotes, code, emphasis, links. All else stays text.

import { button, copy, element } from "./dom.js";

// Each pattern takes time linear in the length of a line, whatever the line says; a test checks it.
const FENCE = /^ {0,3}(`{3,}(?!`)|~{3,}(?!~))[^`]*$/;
const HEADING = /^(#{1,6})\s/;
const ITEM = /^\s{0,3}(?:([-*+])|(\d{1,9})[.)])\s+(.*)$/s;
const QUOTE = /^\s{0,3}> ?(.*)$/s;
const RULE = /^\s{0,3}([-*_])(\s*\1){2,}\s*$/;
const INLINE = new RegExp(
  [
    /(?<ticks>`{1,3})(?!`)(?<code>.+?)(?<!`)\k<ticks>(?!`)/,
    /\*\*(?<strong>(?!\s).+?)\*\*/,
    /(?<!\w)(?<mark>[*_])(?<em>(?![\s*_]).+?)\k<mark>(?!\w)/,
    /\[(?<label>[^\[\]]+)\]\((?<target>[^\s()]+)\)/,
    /(?<bare>https?:\/\/[^\s<>()\[\]"'`]+[^\s<>()\[\]"'`.,;:!?])/,
  ].map((part) => part.source).join("|"),
  "s",
);
const LONGEST = 5000; // characters that are looked through for marks, which takes their square
const DEEPEST = 16; // quotes and lists within each other; what is deeper stays text
const SAFE = ["https:", "http:", "mailto:"];

/** Return a fragment that shows `text`. */
export function render(text) {
  return blocks(text.split("\n"), 0);
}

function blocks(lines, depth) {
  const made = document.createDocumentFragment();
  let paragraph = [];
  const flush = () => {
    if (paragraph.length) made.append(element("p", { dir: "auto" }, ...inline(paragraph.join("\n"))));
    paragraph = [];
  };
  for (let at = 0; at < lines.length; ) {
    const found = depth < DEEPEST ? block(lines, at, depth) : null;
    if (found) {
      flush();
      made.append(found.node);
      at = found.next;
    } else {
      if (lines[at].trim()) paragraph.push(lines[at]);
      else flush();
      at += 1;
    }
  }
  flush();
  return made;
}

/** Return the block that begins at a line, and where it ends; nothing for a paragraph. */
function block(lines, at, depth) {
  const line = lines[at];
  const fence = line.match(FENCE);
  if (fence) return code(lines, at, fence);
  const heading = line.match(HEADING);
  if (heading) {
    const level = Math.min(heading[1].length + 3, 6);
    const text = withoutClosing(line.slice(heading[0].length));
    return { node: element(`h${level}`, { dir: "auto" }, ...inline(text)), next: at + 1 };
  }
  if (RULE.test(line)) return { node: element("hr"), next: at + 1 };
  if (QUOTE.test(line)) {
    const next = run(lines, at, QUOTE);
    const inner = lines.slice(at, next).map((quoted) => quoted.match(QUOTE)[1]);
    return { node: element("blockquote", {}, blocks(inner, depth + 1)), next };
  }
  if (ITEM.test(line)) return list(lines, at, depth);
  return null;
}

/** Return a heading's text without the signs that may close it. */
function withoutClosing(text) {
  const trimmed = text.trim();
  let end = trimmed.length;
  while (trimmed[end - 1] === "#") end -= 1;
  return trimmed.slice(0, end).trimEnd();
}

function code(lines, at, [, fence]) {
  const ends = (line) => line.trim().startsWith(fence) && !line.trim().slice(fence.length).trim();
  let end = at + 1;
  while (end < lines.length && !ends(lines[end])) end += 1;
  const text = lines.slice(at + 1, end).join("\n");
  const shown = element("pre", { tabIndex: 0 }, element("code", {}, text));
  const press = button("Copy code", () => copy(text, press), "small");
  return { node: element("div", { className: "code" }, shown, press), next: end + 1 };
}

function list(lines, at, depth) {
  const isOrdered = Boolean(lines[at].match(ITEM)[2]);
  const items = [];
  let next = at;
  while (next < lines.length) {
    const item = lines[next].match(ITEM);
    if (item && Boolean(item[2]) === isOrdered) items.push([item[3]]);
    else if (/^\s{2,}\S/.test(lines[next])) items.at(-1).push(lines[next].replace(/^\s{2,4}/, ""));
    else break;
    next += 1;
  }
  const start = isOrdered ? { start: Number(lines[at].match(ITEM)[2]) } : {};
  const node = element(isOrdered ? "ol" : "ul", start);
  for (const [first, ...rest] of items) {
    node.append(element("li", { dir: "auto" }, ...inline(first), blocks(rest, depth + 1)));
  }
  return { node, next };
}

function run(lines, at, pattern) {
  let next = at;
  while (next < lines.length && pattern.test(lines[next])) next += 1;
  return next;
}

function inline(text) {
  if (text.length > LONGEST) return [text];
  const made = [];
  let rest = text;
  for (let found = rest.match(INLINE); found; found = rest.match(INLINE)) {
    made.push(rest.slice(0, found.index), span(found));
    rest = rest.slice(found.index + found[0].length);
  }
  made.push(rest);
  return made.filter((part) => part !== "");
}

function span(found) {
  const { code: written, strong, em, label, target, bare } = found.groups;
  if (written !== undefined) return element("code", {}, written.trim());
  if (strong !== undefined) return element("strong", {}, ...inline(strong));
  if (em !== undefined) return element("em", {}, ...inline(em));
  return link(target ?? bare, label ?? bare) ?? found[0];
}

/** Make a link to another site; return nothing for a target that would do anything else. */
function link(target, label) {
  const url = URL.canParse(target) ? new URL(target) : null;
  if (!url || !SAFE.includes(url.protocol)) return null;
  const properties = { href: url.href, target: "_blank", rel: "noopener noreferrer nofollow" };
  return element("a", properties, label);
}
