// Runs the pinned forge in this directory: `node forge.mjs test --match-contract Inbox`. The package is there for 64-bit
// Linux on x86; elsewhere SPANDREL_FORGE names the binary.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL(".", import.meta.url));
const packaged = `${root}node_modules/@foundry-rs/forge-linux-amd64/bin/forge`;
const { status, error } = spawnSync(process.env.SPANDREL_FORGE ?? packaged, process.argv.slice(2), {
  cwd: root,
  stdio: "inherit",
});
if (error) throw error;
process.exit(status ?? 1);
