import { describe, expect, it } from "vitest";
import { reconnectDelay } from "../src/reconnect.js";

const cut = { code: 1006, reason: "" };

describe("reconnectDelay", () => {
  it.each([
    [0, 500],
    [1, 1_000],
    [2, 2_000],
    [4, 8_000],
    [5, 15_000],
    [60, 15_000],
  ])("after %i failed attempts the pause ends before %i ms", (attempt, upper) => {
    expect(reconnectDelay(attempt, cut, () => 0)).toBe(0);
    expect(reconnectDelay(attempt, cut, () => 0.5)).toBe(upper / 2);
  });

  it("comes back exactly when a server that goes away says", () => {
    expect(reconnectDelay(3, { code: 1012, reason: "2.75" }, () => 0.9)).toBe(2_750);
    expect(reconnectDelay(0, { code: 1012, reason: "0" }, () => 0.9)).toBe(0);
  });

  it.each(["", "soon", "-1", "1e9", "NaN"])("does not trust the pace %j", (reason) => {
    expect(reconnectDelay(1, { code: 1012, reason }, () => 0.5)).toBe(500);
  });

  it("takes no pace over five minutes", () => {
    expect(reconnectDelay(0, { code: 1012, reason: "86400" }, () => 0)).toBe(300_000);
  });

  it.each([1003, 1007, 1009, 4400, 4401, 4404, 4408, 4409, 4499])("%i is final", (code) => {
    expect(reconnectDelay(0, { code, reason: "" }, () => 0.5)).toBeNull();
  });

  it.each([1000, 1001, 1005, 1006, 1011, 1012, 1013, 3000, 4500])("%i is retried", (code) => {
    expect(reconnectDelay(0, { code, reason: "" }, () => 0.5)).toBe(250);
  });
});
