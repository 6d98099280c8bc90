import { allStats, decodeColumns, indexByTtl } from "./stats.js";
import { decimalsFor } from "./words.js";
import { html, oncePerFrame, watchWidth } from "./dom.js";
import { pathView } from "./path.js";
import { timeView } from "./time.js";
import { tableView } from "./table.js";

// The picture of one run that the explorer and the live view share: hop graph, latency, timeline and table
// around one selection and one focus window. A live view feeds it anew while the trace goes on.

/** Figures by TTL from what Python told: `{names, ttls, values, focus}`. */
export function toldFigures({ names, ttls, values, focus }) {
  if (!names) return null;
  const { numbers } = decodeColumns({ numbers: values });
  const row = (i) => Object.fromEntries(names.map((name, k) => [name, numbers[i * names.length + k]]));
  return { focus: focus ?? [], hops: new Map(ttls.map((ttl, i) => [ttl, row(i)])) };
}

export function board(model) {
  const columns = {}, index = new Map(), body = html("div", { class: "tnb-board" });
  const state = { whole: new Map(), now: new Map(), focus: model.get("focus"), selected: model.get("selected"),
    responder: model.get("responder"), shown: model.get("shown"), told: toldFigures(model.get("told")),
    sort: { key: "ttl", descending: false }, log: false, decimals: 1 };
  const save = (name, value) => { model.set(name, value); model.save_changes(); };
  const actions = {
    state: () => state,
    select(ttl, responder) {
      if (state.selected === ttl && state.responder === responder) return;
      Object.assign(state, { selected: ttl, responder });
      paintSelection();
      model.set("selected", ttl);
      save("responder", responder);
    },
    focus(focus, final) {
      state.focus = focus;
      if (!final) { paintSoon(); return; }
      paintSoon.cancel();
      paintFocus(true);
      save("focus", focus);
    },
    show(shown) { state.shown = shown; parts.table.paint(state, true); save("shown", shown); },
  };
  const log = html("button", { type: "button", class: "tnb-button", "aria-pressed": "false", text: "Log scale", onclick: () => {
    state.log = !state.log;
    log.setAttribute("aria-pressed", String(state.log));
    parts.path.rescale(state);
  } });
  const note = html("span", { class: "tnb-note" });
  const bar = html("div", { class: "tnb-bar" }, html("span", { class: "tnb-caption", text: "Path, and RTT (ms) of each hop" }), note, log);
  const parts = {};
  let unwatch = () => {}, total = 0, feeds = 0;

  function build(view) {
    const made = { view, columns, index, actions };
    const here = body.getRootNode().activeElement, place = body.contains(here) ? here.dataset.keep : null;
    Object.assign(parts, { path: pathView(made), timeline: timeView(made), table: tableView(made) });
    body.replaceChildren(bar, parts.path.element, parts.timeline.element, parts.table.element);
    if (place) body.querySelector(`[data-keep="${place}"]`)?.focus();
    unwatch();
    unwatch = watchWidth(body, (width) => { total = width; resize(); });
    if (total) resize();
  }

  function resize() {
    parts.path.resize(total, state);
    parts.timeline.resize(total, state);
    note.textContent = parts.path.thinned();
  }

  function paintSelection() { parts.path.paint(state); parts.timeline.paint(state); parts.table.select(state); }

  function paintFocus(final) {
    state.now = state.focus.length === 2 ? allStats(columns, index, state.focus) : state.whole;
    parts.path.paint(state, !final);
    parts.timeline.brush(state, final);
    parts.table.paint(state, final);
  }
  const paintSoon = oncePerFrame(() => paintFocus(false));

  const pulls = {
    "change:selected": () => { state.selected = model.get("selected"); paintSelection(); },
    "change:responder": () => { state.responder = model.get("responder"); paintSelection(); },
    "change:focus": () => { state.focus = model.get("focus"); paintFocus(true); },
    "change:shown": () => { state.shown = model.get("shown"); parts.table.paint(state, true); },
    "change:told": () => { tell(model.get("told")); parts.table.paint(state, true); },
  };

  /** Take what Python told; without it, rows have come since. */
  function tell(told) {
    if (told) state.told = toldFigures(told);
    else if (state.told) state.told.old = true;
  }

  /** Take all probes, and, where it is another one, the view they are of. */
  function feed(fresh, view) {
    Object.assign(columns, fresh);
    index.clear();
    for (const [ttl, rows] of indexByTtl(columns)) index.set(ttl, rows);
    state.whole = allStats(columns, index, []);
    state.decimals = decimalsFor([...state.whole.values()].flatMap((stats) => [stats.best_ms, stats.p50_ms, stats.worst_ms]));
    if (view) build(view);
    else if (total) {
      if (feeds++ % 5 === 0) parts.path.rescale(state, true); // the scale can wait a second: it sorts all there is
      parts.timeline.select(state);
    }
    paintFocus(true);
  }

  const handlers = Object.entries(pulls).map(([event, pull]) => [event, () => parts.table && pull()]);
  for (const [event, handler] of handlers) model.on(event, handler);
  return {
    element: body, feed, tell, columns,
    close() {
      unwatch();
      paintSoon.cancel();
      for (const [event, handler] of handlers) model.off(event, handler);
    },
  };
}
