/** Whose page this is. What is null is not set: the page then shows nothing in its place. */
export interface Company {
  readonly name: string | null;
  readonly phone: string | null;
  /** Other ways to reach the company, in its own order. */
  readonly links: readonly CompanyLink[];
}

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
  const fields = fieldsOf(json);
  const links = Array.isArray(fields["links"]) ? fields["links"] : [];
  return {
    name: textOf(fields["name"]),
    phone: textOf(fields["phone"]),
    links: links.map(linkOf).filter((link) => link !== null),
  };
}

/** The address that dials a number written for people. */
export function telephoneLink(phone: string): string {
  return `tel:${phone.replace(/[^\d+]/g, "")}`;
}

function linkOf(value: unknown): CompanyLink | null {
  const link: Record<string, unknown> =
    typeof value === "object" && value !== null ? { ...value } : {};
  const [text, url] = [textOf(link["text"]), textOf(link["url"])];
  // Only addresses of the web: a link of the page never runs a script.
  if (text === null || url === null || !/^https?:\/\//.test(url)) return null;
  return { text, url, lang: textOf(link["lang"]) };
}

function fieldsOf(json: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

function textOf(value: unknown): string | null {
  return typeof value === "string" && value.trim() !== "" ? value.trim() : null;
}
