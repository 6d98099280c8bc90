import { inFocus, quantile, STATUS } from "./stats.js";
import { countText, msText, ratioText, SILENT, tickDecimals, ticks } from "./words.js";
import { dotAt, html, setText, svg, uniqueId } from "./dom.js";

// Hop graph, names and latency of each hop side by side: one row a TTL, from the source downwards.

const ROW = 26, HEAD = 34, TTL_WIDTH = 26, LOSS_WIDTH = 76, NODE = 5;
const MOST_DOTS = 12000; // drawn; every probe is counted
const MOVING_DOTS = 1500; // while the brush moves

const sum = (counts) => counts.reduce((a, b) => a + b, 0);

/** Spread of dots within a row: repeatable, without a pattern (the usual shader hash). */
const jitter = (row) => { const wave = Math.sin(row * 12.9898) * 43758.5453; return (wave - Math.floor(wave) - 0.5) * 13; };

export function layeredLayout({ nodes, edges, lanes }, rowOf, width) {
  const gap = lanes > 1 ? Math.min(22, (width - TTL_WIDTH - 28) / (lanes - 1)) : 22;
  const middle = TTL_WIDTH + (width - TTL_WIDTH) / 2;
  const place = nodes.map((node) => [middle + node.lane * gap, rowOf(node.ttl)]);
  const curves = edges.map(({ a, b, dashed }) => {
    const [x0, y0] = place[a], [x1, y1] = place[b], bend = (y1 - y0) / 2;
    const bow = x0 === x1 && Math.abs(y1 - y0) > ROW * 1.5 ? gap * 0.8 : 0; // round the rows it skips
    return { a, b, dashed,
      d: `M${x0} ${y0}C${x0 + bow} ${y0 + bend} ${x1 + bow} ${y1 - bend} ${x1} ${y1}` };
  });
  return { place, curves, gap };
}

export function timeScale(columns, log, left, right) {
  const times = columns.rtt.filter((time) => time === time).sort();
  const largest = times.length ? times[times.length - 1] : 1;
  const most = quantile(times, 0.995) * 1.05;
  const top = times.length && most > 0 ? (largest <= most * 1.5 ? largest * 1.03 : most) : 1;
  const bottom = log ? Math.max(times.find((time) => time > 0) ?? 0.1, top / 1e5) * 0.8 : 0;
  const part = log
    ? (time) => Math.log(Math.max(time, bottom) / bottom) / Math.log((top * 1.1) / bottom)
    : (time) => time / top;
  const wanted = Math.max(2, (right - left) / 90);
  const marks = log ? decades(bottom, top * 1.1, wanted) : ticks(0, top, wanted);
  return { top, marks, x: (time) => left + Math.min(1, Math.max(0, part(time))) * (right - left) };
}

function decades(low, high, wanted) {
  const first = Math.floor(Math.log10(low)), last = Math.ceil(Math.log10(high));
  const steps = (last - first) * 3 <= wanted ? [1, 2, 5] : [1];
  const marks = [];
  for (let power = first; power <= last; power++) marks.push(...steps.map((step) => step * 10 ** power));
  return marks.filter((mark) => mark >= low && mark <= high);
}

