/** Whose page this is. What is null is not set: the page then shows nothing in its place. */
export interface Company {
  readonly name: string | null;
  readonly phone: string | null;
  /** Other ways to reach the company, in its own order. */
  readonly links: readonly CompanyLink[];
  /** When people answer the phone, by language. */
  readonly hours: Readonly<Record<string, string>>;
  readonly logo: Logo | null;
  /** Texts in place of the page's own, by language and name; `{0}` stands for the first variable. */
  readonly texts: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** Sizes are the picture's own, in pixels. */
export interface Logo {
  readonly url: string;
  readonly width: number;
  readonly height: number;
}

/** A page of nobody's: where no company is named. */
export const NO_COMPANY: Company = {
  name: null,
  phone: null,
  links: [],
  hours: {},
  logo: null,
  texts: {},
};

export interface CompanyLink {
  readonly text: string;
  readonly url: string;
  /** Shown on pages in this language only; null: in both. */
  readonly lang: string | null;
}

/** Reads the company from the page's own head, where the server has written it as JSON. */
export function readCompany(page: Document): Company {
  const meta = page.querySelector<HTMLMetaElement>('meta[name="diyalog-company"]');
  return companyOf(meta?.content ?? "");
}

/** Anything unreadable counts as not set: a page without its company's name still serves the customer. */
export function companyOf(json: string): Company {
  const fields = parsed(json);
  const links = Array.isArray(fields["links"]) ? fields["links"] : [];
  return {
    name: textOf(fields["name"]),
    phone: textOf(fields["phone"]),
    links: links.map(linkOf).filter((link) => link !== null),
    hours: textsOf(fields["hours"]),
    logo: logoOf(fieldsOf(fields["logo"])),
    texts: Object.fromEntries(
      Object.entries(fieldsOf(fields["texts"])).map(([lang, texts]) => [lang, textsOf(texts)]),
    ),
  };
}

/** The address that dials a number written for people. */
export function telephoneLink(phone: string): string {
  return `tel:${phone.replace(/[^\d+]/g, "")}`;
}

function linkOf(value: unknown): CompanyLink | null {
  const link = fieldsOf(value);
  const [text, url] = [textOf(link["text"]), textOf(link["url"])];
  // Only addresses of the web: a link of the page never runs a script.
  if (text === null || url === null || !/^https?:\/\//.test(url)) return null;
  return { text, url, lang: textOf(link["lang"]) };
}

function logoOf({ url, width, height }: Record<string, unknown>): Logo | null {
  const known = typeof url === "string" && /^\/app\//.test(url);
  if (!known || typeof width !== "number" || typeof height !== "number") return null;
  return { url, width, height };
}

function textsOf(value: unknown): Record<string, string> {
  const texts = Object.entries(fieldsOf(value)).filter(([, text]) => textOf(text) !== null);
  return Object.fromEntries(texts) as Record<string, string>;
}

function parsed(json: string): Record<string, unknown> {
  try {
    return fieldsOf(JSON.parse(json));
  } catch {
    return {};
  }
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function textOf(value: unknown): string | null {
  return typeof value === "string" && value.trim() !== "" ? value.trim() : null;
}
