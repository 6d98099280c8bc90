import { button, copyButton, html, setText, svg } from "./dom.js";
import { max } from "./sums.js";

// A part of a view as a picture of its own: one SVG with its styles, canvases in it as images, text as text.

const STYLES = ["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "opacity", "font-family", "font-size", "font-weight", "text-anchor", "paint-order"];
const NOT_SHOWN = "button, select, summary, input, [hidden], .tnb-grip, .tnb-reach, .tnb-status";

/** Copy an SVG element and, on each part, what the style sheet makes of it. */
function styledCopy(element) {
  const copy = element.cloneNode(true), parts = [element, ...element.querySelectorAll("*")];
  [copy, ...copy.querySelectorAll("*")].forEach((one, i) => {
    const style = getComputedStyle(parts[i]);
    for (const name of STYLES) one.style.setProperty(name, style.getPropertyValue(name));
    one.removeAttribute("class");
  });
  const unseen = [...element.querySelectorAll(NOT_SHOWN)].map((one) => copy.querySelectorAll("*")[parts.indexOf(one) - 1]);
  for (const one of unseen) one.remove();
  return copy;
}

/** Draw an element with all within it: SVG, canvas, boxes with a ground, and text. */
function pictureOf(element) {
  const box = element.getBoundingClientRect(), width = element.scrollWidth, height = element.scrollHeight;
  const ground = getComputedStyle(element.closest(".tnb")).getPropertyValue("--tnb-ground").trim();
  const picture = svg("svg", { xmlns: "http://www.w3.org/2000/svg", width, height, viewBox: `0 0 ${width} ${height}` },
    svg("rect", { width, height, fill: ground }));
  const place = (one) => { const at = one.getBoundingClientRect(); return { x: at.x - box.x + element.scrollLeft, y: at.y - box.y + element.scrollTop, width: at.width, height: at.height }; };
  (function draw(one) {
    if (one.matches(NOT_SHOWN)) return;
    const at = place(one), style = getComputedStyle(one);
    if (one instanceof SVGElement) { picture.append(svg("g", { transform: `translate(${at.x} ${at.y})` }, styledCopy(one))); return; }
    if (one instanceof HTMLCanvasElement) { picture.append(svg("image", { ...at, href: one.toDataURL() })); return; }
    if (style.backgroundColor !== "rgba(0, 0, 0, 0)" && one !== element) picture.append(svg("rect", { ...at, fill: style.backgroundColor, opacity: style.opacity }));
    for (const child of one.childNodes) {
      if (child.nodeType === 1) draw(child);
      else if (child.data.trim()) {
        const range = document.createRange();
        range.selectNode(child);
        const text = range.getBoundingClientRect(), x = text.x - box.x + element.scrollLeft;
        picture.append(svg("svg", { x, y: at.y, width: max(0, at.x + at.width - x), height: at.height },
          svg("text", { y: at.height / 2, "dominant-baseline": "central", style: `font:${style.fontWeight} ${style.fontSize} ${style.fontFamily};fill:${style.color}`, text: child.data })));
      }
    }
  })(element);
  return picture;
}

const spelt = (element) => new XMLSerializer().serializeToString(pictureOf(element));

/** Buttons that copy the element as SVG, and save it as PNG of twice its size. */
export function pictureButtons(of, name) {
  const copy = copyButton("SVG", () => spelt(of()), (said, text) =>
    {
    if (said === text) { save(new Blob([text], { type: "image/svg+xml" }), "svg"); return; }
    setText(copy, said);
    setTimeout(() => setText(copy, "SVG"), 2000);
  }, { title: "Copy as SVG", "aria-label": "Copy as SVG", "data-keep": `svg-${name}` });
  const save = (blob, kind) => {
    const href = URL.createObjectURL(blob);
    html("a", { href, download: `${name}.${kind}` }).click();
    setTimeout(() => URL.revokeObjectURL(href), 1000);
  };
  return [copy, button("PNG", async () => {
    const image = new Image();
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(spelt(of()))}`;
    await image.decode();
    const canvas = html("canvas", { width: 2 * image.width, height: 2 * image.height });
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    canvas.toBlob((blob) => save(blob, "png"));
  }, { title: "Save as PNG", "data-keep": `png-${name}` })];
}
