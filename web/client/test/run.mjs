// Bundles the tests with esbuild, which is a tool of the Go module biz/console/tools.mod, and runs
// them. Arguments choose test files: node test/run.mjs client account. HOLDFAST is the path of a
// holdfast program for the tests that need one; without it, it is built.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const root = join(here, "../../..");
const modules = join(root, "web/node_modules");
mkdirSync(modules, { recursive: true });
const out = mkdtempSync(join(modules, ".client-test-")); // so that the bundles find the packages

let status = 1;
try {
  const files = readdirSync(here);
  const chosen = process.argv.slice(2).map((name) => (files.includes(`${name}.test.ts`) ? `${name}.test.ts` : `${name}.ts`));
  const names = chosen.length > 0 ? chosen : files.filter((n) => n.endsWith(".test.ts"));
  const go = (...args) => execFileSync("go", args, { cwd: join(root, "biz/console"), stdio: ["ignore", "inherit", "inherit"] });
  go(
    "tool", "-modfile=tools.mod", "esbuild", ...names.map((n) => join(here, n)), join(here, "../example/order.ts"),
    "--bundle", "--format=esm", "--platform=node", "--target=node20", "--packages=external", "--sourcemap=inline",
    "--out-extension:.js=.mjs", `--outbase=${join(here, "..")}`, `--outdir=${out}`, "--log-level=warning",
  );
  const env = { ...process.env, CLIENT: join(here, ".."), EXAMPLE: join(out, "example/order.mjs") };
  if (!env.HOLDFAST) {
    env.HOLDFAST = join(out, "holdfast");
    go("build", "-o", env.HOLDFAST, "../../cmd/holdfast");
  }
  const bundles = names.map((n) => join(out, "test", n.replace(/\.ts$/, ".mjs")));
  const args = names.every((n) => n.endsWith(".test.ts")) ? ["--test", ...bundles] : bundles;
  status = spawnSync(process.execPath, ["--enable-source-maps", ...args], { env, stdio: "inherit" }).status ?? 1;
} finally {
  rmSync(out, { recursive: true, force: true });
}
process.exit(status);
