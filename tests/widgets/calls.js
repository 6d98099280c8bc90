// Call functions of our modules as INPUT asks, and print what they returned. JSON has neither NaN nor infinity.
const bytes = (text) => new DataView(Uint8Array.from(Buffer.from(text, "base64")).buffer);
function revive(_, value) {
  if (value?.$bytes !== undefined) return bytes(value.$bytes);
  return value?.$odd !== undefined ? Number(value.$odd) : value;
}
function spell(_, value) {
  if (value instanceof Map) return [...value];
  return typeof value === "number" && !Number.isFinite(value) ? { $odd: String(value) } : value;
}
const known = {
  quantile, sortedOrder, decimalsFor, msText, ratioText, signedText, ticks, tidyFocus, shiftDomain,
  STATUS: () => STATUS,
  lossStep, rasterRuns: (raw, ttls, columns) => rasterRuns({ ...decodeColumns(raw), ttls }, columns),
  plan(raw, kind) { const { at, due, order, times } = replayPlan(decodeColumns(raw), kind); return [[...at], [...due], [...order], [...times]]; },
  replayed(raw, kind, moment) {
    const columns = decodeColumns(raw), { due } = replayPlan(columns, kind);
    return allStats(indexByTtl({ ...columns, at: due }), [-Infinity, moment]);
  },
  placed: (deltas) => deltas.reduce(([columns, before], [count, base, data]) =>
    [placedRows(columns, before, base, decodeRows(count, data)), base], [{}, deltas[0][1]])[0],
  tickDecimals, whose: (raw, addresses, focus, flow) =>
    [...indexByTtl(decodeColumns(raw), new Map(), null, flow)].map(([ttl, hop]) => [ttl, responders(hop, addresses, focus)]),
  window(raw, focus) {
    const columns = decodeColumns(raw);
    return allStats(indexByTtl(columns), focus);
  },
};
const calls = JSON.parse(INPUT, revive);
console.log(JSON.stringify(calls.map(([name, ...given]) => known[name](...given)), spell));
