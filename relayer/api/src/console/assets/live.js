// Keeps a page as new as the ledger: a stream says that something changed, the page is read again, and the parts that are
// marked `data-live` are put in place of the old ones. There is one way in which state is shown: the server's.

const main = document.getElementById("main");
const link = document.getElementById("link");
const stream = document.body.dataset.liveStream;
let reading;
let again = false;

function say(state, text) {
  if (!link || link.dataset.state === state) return;
  link.dataset.state = state;
  link.textContent = text;
}

// What the server said last of each part: what a script has changed in it since is not undone by hearing the same again.
const parts = () => [...main.querySelectorAll("[data-live]")];
const told = new Map(parts().map((part) => [part.dataset.live, part.innerHTML]));

// Puts what is new in place of the old. The focus stays on the same link or button; where that is gone, on the content.
function replace(part, fresh) {
  const name = (element) => element.id || element.getAttribute("href") || element.dataset.copy || element.textContent;
  const held = part.contains(document.activeElement) ? document.activeElement : null;
  part.replaceChildren(...document.importNode(fresh, true).childNodes);
  if (!held) return;
  const same = [...part.querySelectorAll(held.localName)].find((element) => name(element) === name(held));
  (same ?? main).focus({ preventScroll: true });
}

// Whether the page could be read.
async function read() {
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" }, cache: "no-store" });
    if (!answer.ok) return false;
    const next = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of parts()) {
      const fresh = next.querySelector(`[data-live="${part.dataset.live}"]`);
      if (!fresh || fresh.innerHTML === told.get(part.dataset.live)) continue;
      // What a person has opened stays until it is closed, or is there no more.
      if (part.querySelector("details[open]") && fresh.querySelector("details")) continue;
      told.set(part.dataset.live, fresh.innerHTML);
      replace(part, fresh);
    }
    return true;
  } catch {
    return false;
  }
}

// Reads the page, and once more if something changed meanwhile.
function refresh() {
  again = true;
  reading ??= (async () => {
    let isRead = true;
    while (again) {
      again = false;
      isRead = await read();
    }
    reading = undefined;
    return isRead;
  })();
  return reading;
}

if (stream) {
  const events = new EventSource(stream);
  // The stream of a transfer closes when the transfer has ended: that is no loss.
  const hasEnded = () => {
    if (!main.querySelector("[data-terminal]")) return false;
    events.close();
    say("ended", "Ended");
    return true;
  };
  const lost = () => say("lost", "Not connected");
  events.addEventListener("open", () => say("live", "Live"));
  events.addEventListener("error", async () => {
    await refresh();
    if (!hasEnded()) lost();
  });
  events.addEventListener("change", async () => {
    say("live", "Live");
    if (document.visibilityState === "visible" && !(await refresh())) lost();
    hasEnded();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") refresh();
  });
  addEventListener("pagehide", () => events.close());
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Not copied";
  }
  setTimeout(() => (button.textContent = "Copy"), 1500);
});

// A wallet (EIP-1193), asked for its first account.
export async function wallet() {
  if (!window.ethereum) throw new Error("this browser has no wallet");
  const [account] = await window.ethereum.request({ method: "eth_requestAccounts" });
  if (!account) throw new Error("the wallet shows no account");
  return account;
}

// What an answer of this service says, or why it refused.
export async function answered(response) {
  const body = await response.json().catch(() => ({}));
  if (response.ok) return body;
  throw new Error(`${body.code ?? response.status}: ${body.detail ?? response.statusText}`);
}
