/**
 * The frames and codes on the protocol's page. The server's tests hold the page against the server;
 * these hold the SDK against the same page.
 */

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import page from "../../docs/stream_protocol.md?raw";
import { isFinalClose, OUTCOMES } from "../src/codes.js";
import { Connection } from "../src/connection.js";
import { readServerMessage } from "../src/messages.js";
import { reconnectDelay } from "../src/reconnect.js";
import { FakeServer } from "./fake_server.js";

const FRAMES = [...page.matchAll(/```json\n(.+)\n```/g)].map((match) => match[1] ?? "");

function frame(type: string): Record<string, unknown> {
  const text = FRAMES.find((shown) => JSON.parse(shown).type === type);
  if (text === undefined) throw new Error(`the page shows no ${type}`);
  return JSON.parse(text);
}

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe("what the server sends", () => {
  it("is read with everything that the page shows", () => {
    for (const type of ["welcome", "event", "pong"]) {
      const shown = frame(type);
      expect(readServerMessage(JSON.stringify(shown))).toMatchObject(shown);
    }
  });

  it("ends a wait with one of the outcomes that the page names", () => {
    for (const outcome of OUTCOMES) expect(page).toContain(`\`${outcome}\``);
  });
});

it("what the SDK sends has the fields that the page shows", async () => {
  const server = new FakeServer();
  const { help, token } = server.waiting();
  const connection = new Connection(
    {
      url: "wss://help.example",
      token,
      position: { sessionId: help.sessionId, after: 0, epoch: null },
    },
    {
      onWelcome: () => {},
      onEvent: ({ seq }) => connection.acknowledge(seq),
      onMomentary: () => {},
      onLost: () => {},
      onClosed: () => {},
    },
    {
      WebSocket: server.WebSocket,
      lifecycle: { visible: () => true, subscribe: () => () => {} },
      random: () => 0,
      now: Date.now,
    },
  );
  await vi.advanceTimersByTimeAsync(15_000);
  connection.close();
  expect(server.socket.sent.map((sent) => Object.keys(sent))).toEqual(
    ["hello", "ack", "ping"].map((type) => Object.keys(frame(type))),
  );
});

describe("the table of close codes", () => {
  const rows = [...page.matchAll(/^\| (\d{4}) \| .+ \| (.+) \|$/gm)];

  it("was found", () => expect(rows.length).toBeGreaterThan(10));

  it.each(rows.map(([, code, then]) => [Number(code), then] as const))("%i: %s", (code, then) => {
    expect(isFinalClose(code)).toBe(then?.startsWith("final"));
    expect(reconnectDelay(0, { code, reason: "" }, () => 0.5) === null).toBe(isFinalClose(code));
  });
});
