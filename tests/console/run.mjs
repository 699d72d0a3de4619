// The console as people use it, in Chromium, on a running bridge. `tests/tests/console.rs` starts the bridge and says where
// it is; this ends with 0 only when everything held.

import assert from "node:assert/strict";
import { Browser } from "./browser.mjs";
import { Wallet } from "./wallet.mjs";

const world = JSON.parse(process.env.SPANDREL_CONSOLE);
const browser = await Browser.open(process.env.SPANDREL_CHROMIUM, world.shots);
const { page } = browser;
const wallet = new Wallet({ [world.source]: world.sourceNode }, world.signerNode);
await wallet.inject(browser.context);

const started = Date.now();
const say = (what) => console.log(`${((Date.now() - started) / 1000).toFixed(1).padStart(6)}s  ${what}`);
const text = () => page.locator("main").innerText();
const shows = (words) => page.locator("main").getByText(words).locator("visible=true").first().waitFor();
const users = (path) => page.goto(world.users + path);
const guardians = (path) => page.goto(world.guardians + path);
const state = page.locator("[role=status][data-live=state]");

async function quote(chain, amount, lane) {
  await users("/console/send");
  const option = page.locator("#route option", { hasText: chain });
  await page.getByLabel("Route").selectOption(await option.first().getAttribute("value"));
  await page.getByLabel("Amount").fill(amount);
  await page.getByLabel("Lane", { exact: true }).selectOption(lane);
  await page.getByRole("button", { name: "Get a quote" }).click();
  await page.getByRole("heading", { name: "Lanes" }).waitFor();
}

async function order(recipient, refund, key) {
  await page.getByLabel("Recipient").fill(recipient);
  if (refund) await page.getByLabel("Refund key").fill(refund);
  if (key) await page.getByLabel("API key").fill(key);
  await page.getByRole("button", { name: "Order the transfer" }).click();
  await page.waitForURL(/\/console\/transfers\/0x/);
  await page.getByRole("heading", { name: "Make the deposit" }).waitFor();
  assert.ok(!page.url().includes(world.key), "the key stands in no address");
  const stored = await page.evaluate(() => localStorage.length + sessionStorage.length + document.cookie.length);
  assert.equal(stored, 0, "nothing is kept in the browser");
  const size = await page.locator("figure img").evaluate((image) => image.decode().then(() => image.naturalWidth));
  assert.ok(size > 100, "the QR code is drawn");
}

// Fills in who and why, reviews, signs with `account`, and returns what is said.
async function sign(person, account, reason) {
  const guardian = page.getByLabel("Your key").locator("option", { hasText: person });
  await page.getByLabel("Your key").selectOption(await guardian.first().getAttribute("value"));
  await page.getByLabel("Reason").fill(reason);
  await page.getByRole("button", { name: /^Review/ }).click();
  await page.getByRole("heading", { name: "Review and sign" }).waitFor();
  wallet.account = account;
  return press();
}

async function press() {
  await page.getByRole("button", { name: /^Sign/ }).click();
  const said = page.locator("#sign-said.notice");
  await said.waitFor();
  return said.innerText();
}

say("the overview, by keyboard");
await users("/");
await page.getByRole("heading", { name: "Overview", exact: true }).waitFor();
await browser.skipsByKeyboard();
await page.locator("#link[data-state=live]").waitFor();
await shows("Nothing is paused.");
assert.ok((await page.locator("meter").count()) >= 6, "windows, exposures and signatures as gauges");

