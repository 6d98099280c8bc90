import { inFocus, quantile, STATUS } from "./stats.js";
import { inkCanvas } from "./canvas.js";
import { panels } from "./panels.js";
import { pictureButtons } from "./picture.js";
import { countText, msText, SILENT, spanUnit, tickDecimals, ticks } from "./words.js";
import { button, flag, html, lineOf, put, setText, svg, textAt } from "./dom.js";
import { max, min } from "./sums.js";

// The selected hop over time and its distribution, what else lies along time, and over all the brush that sets the
// one focus window.

const HEIGHT = 132, LEFT = 50, RIGHT = 104, TOP = 8, LOST = 12, BOTTOM = 20;
const FLOOR = HEIGHT - BOTTOM - LOST; // where times end and the lane of the unanswered begins
const GRIP = 7, CLICK = 3, BINS = 26;

/** A window kept inside the span, in order; the whole span (or next to nothing) is no window. */
export function tidyFocus([a, b], [low, high]) {
  const from = max(low, min(a, b)), to = min(high, max(a, b));
  if (!(to > from) || (from <= low && to >= high)) return [];
  return [from, to];
}

/** Words for a place on the axis and for a window. */
function axisWords({ kind, span }) {
  if (kind === "round") return { place: (at) => `round ${Math.round(at) + 1}`, mark: (at) => String(Math.round(at) + 1) };
  const [size, unit] = spanUnit(span[1] - span[0]);
  const decimals = max(0, 1 - Math.floor(Math.log10((span[1] - span[0]) / size / 10)));
  return { place: (at) => `${(at / size).toFixed(decimals)} ${unit}`, size, unit };
}

