import { defineConfig } from "vitest/config";

/** Written twice: into the npm package, and into the server's wheel, which serves the same files. */
const FOR_NPM = "dist";
const FOR_THE_SERVER = "../src/diyalog/static/sdk";

export default defineConfig({
  build: {
    target: "es2022",
    sourcemap: true,
    emptyOutDir: true,
    lib: { entry: "src/index.ts", name: "Diyalog" },
    rolldownOptions: {
      output: [FOR_NPM, FOR_THE_SERVER].flatMap((dir) => [
        { dir, format: "es" as const, entryFileNames: "diyalog.js" },
        { dir, format: "iife" as const, entryFileNames: "diyalog.global.js", name: "Diyalog" },
      ]),
    },
  },
  test: { include: ["test/*.test.ts"] },
});
