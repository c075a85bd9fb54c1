import { defineConfig } from "vitest/config";

/** The oldest browsers that get the page, all of which run ES2022; older ones get the text in the HTML. */
const BROWSERS = ["ios15.4", "safari15.4", "chrome100", "firefox115"];

/** `--mode gallery` builds the development page that shows every screen; it is never shipped. */
export default defineConfig(({ mode }) => ({
  base: mode === "gallery" ? "./" : "/app/",
  resolve: { conditions: ["diyalog-source", "module", "browser", "development|production"] },
  build: {
    outDir: mode === "gallery" ? "dist/gallery" : "../src/diyalog/static/app",
    emptyOutDir: true,
    target: "es2022",
    cssTarget: BROWSERS,
    // The pages' policy forbids data: addresses and inline scripts.
    assetsInlineLimit: 0,
    modulePreload: false,
    license: { fileName: "THIRD-PARTY.txt" },
    rolldownOptions: { input: mode === "gallery" ? "gallery.html" : "help.html" },
  },
  test: { include: ["test/*.test.ts"] },
}));
