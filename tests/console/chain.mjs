// The destination's chain itself, beside what the pages say of it.

import assert from "node:assert/strict";

const PATIENCE = 20_000;

export class Destination {
  constructor(world) {
    this.at = world.destination;
    this.node = world.signerNode;
  }

  // What an account was paid, in base units.
  async balance(account) {
    const data = `0x70a08231${account.slice(2).toLowerCase().padStart(64, "0")}`;
    return BigInt(await this.ask("eth_call", [{ to: this.at.token, data }, "latest"]));
  }

  // Whether everything is paused there.
  async isPaused() {
    return BigInt(await this.ask("eth_call", [{ to: this.at.pauses, data: this.at.isPaused }, "latest"])) === 1n;
  }

  // The governor unpauses: schedules it, waits for its delay, carries it out. The chain's clock is put forward for that.
  async unpause() {
    await this.send(this.at.schedule);
    await this.ask("evm_increaseTime", [this.at.delay]);
    await this.ask("anvil_mine", ["0x1"]);
    await this.send(this.at.execute);
    assert.equal(await this.isPaused(), false);
  }

  async send(data) {
    const hash = await this.ask("eth_sendTransaction", [{ from: this.at.governor, to: this.at.manager, data }]);
    const receipt = await eventually("a receipt", () => this.ask("eth_getTransactionReceipt", [hash]));
    assert.equal(receipt.status, "0x1", "the governor's transaction");
  }

  ask(method, params) {
    return call(this.node, method, params);
  }
}

// Asks a node.
export async function call(node, method, params) {
  const answer = await fetch(node, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
  });
  const { result, error } = await answer.json();
  if (error) throw new Error(error.message);
  return result;
}

// Asks again until there is an answer that counts.
export async function eventually(what, ask, patience = PATIENCE) {
  const deadline = Date.now() + patience;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    assert.ok(Date.now() < deadline, `in ${patience / 1000} s: ${what}`);
    await new Promise((wake) => setTimeout(wake, 200));
  }
}
