import { decimalsFor, MISSING, msText, signedText, SILENT, tickDecimals, ticks } from "./words.js";
import { frame, html, svg, watchWidth } from "./dom.js";

// Two paths side by side, place by place, and by how much each common hop's RTT shifted.

const ROW = 26, NODE = 5;
const SIGNS = { same: "=", changed: "\u2260", added: "+", removed: "\u2212", unknown: "?" };

/** Domain of the shifts: zero, all shifts, and their intervals where these are not absurdly wide. */
export function shiftDomain(hops) {
  const known = hops.filter((hop) => Number.isFinite(hop.shift_ms)).map((hop) => hop.shift_ms);
  const reach = Math.max(0.1, ...known.map(Math.abs));
  const ends = hops.flatMap((hop) => [hop.low_ms, hop.high_ms])
    .filter((end) => Number.isFinite(end) && Math.abs(end) <= 3 * reach);
  const low = Math.min(0, ...known, ...ends), high = Math.max(0, ...known, ...ends);
  const room = (high - low) * 0.06 || reach;
  return [low - room, high + room];
}

/** One hop of one path: a line from the hop before to the hop after, and the node, if there is one. */
function lane(hop, side, first, last) {
  const ttl = hop[`${side}_ttl`], addr = hop[`${side}_addr`];
  const line = svg("path", { class: "tnb-edge", d: `M10 ${first ? ROW / 2 : -3}V${last ? ROW / 2 : ROW + 3}` });
  const picture = svg("svg", { width: 20, height: ROW, "aria-hidden": "true" }, line);
  if (ttl === null) return picture;
  const kind = addr === null ? "silent" : hop.change === "same" ? "router" : "other";
  const node = svg("g", { class: `tnb-node tnb-${kind}` }, svg("circle", { cx: 10, cy: ROW / 2, r: NODE }));
  if (addr === null) node.append(svg("text", { class: "tnb-star", x: 10, y: ROW / 2 + 5.5, text: SILENT }));
  picture.append(node);
  return picture;
}

function shiftPicture(hop, width, x) {
  const picture = svg("svg", { width, height: ROW, "aria-hidden": "true" },
    svg("path", { class: "tnb-zero", d: `M${x(0)} 0V${ROW}` }));
  if (!Number.isFinite(hop.shift_ms)) return picture;
  const inside = (at) => Math.min(width, Math.max(0, at));
  const from = Number.isFinite(hop.low_ms) ? inside(x(hop.low_ms)) : 0;
  const to = Number.isFinite(hop.high_ms) ? inside(x(hop.high_ms)) : width;
  picture.append(svg("path", { class: "tnb-whisker", d: `M${from} ${ROW / 2}H${to}` }),
    svg("circle", { class: "tnb-shift", cx: x(hop.shift_ms), cy: ROW / 2, r: 4 }));
  return picture;
}

