// Elements without a framework. Text goes in as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

function dress(make, name, attributes, children) {
  const [tag, ...kinds] = name.split("."), element = make(tag);
  if (kinds.length) element.setAttribute("class", kinds.map((kind) => `tnb-${kind}`).join(" "));
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "text") element.textContent = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

/** An element of a tag and our classes: `div.bar.masks` is a div of class `tnb-bar tnb-masks`. */
export const html = (name, attributes = {}, ...children) =>
  dress((tag) => document.createElement(tag), name, attributes, children);

export const svg = (name, attributes = {}, ...children) =>
  dress((tag) => document.createElementNS(SVG, tag), name, attributes, children);

/** The element that a widget is in. Keys pressed within are its own, not shortcuts of the notebook. */
export const frame = (label, ...children) =>
  html("div", { class: "tnb", role: "group", "aria-label": label, "data-lm-suppress-shortcuts": "true" }, ...children);

/** A button of ours. */
export const button = (text, onclick, more = {}) => html("button.button", { type: "button", text, "data-keep": text, onclick, ...more });

/** Follow a model: what is to be called by event; returns what stops it. */
export function follow(model, calls) {
  const each = Object.entries(calls);
  for (const [event, call] of each) model.on(event, call);
  return () => { for (const [event, call] of each) model.off(event, call); };
}

/** A mark that is text, or a path. */
export const textAt = (kind, x, y, text) => svg(`text.${kind}`, { x, y, text });
export const lineOf = (kind, d, ...more) => svg(`path.${kind}`, { d }, ...more);

/** A button that copies what `text()` gives, and has `say` told of it: where there is no clipboard, the text itself. */
export function copyButton(label, text, say, more) {
  return button(label, async () => {
    const copied = text();
    try { await navigator.clipboard.writeText(copied); say("Copied", copied); } catch { say(copied, copied); }
  }, more);
}

const written = new WeakMap();
/** Set text only where it changed: cells are made once. */
export function setText(element, text) {
  if (written.get(element) === text) return;
  written.set(element, text);
  element.textContent = text;
}

/** Where a key leads in a list: a place, -1 for none of them, or undefined if it is not for us. */
export const listMove = (key, at, count) => ({ ArrowDown: Math.min(count - 1, at + 1), ArrowUp: at < 0 ? count - 1 : Math.max(0, at - 1),
  Home: 0, End: count - 1, Escape: -1 })[key];

let serial = 0;
/** An id no other view on the page has. */
export const uniqueId = (word) => `tnb-${word}-${++serial}`;

/** Call `paint` once before the next frame, however often it is asked. */
export function oncePerFrame(paint) {
  let asked = 0;
  const ask = () => { asked ||= requestAnimationFrame(() => { asked = 0; paint(); }); };
  ask.cancel = () => { cancelAnimationFrame(asked); asked = 0; };
  return ask;
}

/** Watch the width of an element; the first report comes at once. Returns what stops it. */
export function watchWidth(element, changed) {
  let last = -1;
  const look = oncePerFrame(() => {
    const width = Math.floor(element.clientWidth);
    if (width > 0 && width !== last) { last = width; changed(width); }
  });
  const observer = new ResizeObserver(look); // deferred to a frame: no "loop completed" errors
  observer.observe(element);
  return () => { observer.disconnect(); look.cancel(); };
}
