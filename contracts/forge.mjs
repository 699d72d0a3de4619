// Runs the pinned forge in this directory: `node forge.mjs test --match-contract Inbox`.
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL(".", import.meta.url));
const arch = process.arch === "x64" ? "amd64" : process.arch;
const manifest = createRequire(import.meta.url).resolve(`@foundry-rs/forge-${process.platform}-${arch}/package.json`);
const { status, error } = spawnSync(join(dirname(manifest), "bin", "forge"), process.argv.slice(2), {
  cwd: root,
  stdio: "inherit",
});
if (error) throw error;
process.exit(status ?? 1);
