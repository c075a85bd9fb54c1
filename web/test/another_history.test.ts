import { expect, it } from "vitest";
import { type Happening, initialState, type State, update } from "../help/model.js";
import { viewOf } from "../help/view.js";
import { helpOf, START } from "./help_sample.js";

function play(device: number, ...steps: [Happening, number][]) {
  let now = device;
  let state: State = initialState(now, null);
  for (const [h, after] of steps) {
    now += after;
    state = update(state, h, now);
  }
  return viewOf(state, now);
}
it("takes the snapshot of another history as the truth", () => {
  const view = play(
    START,
    [
      {
        type: "help",
        help: helpOf({ state: "CONNECTED", outcome: "CONNECTED", seq: 2, epoch: "a" }),
      },
      0,
    ],
    [{ type: "help", help: helpOf({ state: "WAITING", seq: 1, epoch: "b" }) }, 1000],
  );
  expect(view.kind).toBe("waiting");
});
