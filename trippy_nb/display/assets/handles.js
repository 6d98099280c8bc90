import { frame, html, setText, svg } from "./dom.js";
import { countText, spanUnit } from "./words.js";
import { max } from "./sums.js";

// The handles of this process, newest first: a bar each, from where it was opened to where it was closed.

const HEADS = [["Handle", 1], ["What for"], ["Open"], ["Seconds", 1], ["Out", 1], ["In", 1], ["Opened by"], ["Closed by"]];

function render({ model, el }) {
  const says = html("div.verdict", { role: "status" }), note = html("div.note"), body = html("tbody");
  const cell = (tag, text, right) => html(right ? tag : `${tag}.left`, { scope: tag === "th" ? "col" : null, title: tag === "td" ? text : null, text });
  const head = html("tr", ...HEADS.map(([text, right]) => cell("th", text, right)));
  const table = html("table.handles", html("caption", "Handles, newest first"), html("thead", head), body);
  el.append(frame("Handles", html("div.title", "Handles of this process"), says,
    html("div.table", table), note));

  function bar({ from_s, to_s, closed_by }, span) {
    const place = (at) => 1 + (span > 0 ? at / span : 0) * 98, from = place(from_s), to = max(place(to_s), from + 0.7);
    return html("td.left.lasted", svg("svg", { width: "100%", height: 12, "aria-hidden": true },
      svg(closed_by === null ? "line.held" : "line.freed", { x1: `${from}%`, x2: `${to}%`, y1: 6, y2: 6 })));
  }

  function draw() {
    const { rows, span_s, more, says: words } = model.get("shown"), [size, unit] = spanUnit(span_s);
    setText(says, words);
    setText(note, `${rows.length ? `The bars are ${(span_s / size).toFixed(1)} ${unit} long. ` : ""}${more ? `${countText(more)} older ones are not shown.` : ""}`);
    body.replaceChildren(...rows.toReversed().map((row) => html("tr", {},
      cell("td", row.handle, true), cell("td", `${row.purpose} (${row.kind})`), bar(row, span_s), cell("td", (row.to_s - row.from_s).toFixed(3), true),
      cell("td", countText(row.sent), true), cell("td", countText(row.received), true), cell("td", row.opened_by), cell("td", row.closed_by ?? "still open"))));
  }
  model.on("change:shown", draw);
  draw();
  return () => model.off("change:shown", draw);
}

export default { render };
