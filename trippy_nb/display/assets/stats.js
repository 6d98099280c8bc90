import { max } from "./sums.js";

// What JavaScript may compute while a brush moves or rows come in: counts, quantiles, loss ratios and moments.
// Pure functions, no DOM; tests/widgets runs them in node against the Python analysis.

/** Codes of a probe's status, as trippy_nb.model.Status. Only `timeout` is loss. */
export const STATUS = Object.freeze({
  reply: 0, late: 1, timeout: 2, in_flight: 3, beyond_target: 4, send_error: 5, not_sent: 6,
});

const ARRAYS = { u1: Uint8Array, u2: Uint16Array, u4: Uint32Array, f8: Float64Array };

/** Typed arrays from `{name: [type, DataView]}`; copied, because a view into a message may be unaligned. */
export function decodeColumns(raw) {
  const columns = {};
  for (const [name, [type, view]] of Object.entries(raw)) {
    const start = view.byteOffset, buffer = view.buffer ?? view;
    columns[name] = new ARRAYS[type](buffer.slice(start, start + view.byteLength));
  }
  return columns;
}

/** Rows by a figure, those without it last, ties as they came. */
function ordered(rows, figure) {
  const known = rows.filter((row) => figure[row] === figure[row]).sort((a, b) => figure[a] - figure[b] || a - b);
  return Uint32Array.from([known, rows.filter((row) => figure[row] !== figure[row])].flat());
}

/**
 * The probes of each TTL: `rows` in the order of RTT, and what tells any window without going through it,
 * namely `when` in the order of time, with counts up to each place. Of an index at hand only the hops `touched`
 * are made anew: the rows of the others must be where they were. Of one flow only, if one is named.
 */
export function indexByTtl(columns, index = new Map(), touched = null, flow = null) {
  const lists = new Map();
  columns.ttl.forEach((hop, row) => {
    if ((touched && !touched.has(hop)) || (flow !== null && columns.flow[row] !== flow)) return;
    const list = lists.get(hop);
    if (list) list.push(row); else lists.set(hop, [row]);
  });
  for (const hop of touched ?? [...index.keys()]) if (!lists.has(hop)) index.delete(hop);
  for (const [hop, list] of lists) index.set(hop, hopIndex(columns, list));
  return index;
}

/** Plain loops: it is made anew several times a second while a trace goes on. */
export function hopIndex({ status, rtt, at, addr }, list) {
  const rows = ordered(list, rtt), inTime = ordered(list, at), n = list.length;
  const who = inTime.map((row) => (status[row] < STATUS.timeout ? addr[row] : -1)); // -1 is, unsigned, nobody
  const [sent, recv, late, timed] = [0, 0, 0, 0].map(() => new Uint32Array(n + 1)), isTimed = (row) => status[row] < STATUS.timeout && rtt[row] === rtt[row];
  for (let i = 0; i < n; i++) {
    const row = inTime[i], code = status[row];
    sent[i + 1] = sent[i] + (code <= STATUS.timeout ? 1 : 0); // else its fate is unknown, or not the network's doing
    recv[i + 1] = recv[i] + (code < STATUS.timeout ? 1 : 0);
    late[i + 1] = late[i] + (code === STATUS.late ? 1 : 0);
    timed[i + 1] = timed[i] + (isTimed(row) ? 1 : 0);
  }
  const of = (figure, some) => { const values = new Float64Array(some.length); for (let i = 0; i < values.length; i++) values[i] = figure[some[i]]; return values; };
  const when = of(at, inTime), sorted = rows.filter(isTimed), byTime = inTime.filter(isTimed), times = of(rtt, sorted);
  let tree = null;
  return { rows, who, upTo: { sent, recv, late, timed }, when, series: of(rtt, byTime), dated: inTime.findLastIndex((row) => at[row] === at[row]) + 1,
    /** The k-th smallest of the times at the places from `low` on and before `high`, counted in time. */
    nth(low, high, k) {
      if (high - low === times.length) return times[k];
      tree ??= rankTree(sorted, byTime);
      return times[nthRank(tree, low, high, k)];
    } };
}

/**
 * A wavelet tree over ranks in the order of time: for each bit from the highest, how many of those before a
 * place have it; below, those without it stand first. It finds the k-th smallest of any stretch in as many steps
 * as a rank has bits, so quantiles cost the number of hops, not of probes.
 */
function rankTree(sorted, inTime) {
  const rank = new Map(), levels = [];
  sorted.forEach((row, i) => rank.set(row, i));
  let now = Uint32Array.from(inTime, (row) => rank.get(row));
  for (let bit = 31 - Math.clz32(now.length); bit >= 0; bit--) {
    const ones = new Uint32Array(now.length + 1);
    now.forEach((value, i) => { ones[i + 1] = ones[i] + ((value >>> bit) & 1); });
    const zeros = now.filter((value) => !((value >>> bit) & 1));
    levels.push({ bit, ones, zeros: zeros.length });
    const next = new Uint32Array(now.length);
    next.set(zeros);
    next.set(now.filter((value) => (value >>> bit) & 1), zeros.length);
    now = next;
  }
  return levels;
}

