import { flag, html, put, uniqueId } from "./dom.js";
import { max, min } from "./sums.js";

// One packet twice: its bytes, and its fields by layers. Pointing at one shows it in the other; a click, or
// an arrow key, pins it.

const ROW = 16;

/** First and last byte of some bits. */
const byteSpan = ({ bit, bits }) => [bit >> 3, (bit + bits - 1) >> 3];

/** Which bits of its bytes a field has, as `0100 ....`; empty for whole bytes and long fields. */
export function bitPicture(bytes, field) {
  const [first, last] = byteSpan(field);
  if ((field.bit % 8 === 0 && field.bits % 8 === 0) || last - first > 3) return "";
  let picture = "";
  for (let bit = first * 8; bit < (last + 1) * 8; bit++) {
    const mine = bit >= field.bit && bit < field.bit + field.bits;
    picture += (bit > first * 8 && bit % 4 === 0 ? " " : "") + (mine ? (bytes[bit >> 3] >> (7 - (bit & 7))) & 1 : ".");
  }
  return picture;
}

export function placeText(field) {
  const [first, last] = byteSpan(field), where = first === last ? `Byte ${first}` : `Bytes ${first} to ${last}`;
  return field.bit % 8 || field.bits % 8 ? `${where}, ${field.bits} bit${field.bits === 1 ? "" : "s"}` : where;
}

const ascii = (byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : "\u00b7");
export const chosen = (element, on, name = "aria-selected") => element.setAttribute(name, String(on));

