import { sortedOrder } from "./stats.js";
import { countText, MISSING, msText, ratioText, SILENT } from "./words.js";
import { copyButton, flag, folding, html, listMove, put, setText } from "./dom.js";
import { max, min } from "./sums.js";

// The hop table: recomputed for the focus window, sortable, columns of choice, one row selected.

export function tableView({ view, actions, model }) {
  const kinds = new Map(view.choices.map(({ name, kind }) => [name, kind]));
  const head = html("tr"), body = html("tbody", { tabindex: 0, "data-keep": "table", "aria-label": "Hops; arrow keys select" });
  const table = html("table", html("caption", "Hops within the focus window"), html("thead", head), body);
  const boxes = view.choices.map(({ name, label, title }) => {
    const box = html("input", { type: "checkbox", value: name, "data-keep": `choose-${name}`, onchange: () => {
      const { shown } = actions.state();
      actions.show(box.checked ? view.choices.map((one) => one.name).filter((one) => one === name || shown.includes(one))
        : shown.filter((one) => one !== name));
    } });
    return html("label", { title }, box, label);
  });
  const choice = folding(model, "columns", "choice", "Columns",
    html("div", { role: "group", "aria-label": "Columns of the hop table" }, ...boxes));
  choice.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && choice.open) { choice.open = false; choice.firstChild.focus(); event.stopPropagation(); }
  });
  const caption = html("span.caption");
  const status = html("span.copied", { role: "status" });
  const copy = copyButton("Copy CSV", csv, (said, text) => { status.textContent = said === text ? "No clipboard here" : said; });
  const element = html("div", html("div.bar.table-bar", {},
    caption, status, choice, copy),
  html("div.table", table));
  let keys = [], heads = [], cells = [], rows = [], last = null, sight = null, looked = -Infinity;

  body.addEventListener("keydown", (event) => {
    const list = [...body.children], to = listMove(event.key, list.findIndex((row) => row.classList.contains("tnb-on")), list.length);
    if (to === undefined) return;
    actions.select(view.hops[rows.indexOf(list[to])]?.ttl ?? null, null);
    event.preventDefault();
  });

  /** Make head and cells for the columns that are shown; cells are made once, then only texts change. */
  function build(shown) {
    keys = ["ttl", "addr", ...shown.filter((name) => kinds.has(name))];
    const titles = new Map(view.choices.map(({ name, label, title }) => [name, [label, title]]));
    heads = keys.map((key) => {
      const [label, title] = titles.get(key) ?? [view.labels[key], ""];
      const button = html("button.sort", { type: "button", text: label, "data-keep": `sort-${key}`,
        title: `${title ? `${title}. ` : ""}Sort by ${label}`, onclick: () => {
          const { sort } = actions.state();
          actions.look("sort", { key, descending: sort.key === key && !sort.descending });
          order(last);
        } });
      return html(key === "addr" ? "th.left" : "th", { scope: "col" }, button);
    });
    head.replaceChildren(...heads);
    cells = view.hops.map(() => keys.map((key, i) =>
      html(i === 0 ? "th" : key === "addr" ? "td.left" : key === "loss_ratio" ? "td.ratio" : "td", { scope: i === 0 ? "row" : null })));
    rows = view.hops.map((hop, i) => html("tr", { onclick: () => actions.select(hop.ttl, null) }, ...cells[i]));
    body.replaceChildren(...rows);
    boxes.forEach((box) => { box.firstChild.checked = shown.includes(box.firstChild.value); });
  }

  const sameWindow = (a, b) => a.length === b.length && a.every((end, i) => end === b[i]);

  /** What the browser knows at once, else what Python told of this very window and rows; else nothing yet. */
  function figure(key, hop, { now, told, focus, flow, replay, whoAt }) {
    if (key === "ttl") return hop.ttl;
    if (key === "addr") return whoAt(hop.ttl).map(who)[0];
    const mine = now.get(hop.ttl)?.[key];
    if (view.moving.includes(key)) return mine ?? (kinds.get(key) === "count" ? 0 : NaN);
    if (replay) return mine ?? NaN;
    if (!told || told.flow !== flow || !sameWindow(told.focus, focus)) return mine;
    return (told.old ? mine : null) ?? told.hops.get(hop.ttl)?.[key] ?? NaN;
  }

  function order(state) {
    if (!state) return;
    const { key, descending } = state.sort;
    const list = sortedOrder(view.hops.map((hop) => figure(key, hop, state)), descending).map((i) => rows[i]);
    if (list.some((row, i) => body.children[i] !== row)) body.replaceChildren(...list);
    heads.forEach((one, i) => {
      put(one, { "aria-sort": keys[i] === key ? descending ? "descending" : "ascending" : null });
    });
  }

  const who = (addr) => (view.names[addr] ? `${view.names[addr]} (${addr})` : addr);

  /** One responder a hop, and all of them where the eye is: a wide diamond would fill the page. */
  function people(addrs, open) {
    if (!addrs.length) return SILENT;
    return open ? addrs.map(who).join("\n") : who(addrs[0]) + (addrs.length > 1 ? `  +${addrs.length - 1}` : "");
  }

  function spell(key, value, decimals) {
    if (key === "ttl") return String(value);
    if (value === undefined) return "\u2026"; // on its way
    const kind = kinds.get(key);
    if (kind === "count") return Number.isFinite(value) ? countText(value) : MISSING;
    return kind === "ratio" ? ratioText(value) : msText(value, decimals);
  }

  /** The table as it stands, in its order, for a spreadsheet: plain numbers, all digits. */
  function csv() {
    const quote = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
    const lines = [...body.children].map((row) => {
      const hop = view.hops[rows.indexOf(row)];
      return keys.map((key) => {
        const value = key === "addr" ? last.whoAt(hop.ttl).join(" ") : figure(key, hop, last);
        return quote(value === undefined || value !== value || value === null ? "" : String(value));
      }).join(",");
    });
    return [keys.join(","), ...lines, ""].join("\n");
  }

  /** While the brush moves columns keep their widths, and only rows that can be seen are told. */
  function hold(final) {
    const { top, bottom } = final ? {} : table.parentElement.getBoundingClientRect(); // which costs a layout
    looked = final ? -Infinity : performance.now();
    sight = final ? null : rows.map((row) => { const at = row.getBoundingClientRect(); return at.bottom > max(0, top) && at.top < min(bottom, innerHeight); });
    const widths = final ? [] : heads.map((one) => one.offsetWidth);
    heads.forEach((one, i) => { one.style.width = final ? "" : `${widths[i]}px`; });
    table.style.tableLayout = final ? "" : "fixed";
  }

  return {
    element,
    paint(state, final) {
      last = state;
      if (!sameWindow(["ttl", "addr", ...state.shown], keys)) build(state.shown);
      if (final || performance.now() - looked > 400) hold(final);
      view.hops.forEach((hop, i) => {
        if (sight && !sight[i]) return;
        keys.forEach((key, k) => key !== "addr" && setText(cells[i][k], spell(key, figure(key, hop, state), state.decimals)));
        flag(rows[i], "lossy", state.now.get(hop.ttl)?.loss_ratio > 0);
      });
      if (!final) return;
      this.select(state);
      order(state); // rows keep their places while the brush moves
    },
    select({ selected, flow }) {
      setText(caption, `Hops${flow === null ? "" : ` of flow ${flow}`} (times in ms)`);
      view.hops.forEach((hop, i) => {
        const on = hop.ttl === selected, addrs = last.whoAt(hop.ttl);
        setText(cells[i][1], people(addrs, on));
        cells[i][1].title = addrs.map(who).join("\n");
        flag(rows[i], "muted", !addrs.length);
        flag(rows[i], "on", on);
        put(rows[i], { "aria-current": on });
      });
    },
  };
}
