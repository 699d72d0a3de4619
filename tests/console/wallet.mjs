// A browser wallet (EIP-1193) for tests: the page asks it, and a local chain's node, which holds the keys, signs and sends.

import { call } from "./chain.mjs";

export class Wallet {
  // Which account the person has chosen in it.
  account;
  // What it was asked to sign or send.
  asked = [];
  // Whether what it sends never arrives, though it names a transaction.
  loses = false;

  constructor(nodes, signer) {
    this.nodes = nodes;
    this.signer = signer;
    this.chain = Object.keys(nodes)[0];
  }

  async inject(context) {
    await context.exposeFunction("askTestWallet", (method, params) => this.request(method, params));
    await context.addInitScript(() => {
      window.ethereum = { request: ({ method, params }) => window.askTestWallet(method, params ?? []) };
    });
  }

  async request(method, params) {
    this.asked.push({ method, params });
    switch (method) {
      case "eth_requestAccounts":
        return [this.account];
      case "wallet_switchEthereumChain": {
        const chain = String(BigInt(params[0].chainId));
        if (!this.nodes[chain]) throw new Error(`unknown chain ${chain}`);
        this.chain = chain;
        return null;
      }
      case "eth_sendTransaction":
        return this.loses ? `0x${"ab".repeat(32)}` : call(this.nodes[this.chain], method, params);
      case "eth_signTypedData_v4":
        return call(this.signer, method, [params[0], JSON.parse(params[1])]);
      default:
        throw new Error(`the wallet has no ${method}`);
    }
  }

  // How often it was asked for something.
  count(method) {
    return this.asked.filter((asked) => asked.method === method).length;
  }
}