/** Bytes and fields of one packet. `actions.point(field, layer)` and `actions.pin(field)` are what they ask for. */
export function packetView(packet, actions) {
  const bytes = (packet.hex.match(/../g) ?? []).map((pair) => parseInt(pair, 16));
  const covers = bytes.map(() => []);
  packet.fields.forEach((field, i) => {
    const [first, last] = byteSpan(field);
    for (let at = first; at <= last; at++) covers[at].push(i);
  });
  const layerAt = (at) => packet.fields[covers[at][0]].layer;
  let cursor = 0, pinned = null;

  const cells = bytes.map((byte, at) => html(`span.byte.l${layerAt(at) % 6}`, { id: uniqueId("byte"), role: "gridcell",
    "data-at": at, text: byte.toString(16).padStart(2, "0"), "aria-label": `byte ${at}, ${byte.toString(16)}, ${packet.fields[covers[at][0]].name}` }));
  const letters = bytes.map((byte, at) => html("span", { "data-at": at, text: ascii(byte) }));
  const rows = [];
  for (let at = 0; at < bytes.length; at += ROW) {
    rows.push(html("div.bytes-row", { role: "row" },
      html("span.offset", { role: "rowheader", text: at.toString(16).padStart(4, "0") }),
      ...cells.slice(at, at + ROW), html("span.ascii", { "aria-hidden": true }, ...letters.slice(at, at + ROW))));
  }
  const grid = html("div.bytes", { role: "grid", tabindex: 0, "aria-label": "Bytes of the packet; arrow keys move" }, ...rows);

  const leaves = packet.fields.map((field, i) => html("li.leaf", { id: uniqueId("field"), role: "treeitem", "aria-level": 2, "data-field": i },
    html("span.field", field.name), " ", html("span.value", field.value)));
  const branches = packet.layers.map((layer, k) => html(layer.quoted ? "li.layer.quoted" : "li.layer", { id: uniqueId("layer"), role: "treeitem", "aria-level": 1, "aria-expanded": "true",
    "aria-label": layer.title + (layer.quoted ? ", quoted" : ""), "data-layer": k },
    html(`div.layer-title.l${k % 6}`, layer.title, layer.quoted ? html("span.note", " in the quote") : ""),
    html("ul", { role: "group" }, ...leaves.filter((_, i) => packet.fields[i].layer === k))));
  const tree = html("ul.tree", { role: "tree", tabindex: 0, "aria-label": "Fields by layers; arrow keys move" }, ...branches);
  let active = null;

  const fieldOf = (at) => {
    const here = covers[at], i = here.indexOf(pinned);
    return here[(i + 1) % here.length]; // a byte of several fields: each click the next
  };
  const under = (event, name) => {
    const found = event.target.closest?.(`[data-${name}]`);
    return found ? Number(found.dataset[name]) : null;
  };
  const isOpen = (branch) => branch.getAttribute("aria-expanded") === "true";
  const fold = (k, open = !isOpen(branches[k])) => chosen(branches[k], open, "aria-expanded");
  grid.addEventListener("mouseover", (event) => {
    const at = under(event, "at");
    actions.point(at === null ? null : covers[at].includes(pinned) ? pinned : covers[at][0], null);
  });
  grid.addEventListener("click", (event) => {
    const at = under(event, "at");
    if (at !== null) { cursor = at; actions.pin(fieldOf(at)); }
  });
  grid.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -ROW, ArrowDown: ROW, Home: -cursor, End: bytes.length - 1 - cursor }[event.key];
    if (event.key === "Escape") actions.pin(null);
    else if (event.key === "Enter" || event.key === " ") actions.pin(fieldOf(cursor));
    else if (step === undefined) return;
    else if (cursor + step >= 0 && cursor + step < bytes.length) {
      cursor += step;
      actions.pin(covers[cursor].includes(pinned) ? pinned : covers[cursor][0]);
    }
    event.preventDefault();
  });
  tree.addEventListener("mouseover", (event) => {
    const field = under(event, "field");
    actions.point(field, field === null ? under(event, "layer") : null);
  });
  tree.addEventListener("click", (event) => {
    const field = under(event, "field"), k = under(event, "layer");
    if (field !== null) actions.pin(field);
    else if (k !== null) { active = branches[k]; fold(k); actions.repaint(); }
  });
  for (const part of [grid, tree]) part.addEventListener("mouseleave", () => actions.point(null, null));
  function go(item) {
    active = item;
    if (item.dataset.field !== undefined) actions.pin(Number(item.dataset.field));
    else { actions.pin(null); actions.point(null, Number(item.dataset.layer)); }
  }
  tree.addEventListener("keydown", (event) => {
    const open = [...tree.querySelectorAll("[role=treeitem]")]
      .filter((item) => item.dataset.field === undefined || isOpen(item.parentNode.parentNode));
    const at = open.indexOf(active), layer = active?.dataset.layer;
    if (event.key === "ArrowDown") go(open[min(open.length - 1, at + 1)]);
    else if (event.key === "ArrowUp") go(open[max(0, at - 1)]);
    else if (event.key === "Home") go(open[0]);
    else if (event.key === "End") go(open[open.length - 1]);
    else if (event.key === "Escape") { active = null; actions.pin(null); }
    else if (event.key === "ArrowLeft" && active && layer === undefined) go(active.parentNode.parentNode);
    else if (layer !== undefined && ["ArrowLeft", "ArrowRight", "Enter", " "].includes(event.key)) {
      if (event.key === "ArrowRight" && isOpen(active)) go(open[at + 1]);
      else fold(Number(layer), event.key === "ArrowRight" ? true : event.key === "ArrowLeft" ? false : undefined);
      actions.repaint();
    } else return;
    event.preventDefault();
  });

  return {
    grid, tree, bytes,
    reveal() {
      if (active) tree.scrollTop = max(min(tree.scrollTop, active.offsetTop - 30), active.offsetTop + 60 - tree.clientHeight);
    },
    paint({ selected, hovered, layer }) {
      if (selected !== pinned && selected !== null) {
        fold(packet.fields[selected].layer, true);
        active = leaves[selected];
        if (!covers[cursor]?.includes(selected)) cursor = byteSpan(packet.fields[selected])[0];
      }
      const moved = selected !== pinned;
      pinned = selected;
      if (moved) this.reveal();
      leaves.forEach((leaf, i) => {
        chosen(leaf, i === selected);
        flag(leaf, "on", i === selected);
        flag(leaf, "hot", i === hovered);
      });
      branches.forEach((branch) => flag(branch, "active", branch === active));
      bytes.forEach((_, at) => {
        const on = covers[at].includes(selected);
        const hot = covers[at].includes(hovered) || (layer !== null && layerAt(at) === layer);
        chosen(cells[at], on);
        for (const { classList } of [cells[at], letters[at]]) { classList.toggle("tnb-on", on); classList.toggle("tnb-hot", hot); }
      });
      put(tree, { "aria-activedescendant": active?.id });
      put(grid, { "aria-activedescendant": cells[cursor]?.id });
    },
  };
}
