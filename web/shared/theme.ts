import type { Theme } from "diyalog";

/** Colours of the browser's own bars, as in the page's head. */
const BARS = { light: "#ffffff", dark: "#18201d" };

/** Light or dark as the app around the page wants it, or as the device says. */
export function wearTheme(page: Document, theme: Theme): void {
  if (theme === "system") delete page.documentElement.dataset["theme"];
  else page.documentElement.dataset["theme"] = theme;
  for (const meta of page.querySelectorAll<HTMLMetaElement>('meta[name="theme-color"]')) {
    const own = meta.media.includes("dark") ? "dark" : "light";
    meta.content = BARS[theme === "system" ? own : theme];
  }
}
