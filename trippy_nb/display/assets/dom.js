import { max, min } from "./sums.js";

// Elements without a framework. Text goes in as text, never as markup.

/** Set what is given of an element: its text, what it is to do on events, and attributes; none is taken away. */
export function put(element, given) {
  for (const [name, value] of Object.entries(given)) {
    const none = value === null || value === undefined || (value === false && !name.startsWith("aria"));
    if (name === "text") element.textContent = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (none) element.removeAttribute(name);
    else element.setAttribute(name, value === true && !name.startsWith("aria") ? "" : value);
  }
  return element;
}
/** Whether it is of one of our classes. */
export const flag = (element, kind, on) => element.classList.toggle(`tnb-${kind}`, on);

const dress = (make) => (name, ...children) => {
  const [tag, ...kinds] = name.split("."), element = make(tag);
  if (kinds.length) put(element, { class: kinds.map((kind) => `tnb-${kind}`).join(" ") });
  if (children[0]?.constructor === Object) put(element, children.shift());
  element.append(...children);
  return element;
};

/** An element of a tag and our classes, what `put` sets, if anything, and what is in it: `div.bar.masks` is a div of class `tnb-bar tnb-masks`. */
export const html = dress((tag) => document.createElement(tag));
export const svg = dress((tag) => document.createElementNS("http://www.w3.org/2000/svg", tag));

/** What finds the part again that has the focus, in a view that is made anew; null where it is elsewhere. */
export function placeIn(root) {
  const here = root.getRootNode().activeElement;
  return root.contains(here) ? here.dataset.keep ? `[data-keep="${here.dataset.keep}"]` : `[name="${here.name}"]` : null;
}
export const goTo = (root, place) => place && root.querySelector(place)?.focus();

let taken = null; // the view that has the focus, and where: a notebook may put another in its place at any time
/** The element that a widget is in. Keys pressed within are its own, not shortcuts of the notebook. */
export function frame(label, ...children) {
  const root = html("div", { class: "tnb", role: "group", "aria-label": label, "data-lm-suppress-shortcuts": "true",
    onfocusin: () => { taken = { root, place: placeIn(root) }; },
    onfocusout: () => setTimeout(() => { if (root.isConnected && !placeIn(root)) taken = null; }) }, ...children);
  if (taken && !taken.root.isConnected) {
    const { place } = taken, stop = watchWidth(root, () => { stop(); if (document.activeElement === document.body) goTo(root, place); });
  }
  return root;
}

/** Something that folds, as the reader left it: so the model has it, for a view that is made anew. */
export function folding(model, part, kind, title, ...children) {
  const open = () => model.get("looks")[part], made = html(`details.${kind}`, { open: open(), ontoggle: () => made.open !== open() && look(model, part, made.open) },
    html("summary", { text: title, "data-keep": part }), ...children);
  return made;
}
export function look(model, part, value) {
  model.set("looks", { ...model.get("looks"), [part]: value });
  model.save_changes();
}

/** A button of ours. One that is off keeps the focus: it is `aria-disabled`, and does nothing. */
export function button(text, onclick, more) {
  const made = html("button.button", { type: "button", text, "data-keep": text,
    onclick: () => made.getAttribute("aria-disabled") !== "true" && onclick(), ...more });
  return made;
}

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
export const listMove = (key, at, count) => ({ ArrowDown: min(count - 1, at + 1), ArrowUp: at < 0 ? count - 1 : max(0, at - 1),
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
