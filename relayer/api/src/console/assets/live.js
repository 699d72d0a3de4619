// Keeps a page as new as the ledger: a stream says that something changed, the page is read again, and the parts that are
// marked `data-live` are put in place of the old ones. There is one way in which state is shown: the server's.

const main = document.getElementById("main");
const link = document.getElementById("link");
const stream = document.body.dataset.liveStream;
let reading = false;
let again = false;

function say(state, text) {
  if (!link || link.dataset.state === state) return;
  link.dataset.state = state;
  link.textContent = text;
}

// What a person has opened, or is in the middle of, stays.
function isBusy(part) {
  return part.contains(document.activeElement) || part.querySelector("details[open]") !== null;
}

export async function refresh() {
  if (reading) {
    again = true;
    return;
  }
  reading = true;
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" }, cache: "no-store" });
    if (!answer.ok) return;
    const next = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of main.querySelectorAll("[data-live]")) {
      const fresh = next.querySelector(`[data-live="${part.dataset.live}"]`);
      if (fresh && fresh.innerHTML !== part.innerHTML && !isBusy(part)) {
        part.replaceChildren(...document.importNode(fresh, true).childNodes);
      }
    }
  } catch {
    say("lost", "Not connected");
  } finally {
    reading = false;
    if (again) {
      again = false;
      refresh();
    }
  }
}

if (stream) {
  const events = new EventSource(stream);
  events.addEventListener("open", () => say("live", "Live"));
  events.addEventListener("error", () => say("lost", "Not connected"));
  events.addEventListener("change", async () => {
    say("live", "Live");
    if (document.visibilityState === "visible") await refresh();
    if (main.querySelector("[data-terminal]")) {
      events.close();
      say("ended", "Ended");
    }
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
