import { describe, expect, it } from "vitest";
import { isLonger, rangeOf } from "#shared/estimate.ts";

describe("rangeOf", () => {
  it.each([
    [0, 1, 2],
    [59, 1, 2],
    [60, 1, 2],
    [61, 2, 3],
    [120, 2, 3],
    [200, 4, 5],
    [240, 4, 6],
    [600, 10, 15],
    [601, 15, 20],
    [900, 15, 25],
    [1200, 20, 30],
    [1500, 25, 35],
    [1800, 30, 45],
  ])("tells %i s as %i to %i minutes", (seconds, from, to) => {
    expect(rangeOf(seconds)).toEqual({ from, to });
  });

  it("tells no end beyond half an hour", () => {
    expect(rangeOf(1801)).toEqual({ from: 30, to: null });
    expect(rangeOf(86_400)).toEqual({ from: 30, to: null });
  });

  it.each([
    null,
    -1,
    Number.NaN,
    Number.POSITIVE_INFINITY,
  ])("makes nothing up for %s", (seconds) => {
    expect(rangeOf(seconds)).toBeNull();
  });

  it("never tells less than the estimate", () => {
    for (let seconds = 0; seconds <= 1800; seconds += 1) {
      const range = rangeOf(seconds);
      expect(range?.to).toBeGreaterThanOrEqual(seconds / 60);
      expect(range?.to).toBeGreaterThan(range?.from ?? 0);
    }
  });
});

it("compares by the later end", () => {
  expect(isLonger({ from: 4, to: 6 }, { from: 5, to: 8 })).toBe(true);
  expect(isLonger({ from: 5, to: 8 }, { from: 4, to: 6 })).toBe(false);
  expect(isLonger({ from: 25, to: 35 }, { from: 30, to: null })).toBe(true);
  expect(isLonger({ from: 30, to: null }, { from: 30, to: null })).toBe(false);
});
