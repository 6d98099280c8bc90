import { sortedOrder } from "./stats.js";
import { countText, msText, ratioText, SILENT } from "./words.js";
import { html, setText } from "./dom.js";

// The hop table: recomputed for the focus window, sortable, one row selected.

const TIMES = ["best_ms", "p50_ms", "worst_ms"];
const COUNTS = ["sent", "recv", "late"];

export function tableView({ view, actions }) {
  const keys = ["ttl", "addr", ...COUNTS, "loss_ratio", ...TIMES];
  let sort = { key: "ttl", descending: false }, last = null;
  const heads = keys.map((key) => {
    const button = html("button", { type: "button", class: "tnb-sort", text: view.labels[key],
      title: `Sort by ${view.labels[key]}`, onclick: () => {
        sort = { key, descending: sort.key === key && !sort.descending };
        if (last) order(last);
      } });
    return html("th", { scope: "col", class: key === "addr" ? "tnb-left" : null }, button);
  });
  const cells = view.hops.map(() => keys.map((key, i) =>
    html(i === 0 ? "th" : "td", { scope: i === 0 ? "row" : null, class: key === "addr" ? "tnb-left" : null })));
  const rows = view.hops.map((hop, i) => html("tr", { onclick: () => actions.select(hop.ttl, null) }, ...cells[i]));
  const body = html("tbody", { tabindex: 0, "aria-label": "Hops; arrow keys select" }, ...rows);
  body.addEventListener("keydown", (event) => {
    const shown = [...body.children], at = shown.findIndex((row) => row.classList.contains("tnb-on"));
    const to = { ArrowDown: Math.min(shown.length - 1, at + 1), ArrowUp: at < 0 ? shown.length - 1 : Math.max(0, at - 1),
      Home: 0, End: shown.length - 1 }[event.key];
    if (event.key === "Escape") actions.select(null, null);
    else if (to === undefined) return;
    else actions.select(view.hops[rows.indexOf(shown[to])].ttl, null);
    event.preventDefault();
  });
  const caption = html("caption", { text: "Hops within the focus window" });
  const element = html("div", { class: "tnb-table" },
    html("table", {}, caption, html("thead", {}, html("tr", {}, ...heads)), body));

  function values(key, { now }) {
    return view.hops.map((hop) => {
      if (key === "ttl") return hop.ttl;
      if (key === "addr") return hop.addrs[0] ?? null;
      return now.get(hop.ttl)?.[key] ?? NaN;
    });
  }

  function order(state) {
    const list = sortedOrder(values(sort.key, state), sort.descending).map((i) => rows[i]);
    if (list.some((row, i) => body.children[i] !== row)) body.replaceChildren(...list);
    heads.forEach((head, i) => {
      if (keys[i] === sort.key) head.setAttribute("aria-sort", sort.descending ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
  }

  const who = (addr) => (view.names[addr] ? `${view.names[addr]} (${addr})` : addr);

  /** One responder a hop, and all of them where the eye is: a wide diamond would fill the page. */
  function people({ addrs }, open) {
    if (!addrs.length) return SILENT;
    return open ? addrs.map(who).join("\n") : who(addrs[0]) + (addrs.length > 1 ? `  +${addrs.length - 1}` : "");
  }

  function spell(hop, key, stats, decimals) {
    if (key === "ttl") return String(hop.ttl);
    if (!stats) return COUNTS.includes(key) ? "0" : msText(NaN, 0);
    if (COUNTS.includes(key)) return countText(stats[key]);
    return key === "loss_ratio" ? ratioText(stats.loss_ratio) : msText(stats[key], decimals);
  }

  return {
    element,
    paint(state, final) {
      last = state;
      view.hops.forEach((hop, i) => {
        const stats = state.now.get(hop.ttl);
        keys.forEach((key, k) => key !== "addr" && setText(cells[i][k], spell(hop, key, stats, state.decimals)));
        rows[i].classList.toggle("tnb-lossy", stats?.loss_ratio > 0);
        rows[i].classList.toggle("tnb-muted", !hop.addrs.length);
      });
      this.select(state);
      if (final) order(state); // rows keep their places while the brush moves
    },
    select({ selected }) {
      view.hops.forEach((hop, i) => {
        const on = hop.ttl === selected;
        setText(cells[i][1], people(hop, on));
        cells[i][1].title = hop.addrs.map(who).join("\n");
        rows[i].classList.toggle("tnb-on", on);
        if (on) rows[i].setAttribute("aria-current", "true"); else rows[i].removeAttribute("aria-current");
      });
    },
  };
}
