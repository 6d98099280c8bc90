import { html } from "./dom.js";

// Many marks at little cost: a canvas in CSS pixels, inked in the colours of the theme.

let era = 0; // of a theme: stamps are made once in each

export function inkCanvas(kind) {
  const element = html(`canvas.${kind}`, { "aria-hidden": true }), pen = element.getContext("2d");
  let size = [0, 0, 1];
  const stamps = new Map();
  const ink = (name) => getComputedStyle(element).getPropertyValue(`--tnb-${name}`).trim();
  return {
    element,
    /** Make it empty, at this size. */
    wipe(width, height, from = 0, to = height) {
      const ratio = devicePixelRatio || 1, now = [width, height, ratio];
      if (now.every((part, i) => part === size[i])) { pen.clearRect(0, from, width, to - from); return; }
      size = now;
      Object.assign(element, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
      Object.assign(element.style, { width: `${width}px`, height: `${height}px` });
      pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    },
    /** What draws one dot: stamped on whole pixels, which is several times as fast as a path. */
    dots(name, alpha) {
      const ratio = size[2], edge = Math.ceil(4 * ratio) + 2, key = [era, ratio, name].join();
      if (!stamps.has(key)) {
        const made = html("canvas", { width: edge, height: edge }), brush = made.getContext("2d");
        Object.assign(brush, { fillStyle: ink(name), globalAlpha: alpha });
        brush.arc(edge / 2, edge / 2, 2 * ratio, 0, 7);
        brush.fill();
        stamps.set(key, made);
      }
      const stamp = stamps.get(key), wide = edge / ratio, whole = (at) => Math.round((at - wide / 2) * ratio) / ratio;
      return (x, y) => pen.drawImage(stamp, whole(x), whole(y), wide, wide);
    },
    /** Draw pieces of a path as one. */
    lines(name, pieces, lineWidth) {
      if (!pieces.length) return;
      Object.assign(pen, { strokeStyle: ink(name), lineWidth });
      pen.stroke(new Path2D(pieces.join("")));
    },
  };
}

/** Call when the page turns light or dark; returns what stops it. */
export function watchTheme(paint) {
  const changed = () => { era++; paint(); };
  const media = ["(prefers-color-scheme: dark)", "(forced-colors: active)"].map((query) => matchMedia(query));
  const watch = new MutationObserver(changed);
  watch.observe(document.body, { attributeFilter: ["data-jp-theme-light"] });
  for (const one of media) one.addEventListener("change", changed);
  return () => { watch.disconnect(); for (const one of media) one.removeEventListener("change", changed); };
}
