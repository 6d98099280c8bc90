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

/**
 * Rows of each TTL, those with an RTT first and in its order, so that a window needs no sorting:
 * any subset of an ordered list is ordered.
 */
export function indexByTtl({ ttl, rtt }) {
  const lists = new Map();
  for (let row = 0; row < ttl.length; row++) {
    if (!lists.has(ttl[row])) lists.set(ttl[row], []);
    lists.get(ttl[row]).push(row);
  }
  const order = (a, b) => (rtt[a] - rtt[b]) || (a - b);
  const index = new Map();
  for (const [hop, rows] of lists) {
    const known = rows.filter((row) => rtt[row] === rtt[row]).sort(order);
    index.set(hop, Uint32Array.from([...known, ...rows.filter((row) => rtt[row] !== rtt[row])]));
  }
  return index;
}

/** Whether a moment lies in the window; no window (an empty one) holds everything. */
export function inFocus(at, focus) {
  return focus.length !== 2 || (at >= focus[0] && at <= focus[1]);
}

/** Quantile of ordered numbers by linear interpolation (numpy's and pandas' default); NaN of none. */
export function quantile(ordered, p) {
  if (ordered.length === 0) return NaN;
  const place = (ordered.length - 1) * p, low = Math.floor(place), share = place - low;
  if (share === 0) return ordered[low];
  const a = ordered[low], b = ordered[low + 1], step = b - a;
  return share < 0.5 ? a + step * share : b - step * (1 - share); // as numpy: exact at both ends
}

/** Counts, loss ratio and quantiles of the rows of one hop that lie in the window; NaN is missing. */
export function hopStats({ status, rtt, at }, rows, focus) {
  let sent = 0, recv = 0, late = 0, last = -1, sum = 0, squares = 0;
  const times = [];
  for (const row of rows) {
    if (!inFocus(at[row], focus)) continue;
    const code = status[row];
    if (code > STATUS.timeout) continue; // fate unknown, or not the network's doing
    sent++;
    if (code === STATUS.timeout) continue;
    recv++;
    if (code === STATUS.late) late++;
    if (rtt[row] !== rtt[row]) continue;
    times.push(rtt[row]);
    sum += rtt[row];
    last = Math.max(last, row);
  }
  const mean = sum / times.length;
  for (const time of times) squares += (time - mean) ** 2;
  return {
    sent, recv, late,
    loss_ratio: sent ? (sent - recv) / sent : NaN,
    last_ms: last < 0 ? NaN : rtt[last],
    avg_ms: mean,
    stddev_ms: times.length > 1 ? Math.sqrt(squares / (times.length - 1)) : NaN,
    best_ms: times.length ? times[0] : NaN,
    p25_ms: quantile(times, 0.25),
    p50_ms: quantile(times, 0.5),
    p75_ms: quantile(times, 0.75),
    worst_ms: times.length ? times[times.length - 1] : NaN,
  };
}

/** `hopStats` of every hop, by TTL. */
export function allStats(columns, index, focus) {
  return new Map([...index].map(([ttl, rows]) => [ttl, hopStats(columns, rows, focus)]));
}

/** Row numbers in the order of one figure; missing ones last in either direction, ties as they were. */
export function sortedOrder(values, descending) {
  const sign = descending ? -1 : 1;
  const gone = (value) => value === null || value === undefined || value !== value;
  return values.map((_, i) => i).sort((i, j) => {
    const a = values[i], b = values[j];
    if (gone(a) || gone(b)) return gone(a) - gone(b) || i - j;
    return sign * (a < b ? -1 : a > b ? 1 : 0) || i - j;
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
  const end = place.reduce((most, at) => Math.max(most, at + 1), kept);
  const placed = {};
  for (const [name, rows] of Object.entries(fresh)) {
    const all = new rows.constructor(end - base).fill(BLANK[name] ?? 0);
    if (kept > base) all.set(columns[name].subarray(base - before));
    place.forEach((at, i) => { all[at - base] = rows[i]; });
    placed[name] = all;
  }
  return placed;
}
