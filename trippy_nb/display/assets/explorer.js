import { decodeColumns } from "./stats.js";
import { frame, html } from "./dom.js";
import { board } from "./board.js";

// One run that is over.

function render({ model, el }) {
  const view = model.get("view"), picture = board(model);
  el.append(frame(view.title,
    html("div", { class: "tnb-title", text: view.title }),
    html("div", { class: "tnb-verdict", text: view.verdict }),
    picture.element));
  picture.feed(decodeColumns(model.get("columns")), view);
  return () => picture.close();
}

export default { render };
