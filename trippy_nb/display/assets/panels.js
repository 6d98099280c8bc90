import { decodeColumns } from "./stats.js";
import { countText } from "./words.js";
import { flag, html, lineOf, put, svg, textAt } from "./dom.js";
import { max, min } from "./sums.js";

// What lies along time below the strip, as Python counted it: what nobody answered, hop by hop, and the paths that
// the flows took. Drawn once; the brush lies above.

const CAPTION = 20, STEPS = [0, 0.1, 0.25, 0.5, 0.75, 1]; // as the plot of loss
const PATH_COLOURS = 6;

/** The step of a share on the scale: 0 is all answered, 6 nobody. */
export function lossStep(ratio) {
  if (ratio === 0 || ratio === 1) return ratio * 6;
  return STEPS.findIndex((edge) => ratio < edge);
}

/** Cells of a raster as a path for each step, neighbours of one step together: `[step, [row, from, to]]`. */
export function rasterRuns({ sent, unanswered, ttls }, columns) {
  const runs = [];
  ttls.forEach((_, row) => {
    const start = row * columns, end = start + columns;
    const never = !unanswered.subarray(start, end).some((count, i) => count !== sent[start + i]);
    for (let i = start; i < end;) {
      const step = (cell) => (sent[cell] === 0 ? -1 : never ? 7 : lossStep(unanswered[cell] / sent[cell]));
      const kind = step(i), from = i;
      while (i < end && step(i) === kind) i++;
      if (kind >= 0) runs.push([kind, [row, from - start, i - start]]);
    }
  });
  return runs;
}

export function panels({ view, actions, top }) {
  const element = svg("g"), { raster, ribbon } = view.panels ?? {};
  if (!raster) return { element, height: 0, legend: [], bands: [], said: { "aria-hidden": true }, draw() {}, select() {}, pick: () => false };
  const { ttls, edges, each } = raster, counts = decodeColumns({ sent: raster.sent, unanswered: raster.unanswered });
  const row = max(2.5, min(13, 190 / max(1, ttls.length))), lanes = ribbon.lanes.length;
  const lane = max(4, min(17, 120 / max(1, lanes)));
  const cellsAt = top + CAPTION, lanesAt = cellsAt + ttls.length * row + CAPTION + 4, height = lanesAt + lanes * lane + 4 - top;
  let marks = [], bands = [];

  function drawRaster(toX, left, right) {
    const x = edges.map((at) => min(right, toX(at))), cells = Array.from({ length: 8 }, () => []);
    for (const [step, [line, from, to]] of rasterRuns({ ...counts, ttls }, edges.length - 1)) {
      cells[step].push(`M${x[from].toFixed(1)} ${(cellsAt + line * row).toFixed(1)}H${x[to].toFixed(1)}v${row.toFixed(2)}H${x[from].toFixed(1)}z`);
    }
    const every = Math.ceil(11 / row), scale = [["all answered", 0], ["some", 3], ["none", 6], ["silent hop", 7]].filter(([, step]) => step !== 7 || cells[7].length);
    return [
      textAt("head", left, cellsAt - 6, "Unanswered, by hop and time" + (each > 1 ? ` (a cell: ${countText(each)} rounds)` : "")),
      ...cells.map((pieces, step) => lineOf(`cell.s${step}`, pieces.join(""))),
      ...ttls.flatMap((ttl, i) => (i % every ? [] : [textAt("tick.end", left - 6, cellsAt + (i + 0.5) * row + 4, ttl)])),
      ...scale.flatMap(([word, step], i) => [svg(`rect.cell.s${step}.key`, { x: right + 14, y: cellsAt + i * 15, width: 10, height: 10 }),
        textAt("spread", right + 29, cellsAt + 9 + i * 15, word)])];
  }

  function drawRibbon(toX, left, right) {
    bands = ribbon.lanes.map(({ name, flow }, i) => {
      const y = lanesAt + i * lane, mine = ribbon.stretches.filter((one) => one.lane === i);
      const ends = mine.flatMap(({ start, end }) => [toX(start), toX(end)]);
      return svg("g.lane-of", svg("title", name),
        ...(lane >= 9 ? [textAt("tick.end", left - 6, y + lane / 2 + 4, flow ?? "")] : []),
        lineOf("gap", mine.length ? `M${min(...ends)} ${y + lane / 2}H${max(...ends)}` : ""),
        ...mine.flatMap((one) => {
          const x = toX(one.start), wide = max(3, toX(one.end) - x);
          const look = one.letter ? `l${one.look % PATH_COLOURS}` : "unjudged";
          return [svg(`rect.stretch.${look}${one.standing === "kept" ? "" : ".unsure"}`, { x, width: wide, y: y + lane * 0.14, height: lane * 0.72, rx: 2 },
            svg("title", { text: `${name}: ${one.letter ? `path ${one.letter}` : one.standing}, ${countText(one.n)} observations` })),
          ...(one.letter && wide > 16 && lane > 11 ? [textAt("letter", x + wide / 2, y + lane / 2 + 4, one.letter)] : [])];
        }));
    });
    return [textAt("head", left, lanesAt - 6, "Path of each flow"), ...bands,
      ...ribbon.changes.map(({ at, words }) => lineOf("change-mark", `M${toX(at)} ${lanesAt - 2}v${lanes * lane + 4}`, svg("title", words)))];
  }

  const legend = html("div.paths", ...ribbon.paths.map(({ letter, words }, i) => html("span", {},
    html(`i.l${i % PATH_COLOURS}`), `${letter}: ${words}`)), ribbon.note);
  return {
    element, height, legend: [legend], said: { role: "img", "aria-label": "Unanswered probes by hop and time, and the path of each flow, along the time of the strip" }, bands: [[cellsAt, ttls.length * row], [lanesAt, lanes * lane]],
    draw(toX, left, right) {
      marks = [svg("rect.ring", { x: left, width: max(0, right - left), height: row })];
      element.replaceChildren(...drawRaster(toX, left, right), ...drawRibbon(toX, left, right), ...marks);
      this.select(actions.state());
    },
    select({ selected, flow }) {
      const at = ttls.indexOf(selected);
      if (marks[0]) put(marks[0], { y: cellsAt + at * row, hidden: at < 0 });
      bands.forEach((band, i) => flag(band, "dim", flow !== null && ribbon.lanes[i].flow !== flow));
    },
    /** A click at this height selects a hop or a flow; again, it lets go. */
    pick(y) {
      const hop = ttls[Math.floor((y - cellsAt) / row)], one = ribbon.lanes[Math.floor((y - lanesAt) / lane)];
      const { selected, responder, flow } = actions.state();
      if (y >= cellsAt && hop !== undefined) actions.select(hop === selected ? null : hop, null);
      else if (y >= lanesAt && one && one.flow !== null) actions.select(selected, responder, one.flow === flow ? null : one.flow);
      else return false;
      return true;
    },
  };
}
