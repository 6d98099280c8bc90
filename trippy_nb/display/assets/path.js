import { quantile, STATUS } from "./stats.js";
import { countText, msText, ratioText, SILENT, tickDecimals, ticks } from "./words.js";
import { flag, html, lineOf, listMove, put, setText, svg, textAt, uniqueId } from "./dom.js";
import { inkCanvas } from "./canvas.js";
import { max, min } from "./sums.js";

// Hop graph, names and latency of each hop side by side: one row a TTL, from the source downwards.

const ROW = 26, HEAD = 34, TTL_WIDTH = 26, LOSS_WIDTH = 84, NODE = 5;
const MOST_DOTS = 12000; // drawn; every probe is counted
const MOVING_DOTS = 3000; // while the brush moves

const sum = (counts) => counts.reduce((a, b) => a + b, 0);

/** Spread of dots within a row: repeatable, without a pattern (the usual shader hash). */
const jitter = (row) => { const wave = Math.sin(row * 12.9898) * 43758.5453; return (wave - Math.floor(wave) - 0.5) * 13; };

function layeredLayout({ nodes, edges, lanes }, rowOf, width) {
  const gap = lanes > 1 ? min(22, (width - TTL_WIDTH - 28) / (lanes - 1)) : 22;
  const middle = TTL_WIDTH + (width - TTL_WIDTH) / 2;
  const place = nodes.map((node) => [middle + node.lane * gap, rowOf(node.ttl)]);
  const curves = edges.map(({ a, b, dashed }) => {
    const [x0, y0] = place[a], [x1, y1] = place[b], bend = (y1 - y0) / 2;
    const bow = x0 === x1 && Math.abs(y1 - y0) > ROW * 1.5 ? gap * 0.8 : 0; // round the rows it skips
    return { a, b, dashed, points: [[x0, y0], [x0 + bow, y0 + bend], [x1 + bow, y1 - bend], [x1, y1]],
      d: `M${x0} ${y0}C${x0 + bow} ${y0 + bend} ${x1 + bow} ${y1 - bend} ${x1} ${y1}` };
  });
  return { place, curves, gap };
}

