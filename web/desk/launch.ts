import { THEMES, type Theme } from "diyalog";
import { oneOf } from "#shared/fields.ts";
import type { Credentials } from "./staff_api.js";

export const LANGUAGES = ["en", "tr"] as const;
export type Lang = (typeof LANGUAGES)[number];

/** What the address that opened the desk says. */
export interface Launch {
  /** null: a reload, or a link that is not complete. */
  readonly credentials: Credentials | null;
  /** The customer whose conversation is opened at once; null: the agent chooses from the list. */
  readonly customerId: string | null;
  /** null: the device decides. */
  readonly lang: Lang | null;
  readonly theme: Theme | null;
}

/** Reads `#/auth?customerId=…&userId=…&…`. Empty values count as absent. */
export function readLaunch(fragment: string): Launch {
  const fields = new URLSearchParams(/^#\/?\w+\?(.*)$/.exec(fragment)?.[1] ?? "");
  const value = (name: string) => fields.get(name) || null;
  const [userId, userName] = [value("userId"), value("userName")];
  const token = value("dlgToken") ?? value("token");
  return {
    credentials:
      userId === null || userName === null
        ? null
        : { userId, userName, sessionId: value("sessionId"), token },
    customerId: value("customerId"),
    lang: oneOf(LANGUAGES, value("lang")),
    theme: oneOf(THEMES, value("theme")),
  };
}

/** The address of the same desk without anything secret or personal. */
export function publicFragment(launch: Launch): string {
  const fields = new URLSearchParams();
  if (launch.lang !== null) fields.set("lang", launch.lang);
  if (launch.theme !== null) fields.set("theme", launch.theme);
  return `#/desk?${fields.toString()}`;
}

/** The desk's language: the link's, else the device's, else English. */
export function languageOf(launch: Launch, preferred: readonly string[]): Lang {
  if (launch.lang !== null) return launch.lang;
  const first = preferred.find((tag) => /^(en|tr)\b/i.test(tag));
  return first?.toLowerCase().startsWith("tr") ? "tr" : "en";
}
