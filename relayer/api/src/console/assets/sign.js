// Has a guardian's wallet sign the statement that the page shows, and sends it to the control API.

import { answered, wallet } from "./live.js";

const signing = document.getElementById("signing");
const said = document.getElementById("sign-said");

const moment = (seconds) => new Date(seconds * 1000).toISOString();

// A first freeze is proposed, and pauses at once all the same.
const OUTCOMES = {
  done: ({ in_force_until: until }) => (until ? `Done: paused until ${moment(until)}.` : "Done: it is in force."),
  proposed: ({ in_force_until: until }) =>
    until
      ? `In force: paused until ${moment(until)}, and without end when another person freezes it too.`
      : "Proposed: another person must approve it.",
  approved: (taken) => `Approved: carried out after ${moment(taken.ready_at)}, once health is green.`,
};

document.getElementById("sign")?.addEventListener("click", async ({ currentTarget: button }) => {
  const { typed, statement, guardian, version } = signing.dataset;
  button.disabled = true;
  said.className = "";
  try {
    const account = await wallet();
    if (account.toLowerCase() !== guardian.toLowerCase()) {
      throw new Error(`the wallet has the account ${account}: choose ${guardian} in it`);
    }
    said.textContent = "Waiting for the wallet";
    const signature = await window.ethereum.request({ method: "eth_signTypedData_v4", params: [account, typed] });
    const headers = { "content-type": "application/json" };
    if (version !== undefined) headers["if-match"] = `"v${version}"`;
    // The statement goes out as the text that was shown: no number in it is read and written again.
    const body = `{"statement":${statement},"signature":${JSON.stringify(signature)}}`;
    const taken = await answered(await fetch("/v1/control/statements", { method: "POST", headers, body }));
    said.className = "notice good";
    said.textContent = OUTCOMES[taken.state]?.(taken) ?? taken.state;
  } catch (error) {
    said.className = "notice bad";
    said.textContent = error.message;
    button.disabled = false;
  }
  said.focus();
});