function render({ model, el }) {
  const view = model.get("view"), { hops, sides } = view;
  const decimals = decimalsFor(hops.flatMap((hop) => [hop.a_ms, hop.b_ms, hop.shift_ms]));
  const [low, high] = shiftDomain(hops);
  const flows = new Set(hops.map((hop) => hop.flow));
  let width = 160;
  const x = (shift) => ((shift - low) / (high - low)) * width;
  const axis = html("th", { scope: "col", class: "tnb-left tnb-plot" });
  const plots = hops.map(() => html("td", { class: "tnb-left tnb-plot" }));

  const who = (hop, side) => {
    if (hop[`${side}_ttl`] === null) return html("span", { class: "tnb-muted", text: MISSING, title: "no such hop" });
    const addr = hop[`${side}_addr`], name = hop[`${side}_name`];
    if (addr === null) return html("span", { class: "tnb-muted", text: SILENT, title: "never answered" });
    return html("span", { text: name ?? addr, title: name ? `${name} (${addr})` : addr });
  };
  const interval = (hop) => (Number.isFinite(hop.low_ms) && Number.isFinite(hop.high_ms)
    ? `${signedText(hop.low_ms, decimals)} to ${signedText(hop.high_ms, decimals)}` : "");
  const side = (hop, name, first, last) => [
    html("td", { text: hop[`${name}_ttl`] ?? "" }),
    html("td", { class: "tnb-lane" }, lane(hop, name, first, last)),
    html("td", { class: "tnb-left tnb-who" }, who(hop, name)),
  ];
  const rows = hops.map((hop, i) => {
    const first = hops[i - 1]?.flow !== hop.flow, last = hops[i + 1]?.flow !== hop.flow;
    return html("tr", { class: `tnb-${hop.change}`, onclick: () => select(i) },
      ...side(hop, "a", first, last),
      html("td", { class: "tnb-left tnb-change" }, html("span", { class: "tnb-sign", "aria-hidden": "true", text: SIGNS[hop.change] ?? "" }),
        html("span", { class: "tnb-word", text: hop.change })),
      ...side(hop, "b", first, last),
      html("td", { text: msText(hop.a_ms, decimals) }), html("td", { text: msText(hop.b_ms, decimals) }),
      plots[i], html("td", { title: interval(hop), text: signedText(hop.shift_ms, decimals) }), html("td", { class: "tnb-interval", text: interval(hop) }));
  });
  const bodies = [];
  rows.forEach((row, i) => {
    if (i === 0 || hops[i - 1].flow !== hops[i].flow) {
      bodies.push(html("tbody", {}, ...(flows.size > 1
        ? [html("tr", { class: "tnb-flow" }, html("th", { scope: "rowgroup", colspan: 12, class: "tnb-left", text: `Flow ${hops[i].flow}` }))] : [])));
    }
    bodies[bodies.length - 1].append(row);
  });
  const col = (text, span = 1, left = false) => html("th", { scope: "col", colspan: span, class: left ? "tnb-left" : null, text });
  const table = html("table", { tabindex: 0, class: "tnb-compare", "aria-label": "Aligned hops; arrow keys select" },
    html("caption", { text: `Path ${sides[0]} beside path ${sides[1]}` }),
    html("thead", {}, html("tr", {}, col("Hop"), col(`Path ${sides[0]}`, 2, true), col("Change", 1, true),
      col("Hop"), col(`Path ${sides[1]}`, 2, true), col(`Median ${sides[0]}`), col(`Median ${sides[1]}`),
      axis, col("Shift"), html("th", { scope: "col", class: "tnb-interval", text: "Interval" }))), ...bodies);
  const root = frame(view.title,
    html("div", { class: "tnb-title", text: view.title }),
    html("div", { class: "tnb-verdict", text: view.verdict }),
    html("div", { class: "tnb-table" }, table),
    html("div", { class: "tnb-status", text: "Times in ms. The shift is after minus before; its interval says how sure it is." }));

  function paint() {
    const selected = model.get("selected");
    rows.forEach((row, i) => {
      row.classList.toggle("tnb-on", i === selected);
      if (i === selected) row.setAttribute("aria-current", "true"); else row.removeAttribute("aria-current");
    });
  }
  function select(i) {
    model.set("selected", i);
    model.save_changes();
    paint();
  }
  table.addEventListener("keydown", (event) => {
    const at = model.get("selected"), end = rows.length - 1;
    const to = { ArrowDown: at === null ? 0 : Math.min(end, at + 1), ArrowUp: at === null ? end : Math.max(0, at - 1),
      Home: 0, End: end, Escape: null }[event.key];
    if (to === undefined) return;
    select(to);
    event.preventDefault();
  });
  function drawPlots() {
    const marks = ticks(low, high, 3), places = tickDecimals(marks);
    axis.replaceChildren(svg("svg", { width, height: 16, role: "img", "aria-label": "Scale of the shift, ms" },
      ...marks.map((mark) => svg("text", { class: "tnb-tick", x: x(mark), y: 12, text: mark === 0 ? "0" : signedText(mark, places) }))));
    plots.forEach((cell, i) => cell.replaceChildren(shiftPicture(hops[i], width, x)));
  }
  model.on("change:selected", paint);
  el.append(root);
  paint();
  const unwatch = watchWidth(root, (whole) => { width = Math.max(90, Math.min(240, Math.round(whole * 0.16))); drawPlots(); });
  return () => { unwatch(); model.off("change:selected", paint); };
}

export default { render };
