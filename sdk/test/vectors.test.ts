/** The known frames that server and SDK share: what is read here, and what is written here. */

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import text from "../../tests/vectors/frames.json?raw";
import { HELP_STATES, HELP_TYPES, isFinalClose, OUTCOMES } from "../src/codes.js";
import { Connection } from "../src/connection.js";
import { type ClientMessage, readServerMessage } from "../src/messages.js";
import { FakeServer } from "./fake_server.js";

interface Known {
  readonly server: readonly { name: string; frame: string; read: unknown }[];
  readonly client: readonly { name: string; frame: string; message: ClientMessage }[];
  readonly closeCodes: readonly { code: number; final: boolean }[];
  readonly words: Record<"states" | "outcomes" | "helpTypes", readonly string[]>;
}

const known = JSON.parse(text) as Known;

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

it.each(known.server)("reads $name", ({ frame, read }) => {
  expect(readServerMessage(frame)).toEqual(read);
});

describe("writes", () => {
  type Hello = Extract<ClientMessage, { type: "hello" }>;

  /** Everything that a connection puts on the wire: its hello, a ping, and an acknowledgement. */
  async function written(hello: Omit<Hello, "type">, server = new FakeServer()): Promise<string[]> {
    const sent: string[] = [];
    class Recorded extends server.WebSocket {
      override send(frame: string): void {
        sent.push(frame);
        super.send(frame);
      }
    }
    const { token, ...position } = hello;
    const connection = new Connection(
      { url: "wss://help.example", token, position },
      {
        onWelcome: () => {},
        onEvent: () => {},
        onMomentary: () => {},
        onLost: () => {},
        onClosed: () => {},
      },
      {
        WebSocket: Recorded,
        lifecycle: { visible: () => true, subscribe: () => () => {} },
        random: () => 0,
        now: Date.now,
      },
    );
    await vi.advanceTimersByTimeAsync(15_000);
    connection.acknowledge(3);
    connection.say({ type: "typing" });
    connection.say({ type: "read", seq: 3 });
    connection.close();
    return sent;
  }

  it.each(known.client)("$name", async ({ message, frame }) => {
    if (message.type === "hello") {
      expect((await written(message))[0]).toBe(frame);
      return;
    }
    const server = new FakeServer();
    const { help, token } = server.waiting();
    while (server.newest.help.seq < 3) server.emit("wait.of_tomorrow", { position: 2 });
    const hello = { token, sessionId: help.sessionId, after: 0, epoch: null };
    expect(await written(hello, server)).toContain(frame);
  });
});

it.each(known.closeCodes)("takes $code for final: $final", ({ code, final }) => {
  expect(isFinalClose(code)).toBe(final);
});

it("knows the server's words", () => {
  expect([...HELP_STATES].sort()).toEqual([...known.words.states].sort());
  expect([...OUTCOMES].sort()).toEqual([...known.words.outcomes].sort());
  expect([...HELP_TYPES].sort()).toEqual([...known.words.helpTypes].sort());
});
