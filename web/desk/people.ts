/** How much of a person is shown: names and topics in words, numbers only as far as they are needed. Pure. */

import type { Attached, Matter } from "./protocol.js";

/** Names under which companies attach what a request is about. */
const TOPIC = /^(topic|subject|reason|konu|sebep)$/i;

/** Whom something is about: by name, or by what may be shown of the number. */
export interface Person {
  readonly name: string | null;
  readonly masked: string;
}

export function personOf({ customerName, customerId }: Matter): Person {
  return { name: customerName, masked: masked(customerId) };
}

/** The last two characters, which are enough to compare. */
export function masked(text: string): string {
  return `••••${[...text].slice(-2).join("")}`;
}

/** Whether a value reads like a number of a person, a card or a telephone. */
export function isSensitive(value: string): boolean {
  return /^\+?[\d\s()./-]+$/.test(value) && value.replace(/\D/g, "").length >= 7;
}

/** What the request is about, if the company's app said it, and said it in words. */
export function topicOf(attached: readonly Attached[]): string | null {
  const named = attached.find(({ name }) => TOPIC.test(name));
  const worded = named ?? attached.find(({ value }) => /\p{Letter}{3}/u.test(value));
  return worded === undefined || isSensitive(worded.value) ? null : worded.value;
}
