import type { Diyalog } from "diyalog";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { FakeServer } from "../../sdk/test/fake_server.js";
import { journeyPage } from "./journey_page.js";
import { memoryStorage } from "./memory_storage.js";

const CHOOSING = "#/start?customerId=c1&deviceHash=d&transactionHash=t";

let server: FakeServer;
let opened: { diyalog: Diyalog }[];

beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeServer();
  opened = [];
});

afterEach(() => {
  for (const { diyalog } of opened) diyalog.unfollow();
  vi.useRealTimers();
});

async function settle(ms = 2_000): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
}

async function openPage(link?: string) {
  const made = journeyPage(server, memoryStorage(), link);
  opened.push(made);
  void made.journey.open();
  await settle();
  return made;
}

/** Holds the answer to the next such request back until it is let go. */
function holding(method: string, path: string): () => void {
  const { fetch } = server;
  let letGo = () => {};
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  let first = true;
  vi.spyOn(server, "fetch").mockImplementation(async (input, init) => {
    const mine = first && init.method === method && new URL(input).pathname === path;
    if (mine) first = false;
    const answer = await fetch(input, init);
    if (mine) await held;
    return answer;
  });
  return letGo;
}

it("lets no look of a stopped request bring back what was found then", async () => {
  const { journey, view } = await openPage(CHOOSING);
  server.waiting();
  const answerTheLook = holding("GET", "/v1/client/help");
  void journey.ask("chat");
  await settle();
  void journey.stop();
  await settle();
  expect(view()).toMatchObject({ kind: "ended", ending: { kind: "stopped" } });
  void journey.ask();
  await settle();
  expect(view()).toMatchObject({ kind: "waiting", reference: "interaction-2" });
  answerTheLook();
  await settle();
  expect(view()).toMatchObject({ kind: "waiting", reference: "interaction-2" });
  server.end("NOT_DELIVERED", "queue");
  await settle();
  expect(view()).toMatchObject({ kind: "ended", ending: { kind: "notDelivered" } });
});

it("keeps the place that the stream told while the start was being answered", async () => {
  const answerTheStart = holding("POST", "/v1/client/help");
  const { view } = await openPage();
  server.moment("wait.updated", { position: 2, estimatedWaitSeconds: 60 });
  await settle();
  expect(view()).toMatchObject({ kind: "waiting", ahead: { kind: "count", n: 1 } });
  answerTheStart();
  await settle();
  expect(view()).toMatchObject({ kind: "waiting", ahead: { kind: "count", n: 1 } });
});