function timeScale(columns, log, left, right) {
  const times = columns.rtt.filter((time) => time === time).sort();
  const largest = times.length ? times[times.length - 1] : 1;
  const most = quantile(times, 0.995) * 1.05;
  const top = times.length && most > 0 ? (largest <= most * 1.5 ? largest * 1.03 : most) : 1;
  const bottom = log ? max(times.find((time) => time > 0) ?? 0.1, top / 1e5) * 0.8 : 0;
  const part = log
    ? (time) => Math.log(max(time, bottom) / bottom) / Math.log((top * 1.1) / bottom)
    : (time) => time / top;
  const wanted = max(2, (right - left) / 90);
  const marks = log ? decades(bottom, top * 1.1, wanted) : ticks(0, top, wanted);
  return { top, marks, x: (time) => left + min(1, max(0, part(time))) * (right - left) };
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
  const rowsOf = (ttl) => index.get(ttl)?.rows ?? [];
  let stride = 1, dots = 0, thinned = "", sight = [0, height], looked = -Infinity;
  const ids = new Map(ttls.map((ttl) => [ttl, uniqueId("hop")]));

  const flights = svg("g.flights");
  const band = html("div.band", { hidden: true });
  const graph = svg("svg.graph", { height, role: "img", onclick: pick,
    "aria-label": `Hop graph, ${view.graph.nodes.length} nodes, from the source downwards` });
  const strip = svg("svg.strip", { height, onclick: pick, role: "img", "aria-label": "Round-trip times of each hop; the table below holds the numbers" });
  const options = view.hops.map((hop, i) => html("div.hop", { role: "option", id: ids.get(hop.ttl),
    onclick: () => actions.select(ttls[i], null) }, html("span"), html("span")));
  const list = html("div.hops", { onkeydown: onKey, role: "listbox", tabindex: 0, "data-keep": "hops",
    "aria-label": "Hops of the path" },
    html("div.source", { role: "presentation", text: view.source, title: view.source }), ...options);
  const ink = inkCanvas("ink");
  const element = html("div.path", band, graph, list, html("div", ink.element, strip));

  function pick(event) {
    if (event.target.closest(".tnb-node")) return;
    const row = Math.floor((event.clientY - element.getBoundingClientRect().top - HEAD) / ROW);
    if (row >= 0 && row < ttls.length) actions.select(ttls[row], null);
  }

  function onKey(event) {
    const { selected, responder } = actions.state(), at = ttls.indexOf(selected), to = listMove(event.key, at, ttls.length);
    if (to !== undefined) actions.select(ttls[to] ?? null, null);
    else if (at >= 0 && (event.key === "ArrowLeft" || event.key === "ArrowRight")) {
      const ring = [null, ...actions.state().whoAt(selected)]; // all of them, then each alone
      const step = event.key === "ArrowRight" ? 1 : ring.length - 1;
      actions.select(selected, ring[(ring.indexOf(responder) + step) % ring.length]);
    } else return;
    event.preventDefault();
  }

  function label(i, responder) {
    const { ttl, mpls, addrs: ever } = view.hops[i], addrs = actions.state().whoAt(ttl), shown = responder ?? addrs[0];
    if (!shown) return [SILENT, "", ever.length ? "no answer here" : "never answered"];
    const named = (addr) => view.names[addr] ?? addr;
    const more = addrs.length > 1 && !responder ? ` +${addrs.length - 1}` : "";
    const whole = addrs.map((addr) => (view.names[addr] ? `${view.names[addr]} (${addr})` : addr)).join("\n");
    return [named(shown), more, mpls ? `${whole}\nMPLS ${mpls}` : whole];
  }

  function thinOut() {
    const timed = ttls.map((ttl) => rowsOf(ttl).filter((row) => columns.rtt[row] === columns.rtt[row]).length);
    const answers = sum(timed);
    stride = max(1, Math.ceil(answers / MOST_DOTS));
    dots = sum(timed.map((count) => Math.ceil(count / stride)));
    thinned = stride > 1 ? `${countText(dots)} of ${countText(answers)} dots drawn; every number counts all` : "";
  }

  let nodes = [], curves = [], lines = [], places = [], scale = null, marks = null, width = 0, size = 0;

  function drawGraph() {
    const { place, curves: made, gap } = layeredLayout(view.graph, rowOf, width);
    [lines, places] = [made, place];
    put(graph, { width });
    const numbers = ttls.map((ttl) => textAt("ttl", TTL_WIDTH - 6, rowOf(ttl) + 4, ttl));
    curves = lines.map((line) => lineOf(line.dashed ? "edge.dashed" : "edge", line.d));
    const radius = { source: 4, target: min(NODE + 1, gap * 0.45), silent: min(4, gap * 0.22) }; // silent ones stand closer
    nodes = view.graph.nodes.map((node, i) => {
      const [x, y] = place[i];
      const mark = node.kind === "source"
        ? svg("rect", { x: x - 4, y: y - 4, width: 8, height: 8, rx: 1.5 })
        : svg("circle", { cx: x, cy: y, r: radius[node.kind] ?? min(NODE, gap * 0.4) });
      const parts = [svg("title", node.label), svg("circle.reach", { cx: x, cy: y, r: 10 }), mark];
      if (node.kind === "target") parts.push(svg("circle.core", { cx: x, cy: y, r: 2 }));
      if (node.kind === "silent" && radius.silent > 3) parts.push(textAt("star", x, y + 5, SILENT));
      return svg(`g.node.${node.kind}`, {
        onclick: () => ttls.includes(node.ttl) && actions.select(node.ttl, node.addr) }, ...parts);
    });
    graph.replaceChildren(...numbers, ...curves, ...nodes, flights);
  }

  function drawStrip(log) {
    thinOut();
    const right = size - LOSS_WIDTH;
    scale = timeScale(columns, log, 8, right - 10);
    const decimals = tickDecimals(scale.marks);
    const grid = scale.marks.map((mark) => lineOf("grid", `M${scale.x(mark)} ${HEAD - 8}V${height - 4}`));
    const numbers = scale.marks.map((mark) => textAt("tick", scale.x(mark), HEAD - 14,
      log ? String(Number(mark.toPrecision(1))) : mark.toFixed(decimals)));
    marks = ttls.map((ttl) => {
      const y = rowOf(ttl);
      return [svg("rect.box", { y: y - 5, height: 10, rx: 2 }), lineOf("median"), textAt("loss", size - 8, y + 4)];
    });
    put(strip, { width: size });
    strip.replaceChildren(...grid, ...numbers,
      textAt("tick.end", size - 8, HEAD - 14, "Unanswered"), ...marks.flat());
  }

  /** The rows that can be seen: while the brush moves no other is drawn. */
  function inSight() {
    const { top } = element.getBoundingClientRect(), above = element.scrollTop, { clientHeight } = element;
    return [above + max(0, -top), above + min(clientHeight, innerHeight - top)];
  }

  /** All dots in sight, or, above those that are there, some that have come. */
  function drawDots({ when, window, selected, responder, flow, replay }, [low, high], fresh) {
    const step = fresh ? 1 : high < height ? max(stride, Math.ceil(dots * stride * ((high - low) / height) / MOVING_DOTS)) : stride;
    const only = responder === null ? -1 : view.addresses.indexOf(responder), whole = window.length !== 2, [from, to] = window;
    const { rtt, status, addr, flow: flows } = columns, off = [], counts = fresh ? { shown: Number(ink.element.dataset.shown), faint: Number(ink.element.dataset.faint) } : { shown: 0, faint: 0 };
    if (!fresh) ink.wipe(size, height, low, high);
    const faint = ink.dots("quiet", 0.16), plain = ink.dots("answer", 0.5), late = ink.dots("late", 0.9);
    for (const shown of replay === null ? [false, true] : [true]) { // what is shown lies above; what is to come is not drawn
      for (const ttl of ttls) {
        const y = rowOf(ttl), rows = fresh ? fresh.filter((row) => columns.ttl[row] === ttl && rtt[row] === rtt[row]) : rowsOf(ttl);
        if (y < low - ROW || y > high + ROW) continue;
        for (let k = 0; k < rows.length; k += step) { // in the order of RTT: thinned evenly
          const row = rows[k], time = rtt[row];
          if (time !== time) break; // those without a time come last
          if (((whole || (when[row] >= from && when[row] <= to)) && (flow === null || flows[row] === flow) &&
            (ttl !== selected || only < 0 || addr[row] === only)) !== shown) continue;
          const x = scale.x(time), at = y + jitter(row);
          counts[shown ? "shown" : "faint"] += 1;
          if (time > scale.top && shown) off.push(`M${x + 1} ${at - 3}l4 3l-4 3`);
          else (!shown ? faint : status[row] === STATUS.late ? late : plain)(x, at);
        }
      }
    }
    ink.lines("answer", off, 1.5);
    if (low <= 0 && high >= height) Object.assign(ink.element.dataset, counts);
  }

  function drawStats({ now, selected, alone }, [low, high]) {
    ttls.forEach((ttl, i) => {
      const all = now.get(ttl), stats = ttl === selected && alone ? alone : all, [box, median, loss] = marks[i], y = rowOf(ttl);
      if (y < low - ROW || y > high + ROW) return;
      const seen = stats !== undefined && stats.p50_ms === stats.p50_ms;
      if (seen) {
        const left = scale.x(stats.p25_ms);
        put(box, { x: left, width: max(1, scale.x(stats.p75_ms) - left) });
        put(median, { d: `M${scale.x(stats.p50_ms)} ${y - 8}v16` });
      }
      for (const part of [box, median]) put(part, { hidden: !seen });
      setText(loss, all?.loss_ratio > 0 ? ratioText(all.loss_ratio) : "");
    });
  }

  /** Who answered a flow: its nodes, by their number. */
  function nodesOf(flow) {
    const seen = new Set();
    columns.flow.forEach((each, row) => { if (each === flow) seen.add(`${columns.ttl[row]} ${view.addresses[columns.addr[row]] ?? null}`); });
    return view.graph.nodes.map((node) => node.kind === "source" || node.ttls.some((ttl) => seen.has(`${ttl} ${node.addr}`)));
  }

  function drawSelection({ selected, responder, flow }) {
    band.hidden = !ttls.includes(selected);
    if (!band.hidden) {
      const y = rowOf(selected);
      band.style.top = `${y - ROW / 2}px`;
      if (y < element.scrollTop + ROW || y > element.scrollTop + element.clientHeight - ROW) element.scrollTop = y - element.clientHeight / 2;
    }
    put(list, { "aria-activedescendant": ids.get(selected) });
    const within = flow === null ? null : nodesOf(flow);
    nodes.forEach((node, i) => {
      const { ttls: at, addr } = view.graph.nodes[i];
      flag(node, "on", at.includes(selected) && (responder === null || addr === responder));
      flag(node, "dim", within !== null && !within[i]);
    });
    curves.forEach((curve, i) => flag(curve, "dim", within !== null && !(within[lines[i].a] && within[lines[i].b])));
  }

  function drawLabels({ selected, responder, now, alone, decimals }) {
    options.forEach((option, i) => {
      const [text, more, whole] = label(i, ttls[i] === selected ? responder : null), single = ttls[i] === selected && alone, stats = single || now.get(ttls[i]);
      [text, more].forEach((words, k) => setText(option.children[k], words));
      option.title = whole;
      flag(option, "muted", text === SILENT);
      put(option, { "aria-selected": ttls[i] === selected, "aria-label": `hop ${ttls[i]}, ${text === SILENT ? whole : text + more}` +
        (stats ? `, ${single ? countText(stats.recv, "answer") : `${stats.recv} of ${stats.sent} answered`}, median ${msText(stats.p50_ms, decimals)} ms` : "") });
    });
  }

  const ways = new Map();
  /** Nodes from the source to the hop of a probe, as others of its flow and round found them. */
  function wayOf(row) {
    if (ways.has(row)) return ways.get(row);
    const { round, flow, ttl, addr } = columns, seen = new Map(), all = view.graph.nodes, { edges } = view.graph;
    const look = (i) => { if (flow[i] === flow[row]) seen.set(ttl[i], view.addresses[addr[i]] ?? null); };
    for (let i = row; i >= 0 && round[i] === round[row]; i--) look(i);
    for (let i = row; i < round.length && round[i] === round[row]; i++) look(i);
    const way = [all.findIndex((node) => node.kind === "source")];
    for (let hop = 1; hop <= ttl[row]; hop++) {
      const here = way.at(-1), joined = (i) => edges.some(({ a, b }) => a === here && b === i);
      const some = [...all.keys()].filter((i) => all[i].ttls.includes(hop)), same = some.filter((i) => all[i].addr === (seen.get(hop) ?? null));
      const next = same.find(joined) ?? same[0] ?? some.find(joined);
      if (next !== undefined && next !== here) way.push(next);
    }
    if (ways.size > 5000) ways.clear();
    ways.set(row, way);
    return way;
  }

  const legOf = (a, b) => lines.find((line) => line.a === a && line.b === b)?.points ?? [places[a], places[a], places[b], places[b]];

  /** Where a probe is that has come a share of its way. */
  function pointOn(way, share) {
    const legs = way.length - 1, leg = min(legs - 1, Math.floor(share * legs)), part = share * legs - leg, rest = 1 - part;
    if (legs < 1) return places[way[0]];
    const [p, q, r, s] = legOf(way[leg], way[leg + 1]);
    return [0, 1].map((i) => rest ** 3 * p[i] + 3 * rest ** 2 * part * q[i] + 3 * rest * part ** 2 * r[i] + part ** 3 * s[i]);
  }

  /** Show a moment of a replay: probes under way, the way of the latest event, and who has been seen by then. */
  function fly(marks, latest, isSeen) {
    const drawn = marks.map(({ row, out, back, lost }) => {
      const [x, y] = pointOn(wayOf(row), out ?? 1 - back);
      return lost && out === 1 ? lineOf("lost", `M${x - 4} ${y - 4}l8 8m0 -8l-8 8`)
        : svg(back === undefined ? "circle.probe" : "circle.probe.home", { cx: x, cy: y, r: 4 });
    });
    if (latest) {
      const way = wayOf(latest.row), kind = !latest.settled ? "" : latest.answered ? ".home" : ".gone";
      const d = way.slice(1).map((to, i) => { const [p, ...rest] = legOf(way[i], to); return `M${p}C${rest.join(" ")}`; }).join("");
      const [x, y] = places[way.at(-1)];
      drawn.unshift(lineOf(`way${kind}`, d), svg(`circle.way${kind}`, { cx: x, cy: y, r: 9 }));
    }
    flights.replaceChildren(...drawn);
    const known = view.graph.nodes.map((node) => !isSeen || node.kind === "source" || node.ttls.some((ttl) => isSeen(ttl, node.addr)));
    nodes.forEach((node, i) => flag(node, "unseen", !known[i]));
    curves.forEach((curve, i) => flag(curve, "unseen", !(known[lines[i].a] && known[lines[i].b])));
    options.forEach((option, i) => flag(option, "unseen", isSeen !== null && ![null, ...view.hops[i].addrs].some((addr) => isSeen(ttls[i], addr))));
  }

  return {
    element, fly,
    thinned: () => thinned, // what to say if not every answer is a dot
    resize(total, state) {
      width = Math.round(min(TTL_WIDTH + 42 + (view.graph.lanes - 1) * 22, total * 0.32));
      const names = Math.round(min(260, max(150, total * 0.24)));
      total -= element.offsetWidth - element.clientWidth; // a scroll bar
      size = max(180, total - width - names);
      element.style.gridTemplateColumns = `${width}px ${names}px ${size}px`;
      drawGraph();
      drawStrip(state.log);
      this.paint(state);
    },
    rescale(state) {
      drawStrip(state.log);
      this.paint(state);
    },
    paint(state, moving = false, fresh = null) {
      if (!scale) return;
      if (!moving) sight = [0, height], looked = -Infinity;
      else if (performance.now() - looked > 400) [sight, looked] = [inSight(), performance.now()]; // it costs a layout
      drawDots(state, sight, fresh);
      drawStats(state, sight);
      if (moving) return;
      looked = -Infinity;
      if (!fresh) drawSelection(state);
      drawLabels(state);
    },
  };
}
