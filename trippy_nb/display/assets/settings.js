import { frame, html, setText } from "./dom.js";
import { blurOnEnter, knobField } from "./knob.js";

// How things are shown in this session: fields, a box for each column of hop tables, and the way back.

function render({ model, el }) {
  const fields = html("div", { class: "tnb-fields" }), boxes = html("fieldset", { class: "tnb-columns" }), error = html("div", { class: "tnb-error", role: "alert" });
  const reset = html("button", { type: "button", class: "tnb-button", text: "Defaults", onclick: () => model.send({ type: "reset" }) });
  const root = frame("Settings", html("div", { class: "tnb-bar" }, html("span", { class: "tnb-title tnb-caption", text: "Settings of this session" }), reset), fields, boxes, error);
  root.classList.add("tnb-form");
  blurOnEnter(root);
  function fill() {
    const now = model.get("now"), here = root.getRootNode().activeElement, name = root.contains(here) && here.name;
    fields.replaceChildren(...model.get("fields").map((field) => knobField(field, String(now[field.key]), (key, text) => model.send({ type: "set", key, text }))));
    boxes.replaceChildren(html("legend", { text: "Columns of hop tables; none: each table its own" }), ...model.get("columns").map(([column, label]) => html("label", {},
      html("input", { type: "checkbox", name: column, checked: now.columns.includes(column), onchange: (event) => model.send({ type: "column", name: column, on: event.target.checked }) }), label)));
    setText(error, model.get("error"));
    if (name) root.querySelector(`[name="${name}"]`)?.focus();
  }
  model.on("change:now", fill);
  model.on("change:error", fill);
  el.append(root);
  fill();
  return () => { model.off("change:now", fill); model.off("change:error", fill); };
}

export default { render };