export function pathView({ view, columns, index, actions }) {
  const ttls = view.hops.map((hop) => hop.ttl);
  const rowOf = (ttl) => (ttls.includes(ttl) ? HEAD + (ttls.indexOf(ttl) + 0.5) * ROW : HEAD / 2);
  const height = HEAD + ttls.length * ROW + 4;
  let stride = 1, dots = 0, thinned = "";
  const ids = new Map(ttls.map((ttl) => [ttl, uniqueId("hop")]));

  const band = html("div", { class: "tnb-band", hidden: true });
  const graph = svg("svg", { class: "tnb-graph", height, role: "img",
    "aria-label": `Hop graph, ${view.graph.nodes.length} nodes, from the source downwards` });
  const strip = svg("svg", { class: "tnb-strip", height, role: "img" });
  const options = view.hops.map((hop, i) => html("div", { role: "option", class: "tnb-hop", id: ids.get(hop.ttl),
    onclick: () => actions.select(ttls[i], null) }));
  const list = html("div", { class: "tnb-hops", role: "listbox", tabindex: 0, "data-keep": "hops",
    "aria-label": "Hops of the path" },
    html("div", { class: "tnb-source", role: "presentation", text: view.source, title: view.source }), ...options);
  const element = html("div", { class: "tnb-path" }, band, graph, list, strip);
  strip.addEventListener("click", (event) => pick(event));
  graph.addEventListener("click", (event) => pick(event));
  list.addEventListener("keydown", (event) => onKey(event));

  function pick(event) {
    if (event.target.closest(".tnb-node")) return;
    const row = Math.floor((event.clientY - element.getBoundingClientRect().top - HEAD) / ROW);
    if (row >= 0 && row < ttls.length) actions.select(ttls[row], null);
  }

  function onKey(event) {
    const { selected, responder } = actions.state();
    const at = ttls.indexOf(selected), last = ttls.length - 1;
    const moves = { ArrowDown: at < 0 ? 0 : Math.min(last, at + 1), ArrowUp: at < 0 ? last : Math.max(0, at - 1),
      Home: 0, End: last };
    if (event.key in moves) actions.select(ttls[moves[event.key]], null);
    else if (event.key === "Escape") actions.select(null, null);
    else if (at >= 0 && (event.key === "ArrowLeft" || event.key === "ArrowRight")) {
      const ring = [null, ...view.hops[at].addrs]; // all of them, then each alone
      const step = event.key === "ArrowRight" ? 1 : ring.length - 1;
      actions.select(selected, ring[(ring.indexOf(responder) + step) % ring.length]);
    } else return;
    event.preventDefault();
  }

  function label(i, responder) {
    const { addrs, mpls } = view.hops[i];
    if (!addrs.length) return [SILENT, "never answered"];
    const named = (addr) => view.names[addr] ?? addr;
    const shown = responder && addrs.includes(responder) ? responder : addrs[0];
    const more = addrs.length > 1 && shown !== responder ? ` +${addrs.length - 1}` : "";
    const whole = addrs.map((addr) => (view.names[addr] ? `${view.names[addr]} (${addr})` : addr)).join("\n");
    return [named(shown) + more, mpls ? `${whole}\nMPLS ${mpls}` : whole];
  }

  function thinOut() {
    const timed = ttls.map((ttl) => (index.get(ttl) ?? []).filter((row) => columns.rtt[row] === columns.rtt[row]).length);
    const answers = sum(timed);
    stride = Math.max(1, Math.ceil(answers / MOST_DOTS));
    dots = sum(timed.map((count) => Math.ceil(count / stride)));
    thinned = stride > 1 ? `${countText(dots)} of ${countText(answers)} dots drawn; every number counts all` : "";
  }

  let nodes = [], curves = [], scale = null, marks = null, width = 0, size = 0;

  function drawGraph() {
    const { place, curves: lines, gap } = layeredLayout(view.graph, rowOf, width);
    graph.setAttribute("width", width);
    const numbers = ttls.map((ttl) => svg("text", { class: "tnb-ttl", x: TTL_WIDTH - 6, y: rowOf(ttl) + 4, text: ttl }));
    curves = lines.map((line) => svg("path", { class: `tnb-edge${line.dashed ? " tnb-dashed" : ""}`, d: line.d }));
    const radius = { source: 4, target: Math.min(NODE + 1, gap * 0.45), silent: Math.min(4, gap * 0.22) }; // silent ones stand closer
    nodes = view.graph.nodes.map((node, i) => {
      const [x, y] = place[i];
      const mark = node.kind === "source"
        ? svg("rect", { x: x - 4, y: y - 4, width: 8, height: 8, rx: 1.5 })
        : svg("circle", { cx: x, cy: y, r: radius[node.kind] ?? Math.min(NODE, gap * 0.4) });
      const parts = [svg("title", { text: node.label }), svg("circle", { cx: x, cy: y, r: 10, class: "tnb-reach" }), mark];
      if (node.kind === "target") parts.push(svg("circle", { cx: x, cy: y, r: 2, class: "tnb-core" }));
      if (node.kind === "silent" && radius.silent > 3) parts.push(svg("text", { x, y: y + 5, class: "tnb-star", text: SILENT }));
      return svg("g", { class: `tnb-node tnb-${node.kind}`,
        onclick: () => ttls.includes(node.ttl) && actions.select(node.ttl, node.addr) }, ...parts);
    });
    graph.replaceChildren(...numbers, ...curves, ...nodes);
  }

  function drawStrip(log) {
    thinOut();
    const right = size - LOSS_WIDTH;
    scale = timeScale(columns, log, 8, right - 10);
    const decimals = Math.max(0, ...scale.marks.map((mark) => (mark < 1 && mark > 0 ? -Math.floor(Math.log10(mark)) : 0)),
      log ? 0 : tickDecimals(scale.marks));
    const grid = scale.marks.map((mark) => svg("path", { class: "tnb-grid", d: `M${scale.x(mark)} ${HEAD - 8}V${height - 4}` }));
    const numbers = scale.marks.map((mark) => svg("text", { class: "tnb-tick", x: scale.x(mark), y: HEAD - 14,
      text: log ? String(Number(mark.toPrecision(1))) : mark.toFixed(decimals) }));
    marks = { faint: svg("path", { class: "tnb-dots tnb-faint" }), dots: svg("path", { class: "tnb-dots" }),
      late: svg("path", { class: "tnb-dots tnb-late" }), off: svg("path", { class: "tnb-off" }),
      hops: ttls.map((ttl) => {
        const y = rowOf(ttl);
        return { box: svg("rect", { class: "tnb-box", y: y - 5, height: 10, rx: 2 }),
          median: svg("path", { class: "tnb-median" }),
          loss: svg("text", { class: "tnb-loss", x: size - 8, y: y + 4 }) };
      }) };
    strip.setAttribute("width", size);
    strip.replaceChildren(...grid, ...numbers,
      svg("text", { class: "tnb-tick tnb-end", x: size - 8, y: HEAD - 14, text: "Unanswered" }),
      marks.faint, ...marks.hops.map((hop) => hop.box), marks.dots, marks.late, marks.off,
      ...marks.hops.flatMap((hop) => [hop.median, hop.loss]));
  }

  function drawDots({ focus, selected, responder }, moving) {
    const step = moving ? stride * Math.max(1, Math.ceil(dots / MOVING_DOTS)) : stride;
    const only = responder === null ? -1 : view.addresses.indexOf(responder);
    const parts = { faint: [], dots: [], late: [], off: [] };
    for (const ttl of ttls) {
      const y = rowOf(ttl);
      const rows = index.get(ttl) ?? [];
      for (let k = 0; k < rows.length; k += step) { // in the order of RTT: thinned evenly
        const row = rows[k], time = columns.rtt[row];
        if (time !== time) break; // those without a time come last
        const x = scale.x(time), at = y + jitter(row);
        const shown = inFocus(columns.at[row], focus) && (ttl !== selected || only < 0 || columns.addr[row] === only);
        if (time > scale.top && shown) parts.off.push(`M${(x + 1).toFixed(1)} ${(at - 3).toFixed(1)}l4 3l-4 3`);
        else parts[!shown ? "faint" : columns.status[row] === STATUS.late ? "late" : "dots"].push(dotAt(x, at));
      }
    }
    for (const [name, pieces] of Object.entries(parts)) marks[name].setAttribute("d", pieces.join(""));
  }

  function drawStats({ now }) {
    ttls.forEach((ttl, i) => {
      const stats = now.get(ttl), { box, median, loss } = marks.hops[i], y = rowOf(ttl);
      const seen = stats !== undefined && stats.p50_ms === stats.p50_ms;
      if (seen) {
        const left = scale.x(stats.p25_ms);
        box.setAttribute("x", left);
        box.setAttribute("width", Math.max(1, scale.x(stats.p75_ms) - left));
        median.setAttribute("d", `M${scale.x(stats.p50_ms)} ${y - 8}v16`);
      }
      box.toggleAttribute("hidden", !seen);
      median.toggleAttribute("hidden", !seen);
      setText(loss, stats?.loss_ratio > 0 ? ratioText(stats.loss_ratio) : "");
    });
  }

  function drawSelection({ selected, responder }) {
    band.hidden = !ttls.includes(selected);
    if (!band.hidden) band.style.top = `${rowOf(selected) - ROW / 2}px`;
    list.toggleAttribute("aria-activedescendant", false);
    if (!band.hidden) list.setAttribute("aria-activedescendant", ids.get(selected));
    nodes.forEach((node, i) => {
      const { ttls: at, addr } = view.graph.nodes[i];
      node.classList.toggle("tnb-on", at.includes(selected) && (responder === null || addr === responder));
    });
  }

  function drawLabels({ selected, responder, now, decimals }) {
    options.forEach((option, i) => {
      const [text, whole] = label(i, ttls[i] === selected ? responder : null), stats = now.get(ttls[i]);
      setText(option, text);
      option.title = whole;
      option.classList.toggle("tnb-muted", !view.hops[i].addrs.length);
      option.setAttribute("aria-selected", String(ttls[i] === selected));
      option.setAttribute("aria-label", `hop ${ttls[i]}, ${text === SILENT ? whole : text}` +
        (stats ? `, ${stats.recv} of ${stats.sent} answered, median ${msText(stats.p50_ms, decimals)} ms` : ""));
    });
    strip.setAttribute("aria-label", "Round-trip times of each hop; the table below holds the numbers");
  }

  return {
    element,
    thinned: () => thinned, // what to say if not every answer is a dot
    resize(total, state) {
      width = Math.round(Math.min(TTL_WIDTH + 42 + (view.graph.lanes - 1) * 22, total * 0.32));
      const names = Math.round(Math.min(260, Math.max(150, total * 0.24)));
      size = Math.max(180, total - width - names);
      element.style.gridTemplateColumns = `${width}px ${names}px ${size}px`;
      drawGraph();
      drawStrip(state.log);
      this.paint(state);
    },
    rescale(state, later) {
      drawStrip(state.log);
      if (!later) this.paint(state);
    },
    paint(state, moving = false) {
      if (!scale) return;
      drawDots(state, moving);
      drawStats(state);
      if (moving) return;
      drawSelection(state);
      drawLabels(state);
    },
  };
}
