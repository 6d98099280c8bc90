import { button, follow, frame, html, setText } from "./dom.js";
import { blurOnEnter, knobField, refill } from "./knob.js";

// How things are shown in this session: fields, a box for each column of hop tables, and the way back.

function render({ model, el }) {
  const body = html("div"), error = html("div.error", { role: "alert" }), send = (type, more) => model.send({ type, ...more });
  const root = frame("Settings", html("div.bar", html("span.title.caption", "Settings of this session"),
    button("Defaults", () => send("reset"))), body, error);
  root.classList.add("tnb-form");
  blurOnEnter(root);
  function fill() {
    const now = model.get("now");
    refill(body, html("div.fields", ...model.get("fields").map((field) => knobField(field, String(now[field.key]), (key, text) => send("set", { key, text })))),
      html("fieldset.columns", html("legend", "Columns of hop tables; none: each table its own"), ...model.get("columns").map(([name, label]) => html("label", {},
        html("input", { type: "checkbox", name, checked: now.columns.includes(name), onchange: (event) => send("column", { name, on: event.target.checked }) }), label))));
    setText(error, model.get("error"));
  }
  const unfollow = follow(model, { "change:now": fill, "change:error": fill });
  el.append(root);
  fill();
  return unfollow;
}

export default { render };
