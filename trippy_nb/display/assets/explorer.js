import { allStats, decodeColumns, indexByTtl } from "./stats.js";
import { decimalsFor } from "./words.js";
import { html, oncePerFrame, watchWidth } from "./dom.js";
import { pathView } from "./path.js";
import { timeView } from "./time.js";
import { tableView } from "./table.js";

// One run: hop graph, latency, timeline and table around one selection and one focus window.

function render({ model, el }) {
  const view = model.get("view"), columns = decodeColumns(model.get("columns"));
  const index = indexByTtl(columns), whole = allStats(columns, index, []);
  const figures = [...whole].filter(([ttl]) => view.hops.some((hop) => hop.ttl === ttl)).map(([, stats]) => stats);
  const state = { whole, now: whole, focus: [], selected: null, responder: null, log: false,
    decimals: decimalsFor(figures.flatMap((stats) => [stats.best_ms, stats.p50_ms, stats.worst_ms])) };

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
  };
  const parts = { view, columns, index, actions };
  const path = pathView(parts), timeline = timeView(parts), table = tableView(parts);
  const log = html("button", { type: "button", class: "tnb-button", "aria-pressed": "false", text: "Log scale", onclick: () => {
    state.log = !state.log;
    log.setAttribute("aria-pressed", String(state.log));
    path.rescale(state);
  } });
  const root = html("div", { class: "tnb", role: "group", "aria-label": view.title },
    html("div", { class: "tnb-title", text: view.title }),
    html("div", { class: "tnb-verdict", text: view.verdict }),
    html("div", { class: "tnb-bar" }, html("span", { class: "tnb-caption", text: "Path, and RTT (ms) of each hop" }),
      html("span", { class: "tnb-note", text: path.thinned }), log),
    path.element, timeline.element, table.element);

  function paintSelection() { path.paint(state); timeline.paint(state); table.select(state); }
  function paintFocus(final) {
    state.now = state.focus.length === 2 ? allStats(columns, index, state.focus) : whole;
    path.paint(state);
    timeline.brush(state, final);
    table.paint(state, final);
  }
  const paintSoon = oncePerFrame(() => paintFocus(false));

  const pulls = {
    "change:selected": () => { state.selected = model.get("selected"); paintSelection(); },
    "change:responder": () => { state.responder = model.get("responder"); paintSelection(); },
    "change:focus": () => { state.focus = model.get("focus"); paintFocus(true); },
  };
  Object.assign(state, { selected: model.get("selected"), responder: model.get("responder"), focus: model.get("focus") });
  for (const [event, pull] of Object.entries(pulls)) model.on(event, pull);
  el.append(root);
  paintFocus(true);
  const unwatch = watchWidth(path.element, (width) => { path.resize(width, state); timeline.resize(width, state); });
  return () => {
    unwatch();
    paintSoon.cancel();
    for (const [event, pull] of Object.entries(pulls)) model.off(event, pull);
  };
}

export default { render };
