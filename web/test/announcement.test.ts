import { describe, expect, it } from "vitest";
import { samples } from "../gallery/samples.js";
import { announcementOf } from "../help/announcement.js";
import type { View } from "../help/view.js";
import { NO_COMPANY } from "../shared/company.js";
import { en } from "../words/en.js";
import { tr } from "../words/tr.js";

const COMPANY = NO_COMPANY;

function sample(name: string): View {
  const view = samples[name];
  if (view === undefined) throw new Error(`no sample ${name}`);
  return view;
}

/** What is said in full when one screen follows another. */
function said(before: string | null, after: string): string | null {
  const first = before === null ? null : sample(before);
  const { headline, rest } = announcementOf(first, sample(after), en, COMPANY);
  const text = [headline, rest].filter((part) => part !== null).join(" ");
  return text === "" ? null : text;
}

describe("a new screen", () => {
  it.each([
    [null, "opening", "One moment, we are opening your request."],
    ["opening", "waiting", "You are in line. Likely wait 4 to 6 minutes."],
    ["asking", "waiting-unknown", "You are in line. We can't say how long yet."],
    ["asking", "waiting-over-half-an-hour", "You are in line. Likely wait more than 30 minutes."],
    ["opening", "choose", "How can we help you?"],
    ["choose", "asking", "Sending your request."],
    ["waiting", "next", "You are next. The next free agent is yours."],
    ["waiting", "elsewhere", "Your request is open on another screen."],
    ["waiting", "connected", "Selin Aksoy is here. You can write to each other here."],
    ["chat", "conversation-over", "The conversation is over. Selin Aksoy ended it."],
    ["chat", "conversation-over-customer", "The conversation is over. You ended it."],
    ["waiting", "stopped", "You stopped waiting. Nothing is open any more."],
    ["waiting", "queue-refused", "We can't take this kind of request right now."],
    [
      "opening",
      "problem-not-active",
      "Help is not switched on for you on this device. Please sign in to the app first.",
    ],
  ])("%s to %s says %j", (before, after, text) => {
    expect(said(before, after)).toBe(text);
  });

  it("interrupts for a call that an agent is ready for, and for nothing else", () => {
    const urgent = Object.keys(samples).filter(
      (name) => announcementOf(sample("waiting"), sample(name), en, COMPANY).urgent,
    );
    expect(urgent).toEqual(["connected-late"]);
  });

  it("tells the company's message with the ending", () => {
    const view = sample("not-delivered");
    const { headline, rest } = announcementOf(sample("waiting"), view, tr, COMPANY);
    expect(headline).toBe("Sizi bir temsilciye bağlayamadık.");
    expect(rest).toBe(
      "Tüm temsilcilerimiz şu anda başka görüşmelerde.\nLütfen hafta içi 09.00–18.00 arasında yeniden deneyin.",
    );
  });
});

describe("during the conversation", () => {
  it.each([
    ["chat", "chat-offline", en.chat.offline],
    ["chat-offline", "chat", "Connected again."],
    ["chat", "chat-ending", en.stop.unsure],
    // The log itself tells of messages.
    ["connected", "chat", null],
    ["chat", "chat-unsent", null],
    ["chat", "chat-end-asked", null],
  ])("%s to %s says %j", (before, after, text) => {
    expect(said(before, after)).toBe(text);
  });
});

describe("during the wait", () => {
  it.each([
    ["waiting", "order-changed", en.waiting.orderChanged],
    ["waiting", "longer", en.waiting.longer],
    ["waiting", "cut-off", en.cutOff.note],
    ["cut-off-quiet", "cut-off", en.cutOff.note],
    ["cut-off-long", "waiting", "Connected again. You are still in line."],
    ["stopping", "stop-unsure", en.stop.unsure],
    ["devices-offered", "devices-asking", en.devices.asking],
    ["devices-asking", "devices-refused", en.devices.refusedCamera],
    ["devices-running", "devices-good", en.devices.good],
    ["waiting-unknown", "waiting", "Likely wait 4 to 6 minutes."],
    ["waiting-one-ahead", "waiting", "The likely wait is now 4 to 6 minutes."],
    ["waiting", "waiting-over-half-an-hour", "The likely wait is now more than 30 minutes."],
  ])("%s to %s says %j", (before, after, text) => {
    expect(said(before, after)).toBe(text);
  });

  it.each([
    ["waiting", "waiting"],
    ["waiting", "waiting-one-ahead"],
    ["waiting", "cut-off-quiet"],
    ["cut-off-quiet", "waiting"],
    ["cut-off", "cut-off-long"],
    ["waiting", "stop-asked"],
    ["waiting", "waiting-time-hidden"],
    ["waiting", "waiting-back"],
    ["waiting", "waiting-sound-on"],
    ["devices-good", "devices-offered"],
  ])("%s to %s is silent", (before, after) => {
    expect(said(before, after)).toBeNull();
  });

  it("does not speak of minutes that pass", () => {
    const view = sample("waiting");
    if (view.kind !== "waiting") throw new Error("the sample waits");
    const later: View = { ...view, facts: [{ kind: "looking", minutes: 4 }] };
    expect(announcementOf(view, later, en, COMPANY)).toMatchObject({ headline: null, rest: null });
  });
});
