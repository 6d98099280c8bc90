import { goTo, html, placeIn, uniqueId } from "./dom.js";

// Fields that tell Python what was typed, and are told what holds.

/** A list, or a line to type in, of one thing that can be turned. */
export function knobField({ key, label, help, choices, examples, usual }, value, told) {
  const id = uniqueId("examples"), onchange = (event) => told(key, event.target.value);
  const list = choices.map((one) => [one].flat());
  if (value && !list.some(([one]) => one === value)) list.unshift([value]);
  const input = choices.length ? html("select", { name: key, onchange }, usual ? html("option", { value: "", text: usual }) : "", ...list.map(([one, text = one]) => html("option", { value: one, text })))
    : html("input", { type: "text", name: key, list: id, placeholder: usual, autocomplete: "off", spellcheck: "false", onchange });
  input.value = value;
  return html("label", { title: help }, html("span", label), input, html("datalist", { id }, ...examples.map((text) => html("option", { value: text }))));
}

/** Put something else there, and leave the cursor where it was. */
export function refill(box, ...children) {
  const place = placeIn(box);
  box.replaceChildren(...children);
  goTo(box, place);
}

/** Enter in a line is as leaving it, for JupyterLab keeps the browser from doing so. */
export function blurOnEnter(root) {
  root.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.tagName === "INPUT") { event.preventDefault(); event.target.blur(); event.target.focus(); }
  });
}
