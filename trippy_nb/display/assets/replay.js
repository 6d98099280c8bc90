import { indexByTtl, placeOf, STATUS } from "./stats.js";
import { countText, msText } from "./words.js";
import { button, html, put, setText } from "./dom.js";
import { max, min } from "./sums.js";

// A run that is over once more, probe by probe: sent, answered, or given up when its round is over.

const SPEEDS = [["100 \u00d7 slower", 0.01], ["20 \u00d7 slower", 0.05], ["5 \u00d7 slower", 0.2], ["as it was", 1], ["10 \u00d7 faster", 10]];
const LOOK_BACK = 6000; // events; those on their way are among the latest

/**
 * When each probe was sent (`at`) and settled (`due`), and what happened in order: `order` holds twice the row,
 * plus one where it settled; `times` when. An answer arrives its RTT later; who gets none is waited for until the
 * next round begins. Without times a round is as long as another, and its probes follow each other evenly.
 */
export function replayPlan({ round, status, rtt, at }, kind) {
  const n = round.length, due = new Float64Array(n), sent = Float64Array.from(at), begins = new Map(), sizes = new Map();
  for (const one of round) sizes.set(one, (sizes.get(one) ?? 0) + 1);
  const untimed = kind === "round", seen = new Map(), answered = (row) => status[row] < STATUS.timeout;
  let end = 0;
  round.forEach((one, row) => {
    const size = sizes.get(one), place = seen.get(one) ?? 0;
    seen.set(one, place + 1);
    if (untimed) sent[row] += place / size;
    if (!(sent[row] >= begins.get(one))) begins.set(one, sent[row]);
    due[row] = sent[row] + (!answered(row) ? 0 : untimed ? 0.5 / size : (rtt[row] || 0) / 1000);
    if (due[row] > end) end = due[row];
  });
  const rounds = [...sizes.keys()].sort((a, b) => a - b), next = new Map(rounds.map((one, i) => [one, begins.get(rounds[i + 1]) ?? end]));
  const order = [];
  for (let row = 0; row < n; row++) {
    if (!answered(row)) due[row] = max(sent[row], next.get(round[row]));
    if (sent[row] === sent[row] && status[row] < STATUS.send_error) order.push(2 * row, 2 * row + 1);
  }
  const time = (code) => (code & 1 ? due : sent)[code >> 1];
  // At one moment what was sent before settles first; a probe settles after it was sent.
  order.sort((a, b) => time(a) - time(b) || (a >> 1 === b >> 1 ? a - b : (b & 1) - (a & 1) || a - b));
  return { at: sent, due, order: Uint32Array.from(order), times: Float64Array.from(order, time) };
}

