// Shows code: its language and a button that copies it above, and its words in colours.

import { createLowlight } from "lowlight";
import bash from "highlight.js/lib/languages/bash";
import c from "highlight.js/lib/languages/c";
import cpp from "highlight.js/lib/languages/cpp";
import csharp from "highlight.js/lib/languages/csharp";
import css from "highlight.js/lib/languages/css";
import diff from "highlight.js/lib/languages/diff";
import dockerfile from "highlight.js/lib/languages/dockerfile";
import go from "highlight.js/lib/languages/go";
import ini from "highlight.js/lib/languages/ini";
import java from "highlight.js/lib/languages/java";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import kotlin from "highlight.js/lib/languages/kotlin";
import lua from "highlight.js/lib/languages/lua";
import makefile from "highlight.js/lib/languages/makefile";
import markdown from "highlight.js/lib/languages/markdown";
import php from "highlight.js/lib/languages/php";
import python from "highlight.js/lib/languages/python";
import r from "highlight.js/lib/languages/r";
import ruby from "highlight.js/lib/languages/ruby";
import rust from "highlight.js/lib/languages/rust";
import shell from "highlight.js/lib/languages/shell";
import sql from "highlight.js/lib/languages/sql";
import swift from "highlight.js/lib/languages/swift";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";

import { copyButton } from "./actions.js";
import { element } from "./dom.js";

const LONGEST = 20_000; // characters that are coloured; what is longer stays plain
const lowlight = createLowlight({
  bash, c, cpp, csharp, css, diff, dockerfile, go, ini, java, javascript, json, kotlin, lua, makefile,
  markdown, php, python, r, ruby, rust, shell, sql, swift, typescript, xml, yaml,
});

/** Make a block of code; `info` is what stands behind the fence, of which the first word counts. */
export function codeBlock(text, info) {
  const language = info.trim().split(/\s+/, 1)[0].toLowerCase();
  const shown = text.endsWith("\n") ? text.slice(0, -1) : text;
  const code = element("code", {}, ...coloured(shown, language));
  const named = element("span", { className: "language" }, language || "code");
  const copy = copyButton("Copy code", (pressed) => pressed.closest(".code").querySelector("code").textContent);
  return element("div", { className: "code", dir: "ltr" },
    element("div", { className: "code-top" }, named, copy),
    element("pre", { tabIndex: 0, "aria-label": `Code, ${language || "no language"}`, role: "group" }, code));
}

function coloured(text, language) {
  if (!lowlight.registered(language) || text.length > LONGEST) return [text];
  return lowlight.highlight(language, text).children.map(asNode);
}

function asNode(part) {
  if (part.type === "text") return part.value;
  return element("span", { className: part.properties.className.join(" ") }, ...part.children.map(asNode));
}
