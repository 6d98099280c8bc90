// What every part reckons with, under its short name.

export const { max, min } = Math;
