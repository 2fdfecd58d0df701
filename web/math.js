// Finds math in Markdown: it is shown as it is written, so that nothing in it is taken for a mark.

const LONGEST = 2000; // characters and lines that are looked through for an end: time stays linear
const MOST_LINES = 200;
const PAIRS = { "$$": "$$", "\\[": "\\]", "\\(": "\\)", $: "$" };

/** Teach a parser math: `$…$`, `$$…$$`, `\(…\)` and `\[…\]`, in a line or as a block. */
export function math(parser) {
  parser.inline.ruler.before("escape", "math", inText);
  parser.block.ruler.before("fence", "math", asBlock, { alt: ["paragraph", "blockquote", "list"] });
}

/** Take math in a line. One dollar sign needs what is no price: "$5 and $6" stays text. */
function inText(state, isSilent) {
  const { src, pos } = state;
  const open = Object.keys(PAIRS).find((mark) => src.startsWith(mark, pos));
  if (!open) return false;
  const close = PAIRS[open];
  const inside = src.slice(pos + open.length, pos + LONGEST);
  const end = inside.indexOf(close);
  if (end < 1 || (open === "$" && !isFormula(inside, end))) return false;
  const next = pos + open.length + end + close.length;
  if (!isSilent) state.push("math", "", 0).content = src.slice(pos, next);
  state.pos = next;
  return true;
}

function isFormula(inside, end) {
  const [first, last, after] = [inside[0], inside[end - 1], inside[end + 1] ?? ""];
  return !/\s/.test(first + last) && !/[0-9]/.test(after) && !inside.slice(0, end).includes("`");
}

/** Take math that has lines of its own. While a reply grows, its end may not have come yet. */
function asBlock(state, begin, end, isSilent) {
  const lineOf = (line) => state.src.slice(state.bMarks[line] + state.tShift[line], state.eMarks[line]);
  if (state.sCount[begin] - state.blkIndent >= 4) return false;
  const first = lineOf(begin).trim();
  const open = ["$$", "\\["].find((mark) => first.startsWith(mark));
  if (!open) return false;
  const close = PAIRS[open];
  const isAlone = first === open;
  if (!isAlone && first.includes(close, 2)) return false; // it ends in its line
  let last = begin + 1;
  const most = Math.min(end, begin + MOST_LINES);
  while (last < most && !lineOf(last).trimEnd().endsWith(close)) last += 1;
  if (last >= most && !(isAlone && state.env.isGrowing)) return false;
  if (isSilent) return true;
  const next = Math.min(last + 1, end);
  const token = state.push("math_block", "", 0);
  token.content = state.getLines(begin, next, state.blkIndent, false).trim();
  token.map = [begin, next];
  token.block = true;
  state.line = next;
  return true;
}
