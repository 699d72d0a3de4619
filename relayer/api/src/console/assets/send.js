// Orders a transfer, and sends its deposit by a browser wallet. The API key is read from its field when the order is sent,
// or asked for where the service gives keys out, and kept nowhere.

import { answered, wallet } from "./live.js";

const route = document.getElementById("route");
route?.addEventListener("change", () => {
  document.getElementById("unit").textContent = route.selectedOptions[0].dataset.unit;
});

// One key for one order, however often it is pressed: the service answers the same order again.
const order = document.getElementById("order-form");
const once = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

// Asked for once, however often the order is sent.
let own;
async function ownKey() {
  if (!own) {
    const headers = { "content-type": "application/json" };
    const response = await fetch("/v1/keys", { method: "POST", headers, body: JSON.stringify({ name: "console" }) });
    own = (await answered(response)).key;
  }
  return own;
}

order?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const said = document.getElementById("order-said");
  const field = (id) => document.getElementById(id)?.value.trim();
  const button = order.querySelector("button");
  said.className = "";
  said.textContent = "";
  button.disabled = true;
  try {
    const key = field("key") || (await ownKey());
    const response = await fetch("/v1/transfers", {
      method: "POST",
      headers: {
        "content-type": "application/json",
        authorization: `Bearer ${key}`,
        "idempotency-key": once,
      },
      body: JSON.stringify({ quote: order.dataset.quote, recipient: field("recipient"), refund_key: field("refund") || undefined }),
    });
    const placed = await answered(response);
    document.getElementById("key").value = "";
    location.assign(`/console/transfers/${encodeURIComponent(placed.transfer.id)}`);
  } catch (error) {
    said.className = "notice bad";
    said.textContent = error.message;
    button.disabled = false;
    said.focus();
  }
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-wallet-to]");
  if (!button) return;
  const said = document.getElementById("wallet-said");
  const { walletChain, walletTo, walletData, walletValue } = button.dataset;
  const hex = (number) => `0x${BigInt(number).toString(16)}`;
  button.disabled = true;
  try {
    const from = await wallet();
    await window.ethereum.request({ method: "wallet_switchEthereumChain", params: [{ chainId: hex(walletChain) }] });
    const call = { from, to: walletTo, data: walletData, value: hex(walletValue) };
    const hash = await window.ethereum.request({ method: "eth_sendTransaction", params: [call] });
    said.className = "notice good";
    said.textContent = `Sent: ${hash}. The bridge sees it when it is in a block.`;
  } catch (error) {
    said.className = "notice bad";
    said.textContent = `Not sent: ${error.message}`;
    button.disabled = false;
  }
  said.focus();
});
