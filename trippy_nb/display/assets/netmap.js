import { lineOf, svg } from "./dom.js";
import { max, min } from "./sums.js";

// A network from the source downwards, and over it what a trace believed of it.

const TOP = 22, BOW = 40;

/** Where each node stands, and how far it is from layer to layer. */
function spread(nodes, width) {
  const lanes = nodes.map((node) => node.lane), last = max(...nodes.map((node) => node.layer));
  const low = min(...lanes), high = max(...lanes), row = last > 12 ? 34 : 52;
  const gap = min(150, (width - 230) / (high - low || 1)), left = (width - gap * (high + low)) / 2;
  return { at: new Map(nodes.map(({ id, lane, layer }) => [id, [left + lane * gap, TOP + layer * row]])), row, height: TOP * 2 + last * row };
}

/** A line, its middle, and where to write beside it: by its outer end, if it is flat. One that is no step to the next layer goes round what lies between. */
function line([x0, y0], [x1, y1], row, fork, side = 0) {
  const bow = side || (y1 > y0 && y1 - y0 < row * 1.5 ? 0 : BOW), bend = (y1 - y0) / 2, dx = x1 - x0, outer = dx * (fork ? 1 : -1), part = dx && !bow ? (fork ? 0.7 : 0.3) : 0.5;
  const x = x0 + dx * part + bow, y = y0 + (y1 - y0) * (part === 0.5 ? part : 0.5 + (part - 0.5) * 0.4);
  return { d: `M${x0} ${y0}C${x0 + bow * 1.3} ${y0 + bend} ${x1 + bow * 1.3} ${y1 - bend} ${x1} ${y1}`, x, y,
    says: !bow && Math.abs(dx) > 1.5 * (y1 - y0) ? [(fork ? x1 : x0) - 22 * Math.sign(outer), fork ? y1 - 1 : y0 + 9, outer > 0] : [x + (outer < 0 ? -9 : 9), y + 4, outer < 0] };
}

export function netMap(view, belief, selected, width, select) {
  const { at, row, height } = spread(view.nodes, width), forks = (id) => view.links.filter((link) => link.a === id).length > 1;
  const fates = new Map(belief.links?.map((link) => [link.id, link])), laid = new Set(view.links.map((link) => link.id));
  const part = ({ id, words, used }, kind, ...drawn) => svg(`g.${kind}${used === false ? ".unused" : ""}${id === selected ? ".on" : ""}`, {
    onclick: () => id in view.parts && select(id) }, svg("title", words ? `${id}: ${words}` : id), ...drawn);
  const note = (kind, x, y, left, ...text) => svg(`text.${kind}`, { x, y, "text-anchor": left ? "end" : null }, ...text);
  const shape = (d) => svg("path", { d }), words = []; // above all lines
  const wires = [...(belief.links ?? []).filter((link) => !laid.has(link.id) && at.has(link.a) && at.has(link.b)), ...view.links].map((link) => {
    const fate = fates.get(link.id)?.fate ?? "", { d, x, y, says } = line(at.get(link.a), at.get(link.b), row, forks(link.a), fate === "skips" ? -BOW : 0);
    words.push(part(link, "beside", note("says", ...says, link.words ?? ""),
      link.down || fate === "wrong" ? note("cross", x, y + 5, false, "\u2715") : ""));
    return part(link, `link.is-${fate}${link.down ? ".down" : ""}`, lineOf("reach", d), laid.has(link.id) ? lineOf("wire", d) : "", lineOf("drawn", d));
  });
  const routers = view.nodes.map((node) => {
    const [x, y] = at.get(node.id), left = view.nodes.some(({ layer, lane }) => layer === node.layer && lane > node.lane && node.lane < 0);
    const fate = belief.nodes?.[node.id] ?? "", told = fate === "seen" || node.silent ? "" : fate;
    const mark = { source: shape(`M${x - 7} ${y - 7}h14v14h-14z`), fork: shape(`M${x} ${y - 11}l11 11-11 11-11-11z`) }[node.kind] ?? svg("circle", { cx: x, cy: y, r: 8.5 });
    return part(node, `router.is-${fate || (node.silent ? "silent" : "")}`, mark, node.kind === "target" ? svg("circle.core", { cx: x, cy: y, r: 3.5 }) : "",
      note("who", x + (left ? -16 : 16), y + 4, left, svg("tspan.id", node.id),
        ...[["words", node.words], ["fated", told]].map(([kind, text]) => (text ? svg(`tspan.${kind}`, { dx: 7, text }) : ""))));
  });
  return svg("svg.map", { width, height, role: "img", "aria-label": `The network: ${view.nodes.length} nodes, ${view.links.length} links` },
    ...view.backs.map(({ a, b }) => lineOf("back", line(at.get(a), at.get(b), row, false, 14).d)),
    ...view.tunnels.map((tunnel) => part(tunnel, "tube", shape(`M${tunnel.through.filter((id) => at.has(id)).map((id) => at.get(id)).join("L")}`))), ...wires, ...words, ...routers);
}
