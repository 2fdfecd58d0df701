// Icons: each is a symbol in the page's own sprite.

const SVG = "http://www.w3.org/2000/svg";

/** Make an icon; what it means is said by the name of the button that it is in. */
export function icon(name) {
  const [svg, use] = ["svg", "use"].map((kind) => document.createElementNS(SVG, kind));
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}
