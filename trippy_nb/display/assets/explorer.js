import { decodeColumns } from "./stats.js";
import { button, follow, frame, html, put, setText } from "./dom.js";
import { board } from "./board.js";
import { replayBar } from "./replay.js";

// A run that is over, or one of several.

/** A bar that plays the run once more, and the button that brings it. */
function replaying(parts) {
  const element = html("div");
  let bar = null;
  const leave = () => {
    if (!bar) return;
    bar.close();
    parts.fly([], null, null);
    bar = null;
    element.replaceChildren();
    put(toggle, { "aria-pressed": false });
    parts.actions.replay(null);
  };
  const toggle = button("Replay", () => {
    if (bar) { leave(); return; }
    const [from] = parts.actions.state().focus;
    bar = replayBar(parts);
    element.replaceChildren(bar.element);
    put(toggle, { "aria-pressed": true });
    parts.actions.replay(bar);
    bar.startAt(from ?? null);
    bar.focus();
  }, { "aria-pressed": false, "data-keep": "replay" });
  return { element, buttons: [toggle], leave, close: () => bar?.close() };
}

function render({ model, el }) {
  const picture = board(model, replaying);
  const title = html("div.title"), verdict = html("div.verdict");
  const choice = html("select.run", { "aria-label": "Run", onchange: () => { model.set("chosen", Number(choice.value)); model.save_changes(); } });
  const root = frame("", choice, title, verdict, picture.element);
  el.append(root);
  function show() {
    const view = model.get("view"), runs = model.get("runs") ?? [];
    choice.hidden = !runs.length;
    choice.replaceChildren(...runs.map(({ number, text }) => html("option", { value: number, text, selected: number === model.get("chosen") })));
    put(root, { "aria-label": view.title });
    setText(title, view.title);
    setText(verdict, view.verdict);
    picture.tell(model.get("told"));
    picture.feed(decodeColumns(model.get("columns")), { ...view, panels: model.get("panels") });
  }
  const unfollow = follow(model, { "change:view": show });
  show();
  return () => { unfollow(); picture.close(); };
}

export default { render };
