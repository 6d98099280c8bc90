import { allStats, decodeColumns, hopIndex, hopStats, indexByTtl, responders } from "./stats.js";
import { decimalsFor } from "./words.js";
import { button, follow, goTo, html, look, oncePerFrame, placeIn, put, watchWidth } from "./dom.js";
import { pathView } from "./path.js";
import { pictureButtons } from "./picture.js";
import { watchTheme } from "./canvas.js";
import { timeView } from "./time.js";
import { tableView } from "./table.js";
import { max } from "./sums.js";

// The picture of one run that the explorer and the live view share: hop graph, latency, timeline and table
// around one selection and one focus window. A live view feeds it anew while the trace goes on.

const MANY = 1000; // rows that are drawn above the others; more are drawn with them

/** Figures by TTL from what Python told: `{names, ttls, values, focus, flow}`. */
function toldFigures({ names, ttls, values, focus, flow }) {
  if (!names) return null;
  const { numbers } = decodeColumns({ numbers: values });
  const row = (i) => Object.fromEntries(names.map((name, k) => [name, numbers[i * names.length + k]]));
  return { focus: focus ?? [], flow: flow ?? null, hops: new Map(ttls.map((ttl, i) => [ttl, row(i)])) };
}

/** `more(parts)`, where given, makes what only a run that is over has: a bar above the graph, and buttons for it. */
export function board(model, more = null) {
  const columns = {}, index = new Map(), body = html("div.board");
  const state = { whole: new Map(), now: new Map(), whose: new Map(), shown: model.get("shown"), told: toldFigures(model.get("told")), // the rest with a view
    ...model.get("looks"), decimals: 1, usual: [],
    whoAt: (ttl) => state.whose.get(ttl) ?? [], // who answered there, of what counts
    replay: null, window: [], when: null, alone: null }; // what counts: the focus window, or what has happened so far in a replay
  const save = (name, value) => { model.set(name, value); model.save_changes(); };
  const actions = {
    state: () => state,
    select(ttl, responder, flow = state.flow) {
      if (state.selected === ttl && state.responder === responder && state.flow === flow) return;
      Object.assign(state, { selected: ttl, responder });
      if (state.flow !== flow) { model.set("flow", flow); single(flow); }
      paintSelection();
      model.set("selected", ttl);
      save("responder", responder);
    },
    focus(focus, final) {
      extra?.leave();
      state.focus = focus;
      if (!final) { paintSoon(); return; }
      paintSoon.cancel();
      paintFocus(true);
      save("focus", focus);
    },
    look(part, value) { state[part] = value; look(model, part, value); },
    /** The pointer is up: what waited for it may come. */
    released() { if (held) feed({}, held); },
    replay(player) { Object.assign(state, { replay: player }); paintFocus(true); },
    replayed(moving) { if (state.replay) paintFocus(!moving); },
    show(shown) { state.shown = shown; parts.table.paint(state, true); save("shown", shown); },
  };
  const log = button("Log scale", () => {
    actions.look("log", !state.log);
    put(log, { "aria-pressed": state.log });
    parts.path.rescale(state);
  }, { "aria-pressed": state.log });
  const note = html("span.note");
  const bar = html("div.bar", html("span.caption", "Path, and RTT (ms) of each hop"), note);
  const flows = html("select", { "aria-label": "Flow", "data-keep": "flow", onchange: () =>
    actions.select(state.selected, state.responder, flows.value === "" ? null : Number(flows.value)) });
  const parts = {};
  let extra = null, counted = index, drawn = null, held = null, one = {};
  let unwatch = () => {}, total = 0, due = 0, repainted = 0;

  function build(view) {
    const made = { view, columns, index, actions, model };
    drawn = view;
    extra?.close();
    Object.assign(parts, { path: pathView(made), timeline: timeView(made), table: tableView(made) });
    const said = [...new Set(columns.flow)].sort((a, b) => a - b);
    flows.hidden = said.length < 2;
    flows.replaceChildren(html("option", { value: "", text: "All flows" }), ...said.map((flow) => html("option", { value: flow, text: `Flow ${flow}` })));
    extra = more?.({ ...made, fly: parts.path.fly }) ?? null;
    bar.replaceChildren(...bar.childNodes.length ? [bar.firstChild] : [], note, flows, ...extra?.buttons ?? [], log, ...pictureButtons(() => parts.path.element, "path"));
    body.replaceChildren(bar, ...extra ? [extra.element] : [], parts.path.element, parts.timeline.element, parts.table.element);
    unwatch();
    unwatch = watchWidth(body, (width) => { total = width; resize(); });
    if (total) resize();
  }

  function resize() {
    if (!columns.ttl) return;
    parts.path.resize(total, state);
    parts.timeline.resize(total, state);
    note.textContent = parts.path.thinned();
  }

  /** Count one flow only, or all. */
  function single(flow) {
    if (flow === state.flow) return;
    state.flow = flow;
    recount();
    paintFocus(true);
  }

  function recount() {
    counted = state.flow === null ? index : indexByTtl(columns, new Map(), null, state.flow);
    state.whole = allStats(counted, []);
  }

  const counting = () => state.replay?.indexOf(state.flow) ?? counted;

  /** What the responder that stands out answered, it alone: nobody knows whose an unanswered probe was. */
  function alone() {
    const hop = counting().get(state.selected), number = drawn.addresses.indexOf(state.responder);
    if (!hop || number < 0) return null;
    if (one.hop !== hop || one.number !== number) {
      one = { hop, number, index: hopIndex({ ...columns, at: state.when }, [...hop.rows].filter((row) => columns.addr[row] === number)) };
    }
    return hopStats(one.index, state.window);
  }

  function paintSelection() { state.alone = alone(); flows.value = state.flow ?? ""; parts.path.paint(state); parts.timeline.paint(state); parts.table.select(state); }

  function paintFocus(final, fresh = null) {
    const { replay } = state;
    state.window = replay ? [-Infinity, replay.moment()] : state.focus;
    state.when = replay ? replay.plan.due : columns.at;
    const some = counting();
    state.alone = alone();
    state.now = state.window.length === 2 ? allStats(some, state.window) : state.whole;
    if (final) state.whose = new Map([...some].map(([ttl, hop]) => [ttl, responders(hop, drawn.addresses, state.window)]));
    parts.path.paint(state, !final, fresh);
    parts.timeline.brush(state, final);
    parts.table.paint(state, final);
  }
  const paintSoon = oncePerFrame(() => paintFocus(false));

  const pulls = {
    "change:selected": () => { state.selected = model.get("selected"); paintSelection(); },
    "change:responder": () => { state.responder = model.get("responder"); paintSelection(); },
    "change:flow": () => { single(model.get("flow")); paintSelection(); },
    "change:focus": () => { extra?.leave(); state.focus = model.get("focus"); paintFocus(true); },
    "change:shown": () => { state.shown = model.get("shown"); parts.table.paint(state, true); },
    "change:told": () => { tell(model.get("told")); parts.table.paint(state, true); },
  };

  /** Take what Python told; without it, rows have come since. */
  function tell(told) {
    if (told) state.told = toldFigures(told);
    else if (state.told) state.told.old = true;
  }

  /** What can wait a second: the scale, which sorts all there is, and dots that are there no more, or too many. */
  function repaintLater() {
    due ||= setTimeout(() => {
      due = 0;
      repainted = performance.now();
      parts.path.rescale(state);
      note.textContent = parts.path.thinned();
    }, max(60, repainted + 1000 - performance.now())); // between two looks: not to be in the way of the next
  }

  /**
   * Take all probes, and, where it is another one, the view they are of. `news` says which rows differ, and whether
   * all stand elsewhere than before: then only the dots of these are drawn, above those that are there.
   */
  function feed(fresh, view, news = null) {
    if (view) held = null;
    if (view && parts.timeline?.dragging()) [held, view] = [view, null]; // rows go on, the rest waits
    const touched = columns.ttl && news?.moved === false ? new Set([0]) : null; // 0: rows nobody has told of
    if (touched) for (const row of news.rows) touched.add(columns.ttl[row] ?? 0).add(fresh.ttl[row]);
    if (view) state.replay = null;
    if (view) for (const name of ["selected", "responder", "flow", "focus"]) state[name] = model.get(name);
    Object.assign(columns, fresh);
    indexByTtl(columns, index, touched);
    recount();
    state.usual = [...state.whole.values()].map((stats) => stats.p50_ms || 0);
    state.decimals = decimalsFor([...state.whole.values()].flatMap((stats) => [stats.best_ms, stats.p50_ms, stats.worst_ms]));
    Object.assign(state, { window: state.focus, when: columns.at, now: state.whole });
    const place = view && placeIn(body);
    if (view) build(view);
    else if (total) {
      parts.timeline.select(state);
      repaintLater();
    }
    paintFocus(true, !view && news && total && news.rows.length < MANY ? news.rows : null);
    goTo(body, place); // only now all is there
  }

  /** Forget everything: another trace begins. What was to be drawn later has nothing to be drawn of. */
  function clear() {
    due = clearTimeout(due);
    paintSoon.cancel();
    for (const name in columns) delete columns[name];
    state.told = held = null;
  }

  const unwatchTheme = watchTheme(oncePerFrame(() => { if (total && columns.ttl) { parts.path.paint(state); parts.timeline.paint(state); } }));
  const unfollow = follow(model, Object.fromEntries(Object.entries(pulls).map(([event, pull]) => [event, () => columns.ttl && pull()])));
  return {
    element: body, feed, tell, clear, columns,
    close() {
      unwatch();
      unwatchTheme();
      extra?.close();
      paintSoon.cancel();
      clearTimeout(due);
      unfollow();
    },
  };
}