say("a transfer from Ethereum: quote, order, deposit by the wallet");
await quote(`EVM chain ${world.source}`, "0.01", "any");
assert.match(await text(), /fast lane\s+offered/i);
await browser.shoot("send");
// Nobody was asked for a key: the page gets one for this order.
await order(world.recipient);
await browser.shoot("deposit-ethereum");
const followed = page.url();
wallet.account = world.user;
await page.getByRole("button", { name: /with a browser wallet/ }).click();
await page.locator("#wallet-said", { hasText: "Sent: 0x" }).waitFor();
say("followed to its end, without touching the page");
let seen = "";
const deadline = Date.now() + 60_000;
while (!/^(settled|final)/.test(seen)) {
  assert.ok(Date.now() < deadline, `it stands at ${seen}`);
  const now = await state.innerText();
  if (now !== seen) say(`  ${now}`);
  seen = now;
  await page.waitForTimeout(100);
}
await page.locator("#link[data-state=ended]").waitFor();
for (const event of ["observed", "cleared", "executed"]) await page.locator(".timeline li.done", { hasText: event }).waitFor();
assert.equal(await page.locator(".timeline li.next").count(), 0, "nothing is waited for any more");
assert.equal(page.url(), followed);
const proof = await page.request.get(new URL(await page.getByRole("link", { name: "Proof of this deposit" }).getAttribute("href"), world.users).href);
assert.ok((await proof.json()).claim.length > 0, "anyone can claim with what is shown");
await browser.shoot("transfer");

say("a transfer from Bitcoin: the payment request");
await quote("Bitcoin", "0.0005", "light_client");
await order(world.recipient, world.refund, world.key);
assert.match(await text(), /bcrt1p/);
await browser.shoot("deposit-bitcoin");
await users("/console/transfers");
await shows(/settled|final/);
await browser.shoot("transfers");
await users("/console");
await page.locator("#link[data-state=live]").waitFor();
await browser.shoot("overview");

say("a guardian pauses");
await guardians("/console");
await shows("Nothing is paused.");
await browser.shoot("controls");
await page.getByLabel("Scope").selectOption({ label: "global" });
await page.getByLabel("For", { exact: true }).selectOption("1h");
wallet.account = world.bo;
const early = sign("ada", world.bo, "odd payouts; looking");
assert.match(await early, /choose/, "a statement of ada's is not signed with bo's key");
assert.ok(!wallet.asked.some(({ method }) => method === "eth_signTypedData_v4"));
await browser.shoot("review");
assert.match(await text(), /spandrel pause --global --for 3600s --reason 'odd payouts; looking'/);
wallet.account = world.ada;
assert.match(await press(), /Done/);
await guardians("/console");
await shows("Paused: global");

say("it bites: the quote says so, and no lane is offered");
await quote(`EVM chain ${world.source}`, "0.01", "any");
await shows("No lane takes it now.");
assert.match(await text(), /paused: global/);
assert.equal(await page.locator("#order-form").count(), 0);
await browser.shoot("send-paused");
await users("/console");
await shows("Paused: global");
await browser.shoot("overview-paused");

say("one guardian alone does not resume");
await guardians("/console");
await page.getByRole("link", { name: "Propose to resume" }).click();
assert.match(await sign("ada", world.ada, "found and fixed"), /another person must approve/);
await guardians("/console");
await shows("needs a second person");
await browser.shoot("controls-paused");
await page.getByRole("link", { name: "Approve" }).click();
browser.refusals += 1;
assert.match(await sign("ada", world.ada, "me again"), /SELF_APPROVAL/);
await browser.shoot("refused");

say("a second one approves; it waits for its time, and the pause stands");
await guardians("/console");
await page.getByRole("link", { name: "Approve" }).click();
assert.match(await sign("bo", world.bo, "checked"), /Approved: carried out after/);
await guardians("/console");
await shows("approved");
await shows("Paused: global");

say("limits are lowered by one");
await page.getByRole("link", { name: "Lower" }).first().click();
await page.getByLabel("In 24 hours").fill("12345678");
await browser.shoot("limits");
assert.match(await sign("bo", world.bo, "a quiet night"), /Done/);

say("all of it is in the audit log");
await guardians("/console/audit");
await page.locator("#link[data-state=live]").waitFor();
assert.ok((await page.locator("tbody tr").count()) > 8);
await page.locator("summary").first().click();
await browser.shoot("audit");

await browser.close();
say("console: ok");
