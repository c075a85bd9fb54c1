/**
 * Random conversations: both sides write while the connection is cut at any frame and answers are
 * lost. Whatever happens, the list is the server's: no message lost, none repeated, in one order.
 */

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Chat } from "../src/chat.js";
import { Diyalog } from "../src/client.js";
import { FakeServer } from "./fake_server.js";
import { seeded } from "./seeded.js";

const RUNS = 120;
const STEPS = 50;
const CALM_MS = 60_000;

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe.each(Array.from({ length: RUNS }, (_, index) => index + 1))("conversation %i", (seed) => {
  it("has every message once, in the session's order", async () => {
    const random = seeded(seed);
    const server = new FakeServer();
    const client = new Diyalog({
      url: "https://help.example",
      fetch: server.fetch,
      WebSocket: server.WebSocket,
      lifecycle: { visible: () => true, subscribe: () => () => {} },
      random,
    });
    const { help, token } = server.waiting();
    client.resume(token);
    client.follow(help);
    await vi.advanceTimersByTimeAsync(0);
    server.end("CONNECTED", null);
    let chat = new Chat(client, server.newest.help, { random });
    const told: string[] = [];
    client.on("chat.message", ({ author, id }) => told.push(`${author} ${id}`));
    const trace: string[] = [];
    const written: string[] = [];
    const acts: Readonly<Record<string, () => void>> = {
      write: () => {
        const text = `mine ${written.length}`;
        written.push(text);
        chat.send(text);
      },
      "write twice": () => {
        acts["write"]?.();
        acts["write"]?.();
      },
      answer: () => server.conversation.say(`a-${trace.length}`, `theirs ${trace.length}`),
      "answer and cut": () => {
        acts["answer"]?.();
        server.socket.readyState = 3;
        server.socket.onclose?.({ code: 1006, reason: "" });
      },
      cut: () => server.socket.serverCloses(1006),
      "half open": () => server.socket.breakSilently(),
      "answers lost": () => {
        server.loseAnswers = true;
      },
      "answers back": () => {
        server.loseAnswers = false;
      },
      "network away": () => {
        server.network = random() < 0.5 ? "refuse" : "hang";
        server.socket.serverCloses(1006);
      },
      "network back": () => {
        server.network = "up";
      },
      // The screen is opened anew: the transcript comes from the server, the rest was kept.
      reload: () => {
        const { unsent } = chat;
        chat.close();
        chat = new Chat(client, server.newest.help, { unsent, random });
      },
    };
    const names = Object.keys(acts);
    for (let step = 0; step < STEPS; step += 1) {
      const name = names[Math.floor(random() * names.length)] ?? "";
      trace.push(name);
      acts[name]?.();
      if (random() < 0.7) await vi.advanceTimersByTimeAsync(random() * 5_000);
    }
    acts["network back"]?.();
    acts["answers back"]?.();
    await vi.advanceTimersByTimeAsync(CALM_MS);
    const stored = server.conversation.messages;
    const rows = chat.messages.map(({ seq, author, id, text }) => [seq, author, id, text]);
    expect(rows, trace.join(", ")).toEqual(stored.map((m) => [m.seq, m.author, m.id, m.text]));
    const mine = stored.filter(({ author }) => author === "customer").map(({ text }) => text);
    expect(mine).toEqual(written);
    expect(told).toEqual(stored.map(({ author, id }) => `${author} ${id}`));
    server.conversation.end("agent");
    client.on("help", () => {});
    await vi.advanceTimersByTimeAsync(CALM_MS);
    expect(server.newest.acknowledged).toBe(true);
    chat.close();
    client.unfollow();
    expect(vi.getTimerCount()).toBe(0);
  });
});
