/** What is published: built and packed in a folder of its own, then used as other companies' apps use it. */

import { execFileSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import vm from "node:vm";
import { gzipSync } from "node:zlib";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as source from "../src/index.js";
import { bundle, embedBundle } from "../vite.config.js";

const SDK = join(import.meta.dirname, "..");
const ROOT = join(SDK, "..");
const TSC = join(ROOT, "node_modules", ".bin", "tsc");
/** What the SDK may cost a page without calls; the second is what it costs now, with a little room. */
const BUDGET_BYTES = 12 * 1024;
const PRESENT_BYTES = 11 * 1024;
const EMBED_BYTES = 1024;

let folder = "";
const read = (path) => readFileSync(path, "utf8");

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "diyalog-sdk-"));
  for (const name of ["package.json", "README.md", "LICENSE", "src"]) {
    cpSync(join(SDK, name), join(folder, name), { recursive: true });
  }
  // Tests and their fake must not be packed, whatever stands beside the sources.
  mkdirSync(join(folder, "test"));
  writeFileSync(join(folder, "test", "fake_server.ts"), "");
  const dist = join(folder, "dist");
  await build({ configFile: false, logLevel: "error", root: SDK, build: bundle([dist]) });
  await build({ configFile: false, logLevel: "error", root: SDK, build: embedBundle([dist]) });
  execFileSync(TSC, ["--project", join(SDK, "tsconfig.build.json"), "--outDir", dist]);
}, 60_000);

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe("the npm package", () => {
  it("holds the builds, their types and maps, the sources, the licence, and nothing else", () => {
    const npm = ["pack", "--dry-run", "--json", "--ignore-scripts"];
    const [packed] = JSON.parse(
      execFileSync("npm", npm, { cwd: folder, stdio: ["ignore", "pipe", "ignore"] }),
    );
    const modules = [
      ...["chat", "client", "clock", "codes", "connection", "embed", "errors", "following", "host"],
      ...[
        "http",
        "index",
        "lifecycle",
        "listeners",
        "memory",
        "messages",
        "reconnect",
        "states",
        "tabs",
        "texts",
      ],
    ];
    expect(packed.files.map(({ path }) => path).sort()).toEqual(
      [
        "LICENSE",
        "README.md",
        "package.json",
        "dist/diyalog.js",
        "dist/diyalog.js.map",
        "dist/diyalog.global.js",
        "dist/diyalog.global.js.map",
        "dist/diyalog-embed.js",
        "dist/diyalog-embed.js.map",
        ...modules.flatMap((name) => [`dist/${name}.d.ts`, `src/${name}.ts`]),
      ].sort(),
    );
  }, 30_000);

  it("has no dependency and the product's licence", () => {
    const { dependencies, peerDependencies, license } = JSON.parse(
      read(join(folder, "package.json")),
    );
    expect({ dependencies, peerDependencies, license }).toEqual({ license: "Apache-2.0" });
    expect(read(join(SDK, "LICENSE"))).toBe(read(join(ROOT, "LICENSE")));
  });

  it("names only files that are in it", () => {
    const { exports, types, unpkg, jsdelivr } = JSON.parse(read(join(folder, "package.json")));
    const named = [".", "./embed"].flatMap((entry) => Object.values(exports[entry]));
    named.push(exports["./global"], types, unpkg, jsdelivr);
    for (const path of named) expect(read(join(folder, path))).not.toBe("");
  });

  it("gives a strict TypeScript program its types, as the guide's example shows", () => {
    const app = join(folder, "app");
    mkdirSync(join(app, "node_modules"), { recursive: true });
    symlinkSync(folder, join(app, "node_modules", "diyalog"));
    const guide = read(join(ROOT, "docs", "sdk.md"));
    const [, example] = /```ts\n(.+?)```/s.exec(guide) ?? [];
    expect(example).toContain("new Diyalog(");
    writeFileSync(join(app, "package.json"), '{"type":"module"}');
    writeFileSync(join(app, "main.ts"), example);
    for (const [module, resolution] of [
      ["nodenext", "nodenext"],
      ["esnext", "bundler"],
    ]) {
      const options = ["--noEmit", "--strict", "--lib", "es2022,dom", "--target", "es2022"];
      const how = ["--module", module, "--moduleResolution", resolution, "main.ts"];
      const done = () => execFileSync(TSC, [...options, ...how], { cwd: app, encoding: "utf8" });
      expect(done()).toBe("");
    }
  }, 30_000);
});

describe("the builds", () => {
  it.each(["diyalog.js", "diyalog.global.js"])("%s keeps its budget", (name) => {
    const bytes = gzipSync(readFileSync(join(folder, "dist", name)), { level: 9 }).length;
    expect(bytes).toBeLessThanOrEqual(BUDGET_BYTES);
    expect(bytes).toBeLessThanOrEqual(PRESENT_BYTES);
  });

  it("the frame for other pages stays small", () => {
    const bytes = gzipSync(readFileSync(join(folder, "dist", "diyalog-embed.js")), { level: 9 });
    expect(bytes.length).toBeLessThanOrEqual(EMBED_BYTES);
  });

  it("the module exports what the source exports", async () => {
    const module = await import(pathToFileURL(join(folder, "dist", "diyalog.js")).href);
    expect(Object.keys(module).sort()).toEqual(Object.keys(source).sort());
  });

  it("the classic script leaves one name in the page, which is the class and carries the rest", () => {
    const page = vm.createContext({});
    vm.runInContext(read(join(folder, "dist", "diyalog.global.js")), page);
    expect(Object.keys(page)).toEqual(["Diyalog"]);
    expect(typeof page.Diyalog).toBe("function");
    expect(Object.keys(page.Diyalog).sort()).toEqual(Object.keys(source).sort());
    expect(page.Diyalog.ERROR.connection).toBe("DLGEXCPSRV_CONNERR");
    const client = vm.runInContext('new Diyalog({ url: "https://help.example" })', page);
    expect(client).toBeInstanceOf(page.Diyalog.Diyalog);
  });
});
