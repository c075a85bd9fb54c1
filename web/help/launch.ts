import { type ActivationRequest, HELP_TYPES, type HelpType, THEMES, type Theme } from "diyalog";

export type Lang = "en" | "tr";

/** What the address that opened the page says. */
export interface Launch {
  /** null: the link is not complete. */
  readonly activation: ActivationRequest | null;
  /** null: the customer chooses. */
  readonly helpType: HelpType | null;
  readonly lang: Lang | null;
  /** null: the device decides. */
  readonly theme: Theme | null;
}

/** Fields that the activation takes as they are. */
const TAKEN = [
  "customerName",
  "deviceHash",
  "transactionHash",
  "deviceId",
  "dlgToken",
  "phone",
  "email",
] as const;

/** Reads `#/start?customerId=…&helpType=…`. Empty values count as absent. */
export function readLaunch(fragment: string): Launch {
  const query = fragment.replace(/^#\/?start\??/, "");
  return launchOf(new URLSearchParams(query === fragment ? "" : query));
}

/** The same names and values, from the address or from the page around this one. */
export function launchOf(fields: URLSearchParams): Launch {
  const value = (name: string) => fields.get(name) || null;
  const customerId = value("customerId");
  const helpType = value("helpType");
  const lang = value("lang");
  const theme = value("theme");
  return {
    activation: customerId === null ? null : activationOf(customerId, value),
    helpType: HELP_TYPES.find((known) => known === helpType) ?? null,
    lang: lang === "en" || lang === "tr" ? lang : null,
    theme: THEMES.find((known) => known === theme) ?? null,
  };
}

/**
 * The address without anything secret or personal beyond the customer's number, which a reload needs
 * to find its wait.
 */
export function publicFragment(launch: Launch): string {
  const fields = new URLSearchParams();
  if (launch.activation !== null) fields.set("customerId", launch.activation.customerId);
  if (launch.helpType !== null) fields.set("helpType", launch.helpType);
  if (launch.lang !== null) fields.set("lang", launch.lang);
  if (launch.theme !== null) fields.set("theme", launch.theme);
  return `#/start?${fields.toString()}`;
}

/** The page's language: the link's, else the device's, else English. */
export function languageOf(launch: Launch, preferred: readonly string[]): Lang {
  if (launch.lang !== null) return launch.lang;
  const first = preferred.find((tag) => /^(en|tr)\b/i.test(tag));
  return first?.toLowerCase().startsWith("tr") ? "tr" : "en";
}

function activationOf(
  customerId: string,
  value: (name: string) => string | null,
): ActivationRequest {
  const given = TAKEN.map((name) => [name, value(name)] as const).filter(([, text]) => text);
  return { customerId, ...Object.fromEntries(given) };
}

/** After a reload the address names only the customer: then the tab's own copy still has the rest. */
export function completed(
  given: ActivationRequest | null,
  kept: ActivationRequest | null,
): ActivationRequest | null {
  const namesOnly = given === null || Object.keys(given).length === 1;
  return namesOnly ? (kept ?? given) : given;
}
