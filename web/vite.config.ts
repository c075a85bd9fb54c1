import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

/** The oldest browsers that get the pages, all of which run ES2022; older ones get the text in the HTML. */
const BROWSERS = ["ios15.4", "safari15.4", "chrome100", "firefox115"];

/**
 * Each mode builds pages of its own, so that none waits for a part that it shares with another.
 * `--mode desk` adds the agent desk to what the build before it has made. `--mode gallery` builds the
 * development pages that show every screen; they are never shipped.
 */
const INPUTS: Readonly<Record<string, readonly string[]>> = {
  gallery: ["gallery.html", "desk_gallery.html"],
  desk: ["agentchat.html"],
};

/**
 * Parts that a page fetches later bring no styles of their own, and nothing is fetched ahead: the
 * helper that would do both is a kilobyte that nobody needs.
 */
const PLAIN_IMPORTS: Plugin = {
  name: "plain-imports",
  enforce: "pre",
  load: (id) =>
    id.includes("vite/preload-helper") ? "export const __vitePreload = (load) => load();" : null,
};

export default defineConfig(({ mode }) => ({
  plugins: [PLAIN_IMPORTS],
  base: mode === "gallery" ? "./" : "/app/",
  resolve: { conditions: ["diyalog-source", "module", "browser", "development|production"] },
  build: {
    outDir: mode === "gallery" ? "dist/gallery" : "../src/diyalog/static/app",
    emptyOutDir: mode !== "desk",
    target: "es2022",
    cssTarget: BROWSERS,
    // The pages' policy forbids data: addresses and inline scripts.
    assetsInlineLimit: 0,
    modulePreload: false,
    license: { fileName: "THIRD-PARTY.txt" },
    rolldownOptions: { input: [...(INPUTS[mode] ?? ["help.html"])] },
  },
  test: { include: ["test/*.test.ts"] },
}));
