import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Diyalog } from "../src/client.js";
import { DiyalogError } from "../src/errors.js";
import type { ClientStorage } from "../src/memory.js";
import { FakeServer } from "./fake_server.js";

let server: FakeServer;

beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeServer();
});

afterEach(() => {
  vi.useRealTimers();
});

function visit(storage: ClientStorage | null): Diyalog {
  return new Diyalog({
    url: "https://help.example",
    fetch: server.fetch,
    WebSocket: server.WebSocket,
    storage,
  });
}

/** An app's own storage, which takes its time. */
class SlowStorage implements ClientStorage {
  readonly kept = new Map<string, string>();
  async getItem(key: string) {
    return this.kept.get(key) ?? null;
  }
  async setItem(key: string, value: string) {
    this.kept.set(key, value);
  }
  async removeItem(key: string) {
    this.kept.delete(key);
  }
}

const REFUSING: ClientStorage = {
  getItem: () => Promise.reject(new Error("locked")),
  setItem() {
    throw new Error("full");
  },
  removeItem() {
    throw new Error("locked");
  },
};

it("goes on after a reload with the token that was stored", async () => {
  const storage = new SlowStorage();
  const first = visit(storage);
  expect(await first.restore("c1")).toBe(false);
  await first.activate({ customerId: "c1", transactionHash: "t", deviceHash: "d" });
  const second = visit(storage);
  expect(await second.restore("c2")).toBe(false);
  expect(await second.restore("c1")).toBe(true);
  expect(await second.currentHelp()).toBeNull();
  expect(server.requests.at(-1)?.authorization).toBe("Bearer token-1");
});

it("repeats an unanswered start as the same start after a reload", async () => {
  const storage = new SlowStorage();
  const first = visit(storage);
  await first.activate({ customerId: "c1" });
  server.loseNextStart = true;
  await expect(first.startHelp({ helpType: "chat" })).rejects.toBeInstanceOf(DiyalogError);
  const second = visit(storage);
  await second.restore("c1");
  expect((await second.startHelp({ helpType: "chat" })).sessionId).toBe("session-1");
  expect(server.sessions).toHaveLength(1);
});

it("stores neither the proof of the activation nor what was asked", async () => {
  const storage = new SlowStorage();
  const client = visit(storage);
  await client.activate({ customerId: "c1", customerName: "Ayşe", transactionHash: "secret" });
  server.loseNextStart = true;
  const request = { helpType: "chat", identityNumber: "10000000146" } as const;
  await expect(client.startHelp(request)).rejects.toBeInstanceOf(DiyalogError);
  const text = [...storage.kept.values()].join();
  expect(text).toContain("token-1");
  for (const personal of ["secret", "Ayşe", "10000000146"]) expect(text).not.toContain(personal);
});

it("does not find a token again that the server refused", async () => {
  const storage = new SlowStorage();
  storage.kept.set("diyalog.c1", '{"token":"revoked","start":null}');
  const first = visit(storage);
  expect(await first.restore("c1")).toBe(true);
  await expect(first.currentHelp()).rejects.toMatchObject({ status: 401 });
  expect(await visit(storage).restore("c1")).toBe(false);
  expect(await first.restore("c1")).toBe(false);
  await first.activate({ customerId: "c1" });
  expect((await first.startHelp({ helpType: "chat" })).state).toBe("WAITING");
});

it("leaves nothing when told to forget", async () => {
  const storage = new SlowStorage();
  const client = visit(storage);
  await client.activate({ customerId: "c1" });
  await client.forget();
  expect(storage.kept.size).toBe(0);
  await expect(client.currentHelp()).rejects.toMatchObject({ code: "NOT_ACTIVATED" });
});

it.each([
  ["none", null] as const,
  ["a refusing one", REFUSING] as const,
])("with %s in place of a storage all works until the reload", async (_name, storage) => {
  const client = visit(storage);
  await client.activate({ customerId: "c1" });
  expect((await client.startHelp({ helpType: "chat" })).state).toBe("WAITING");
  expect(await visit(storage).restore("c1")).toBe(false);
  await client.forget();
});

it("does not trust what others wrote into the storage", async () => {
  const storage = new SlowStorage();
  for (const text of ["", "[]", '{"token":7}', "{"]) {
    storage.kept.set("diyalog.c1", text);
    expect(await visit(storage).restore("c1")).toBe(false);
  }
  storage.kept.set("diyalog.c1", '{"token":"token-1","start":{"key":7,"at":"x"}}');
  expect(await visit(storage).restore("c1")).toBe(true);
});
