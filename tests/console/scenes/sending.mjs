// A transfer from Ethereum by the keyboard alone, from the quote to its end, and one from Bitcoin as far as its payment request.

import assert from "node:assert/strict";
import { Keyboard, listen } from "../keyboard.mjs";
import { say } from "../stage.mjs";

export async function sending(stage) {
  await looksAround(stage);
  await ordersByKeyboard(stage);
  await sendsOnce(stage);
  await followsToTheEnd(stage);
  await asksForBitcoin(stage);
}

async function looksAround({ page, browser, users, shows }) {
  say("the overview, by keyboard");
  await users("/");
  await page.getByRole("heading", { name: "Overview", exact: true }).waitFor();
  const keyboard = new Keyboard(page);
  await keyboard.skip();
  await keyboard.press("Tab");
  await keyboard.requireSeen();
  await page.locator("#link[data-state=live]").waitFor();
  await shows("Nothing is paused.");
  assert.ok((await page.locator("meter").count()) >= 6, "windows, exposures and signatures as gauges");
  await shows("2 of 3 must agree.");
  await shows(/\d+ behind/);
  await browser.shoot("overview-empty");
  browser.refusals += 2;
  await users("/console/transfers/0x1");
  await keyboard.requireRefused("refusal", /INVALID_PARAMETER/);
  await browser.shoot("trouble");
}

async function ordersByKeyboard(stage) {
  const { page, browser, world } = stage;
  say("an order by keyboard: what is wrong is said where the focus is");
  await stage.users("/console");
  const keyboard = new Keyboard(page);
  await keyboard.activate(page.getByRole("link", { name: "Send", exact: true }));
  await page.getByRole("heading", { name: "Send", exact: true }).waitFor();
  await keyboard.skip();
  const [route, amount] = [page.getByLabel("Route"), page.getByLabel("Amount")];
  await keyboard.choose(route, new RegExp(`^EVM chain ${world.source} `));
  await keyboard.write(amount, "1,5");
  await keyboard.choose(page.getByLabel("Lane", { exact: true }), /quicker/);
  await keyboard.activate(page.getByRole("button", { name: "Get a quote" }));
  await keyboard.requireRefused("refusal", /a number of ETH, found "1,5"/);
  assert.equal(await amount.getAttribute("aria-invalid"), "true");
  assert.equal(await amount.getAttribute("aria-describedby"), "refusal");
  await browser.shoot("send-refused");
  await keyboard.activate(page.getByRole("link", { name: "Go to the field" }));
  assert.ok(await amount.evaluate((element) => element === document.activeElement), "the focus is in the field");
  await keyboard.write(amount, "0.01");
  await keyboard.press("Enter");
  await page.getByRole("heading", { name: "Lanes" }).waitFor();
  assert.match(await stage.text(), /fast lane\s+offered/i);
  await browser.shoot("send");
  const heard = await listen(page);
  const recipient = page.getByLabel("Recipient");
  browser.refusals += 1;
  await keyboard.write(recipient, "0x12");
  await keyboard.press("Enter");
  await keyboard.requireRefused("order-said", /recipient|address/i);
  assert.equal((await heard()).length, 1, "the refusal is announced");
  await browser.shoot("order-refused", { isOwn: false });
  // Nobody was asked for a key: the page gets one for this order. Back to the field it goes by Shift and Tab.
  for (let stop = 0; stop < 4; stop += 1) {
    if (await recipient.evaluate((element) => element === document.activeElement)) break;
    await keyboard.press("Shift+Tab");
  }
  await keyboard.write(recipient, world.recipients.first);
  await keyboard.press("Enter");
  await stage.ordered();
  await browser.shoot("deposit-ethereum");
}

// A deposit that the wallet says it sent is not offered again, however often the page hears of changes.
async function sendsOnce({ page, wallet, world }) {
  say("a deposit that was sent stays sent on the page, though the bridge does not see it");
  await page.reload();
  await page.locator("#link[data-state=live]").waitFor();
  const button = page.getByRole("button", { name: /with a browser wallet/ });
  const said = page.locator("#wallet-said");
  Object.assign(wallet, { account: world.user, loses: true });
  const heard = await listen(page);
  await button.click();
  await said.filter({ hasText: "Sent: 0x" }).waitFor();
  // Twice as often as a page is told at least.
  for (let read = 0; read < 2; read += 1) await page.waitForResponse((response) => response.url() === page.url(), { timeout: 10_000 });
  assert.ok(await button.isDisabled(), "it is not sent twice");
  assert.match(await said.innerText(), /^Sent: 0x/);
  assert.equal((await heard()).length, 1);
  wallet.loses = false;
  await page.reload();
}

async function followsToTheEnd(stage) {
  const { page, browser, wallet, world } = stage;
  say("the deposit by keyboard, then followed to its end without touching the page");
  const keyboard = new Keyboard(page);
  await page.locator("#link[data-state=live]").waitFor();
  wallet.account = world.user;
  await keyboard.skip();
  await keyboard.activate(page.getByRole("button", { name: /with a browser wallet/ }));
  await keyboard.requireRefused("wallet-said", /^Sent: 0x/);
  const announced = await stage.follow();
  say(`  ${announced.join(" | ")}`);
  assert.match(announced.join("\n"), /^(settled|final)/m, "the end is announced");
  assert.ok(announced.length >= 4 && announced.at(-1) === "Ended", "and the steps before");
  assert.ok(!announced.includes("Not connected"), "an end is no loss");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main", "the focus is not lost with the section it was in");
  for (const event of ["observed", "cleared", "executed"]) await page.locator(".timeline li.done", { hasText: event }).waitFor();
  await stage.requirePaid("first");
  const link = await page.getByRole("link", { name: "Proof of this deposit" }).getAttribute("href");
  const proof = await page.request.get(new URL(link, world.users).href);
  assert.ok((await proof.json()).claim.length > 0, "anyone can claim with what is shown");
  await browser.shoot("transfer");
}

async function asksForBitcoin(stage) {
  say("a transfer from Bitcoin: the payment request");
  await stage.quote("Bitcoin", "0.0005", "light_client");
  await stage.order(stage.world.recipients.first, stage.world.refund);
  assert.match(await stage.text(), /bcrt1p/);
  await stage.browser.shoot("deposit-bitcoin");
  await stage.users("/console/transfers");
  await stage.shows(/settled|final/);
  await stage.browser.shoot("transfers");
  await stage.users("/console");
  await stage.page.locator("#link[data-state=live]").waitFor();
  await stage.browser.shoot("overview");
}
