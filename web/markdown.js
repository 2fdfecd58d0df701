// Shows Markdown as nodes. A parser makes tokens of a text, and each token becomes a node: never HTML.

import MarkdownIt from "markdown-it";

import { codeBlock } from "./code.js";
import { element } from "./dom.js";
import { math } from "./math.js";

const SAFE = ["https:", "http:", "mailto:"];
const DEEPEST = 24; // how deep blocks and marks stand within each other; what is deeper stays text
const TASK = /^\[([ xX])\] /;
const HEADING_BELOW = 3; // a reply's headings stand below those of the page
const PLAIN = { em: "em", strong: "strong", s: "s", thead: "thead", tbody: "tbody", tr: "tr", list_item: "li" };
const BLOCKS = { paragraph: "p", blockquote: "blockquote", bullet_list: "ul" };

const parser = new MarkdownIt("default", { html: false, linkify: true, breaks: true });
parser.validateLink = (target) => URL.canParse(target) && SAFE.includes(new URL(target).protocol);
parser.linkify.set({ fuzzyLink: false, fuzzyEmail: false });
parser.use(math);
parser.block.ruler.before("table", "deep", asText);

/** Return the nodes that show `text`. */
export const render = (text) => build(parser.parse(text, {}));

/**
 * Return the nodes that show the beginning of a text, of which more is to come, and the line in
 * which each of them begins.
 */
export function renderBeginning(text) {
  const tokens = parser.parse(text, { isGrowing: true });
  const blocks = tokens.filter(({ level, nesting }) => level === 0 && nesting !== -1);
  return { nodes: [...build(tokens).childNodes], begins: blocks.map(({ map }) => map[0]) };
}

/** Take all lines as one paragraph where blocks stand too deep within each other. */
function asText(state, begin, end, isSilent) {
  if (isSilent || state.level < DEEPEST) return false;
  state.push("paragraph_open", "p", 1);
  const token = state.push("inline", "", 0);
  token.content = state.getLines(begin, end, state.blkIndent, false).trim();
  token.children = [];
  state.push("paragraph_close", "p", -1);
  state.line = end;
  return true;
}

/** Make the nodes of a list of tokens: those that open and close make a tree. */
function build(tokens) {
  const root = document.createDocumentFragment();
  const open = [root];
  for (const token of tokens) {
    if (token.hidden) continue; // the paragraphs of a list without blank lines
    if (token.nesting === -1) open.pop();
    else if (token.nesting === 1 && open.length > DEEPEST) open.push(open.at(-1));
    else {
      const node = nodeOf(token, open.length === 1);
      open.at(-1).append(node);
      if (token.nesting === 1) open.push(node.classList?.contains("wide") ? node.firstChild : node);
    }
  }
  return root;
}

function nodeOf(token, isOutermost) {
  const kind = token.type.replace(/_open$/, "");
  if (kind in PLAIN) return element(PLAIN[kind]);
  if (kind in BLOCKS) return block(BLOCKS[kind], isOutermost);
  return MAKERS[kind](token, isOutermost);
}

/** Make a block. Within another, styles give each its own direction, and both share one side. */
function block(name, isOutermost, properties = {}) {
  return element(name, isOutermost ? { ...properties, dir: "auto" } : properties);
}

const MAKERS = {
  text: ({ content }) => document.createTextNode(content),
  inline: (token) => inline(token),
  heading: ({ tag }, isOutermost) =>
    block(`h${Math.min(Number(tag[1]) + HEADING_BELOW, 6)}`, isOutermost),
  ordered_list: (token, isOutermost) => block("ol", isOutermost, { start: Number(token.attrGet("start") ?? 1) }),
  hr: () => element("hr"),
  softbreak: () => element("br"),
  hardbreak: () => element("br"),
  code_inline: ({ content }) => element("code", { dir: "ltr" }, content),
  code_block: ({ content }) => codeBlock(content, ""),
  fence: ({ content, info }) => codeBlock(content, info),
  math: ({ content }) => element("span", { className: "math", dir: "ltr" }, content),
  math_block: ({ content }) => element("div", { className: "math", dir: "ltr", tabIndex: 0 }, content),
  table: () => element("div", { className: "wide", tabIndex: 0, role: "group", "aria-label": "Table" },
    element("table", { dir: "auto" })),
  th: (token) => cell("th", token),
  td: (token) => cell("td", token),
  link: (token) => link(token.attrGet("href")),
  image: (token) => image(token),
};

function inline({ children }) {
  const task = children[0]?.type === "text" && children[0].content.match(TASK);
  if (!task) return build(children);
  children[0].content = children[0].content.slice(task[0].length);
  const made = build(children);
  const isDone = task[1] !== " ";
  made.prepend(element("input", {
    type: "checkbox", className: "task", defaultChecked: isDone, disabled: true, "aria-label": isDone ? "Done" : "To do",
  }));
  return made;
}

function cell(name, token) {
  const [side] = token.attrGet("style")?.match(/(?:left|center|right)$/) ?? [];
  return element(name, { dir: "auto", className: side ?? "" });
}

/** Make a link to another site. */
function link(target) {
  return element("a", { href: new URL(target).href, target: "_blank", rel: "noopener noreferrer nofollow" });
}

/** Make a link of an image, which is never loaded: whoever gave its address would see the reader. */
function image(token) {
  const shown = link(token.attrGet("src"));
  shown.append(token.content || shown.href);
  return shown;
}