export function replayBar({ view, columns, actions, fly }) {
  const plan = replayPlan(columns, view.axis.kind), { order, times, at, due } = plan, count = order.length;
  let indexed = {}; // of the flow that was asked for last
  const indexOf = (flow) => (indexed.flow === flow ? indexed : (indexed = { flow, index: indexByTtl({ ...columns, at: due }, new Map(), null, flow) })).index;
  const isAnswered = (row) => columns.status[row] < STATUS.timeout;
  const seen = new Map(); // when a hop first answered by an address, or did not
  for (const code of order) {
    const row = code >> 1, who = `${columns.ttl[row]} ${isAnswered(row) ? view.addresses[columns.addr[row]] : null}`;
    if (code & 1 && !seen.has(who)) seen.set(who, due[row]);
  }
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  let place = 0, moment = -Infinity, before = 0, playing = false, asked = 0;

  const control = (text, label, onclick) => button(text, onclick, { title: label, "aria-label": label });
  const play = control("\u25b6", "Play", () => (playing ? pause() : start()));
  const slider = html("input.scrub", { type: "range", min: 0, max: count, step: 1, value: 0, "aria-label": "Replay: what has happened",
    oninput: () => { pause(); stepTo(Number(slider.value)); } });
  const speed = html("select", { "aria-label": "Speed", title: "Speed" }, ...SPEEDS.map(([text, value]) => html("option", { value, text, selected: value === 0.05 })));
  const words = html("span.status.said", { role: "status" });
  const element = html("div.bar.replay", { role: "group", "aria-label": "Replay", tabindex: -1 },
    ...(still ? [] : [play]), control("\u25c2", "One step back", () => step(-1)), control("\u25b8", "One step on", () => step(1)),
    slider, ...(still ? [] : [speed]), words);
  element.addEventListener("keydown", (event) => {
    if (event.target === speed) return;
    const moves = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 };
    if (event.key === " " && !still) (playing ? pause : start)();
    else if (event.key in moves) step(moves[event.key]);
    else if (event.key === "PageDown" || event.key === "PageUp") { pause(); stepTo(roundFrom(event.key === "PageUp" ? 1 : -1)); }
    else if (event.key === "Home" || event.key === "End") { pause(); stepTo(event.key === "Home" ? 0 : count); }
    else return;
    event.preventDefault();
  });

  const rowAt = (i) => order[i] >> 1;
  /** Where the next round begins, or this one (the one before, if it has just begun). */
  function roundFrom(by) {
    const now = place ? columns.round[rowAt(place - 1)] : -1;
    if (by > 0) {
      let i = place;
      while (i < count && columns.round[rowAt(i)] <= now) i++;
      return min(count, i + 1);
    }
    let i = max(0, place - 2);
    while (i > 0 && columns.round[rowAt(i - 1)] === columns.round[rowAt(i)]) i--;
    return place ? i + 1 : 0;
  }

  function stepTo(to) {
    place = max(0, min(count, to));
    moment = place ? times[place - 1] : -Infinity;
    paint();
  }
  const step = (by) => { pause(); stepTo(place + by); };

  /** Rows that were sent and have not settled. */
  function underWay() {
    const rows = [];
    for (let i = place - 1, last = max(0, place - LOOK_BACK); i >= last; i--) {
      const row = rowAt(i);
      if (!(order[i] & 1) && due[row] > moment) rows.push(row);
      if (columns.round[row] + 2 < columns.round[rowAt(place - 1)]) break;
    }
    return rows;
  }

  function say() {
    if (!place) return `${countText(count / 2, "probe")}, in order of time`;
    const row = rowAt(place - 1), hop = columns.ttl[row], who = view.addresses[columns.addr[row]];
    const about = `Round ${columns.round[row] + 1}`, probe = `probe to hop ${hop}`;
    if (!(order[place - 1] & 1)) return `${about}: ${probe} sent`;
    if (!isAnswered(row)) return `${about}: ${probe} given up`;
    return `${about}: hop ${hop}, ${view.names[who] ?? who ?? "*"}, answered after ${msText(columns.rtt[row], actions.state().decimals)} ms`;
  }

  /** Show this very moment; while it plays only what moves. */
  function paint(moving = false) {
    const rows = place ? underWay() : [];
    slider.value = place;
    const text = say();
    put(slider, { "aria-valuetext": text });
    if (!moving) setText(words, text);
    const latest = place && !moving ? order[place - 1] : null;
    fly(rows.map((row) => ({ row, ...shareOf(row) })), latest === null ? null : { row: latest >> 1, settled: latest & 1, answered: isAnswered(latest >> 1) },
      (ttl, addr) => seen.get(`${ttl} ${addr}`) <= moment);
    actions.replayed(moving);
  }

  /** How far a probe has come: out (0 to 1), or back; without an answer it stays where it got lost. */
  function shareOf(row) {
    const leg = (due[row] - at[row]) / 2;
    if (!isAnswered(row)) return { out: min(1, (moment - at[row]) / (usual() / 2)), lost: true };
    return moment < at[row] + leg ? { out: (moment - at[row]) / leg } : { back: (moment - at[row] - leg) / leg };
  }
  let halfway = 0;
  const usual = () => (halfway ||= view.axis.kind === "round" ? 0.05 : max(1e-3, max(0, ...actions.state().usual) / 1000));

  function tick(now) {
    asked = requestAnimationFrame(tick);
    const passed = min(100, now - before) / 1000 * Number(speed.value), old = place;
    before = now;
    moment += passed;
    // Nothing that moves is under way: on to what comes next.
    if (place < count && times[place] > moment && !underWay().some((row) => isAnswered(row) || shareOf(row).out < 1)) moment = max(moment, times[place] - passed);
    place = placeOf(times, count, moment, true);
    if (place === count) { pause(); return; }
    paint(true);
    if (place !== old) setText(words, say());
  }
  function start() {
    if (place === count) stepTo(0);
    if (moment === -Infinity) moment = times[0] ?? 0;
    playing = true;
    before = performance.now();
    asked = requestAnimationFrame(tick);
    label();
  }
  function pause() {
    cancelAnimationFrame(asked);
    if (playing) { playing = false; label(); paint(); }
  }
  function label() {
    setText(play, playing ? "\u275a\u275a" : "\u25b6");
    for (const name of ["title", "aria-label"]) play.setAttribute(name, playing ? "Pause" : "Play");
    put(words, { "aria-live": playing ? "off" : "polite" });
  }

  return { element, plan, indexOf, focus: () => slider.focus(), close: () => cancelAnimationFrame(asked),
    moment: () => moment, startAt: (when) => stepTo(when === null ? 0 : placeOf(times, count, when, true)) };
}
