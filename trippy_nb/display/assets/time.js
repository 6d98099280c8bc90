import { inFocus, quantile, STATUS } from "./stats.js";
import { countText, SILENT, spanUnit, tickDecimals, ticks } from "./words.js";
import { dotAt, html, setText, svg } from "./dom.js";

// The selected hop over time, and the brush that sets the one focus window.

const HEIGHT = 132, LEFT = 50, RIGHT = 14, TOP = 8, LOST = 12, BOTTOM = 20;
const FLOOR = HEIGHT - BOTTOM - LOST; // where times end and the lane of the unanswered begins
const GRIP = 7, CLICK = 3;

/** A window kept inside the span, in order; the whole span (or next to nothing) is no window. */
export function tidyFocus([a, b], [low, high]) {
  const from = Math.max(low, Math.min(a, b)), to = Math.min(high, Math.max(a, b));
  if (!(to > from) || (from <= low && to >= high)) return [];
  return [from, to];
}

/** Words for a place on the axis and for a window. */
export function axisWords({ kind, span }) {
  if (kind === "round") return { place: (at) => `round ${Math.round(at) + 1}`, mark: (at) => String(Math.round(at) + 1), name: "Round" };
  const [size, unit] = spanUnit(span[1] - span[0]);
  const decimals = Math.max(0, 1 - Math.floor(Math.log10((span[1] - span[0]) / size / 10)));
  return { place: (at) => `${(at / size).toFixed(decimals)} ${unit}`, size, unit, name: `Time (${unit})` };
}

