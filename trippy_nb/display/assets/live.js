import { decodeColumns, decodeRows, placedRows } from "./stats.js";
import { flag, folding, follow, frame, html, setText } from "./dom.js";
import { board } from "./board.js";
import { knobField } from "./knob.js";

// A trace while it goes on: target, options, Start and Stop, and the picture of a run, fed by binary deltas.

function render({ model, el }) {
  const target = html("input.target", { type: "text", name: "target", placeholder: "host name or address",
    "aria-label": "Target", autocomplete: "off", spellcheck: "false" });
  const press = html("button.button.press", { type: "submit", "data-keep": "press" });
  const fields = model.get("settings").map((knob) => knobField(knob, "", () => {})); // told on Start
  const panel = folding(model, "options", "options", "Options", html("div.fields", ...fields));
  const words = html("span.status");
  const error = html("div.error", { role: "alert" });
  const form = html("form.form", html("div.bar", target, press, words), panel, error);
  const title = html("div.title"), verdict = html("div.verdict", { role: "status" });
  const empty = html("div.empty");
  const picture = board(model);
  const root = frame("Live trace", form, title, verdict, empty, picture.element);
  root.classList.add("tnb-live");
  let view = null, said = "", base = 0, acknowledged = 0, gone = false, seen = false;
  const lost = () => { gone = true; tell(); }, send = (content) => { try { model.send(content); } catch { lost(); } };

  const inputs = () => [target, ...form.querySelectorAll(".tnb-fields :is(input, select)")];
  form.addEventListener("keydown", (event) => { // JupyterLab keeps the browser from doing so
    if (event.key !== "Enter" || event.target.tagName !== "INPUT" || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (model.get("status").running && !gone) { send({ type: "stop" }); return; }
    send({ type: "start", asked: Object.fromEntries(inputs().map(({ name, value }) => [name, value])) });
  });

  function fill() {
    const asked = model.get("asked");
    for (const input of inputs()) if (input !== root.getRootNode().activeElement) input.value = asked[input.name] ?? "";
  }

  function tell() {
    const { running, words: text, error: wrong } = gone ? { running: false, error: "The kernel does not answer: run the cell again." } : model.get("status");
    setText(press, running ? "Stop" : "Start");
    flag(press, "running", running);
    setText(words, gone ? "" : (running && said) || text);
    setText(error, wrong);
    if (running && inputs().includes(root.getRootNode().activeElement)) press.focus(); // the field is none for now
    for (const input of inputs()) input.disabled = running;
    setText(empty, view ? "" : running ? "Waiting for the first answer\u2026" : "Type a target, and press Start.");
  }

  /** Everything stands in the traits: of a trace that is over, or of none. */
  function whole() {
    view = model.get("view").hops ? model.get("view") : null;
    picture.element.hidden = !view;
    setText(title, view?.title ?? "");
    setText(verdict, view?.verdict ?? "");
    if (view) picture.feed(decodeColumns(model.get("columns")), view);
    else picture.clear();
    tell();
  }

  function take(message, buffers) {
    seen ||= el.isConnected;
    if (seen && !el.parentNode) { leave(); return; } // another view was put in its place, and nobody said so
    if (message.type !== "delta") return;
    const { told, span } = message;
    said = message.words;
    if (message.view) view = message.view;
    if (view) {
      if (span) view.axis = { ...view.axis, span };
      if (told) {
        setText(title, view.title);
        setText(verdict, message.verdict);
        picture.element.hidden = false;
      }
      picture.tell(told && { ...told, values: [told.values, buffers[1]] });
      if (message.base !== null) {
        const fresh = decodeRows(message.count, buffers[0]), rows = fresh.place.map((at) => at - message.base);
        picture.feed(placedRows(picture.columns, base, message.base, fresh), message.view, { rows, moved: base !== message.base });
        base = message.base;
      } else if (told) picture.feed({}, message.view);
    }
    tell();
    if (message.number > acknowledged + 4 || message.number < acknowledged) { // once a second
      acknowledged = message.number;
      send({ type: "shown", number: acknowledged });
    }
  }

  const unfollow = follow(model, { "change:asked": fill, "change:status": () => { said = ""; tell(); },
    "change:view": () => { if (!model.get("status").running || !model.get("view").hops) whole(); }, "msg:custom": take, comm_live_update: lost });
  const leave = () => { picture.close(); unfollow(); };
  el.append(root);
  fill();
  whole();
  send({ type: "hello" });
  return leave;
}

export default { render };
