import { max } from "./sums.js";

// Numbers as people read them: the same rules as trippy_nb.display.words (a test compares them).

export const MISSING = "\u2013";
export const SILENT = "*";

/** One number of decimals for a whole table of times in ms. */
export function decimalsFor(values) {
  const known = values.filter(Number.isFinite).map(Math.abs);
  const largest = max(0, ...known);
  if (!known.length || largest >= 100) return 1;
  return largest < 1 ? 3 : 2;
}

export function msText(value, decimals) {
  return Number.isFinite(value) ? value.toFixed(decimals) : MISSING;
}

/** Percent, where a little is never rounded to none, nor almost all to all. */
export function ratioText(ratio) {
  if (!Number.isFinite(ratio)) return MISSING;
  const text = (100 * ratio).toFixed(1);
  if (text === "0.0" && ratio > 0) return "<0.1 %";
  if (text === "100.0" && ratio < 1) return ">99.9 %";
  return `${text} %`;
}

export function signedText(value, decimals) {
  if (!Number.isFinite(value)) return MISSING;
  const text = Math.abs(value).toFixed(decimals);
  return Number(text) === 0 ? text : (value < 0 ? "\u2212" : "+") + text;
}

const THOUSANDS = new Intl.NumberFormat("en-US");
/** A count, and of what: `1 probe`, `2 probes`. */
export const countText = (count, what) => THOUSANDS.format(count) + (what ? ` ${what}${count === 1 ? "" : "s"}` : "");

const UNITS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];

/** The unit in which a span of seconds is told. */
export function spanUnit(seconds) {
  return UNITS.find(([size]) => seconds >= 2 * size) ?? UNITS[3];
}

/** Round steps of 1, 2 or 5 times a power of ten from low to high. */
export function ticks(low, high, wanted) {
  const raw = (high - low) / max(1, wanted);
  if (!(raw > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 5].find((part) => part * power >= raw * 0.999) ?? 10);
  const marks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) marks.push(i * step);
  return marks;
}

/** Decimals that spell all of some ticks, or the only one, as what they are. */
export const tickDecimals = (marks) => [0, 1, 2, 3, 4, 5].find((n) => marks.every((mark) => Math.abs(mark - mark.toFixed(n)) < 1e-9)) ?? 6;