export function timeView({ view, columns, index, actions }) {
  let { span } = view.axis, words = axisWords(view.axis); // a live view's axis grows
  const title = html("span", { class: "tnb-caption" });
  const status = html("span", { class: "tnb-status", role: "status" });
  const all = html("button", { type: "button", class: "tnb-button", text: "Show all", onclick: () => actions.focus([], true) });
  const canvas = svg("svg", { class: "tnb-time", height: HEIGHT });
  const legend = html("span", { class: "tnb-legend", "aria-hidden": "true" });
  const element = html("div", { class: "tnb-timeline" }, html("div", { class: "tnb-bar" }, title, legend, status, all), canvas);
  const shades = [svg("rect", { class: "tnb-shade" }), svg("rect", { class: "tnb-shade" })];
  const grips = ["Start", "End"].map((word, i) => svg("g", {
    class: "tnb-grip", role: "slider", tabindex: 0, "aria-label": `${word} of the focus window`,
    "aria-orientation": "horizontal", "data-keep": `grip-${i}`,
    onkeydown: (event) => onKey(event, i) },
  svg("rect", { class: "tnb-reach", x: -GRIP, width: 2 * GRIP, y: TOP, height: FLOOR + LOST - TOP }),
  svg("path", { d: `M0 ${TOP}V${FLOOR + LOST}` }),
  svg("rect", { x: -3, width: 6, rx: 3, y: (TOP + FLOOR) / 2 - 13, height: 26 })));
  const frame = svg("g"), marks = svg("g");
  canvas.append(frame, marks, ...shades, ...grips);
  let width = 0;

  const toX = (at) => LEFT + ((at - span[0]) / (span[1] - span[0])) * (width - LEFT - RIGHT);
  const toAt = (x) => span[0] + ((x - LEFT) / (width - LEFT - RIGHT)) * (span[1] - span[0]);
  const ends = () => { const { focus } = actions.state(); return focus.length === 2 ? focus : span; };

  function onKey(event, i) {
    const small = (span[1] - span[0]) / 100, step = event.shiftKey ? small * 10 : small;
    const now = [...ends()];
    const to = { ArrowLeft: now[i] - step, ArrowDown: now[i] - step, ArrowRight: now[i] + step, ArrowUp: now[i] + step,
      PageDown: now[i] - small * 10, PageUp: now[i] + small * 10, Home: span[0], End: span[1] }[event.key];
    if (event.key === "Escape") actions.focus([], true);
    else if (to === undefined) return;
    else {
      const limit = now[1 - i] + (i === 0 ? -small : small); // ends never meet
      now[i] = i === 0 ? Math.min(to, limit) : Math.max(to, limit);
      actions.focus(tidyFocus(now, span), true);
    }
    event.preventDefault();
  }

  let drag = null;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    const x = event.clientX - canvas.getBoundingClientRect().left;
    const grip = grips.indexOf(event.target.closest(".tnb-grip")), [from, to] = ends(), whole = actions.state().focus.length !== 2;
    const inside = !whole && x > toX(from) && x < toX(to);
    drag = { x, from, to, moved: false, mode: grip >= 0 ? grip : inside ? "move" : "new" };
    canvas.setPointerCapture(event.pointerId);
    if (grip >= 0) grips[grip].focus();
    event.preventDefault();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!drag) return;
    const x = event.clientX - canvas.getBoundingClientRect().left;
    drag.moved ||= Math.abs(x - drag.x) >= CLICK;
    if (drag.moved) actions.focus(dragged(x), false);
  });
  const release = () => {
    if (!drag) return;
    const { moved, mode } = drag;
    drag = null;
    if (moved) actions.focus(actions.state().focus, true);
    else if (mode === "new") actions.focus([], true); // a click beside the window lets go of it
  };
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", release);

  function dragged(x) {
    const at = toAt(x), { mode, from, to } = drag;
    if (mode === 0) return tidyFocus([at, to], span);
    if (mode === 1) return tidyFocus([from, at], span);
    if (mode === "new") return tidyFocus([toAt(drag.x), at], span);
    const shift = Math.max(span[0] - from, Math.min(span[1] - to, at - toAt(drag.x)));
    return tidyFocus([from + shift, to + shift], span);
  }

  const shownHop = ({ selected }) => selected ?? view.target_ttl;

  function times(ttl, only) {
    const rows = [...(index.get(ttl) ?? [])];
    return only < 0 ? rows : rows.filter((row) => columns.addr[row] === only || columns.status[row] === STATUS.timeout);
  }

  function drawMarks(state) {
    if (span !== view.axis.span) ({ span } = view.axis), (words = axisWords(view.axis));
    const ttl = shownHop(state), only = state.responder === null ? -1 : view.addresses.indexOf(state.responder);
    const rows = times(ttl, only);
    const known = rows.map((row) => columns.rtt[row]).filter((time) => time === time);
    const usual = quantile(known, 0.5) + 5 * (quantile(known, 0.95) - quantile(known, 0.5));
    const top = known.length ? Math.min(known[known.length - 1], Math.max(usual, quantile(known, 0.95))) : 1;
    // A narrow band of times is shown large; all but equal ones would only show noise.
    const narrow = known.length > 0 && known[0] > top * 0.5 && top - known[0] > top * 0.02;
    const base = narrow ? known[0] - (top - known[0]) * 0.15 : 0;
    const high = top > base ? top + (top - base) * 0.08 : base + 1;
    const y = (time) => FLOOR - 3 - Math.min(1, (time - base) / (high - base)) * (FLOOR - 3 - TOP);
    const parts = { dots: [], late: [], lost: [], off: [], lateOff: [] };
    for (const row of rows) {
      const at = columns.at[row], code = columns.status[row];
      if (at !== at || code > STATUS.timeout) continue;
      if (code === STATUS.timeout) parts.lost.push(`M${toX(at).toFixed(1)} ${FLOOR + 3}v7`);
      else if (columns.rtt[row] > high) parts[code === STATUS.late ? "lateOff" : "off"].push(`M${(toX(at) - 3).toFixed(1)} ${TOP + 4}l3 -4l3 4`);
      else if (columns.rtt[row] === columns.rtt[row]) parts[code === STATUS.late ? "late" : "dots"].push(dotAt(toX(at), y(columns.rtt[row])));
    }
    marks.replaceChildren(svg("path", { class: "tnb-dots", d: parts.dots.join("") }),
      svg("path", { class: "tnb-dots tnb-late", d: parts.late.join("") }),
      svg("path", { class: "tnb-off", d: parts.off.join("") }),
      svg("path", { class: "tnb-off tnb-late", d: parts.lateOff.join("") }),
      svg("path", { class: "tnb-lost", d: parts.lost.join("") }));
    drawLegend(parts);
    drawFrame(y, ticks(base, high, 3).filter((mark) => mark >= base));
    const hop = view.hops.find((each) => each.ttl === ttl);
    const who = state.responder ?? hop?.addrs[0] ?? SILENT;
    const more = only < 0 && hop?.addrs.length > 1 ? ` +${hop.addrs.length - 1}` : "";
    setText(title, `Hop ${ttl}, ${view.names[who] ?? who}${more}: RTT (ms) over ${view.axis.kind === "round" ? "rounds" : "time"}`);
    canvas.setAttribute("aria-label", `${title.textContent}; ${countText(known.length)} answers, ${countText(parts.lost.length)} unanswered`);
  }

  function drawLegend({ dots, late, lost, off, lateOff }) {
    const kinds = [["tnb-dots", "M5 6h0", dots.length + off.length, "answered"], ["tnb-dots tnb-late", "M5 6h0", late.length + lateOff.length, "late"],
      ["tnb-lost", "M5 2v7", lost.length, "unanswered"]];
    legend.replaceChildren(...kinds.filter(([, , count]) => count).map(([mark, d, count, word]) => html("span", {},
      svg("svg", { width: 10, height: 11 }, svg("path", { class: mark, d })), `${countText(count)} ${word}`)));
  }

  function drawFrame(y, levels) {
    const size = words.size ?? 1, wanted = Math.max(2, (width - LEFT - RIGHT) / 100);
    const at = ticks(span[0] / size, span[1] / size, wanted);
    const whole = view.axis.kind === "round" ? at.filter(Number.isInteger) : at;
    const parts = levels.flatMap((level) => [
      svg("path", { class: "tnb-grid", d: `M${LEFT} ${y(level)}H${width - RIGHT}` }),
      svg("text", { class: "tnb-tick tnb-end", x: LEFT - 6, y: y(level) + 4, text: level.toFixed(tickDecimals(levels)) })]);
    parts.push(svg("path", { class: "tnb-axis", d: `M${LEFT} ${FLOOR + LOST}H${width - RIGHT}` }));
    whole.forEach((mark, i) => {
      const text = words.mark ? words.mark(mark) : mark.toFixed(tickDecimals(at)) + (i === 0 ? ` ${words.unit}` : "");
      parts.push(svg("text", { class: "tnb-tick", x: toX(mark * size), y: HEIGHT - 5, text }));
    });
    frame.replaceChildren(...parts);
  }

  function drawBrush({ focus }) {
    const [from, to] = ends(), right = width - RIGHT;
    const boxes = focus.length === 2 ? [[LEFT - 4, toX(from)], [toX(to), right + 4]] : [[0, 0], [0, 0]];
    shades.forEach((shade, i) => {
      shade.setAttribute("x", boxes[i][0]);
      shade.setAttribute("y", TOP);
      shade.setAttribute("width", Math.max(0, boxes[i][1] - boxes[i][0]));
      shade.setAttribute("height", HEIGHT - TOP - BOTTOM);
    });
    [from, to].forEach((at, i) => {
      grips[i].setAttribute("transform", `translate(${toX(at)})`);
      grips[i].setAttribute("aria-valuemin", span[0]);
      grips[i].setAttribute("aria-valuemax", span[1]);
      grips[i].setAttribute("aria-valuenow", at);
      grips[i].setAttribute("aria-valuetext", words.place(at));
    });
    canvas.classList.toggle("tnb-narrowed", focus.length === 2);
    all.disabled = focus.length !== 2;
  }

  /** Told on release only: a live region that speaks while a mouse moves is noise. */
  function drawStatus({ focus }) {
    let inside = 0, count = 0;
    columns.status.forEach((code, row) => {
      if (code === STATUS.not_sent) return;
      count++;
      inside += inFocus(columns.at[row], focus);
    });
    const total = countText(count);
    setText(status, focus.length === 2
      ? `${words.place(focus[0])} to ${words.place(focus[1])}: ${countText(inside)} of ${total} probes`
      : `all ${total} probes; drag to focus`);
  }

  return {
    element,
    resize(total, state) {
      width = total;
      canvas.setAttribute("width", total);
      this.paint(state, true);
    },
    select(state) { if (width) drawMarks(state); },
    brush(state, final) {
      if (!width) return;
      drawBrush(state);
      if (final) drawStatus(state);
    },
    paint(state) { this.select(state); this.brush(state, true); },
  };
}
