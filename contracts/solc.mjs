#!/usr/bin/env node
// Speaks the command line of solc that forge uses (`--version`, `--standard-json`) on top of the pinned npm build.
import { readFileSync } from "node:fs";
import solc from "solc";

if (process.argv.includes("--version")) {
  process.stdout.write(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}\n`);
} else if (process.argv.includes("--standard-json")) {
  process.stdout.write(solc.compile(readFileSync(0, "utf8")));
} else {
  process.stderr.write("usage: solc.mjs --version | --standard-json\n");
  process.exitCode = 2;
}
