import { decimalsFor, MISSING, msText, signedText, SILENT, tickDecimals, ticks } from "./words.js";
import { button, flag, follow, frame, html, listMove, put, svg, watchWidth } from "./dom.js";
import { max, min } from "./sums.js";

// Two paths side by side, place by place, and by how much each common hop's RTT shifted.

const ROW = 26, NODE = 5;
const SIGNS = { same: "=", changed: "\u2260", "other shares": "\u2260", added: "+", removed: "\u2212", unknown: "?", "left out": "\u2205" };

/** Domain of the shifts: zero, all shifts, and their intervals where these are not absurdly wide. */
export function shiftDomain(hops) {
  const known = hops.filter((hop) => Number.isFinite(hop.shift_ms)).map((hop) => hop.shift_ms);
  const reach = max(0.1, ...known.map(Math.abs));
  const ends = hops.flatMap((hop) => [hop.low_ms, hop.high_ms])
    .filter((end) => Number.isFinite(end) && Math.abs(end) <= 3 * reach);
  const low = min(0, ...known, ...ends), high = max(0, ...known, ...ends);
  const room = (high - low) * 0.06 || reach;
  return [low - room, high + room];
}

/** One hop of one path: a line from the hop before to the hop after, and the node, if there is one. */
function lane(hop, side, first, last) {
  const ttl = hop[`${side}_ttl`], addr = hop[`${side}_addr`];
  const line = svg("path.edge", { d: `M10 ${first ? ROW / 2 : -3}V${last ? ROW / 2 : ROW + 3}` });
  const picture = svg("svg", { width: 20, height: ROW, "aria-hidden": true }, line);
  if (ttl === null) return picture;
  const kind = addr === null ? "silent" : hop.change === "same" ? "router" : "other";
  const node = svg(`g.node.${kind}`, svg("circle", { cx: 10, cy: ROW / 2, r: NODE }));
  if (addr === null) node.append(svg("text.star", { x: 10, y: ROW / 2 + 5.5, text: SILENT }));
  picture.append(node);
  return picture;
}

function shiftPicture(hop, width, x) {
  const picture = svg("svg", { width, height: ROW, "aria-hidden": true },
    svg("path.zero", { d: `M${x(0)} 0V${ROW}` }));
  if (!Number.isFinite(hop.shift_ms)) return picture;
  const inside = (at) => min(width, max(0, at));
  const from = Number.isFinite(hop.low_ms) ? inside(x(hop.low_ms)) : 0;
  const to = Number.isFinite(hop.high_ms) ? inside(x(hop.high_ms)) : width;
  picture.append(svg("path.whisker", { d: `M${from} ${ROW / 2}H${to}` }),
    svg("circle.shift", { cx: x(hop.shift_ms), cy: ROW / 2, r: 4 }));
  return picture;
}


/** The table of a view, and what marks a row, draws the plots and names the responders. */
function comparedTable(view, select) {
  const { hops, sides } = view;
  const decimals = decimalsFor(hops.flatMap((hop) => [hop.a_ms, hop.b_ms, hop.shift_ms]));
  const [low, high] = shiftDomain(hops);
  const flows = new Set(hops.map((hop) => hop.flow));
  const axis = html("th.left.plot", { scope: "col" });
  const plots = hops.map(() => html("td.left.plot"));
  const names = [];

  const interval = (hop) => (Number.isFinite(hop.low_ms) && Number.isFinite(hop.high_ms)
    ? `${signedText(hop.low_ms, decimals)} to ${signedText(hop.high_ms, decimals)}` : "");
  const who = (hop, side) => {
    const addrs = hop[`${side}_addrs`], silent = hop[`${side}_ttl`] === null ? MISSING : SILENT;
    const cell = html("td.left.who");
    if (addrs.length) names.push([cell, addrs, hop.change === "same" ? [] : hop[`${side === "a" ? "b" : "a"}_addrs`]]);
    else cell.append(html("span.muted", { text: silent, title: silent === SILENT ? "never answered" : "no such hop" }));
    return cell;
  };
  const side = (hop, name, first, last) => [
    html("td", hop[`${name}_ttl`] ?? ""),
    html("td.lane", lane(hop, name, first, last)),
    who(hop, name),
  ];
  const rows = hops.map((hop, i) => {
    const first = hops[i - 1]?.flow !== hop.flow, last = hops[i + 1]?.flow !== hop.flow;
    return html(`tr.${hop.change.replace(" ", "-")}`, { onclick: () => select(i) },
      ...side(hop, "a", first, last),
      html("td.left.change", html("span.sign", { "aria-hidden": true, text: SIGNS[hop.change] ?? "" }),
        html("span.word", hop.change)),
      ...side(hop, "b", first, last),
      html(hop.told ? "td.p.told" : "td.p", { text: hop.p }),
      html("td", { text: msText(hop.a_ms, decimals) }), html("td", { text: msText(hop.b_ms, decimals) }),
      plots[i], html("td", { title: interval(hop), text: signedText(hop.shift_ms, decimals) }), html("td.interval", interval(hop)));
  });
  const bodies = [];
  rows.forEach((row, i) => {
    if (i === 0 || hops[i - 1].flow !== hops[i].flow) {
      bodies.push(html("tbody", ...(flows.size > 1
        ? [html("tr.flow", html("th.left", { scope: "rowgroup", colspan: 13, text: `Flow ${hops[i].flow}` }))] : [])));
    }
    bodies[bodies.length - 1].append(row);
  });
  const col = (text, span = 1, left = false) => html(left ? "th.left" : "th", { scope: "col", colspan: span, text });
  const extra = (kind, text, title) => html(`th.${kind}`, { scope: "col", text, title });
  const table = html("table.compare", { tabindex: 0, "aria-label": "Aligned hops; arrow keys select" },
    html("caption", `Path ${sides[0]} beside path ${sides[1]}`),
    html("thead", html("tr", col("Hop"), col(`Path ${sides[0]}`, 2, true), col("Change", 1, true),
      col("Hop"), col(`Path ${sides[1]}`, 2, true), extra("p", "p", "That chance explains who answered here, corrected for all tests"),
      col(`Median ${sides[0]}`), col(`Median ${sides[1]}`), axis, col("Shift"), extra("interval", "Interval"))), ...bodies);

  return {
    table, rows,
    /** What a narrow page has no column for. */
    told: ({ a_ttl, b_ttl, ...hop }) => ` Hop ${a_ttl ?? b_ttl}: p ${hop.p}${interval(hop) && `, interval ${interval(hop)}`}.`,
    mark(selected) {
      rows.forEach((row, i) => {
        flag(row, "on", i === selected);
        put(row, { "aria-current": i === selected });
      });
    },
    /** Call responders by what `called` has, else by their addresses. */
    name(called) {
      const named = (addr) => called[addr] ?? addr;
      for (const [cell, addrs, [other]] of names) {
        const labels = [...new Set(addrs.map(named))];
        if (other && other !== addrs[0] && named(other) === labels[0]) labels[0] += ` (${addrs[0]})`; // one name for both
        cell.replaceChildren(html("span", { title: addrs.map((addr) => view.titles[addr]).join("\n"),
          text: labels[0] + (labels.length > 1 ? ` +${labels.length - 1}` : "") }));
      }
    },
    draw(width) {
      const x = (shift) => ((shift - low) / (high - low)) * width;
      const marks = ticks(low, high, 3), places = tickDecimals(marks);
      axis.replaceChildren(svg("svg", { width, height: 16, role: "img", "aria-label": "Scale of the shift, ms" },
        ...marks.map((mark) => [x(mark), mark === 0 ? "0" : signedText(mark, places)])
          .filter(([at, text]) => min(at, width - at) >= 3.5 * text.length)
          .map(([at, text]) => svg("text.tick", { x: at, y: 12, text }))));
      plots.forEach((cell, i) => cell.replaceChildren(shiftPicture(hops[i], width, x)));
    },
  };
}

