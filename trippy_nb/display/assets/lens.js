import { button, copyButton, flag, follow, frame, html, put, uniqueId } from "./dom.js";
import { bitPicture, chosen, packetView, placeText } from "./packet.js";

// A probe and its answers: a tab each, bytes and fields of the one that is shown, and what became of each
// field of the probe on the way.

const FATES = { same: "=", "as it must": "\u2713", "changed on the way": "\u2260", "not quoted": "\u2013" };

function render({ model, el }) {
  const { title, packets } = model.get("view"), firstAnswer = packets.find((packet) => packet.fates.length);
  const state = { shown: model.get("shown"), selected: model.get("selected"), hovered: null, layer: null, all: false };
  let view = null, rows = [];
  const says = html("div.verdict"), panes = html("div.panes", { role: "tabpanel", id: uniqueId("panel") });
  const detail = html("div.detail", { role: "status" }), fates = html("div.table");
  const status = html("span.status", { role: "status" });
  const tabs = packets.map((packet, i) => html("button.button", { type: "button", role: "tab", "aria-controls": panes.id, text: packet.title,
    onclick: () => show(i) }));
  const copy = copyButton("Copy as hex", () => packets[state.shown].hex,
    (said, hex) => { status.textContent = said === hex ? hex : `Copied ${hex.length / 2} bytes`; });
  const list = html("div.tabs", { role: "tablist", "aria-label": "Packets" }, ...tabs);
  list.addEventListener("keydown", (event) => {
    const to = { ArrowRight: state.shown + 1, ArrowLeft: state.shown - 1, Home: 0, End: packets.length - 1 }[event.key];
    if (to === undefined || !packets[to]) return;
    show(to);
    tabs[to].focus();
    event.preventDefault();
  });

  const fateOf = (fate) => (packets[state.shown].fates.length ? fate.quoted_field : fate.sent_field);
  const told = () => (packets[state.shown].fates.length ? packets[state.shown] : firstAnswer);
  function save() { model.set("shown", state.shown); model.set("selected", state.selected); model.save_changes(); }
  function show(i) {
    const fate = told()?.fates.find((one) => fateOf(one) === state.selected && state.selected !== null);
    state.shown = i; // the same field in the other packet stays pinned
    state.selected = fate ? fateOf(fate) : null;
    build();
    save();
  }
  const actions = {
    point(field, layer) { Object.assign(state, { hovered: field, layer }); paint(); },
    pin(field) {
      Object.assign(state, { hovered: null, layer: null }); // keys move on while the mouse rests
      if (field !== state.selected) { state.selected = field; save(); }
      paint();
    },
    repaint: () => paint(),
  };

  function describe() {
    const packet = packets[state.shown], field = packet.fields[state.hovered ?? state.selected];
    if (!field) { detail.replaceChildren(html("span.note", "Point at a byte or a field; click to pin it.")); return; }
    const fate = told()?.fates.find((one) => fateOf(one) === packet.fields.indexOf(field)), bits = bitPicture(view.bytes, field);
    const layer = packet.layers[field.layer], title = layer.title + (layer.quoted ? " in the quote" : "");
    detail.replaceChildren(html("div", html("strong", `${title}: ${field.name}`), ` ${field.value}`),
      html("div.note", placeText(field), bits ? html("code", ` ${bits}`) : "", field.rfc ? ` \u00b7 ${field.rfc}` : ""),
      html("div", `${field.purpose[0].toUpperCase()}${field.purpose.slice(1)}.`),
      fate?.says ? html(fate.fate === "changed on the way" ? "div.changed" : "div", { text: fate.says }) : "");
  }
  function paint() {
    view.paint(state);
    rows.forEach(([row, fate]) => {
      const i = fateOf(fate);
      flag(row, "on", i !== null && i === state.selected);
      flag(row, "hot", i !== null && i === state.hovered);
    });
    describe();
  }
  function compare() {
    const source = told();
    rows = (source?.fates ?? []).filter((fate) => state.all || fate.fate !== "same").map((fate) => {
      const i = fateOf(fate), row = html(`tr.fate-${fate.fate.split(" ")[0]}`, { onclick: () => i !== null && actions.pin(i),
        onmouseover: () => actions.point(i, null), onmouseleave: () => actions.point(null, null) },
      html("th.left", { scope: "row", text: `${fate.layer}: ${fate.name}` }),
      html("td.left", fate.sent || "\u2013"), html("td.left", fate.quoted || "\u2013"),
      html("td.left.fate", html("span.sign", { "aria-hidden": true, text: FATES[fate.fate] }), fate.fate),
      html("td.left.says", fate.says));
      return [row, fate];
    });
    if (!source) { fates.replaceChildren(); return; }
    const all = button("All fields", () => { state.all = !state.all; compare(); paint(); }, { "aria-pressed": state.all });
    const head = (text) => html("th.left", { scope: "col", text });
    fates.replaceChildren(html("div.bar", html("span.caption", "What was sent, and what came back"), all),
      html("table.fates", html("caption", "Fields sent and quoted"),
        html("thead", html("tr", ...["Field", "Sent", "Came back", "Fate", "What it means"].map(head))), html("tbody", ...rows.map(([row]) => row))));
  }
  function build() {
    const packet = packets[state.shown];
    Object.assign(state, { hovered: null, layer: null });
    view = packetView(packet, actions);
    tabs.forEach((tab, i) => { chosen(tab, i === state.shown); tab.tabIndex = i === state.shown ? 0 : -1; });
    says.textContent = packet.says;
    status.textContent = "";
    panes.replaceChildren(html("div.left-pane", view.grid, detail), view.tree);
    put(panes, { "aria-label": packet.title });
    compare();
    paint();
    requestAnimationFrame(() => view.reveal()); // only now it has a height
  }
  const root = frame(title, html("div.title", title), html("div.bar", list, status, copy), says, panes, fates);
  root.classList.add("tnb-lens");
  const unfollow = follow(model, {
    "change:shown": () => { if (model.get("shown") !== state.shown) { state.shown = model.get("shown"); state.selected = model.get("selected"); build(); } },
    "change:selected": () => { if (model.get("selected") !== state.selected) { state.selected = model.get("selected"); state.hovered = null; paint(); } },
  });
  build();
  el.append(root);
  return unfollow;
}

export default { render };