export function timeView({ view, columns, index, actions }) {
  let { span } = view.axis, words = axisWords(view.axis); // a live view's axis grows
  const title = html("span.caption");
  const status = html("span.status", { role: "status" });
  const all = button("Show all", () => actions.focus([], true));
  const more = panels({ view, actions, top: HEIGHT }), whole = HEIGHT + more.height, foot = whole - (more.height ? 4 : BOTTOM);
  const canvas = svg("svg.time", { height: whole }), under = svg("svg.under", { height: whole, ...more.said });
  const ink = inkCanvas("ink");
  const legend = html("span.legend", { "aria-hidden": true });
  const element = html("div.timeline", html("div.bar", title, legend, status, all, ...pictureButtons(() => element, "timeline")),
    html("div.stage", under, ink.element, canvas), ...more.legend);
  const shade = svg("path.shade"), bands = [[TOP, HEIGHT - TOP - BOTTOM], ...more.bands]; // where time is drawn
  const grips = ["Start", "End"].map((word, i) => svg("g.grip", {
    role: "slider", tabindex: 0, "aria-label": `${word} of the focus window`,
    "aria-orientation": "horizontal", "data-keep": `grip-${i}`,
    onkeydown: (event) => onKey(event, i) },
  svg("rect.reach", { x: -GRIP, width: 2 * GRIP, y: TOP, height: foot - TOP }),
  svg("path", { d: bands.map(([y, high]) => `M0 ${y}v${high}`).join("") }),
  svg("rect", { x: -3, width: 6, rx: 3, y: (TOP + FLOOR) / 2 - 13, height: 26 })));
  const frame = svg("g"), spread = svg("g");
  under.append(frame, more.element);
  canvas.append(spread, shade, ...grips);
  let width = 0, rows = [], times = [], axis = null;

  const toX = (at) => LEFT + ((at - span[0]) / (span[1] - span[0])) * (width - LEFT - RIGHT);
  const toAt = (x) => span[0] + ((x - LEFT) / (width - LEFT - RIGHT)) * (span[1] - span[0]);
  const ends = () => { const { window } = actions.state(); return window.length === 2 ? window.map((at, i) => max(span[0], min(span[1], at))) : span; };

  function onKey(event, i) {
    const small = (span[1] - span[0]) / 100, step = event.shiftKey ? small * 10 : small;
    const now = [...ends()];
    const to = { ArrowLeft: now[i] - step, ArrowDown: now[i] - step, ArrowRight: now[i] + step, ArrowUp: now[i] + step,
      PageDown: now[i] - small * 10, PageUp: now[i] + small * 10, Home: span[0], End: span[1] }[event.key];
    if (event.key === "Escape") actions.focus([], true);
    else if (to === undefined) return;
    else {
      const limit = now[1 - i] + (i === 0 ? -small : small); // ends never meet
      now[i] = i === 0 ? min(to, limit) : max(to, limit);
      actions.focus(tidyFocus(now, span), true);
    }
    event.preventDefault();
  }

  let drag = null, edge = 0;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    ({ left: edge } = canvas.getBoundingClientRect());
    const x = event.clientX - edge;
    const grip = grips.indexOf(event.target.closest(".tnb-grip")), [from, to] = ends(), narrowed = actions.state().focus.length === 2;
    if (grip < 0 && x > width - RIGHT + GRIP) return;
    const inside = narrowed && x > toX(from) && x < toX(to);
    drag = { x, from, to, moved: false, mode: grip >= 0 ? grip : inside ? "move" : "new" };
    canvas.setPointerCapture(event.pointerId);
    if (grip >= 0) grips[grip].focus();
    event.preventDefault();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!drag) return;
    const x = event.clientX - edge;
    drag.moved ||= Math.abs(x - drag.x) >= CLICK;
    if (drag.moved) actions.focus(dragged(x), false);
  });
  const release = (event) => {
    if (!drag) return;
    const box = canvas.getBoundingClientRect();
    const { moved, mode } = drag;
    drag = null;
    if (moved) actions.focus(actions.state().focus, true);
    else if (!more.pick(event.clientY - box.top) && mode === "new") actions.focus([], true); // a click beside the window lets go of it
    actions.released();
  };
  put(canvas, { onpointerup: release, onpointercancel: release });

  function dragged(x) {
    const at = toAt(x), { mode, from, to } = drag;
    if (mode === 0) return tidyFocus([at, to], span);
    if (mode === 1) return tidyFocus([from, at], span);
    if (mode === "new") return tidyFocus([toAt(drag.x), at], span);
    const shift = max(span[0] - from, min(span[1] - to, at - toAt(drag.x)));
    return tidyFocus([from + shift, to + shift], span);
  }

  const shownHop = ({ selected }) => selected ?? view.target_ttl;

  /** Rows of the hop that the selection leaves, in the order of RTT; nobody knows whose an unanswered one was. */
  function rowsOf(ttl, { responder, flow }) {
    const only = responder === null ? -1 : view.addresses.indexOf(responder), { addr, status, flow: flows } = columns;
    return (index.get(ttl)?.rows ?? []).filter((row) => (flow === null || flows[row] === flow) &&
      (only < 0 || addr[row] === only || status[row] === STATUS.timeout));
  }

  function drawMarks(state) {
    if (span !== view.axis.span) ({ span } = view.axis), (words = axisWords(view.axis));
    rows = rowsOf(shownHop(state), state);
    times = rows.filter((row) => columns.rtt[row] === columns.rtt[row]);
    const known = Array.from(times, (row) => columns.rtt[row]);
    const usual = quantile(known, 0.5) + 5 * (quantile(known, 0.95) - quantile(known, 0.5));
    const top = known.length ? min(known[known.length - 1], max(usual, quantile(known, 0.95))) : 1;
    // A narrow band of times is shown large; all but equal ones would only show noise.
    const narrow = known.length > 0 && known[0] > top * 0.5 && top - known[0] > top * 0.02;
    const base = narrow ? known[0] - (top - known[0]) * 0.15 : 0;
    const high = top > base ? top + (top - base) * 0.08 : base + 1;
    const y = (time) => FLOOR - 3 - min(1, (time - base) / (high - base)) * (FLOOR - 3 - TOP);
    axis = { y, binOf: (time) => min(BINS - 1, Math.floor(((time - base) / (high - base)) * BINS)) };
    const counts = { dots: 0, late: 0, lost: 0 }, off = [[], []], lost = [];
    ink.wipe(width, HEIGHT);
    const stamps = [ink.dots("answer", 0.55), ink.dots("late", 0.9)];
    for (const row of rows) {
      const at = columns.at[row], code = columns.status[row], time = columns.rtt[row];
      if (at !== at || code > STATUS.timeout || (code < STATUS.timeout && time !== time)) continue;
      counts[["dots", "late", "lost"][code]] += 1;
      if (code === STATUS.timeout) lost.push(`M${toX(at)} ${FLOOR + 3}v7`);
      else if (time > high) off[code].push(`M${toX(at) - 3} ${TOP + 4}l3 -4l3 4`);
      else stamps[code](toX(at), y(time));
    }
    ["answer", "late"].forEach((name, code) => ink.lines(name, off[code], 1.5));
    ink.lines("lost", lost, 1.8);
    Object.assign(ink.element.dataset, counts);
    drawFrame(y, ticks(base, high, 3).filter((mark) => mark >= base));
  }

  /** How the times of the window are spread, along the axis of the strip; in outline, how all are. */
  function drawSpread({ when, window }) {
    const all = new Uint32Array(BINS), inside = new Uint32Array(BINS), known = [];
    for (const row of times) {
      const bin = axis.binOf(columns.rtt[row]);
      all[bin]++;
      if (!inFocus(when[row], window)) continue;
      inside[bin]++;
      known.push(columns.rtt[row]);
    }
    const left = width - RIGHT + 14, room = RIGHT - 22, high = (FLOOR - 3 - TOP) / BINS, share = (counts, n) => room / max(...counts, 1) * (n > 0);
    const bars = (counts, scale) => [...counts].map((count, bin) => (count ? `M${left} ${(FLOOR - 3 - (bin + 1) * high).toFixed(1)}h${(count * scale).toFixed(1)}v${(high - 0.6).toFixed(1)}h${(-count * scale).toFixed(1)}z` : "")).join("");
    const middle = quantile(known, 0.5), { decimals } = actions.state();
    spread.replaceChildren(lineOf("ghost", bars(all, share(all, times.length))),
      lineOf("bars", bars(inside, share(inside, known.length))),
      lineOf("median", known.length ? `M${left - 4} ${axis.y(middle)}h${room + 6}` : ""),
      textAt("spread", left - 4, HEIGHT - 18, `median ${msText(middle, decimals)}`),
      textAt("spread", left - 4, HEIGHT - 5, `p95 ${msText(quantile(known, 0.95), decimals)}`));
  }

  /** What of the hop is in view, by its fate. */
  function drawLegend({ when, window }) {
    const counts = [0, 0, 0];
    for (const row of rows) if (columns.status[row] <= STATUS.timeout && inFocus(when[row], window)) counts[columns.status[row]]++;
    const kinds = [["dots", "M5 6h0", "answered"], ["dots.late", "M5 6h0", "late"], ["lost", "M5 2v7", "unanswered"]];
    legend.replaceChildren(...kinds.flatMap(([mark, d, word], code) => (counts[code] ? [html("span", {},
      svg("svg", { width: 10, height: 11 }, lineOf(mark, d)), `${countText(counts[code])} ${word}`)] : [])));
  }

  function drawFrame(y, levels) {
    const size = words.size ?? 1, wanted = max(2, (width - LEFT - RIGHT) / 100);
    const at = ticks(span[0] / size, span[1] / size, wanted);
    const whole = view.axis.kind === "round" ? at.filter(Number.isInteger) : at;
    const parts = levels.flatMap((level) => [
      lineOf("grid", `M${LEFT} ${y(level)}H${width - RIGHT}`),
      textAt("tick.end", LEFT - 6, y(level) + 4, level.toFixed(tickDecimals(levels)))]);
    parts.push(lineOf("axis", `M${LEFT} ${FLOOR + LOST}H${width - RIGHT}`));
    whole.forEach((mark, i) => {
      const text = words.mark ? words.mark(mark) : mark.toFixed(tickDecimals(at)) + (i === 0 ? ` ${words.unit}` : "");
      const x = toX(mark * size), last = width - RIGHT + 5, over = x + 3.5 * text.length > last; // beyond stand words
      parts.push(textAt(over ? "tick.end" : "tick", over ? last : x, HEIGHT - 5, text));
    });
    frame.replaceChildren(...parts);
    more.draw(toX, LEFT, width - RIGHT);
  }

  function drawBrush({ window, replay }) {
    const [from, to] = ends(), right = width - RIGHT, narrowed = window.length === 2;
    const sides = narrowed ? [[LEFT - 4, toX(from)], [toX(to), right + 4]] : [];
    put(shade, { d: sides.flatMap(([x0, x1]) => bands.map(([y, high]) => `M${x0} ${y}H${max(x0, x1)}v${high}H${x0}z`)).join("") });
    [from, to].forEach((at, i) => {
      put(grips[i], { transform: `translate(${toX(at)})`, "aria-valuemin": span[0], "aria-valuemax": span[1], "aria-valuenow": at, "aria-valuetext": words.place(at) });
    });
    flag(canvas, "narrowed", narrowed);
    flag(canvas, "played", replay !== null);
    put(all, { "aria-disabled": !narrowed });
  }

  /** Told on release only: a live region that speaks while a mouse moves is noise. */
  function drawStatus({ when, window, responder, flow, selected, whoAt }) {
    const [from, to] = ends(), ttl = shownHop({ selected }), whose = whoAt(ttl), who = responder ?? whose[0] ?? SILENT;
    const others = responder === null && whose.length > 1 ? ` +${whose.length - 1}` : "";
    setText(title, `Hop ${ttl}, ${view.names[who] ?? who}${others}${flow === null ? "" : `, flow ${flow}`}: RTT (ms) over ${view.axis.kind === "round" ? "rounds" : "time"}`);
    put(canvas, { "aria-label": `${title.textContent}; ${[...legend.children].map((one) => one.textContent).join(", ") || "no answer"}` });
    let inside = 0, count = 0;
    columns.status.forEach((code, row) => {
      if (code === STATUS.not_sent) return;
      count++;
      inside += inFocus(when[row], window);
    });
    const total = countText(count, "probe");
    setText(status, window.length === 2
      ? `${words.place(from)} to ${words.place(to)}: ${countText(inside)} of ${total}` : `${total}; drag to focus`);
  }

  return {
    element,
    dragging: () => drag !== null,
    resize(total, state) {
      width = total;
      for (const one of [canvas, under]) put(one, { width: total });
      this.paint(state);
    },
    brush(state, final) {
      if (!width) return;
      drawBrush(state);
      drawSpread(state);
      drawLegend(state);
      if (final) drawStatus(state);
    },
    paint(state) {
      this.select(state);
      this.brush(state, true);
    },
    select(state) {
      if (!width) return;
      drawMarks(state);
      more.select(state);
    },
  };
}