function render({ model, el }) {
  let view = model.get("view"), shown, width = 160;
  const set = (name, value) => { model.set(name, value); model.save_changes(); };
  const verdict = html("div.verdict", { role: "status" });
  const note = html("div.status"), place = html("div.table");
  const aspects = html("div.aspects"), caveats = html("ul.caveats");
  const namings = Object.keys(view.called).map((key) =>
    [key, button(view.headings[key], () => set("naming", key))]);
  const masks = view.turning.map(() => html("input", { type: "checkbox", onchange: () =>
    set("masked", masks.flatMap((box, i) => (box.checked ? [i] : []))) }));
  const root = frame(view.title,
    html("div.title", view.title), verdict,
    html("div.bar.masks", {},
      masks.length ? html("fieldset", html("legend", "Oscillating hops: leave out"),
        ...masks.map((box, i) => html("label", box, `${view.turning[i][0]}: `,
          html("span.muted", view.turning[i][1])))) : "",
      namings.length > 1 ? html("div.namings", { role: "group", "aria-label": "Show responders by" }, ...namings.map(([, button]) => button)) : ""),
    html("div.panes-compare", html("div", place, note),
      html("section", { "aria-label": "Tests" }, aspects, caveats)));

  function paint() {
    const at = model.get("selected");
    shown.mark(at);
    note.textContent = view.notes[naming()] + (at === null ? "" : shown.told(view.hops[at]));
  }
  const naming = () => (view.called[model.get("naming")] ? model.get("naming") : "ip");
  function select(i) { set("selected", i); paint(); }
  function rename() {
    for (const [key, button] of namings) put(button, { "aria-pressed": key === naming() });
    shown.name(view.called[naming()]);
    paint();
  }
  function tick() {
    const masked = model.get("masked");
    masks.forEach((box, i) => { box.checked = masked.includes(i); });
    put(verdict, { "aria-busy": String(masked) !== String(view.masked) });
  }
  function build() {
    view = model.get("view");
    verdict.replaceChildren(view.verdict, view.difference && html("div.difference", view.difference));
    shown = comparedTable(view, select);
    place.replaceChildren(shown.table);
    shown.table.addEventListener("keydown", keys);
    aspects.replaceChildren(...view.aspects.map(([name, outcome, test, found]) => html("div", {},
      `${name}: `, html(`b.${outcome.replace(" ", "-")}`, outcome),
      html("div.muted", test), found)));
    caveats.replaceChildren(...view.caveats.map((text) => html("li", { text })));
    tick(); rename(); shown.draw(width);
  }
  function keys(event) {
    const to = listMove(event.key, model.get("selected") ?? -1, shown.rows.length);
    if (to === undefined) return;
    select(to < 0 ? null : to);
    event.preventDefault();
  }
  build();
  const unfollow = follow(model, { "change:selected": paint, "change:view": build, "change:masked": tick, "change:naming": rename });
  el.append(root);
  const unwatch = watchWidth(place, (whole) => { width = max(90, min(240, Math.round(whole * 0.16))); shown.draw(width); });
  return () => { unwatch(); unfollow(); };
}

export default { render };
