import { expect, it } from "vitest";
import { LatePart } from "../help/late_part.js";

it("is fetched once, and again after a failure", async () => {
  let fetched = 0;
  const pauses: (() => void)[] = [];
  const arrived: string[] = [];
  const part = new LatePart(
    async () => {
      fetched += 1;
      if (fetched === 1) throw new Error("no network");
      return "there";
    },
    (module) => arrived.push(module),
    (callback) => pauses.push(callback),
  );
  part.want();
  part.want();
  await Promise.resolve().then(() => {});
  expect([fetched, part.module, pauses.length]).toEqual([1, null, 1]);
  pauses[0]?.();
  part.want();
  await Promise.resolve().then(() => {});
  expect([fetched, part.module]).toEqual([2, "there"]);
  expect(arrived).toEqual(["there"]);
});
