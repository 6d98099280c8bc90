import { button, copyButton, follow, frame, html, lineOf, put, setText, svg, watchWidth } from "./dom.js";
import { blurOnEnter, knobField, refill } from "./knob.js";
import { netMap } from "./netmap.js";

// A built-in internet to pick, change, break and trace: the picture, what can be turned, truth beside belief.
// Python does everything; what is typed goes there as text.

function render({ model, el }) {
  const send = (type, more = {}) => model.send({ type, ...more }), div = (kinds, ...children) => html(`div.${kinds}`, ...children);
  const undo = button("Undo", () => send("undo")), trace = button("Trace", () => send("trace")), words = html("span.status", { role: "status" });
  const copy = copyButton("Copy as TOML", () => model.get("scenario"), (said) => { file.open ||= said !== "Copied"; setText(words, said === "Copied" ? said : "Copy it below"); });
  const about = div("verdict"), error = html("div.error", { role: "alert" }), form = div("fields.ask");
  const map = html("div"), knobs = div("knobs"), beside = div("table"), text = html("textarea", { rows: 14, "aria-label": "Scenario file", spellcheck: "false" });
  const file = html("details.options", html("summary", "The file"), text, button("Use this", () => send("write", { text: text.value })));
  const root = frame("Scenario player", form, div("bar", trace, undo, copy, words), error, about, div("panes", map, knobs), beside, file);
  root.classList.add("tnb-form", "tnb-player");
  trace.classList.add("tnb-press");
  blurOnEnter(root);
  let width = 0;

  function select(id) { model.set("selected", id); model.save_changes(); }

  function draw() {
    if (width) map.replaceChildren(netMap(model.get("view"), model.get("belief_shown"), model.get("selected"), width, select));
  }

  function inspect() {
    const { parts } = model.get("view"), selected = model.get("selected"), part = parts[selected], turn = model.get("knobs");
    if (!part) return;
    const list = knobField({ key: "part", label: "Part", help: "Part of the network", choices: Object.keys(parts), examples: [] }, selected, (_, id) => select(id));
    const fields = (kind, values, told) => div("fields", ...turn[kind].map((knob) => knobField(knob, values[knob.key] ?? "", told)));
    const gap = { at: String(model.get("asked").at), until: "", reroute: "" };
    refill(knobs, list, div("note", part.says), fields(part.kind, part.values, (key, value) => send("change", { part: selected, key, text: value })),
      ...(part.kind === "link" ? [fields("gap", gap, (key, value) => { gap[key] = value; }), button("Break this link", () => send("break", { part: selected, ...gap }))] : []));
  }

  function compare() {
    const { says, heads, rows, legend } = model.get("belief_shown");
    const row = (tag, cells) => html("tr", ...cells.map((cell, i) => html((i ? tag : "th") + (i === 1 || i === 2 ? ".left" : ""), { text: cell })));
    beside.replaceChildren(...(says ? [div("bar.legend", ...legend.map(([fate, label]) => html("span", svg("svg", { width: 30, height: 10 },
      svg(`g.link.is-${fate}`, lineOf(fate === "missed" ? "wire" : "drawn", "M1 5h28"))), label))),
    html("div.verdict", { role: "status", text: says }), html("table", html("caption", "Truth beside belief"),
      html("thead", row("th", heads)), html("tbody", ...rows.map((cells) => row("td", cells))))] : []));
  }

  function ask() {
    const asked = model.get("asked"), told = (key, value) => send("ask", { key, text: value });
    const { moments, targets, parts } = model.get("view"), lists = { target: targets };
    refill(form, ...model.get("knobs").ask.map((knob) => knobField({ ...knob, choices: lists[knob.key] ?? knob.choices }, String(asked[knob.key]), told)),
      div("moments", ...moments.map((moment) => button(`${moment} s`, () => told("at", String(moment))))));
    setText(about, parts.scenario.about);
  }

  function tell() {
    const status = model.get("status");
    setText(words, status.words);
    setText(error, status.error);
    put(trace, { "aria-disabled": status.busy });
    put(undo, { "aria-disabled": !status.undo });
    if (status.error) { ask(); inspect(); } // what was typed is not so
  }

  const pulls = { "change:asked": ask, "change:status": tell, "change:selected": () => { draw(); inspect(); }, "change:view": () => { ask(); draw(); inspect(); },
    "change:belief_shown": () => { draw(); compare(); }, "change:scenario": () => { text.value = model.get("scenario"); } };
  const unfollow = follow(model, pulls);
  for (const pull of Object.values(pulls)) pull();
  el.append(root);
  const unwatch = watchWidth(map, (found) => { width = found; draw(); });
  return () => { unwatch(); unfollow(); };
}

export default { render };