function nthRank(levels, low, high, k) {
  let rank = 0;
  for (const { bit, ones, zeros } of levels) {
    const before = ones[low], until = ones[high], without = high - low - (until - before);
    if (k < without) { low -= before; high -= until; continue; }
    k -= without;
    low = zeros + before;
    high = zeros + until;
    rank |= 1 << bit;
  }
  return rank;
}

/** How many of ascending moments, of the first `high`, lie before one (or, if `through`, up to it). */
export function placeOf(when, high, moment, through) {
  let low = 0;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (when[middle] < moment || (through && when[middle] === moment)) low = middle + 1; else high = middle;
  }
  return low;
}

/** Whether a moment lies in the window; no window (an empty one) holds everything. */
export function inFocus(at, focus) {
  return focus.length !== 2 || (at >= focus[0] && at <= focus[1]);
}

/** Quantile of ordered numbers by linear interpolation (numpy's and pandas' default); NaN of none. */
export const quantile = (ordered, p) => quantileOf(ordered.length, (k) => ordered[k], p);

function quantileOf(size, nth, p) {
  if (size === 0) return NaN;
  const place = (size - 1) * p, low = Math.floor(place), share = place - low, a = nth(low);
  if (share === 0) return a;
  const b = nth(low + 1), step = b - a;
  return share < 0.5 ? a + step * share : b - step * (1 - share); // as numpy: exact at both ends
}

/** Which places, in the order of time, lie in the window: from one on, and before another. */
const stretch = ({ when, dated }, focus) => (focus.length !== 2 ? [0, when.length]
  : [placeOf(when, dated, focus[0], false), placeOf(when, dated, focus[1], true)]);

/** Who answered within the window, the most frequent first, ties in the order of their text: as `analysis`. */
export function responders(hop, addresses, focus) {
  const counts = new Map(), [from, to] = stretch(hop, focus);
  for (let i = from; i < to; i++) counts.set(hop.who[i], (counts.get(hop.who[i]) ?? 0) + 1);
  return [...counts].map(([who, count]) => [addresses[who], count]).filter(([addr]) => addr)
    .sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1)).map(([addr]) => addr);
}

/** Counts, loss ratio, quantiles and moments of the probes of one hop that lie in the window; NaN is missing. */
export function hopStats(hop, focus) {
  const { upTo, nth, series } = hop, [from, to] = stretch(hop, focus);
  const count = (name) => max(0, upTo[name][to] - upTo[name][from]);
  const sent = count("sent"), recv = count("recv"), size = count("timed"), low = upTo.timed[from];
  const at = (p) => quantileOf(size, (k) => nth(low, low + size, k), p);
  const times = series.subarray(low, low + size), mean = times.reduce((sum, time) => sum + time, 0) / size;
  return { sent, recv, late: count("late"), loss_ratio: sent ? (sent - recv) / sent : NaN,
    last_ms: size ? times[size - 1] : NaN, avg_ms: mean,
    stddev_ms: size > 1 ? Math.sqrt(times.reduce((sum, time) => sum + (time - mean) ** 2, 0) / (size - 1)) : NaN,
    best_ms: at(0), p25_ms: at(0.25), p50_ms: at(0.5), p75_ms: at(0.75), worst_ms: at(1) };
}

/** `hopStats` of every hop, by TTL. */
export const allStats = (index, focus) => new Map([...index].map(([ttl, hop]) => [ttl, hopStats(hop, focus)]));

const TEXTS = new Intl.Collator("en", { numeric: true });

/** Row numbers in the order of one figure, or of texts, numbers in them as numbers; missing ones last in either direction, ties as they were. */
export function sortedOrder(values, descending) {
  const sign = descending ? -1 : 1;
  const gone = (value) => value === null || value === undefined || value !== value;
  return values.map((_, i) => i).sort((i, j) => {
    const a = values[i], b = values[j];
    if (gone(a) || gone(b)) return gone(a) - gone(b) || i - j;
    return sign * (typeof a === "string" ? TEXTS.compare(a, b) : a - b) || i - j;
  });
}

/** Columns of a delta in the order of their bytes: the place of each row, and trippy_nb.widgets.feed.ROW. */
const WIRE = { rtt: "f8", at: "f8", place: "u4", round: "u4", addr: "u4", flow: "u2", ttl: "u1", status: "u1" };
const BLANK = { rtt: NaN, at: NaN, status: STATUS.not_sent };

export function decodeRows(count, { buffer, byteOffset }) {
  const bytes = buffer.slice(byteOffset), rows = {};
  let start = 0;
  for (const [name, type] of Object.entries(WIRE)) {
    rows[name] = new ARRAYS[type](bytes, start, count);
    start += rows[name].byteLength;
  }
  return rows;
}

/** Rows from place `base` on, the fresh ones where they belong; those at hand begin at `before`. */
export function placedRows(columns, before, base, { place, ...fresh }) {
  const kept = columns.ttl ? before + columns.ttl.length : base;
  const end = place.reduce((most, at) => max(most, at + 1), kept);
  const placed = {};
  for (const [name, rows] of Object.entries(fresh)) {
    const all = new rows.constructor(end - base).fill(BLANK[name] ?? 0);
    if (kept > base) all.set(columns[name].subarray(base - before));
    place.forEach((at, i) => { all[at - base] = rows[i]; });
    placed[name] = all;
  }
  return placed;
}
