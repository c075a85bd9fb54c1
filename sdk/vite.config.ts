import { defineConfig } from "vitest/config";

/** Written twice: into the npm package, and into the server's wheel, which serves the same files. */
const FOR_NPM = "dist";
const FOR_THE_SERVER = "../src/diyalog/static/sdk";

/** For pages without modules: `window.Diyalog` is the class, with everything else the SDK exports on it. */
const CLASS_AS_GLOBAL = "Diyalog=Object.assign(Diyalog.Diyalog,Diyalog);";

/** How the SDK is built, into each of the folders. */
export function bundle(folders: readonly string[]) {
  return {
    target: "es2022",
    sourcemap: true,
    emptyOutDir: true,
    lib: { entry: "src/index.ts", name: "Diyalog" },
    rolldownOptions: {
      output: folders.flatMap((dir) => [
        { dir, format: "es" as const, entryFileNames: "diyalog.js" },
        {
          dir,
          format: "iife" as const,
          entryFileNames: "diyalog.global.js",
          name: "Diyalog",
          footer: CLASS_AS_GLOBAL,
        },
      ]),
    },
  };
}

/** How the frame for other pages is built, beside the SDK: few bytes for pages that need no more. */
export function embedBundle(folders: readonly string[]) {
  return {
    target: "es2022",
    sourcemap: true,
    emptyOutDir: false,
    lib: { entry: "src/embed.ts" },
    rolldownOptions: {
      output: folders.map((dir) => ({
        dir,
        format: "es" as const,
        entryFileNames: "diyalog-embed.js",
      })),
    },
  };
}

/** `--mode embed` adds the second build to the first. */
export default defineConfig(({ mode }) => ({
  build: (mode === "embed" ? embedBundle : bundle)([FOR_NPM, FOR_THE_SERVER]),
  test: { include: ["test/*.test.{ts,mjs}"] },
}));
