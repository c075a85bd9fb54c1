import { expect, it } from "vitest";
import { Diyalog } from "../src/client.js";
import { FakeServer } from "./fake_server.js";

it("does not keep a token that is too old to start with", async () => {
  const kept = new Map<string, string>();
  const storage = {
    getItem: (k: string) => kept.get(k) ?? null,
    setItem: (k: string, v: string) => kept.set(k, v),
    removeItem: (k: string) => kept.delete(k),
  };
  const server = new FakeServer();
  const client = new Diyalog({
    url: "https://help.example",
    fetch: server.fetch,
    WebSocket: server.WebSocket,
    storage,
  });
  await client.activate({ customerId: "c1" });
  server.answer("POST /v1/client/help", 401, { code: "TOKEN_EXPIRED", retryable: false });
  await expect(client.startHelp({ helpType: "chat" })).rejects.toMatchObject({
    code: "TOKEN_EXPIRED",
  });
  expect(await client.restore("c1")).toBe(false);
});
