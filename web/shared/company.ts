/** Whose page this is. What is null is not set: the page then shows nothing in its place. */
export interface Company {
  readonly name: string | null;
  readonly phone: string | null;
}

/** Reads the company from the page's own head. */
export function readCompany(page: Document): Company {
  const content = (name: string) =>
    page.querySelector<HTMLMetaElement>(`meta[name="${name}"]`)?.content.trim() || null;
  return { name: content("diyalog-company"), phone: content("diyalog-phone") };
}

/** The address that dials a number written for people. */
export function telephoneLink(phone: string): string {
  return `tel:${phone.replace(/[^\d+]/g, "")}`;
}
