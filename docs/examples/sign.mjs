// Tells Diyalog that no agent could take an interaction. Node 20 or newer, nothing to install.
//
//   DIYALOG_URL=https://... DIYALOG_ACCESS_KEY_ID=... DIYALOG_ACCESS_KEY_SECRET=... \
//   node sign.mjs INTERACTION_ID MESSAGE

import { createHmac } from "node:crypto";
import { argv, env } from "node:process";

const path = "/v1/application/interactionisnotdelivered";
const contentType = "application/json";

const [, , interactionId, message] = argv;
// Encoded once: these very bytes are signed and sent.
const body = Buffer.from(JSON.stringify({ interactionId, message }), "utf8");
const date = new Date().toUTCString();

const signature = createHmac("sha256", env.DIYALOG_ACCESS_KEY_SECRET)
  .update(`POST\n${contentType}\n${date}\n`)
  .update(body)
  .update(`\n${path}`)
  .digest("base64");

const response = await fetch(env.DIYALOG_URL + path, {
  method: "POST",
  headers: {
    "Content-Type": contentType,
    "x-dlg-date": date,
    "x-dlg-requester-userid": "back-office",
    "x-dlg-authorization": `DLGA ${env.DIYALOG_ACCESS_KEY_ID}:${signature}`,
  },
  body,
  redirect: "manual",
  signal: AbortSignal.timeout(30_000),
});
const text = await response.text();
if (response.status === 200) {
  console.log(text);
} else {
  console.error(response.status, text);
  process.exitCode = 1;
}
