// Compiles contracts/src with the pinned npm solc to artifacts/<Name>.json, which are committed: building the Rust
// bindings needs no Node. `--check` writes nothing and fails when the committed artifacts are not what the sources
// compile to.
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import solc from "solc";

const root = fileURLToPath(new URL(".", import.meta.url));
const artifacts = join(root, "artifacts");
// Contracts of OpenZeppelin that are deployed as they are.
const external = {
  AccessManager: "@openzeppelin/contracts/access/manager/AccessManager.sol",
  TimelockController: "@openzeppelin/contracts/governance/TimelockController.sol",
};
// Deployed by Rust tests and development chains only: a plain token, and the proof readers opened up.
const fixtures = { TestToken: "test/base/TestToken.sol", ProofReader: "test/base/ProofReader.sol" };

const read = (path) => readFileSync(join(root, path), "utf8");
const resolve = (path) => (path.startsWith("@") ? join("node_modules", path) : path);

function sources() {
  const own = readdirSync(join(root, "src"), { recursive: true })
    .filter((name) => name.endsWith(".sol"))
    .map((name) => join("src", name));
  const paths = [...own, ...Object.values(external), ...Object.values(fixtures)].sort();
  return Object.fromEntries(paths.map((path) => [path, { content: read(resolve(path)) }]));
}

function compile() {
  const input = {
    language: "Solidity",
    sources: sources(),
    settings: {
      evmVersion: "prague",
      optimizer: { enabled: true, runs: 1000 },
      metadata: { bytecodeHash: "none", appendCBOR: false },
      outputSelection: { "*": { "*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"] } },
    },
  };
  const imported = (path) => {
    try {
      return { contents: read(resolve(path)) };
    } catch (error) {
      return { error: error.message };
    }
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: imported }));
  const diagnostics = (output.errors ?? []).filter((entry) => !entry.sourceLocation?.file.startsWith("@"));
  for (const entry of diagnostics) process.stderr.write(entry.formattedMessage);
  if (diagnostics.length > 0) throw new Error(`${diagnostics.length} compiler diagnostics; none are accepted`);
  return output.contracts;
}

function wanted(contracts) {
  const files = new Map();
  const add = (name, contract) => {
    const { abi, evm } = contract;
    const artifact = {
      contractName: name,
      solc: solc.version(),
      abi,
      bytecode: `0x${evm.bytecode.object}`,
      deployedBytecode: `0x${evm.deployedBytecode.object}`,
    };
    files.set(`${name}.json`, `${JSON.stringify(artifact, null, 1)}\n`);
  };
  for (const [path, found] of Object.entries(contracts)) {
    if (!path.startsWith("src/")) continue;
    const name = basename(path, ".sol");
    const isDeployable = found[name]?.abi.some((entry) => entry.type === "function") && found[name].evm.bytecode.object;
    if (isDeployable) add(name, found[name]);
  }
  for (const [name, path] of Object.entries({ ...external, ...fixtures })) add(name, contracts[path][name]);
  return files;
}

const files = wanted(compile());
for (const [name, text] of files) {
  const size = (JSON.parse(text).deployedBytecode.length - 2) / 2;
  if (size > 24576) throw new Error(`${name}: ${size} bytes deployed, EIP-170 allows 24576`);
}
if (process.argv.includes("--check")) {
  const committed = new Set(readdirSync(artifacts));
  const stale = [...files].filter(([name, text]) => !committed.has(name) || read(join("artifacts", name)) !== text);
  const orphans = [...committed].filter((name) => !files.has(name));
  if (stale.length + orphans.length > 0) {
    const names = [...stale.map(([name]) => name), ...orphans].join(", ");
    process.stderr.write(`artifacts differ from the sources: ${names}; run \`npm run build\`\n`);
    process.exit(1);
  }
  process.stdout.write(`${files.size} artifacts match the sources (solc ${solc.version()})\n`);
} else {
  mkdirSync(artifacts, { recursive: true });
  for (const name of readdirSync(artifacts)) if (!files.has(name)) rmSync(join(artifacts, name));
  for (const [name, text] of files) writeFileSync(join(artifacts, name), text);
  process.stdout.write(`${files.size} artifacts written (solc ${solc.version()})\n`);
}
