// What JavaScript may compute while a brush moves: counts, quantiles and loss ratios, nothing else.
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
  let sent = 0, recv = 0, late = 0;
  const times = [];
  for (const row of rows) {
    if (!inFocus(at[row], focus)) continue;
    const code = status[row];
    if (code > STATUS.timeout) continue; // fate unknown, or not the network's doing
    sent++;
    if (code === STATUS.timeout) continue;
    recv++;
    if (code === STATUS.late) late++;
    if (rtt[row] === rtt[row]) times.push(rtt[row]);
  }
  return {
    sent, recv, late,
    loss_ratio: sent ? (sent - recv) / sent : NaN,
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

/** Rows of the rounds from `keep` on and before `since`, and the fresh ones behind them; sorted by round. */
export function mergedColumns(columns, fresh, keep, since) {
  const { round } = columns;
  if (!round) return fresh;
  let from = 0, to = round.length;
  while (from < round.length && round[from] < keep) from++;
  while (to > from && round[to - 1] >= since) to--;
  const merged = {};
  for (const [name, rows] of Object.entries(fresh)) {
    const kept = columns[name].subarray(from, to);
    merged[name] = new rows.constructor(kept.length + rows.length);
    merged[name].set(kept);
    merged[name].set(rows, kept.length);
  }
  return merged;
}
