// A pause by the keyboard alone, and what it stops: quotes, and deposits that are on their way, on every page and on the chain.

import assert from "node:assert/strict";
import { eventually } from "../chain.mjs";
import { Keyboard, listen } from "../keyboard.mjs";
import { say } from "../stage.mjs";

// Ordered before, deposited when everything is paused.
const WAITING = ["waiting", "released", "dropped"];

export async function pausing(stage) {
  const ordered = await ordersAhead(stage);
  await pausesByKeyboard(stage);
  await refusesQuotes(stage);
  return holdsDeposits(stage, ordered);
}

async function ordersAhead(stage) {
  say("three more orders");
  const ordered = {};
  for (const part of WAITING) {
    await stage.quote(`EVM chain ${stage.world.source}`, "0.01", "any");
    ordered[part] = await stage.order(stage.world.recipients[part]);
  }
  return ordered;
}

async function pausesByKeyboard(stage) {
  const { page, browser, world, wallet } = stage;
  say("a guardian pauses, by keyboard");
  const overview = await browser.tab(`${world.users}/console`);
  const controls = await browser.tab(`${world.guardians}/console`);
  const heard = [await listen(overview), await listen(controls)];
  await page.bringToFront();
  await stage.guardians("/console");
  await stage.shows("Nothing is paused.");
  await browser.shoot("controls");
  const keyboard = new Keyboard(page);
  await page.reload();
  await keyboard.skip();
  await keyboard.choose(page.getByLabel("Scope"), /^global$/);
  await keyboard.choose(page.getByLabel("For", { exact: true }), /^1 hour$/);
  await keyboard.choose(page.getByLabel("Your key"), /^ada /);
  const reason = page.getByLabel("Reason");
  await keyboard.write(reason, "   ");
  // The page answers 400, here and when it is weighed.
  browser.refusals += 2;
  await keyboard.activate(page.getByRole("button", { name: "Review the pause" }));
  await keyboard.requireRefused("refusal", /expected one line/);
  assert.match(await page.getByLabel("Your key").locator("option:checked").innerText(), /^ada /, "nothing is filled in twice");
  assert.equal(await page.getByLabel("For", { exact: true }).inputValue(), "1h");
  await browser.shoot("draft-refused");
  await keyboard.activate(page.getByRole("link", { name: "Go to the field" }));
  await keyboard.write(reason, "odd payouts; looking");
  await keyboard.press("Enter");
  await page.getByRole("heading", { name: "Review and sign" }).waitFor();
  const sign = page.getByRole("button", { name: /^Sign/ });
  wallet.account = world.bo;
  await keyboard.skip();
  await keyboard.activate(sign);
  await keyboard.requireRefused("sign-said", /choose 0x/);
  assert.equal(wallet.count("eth_signTypedData_v4"), 0, "a statement of ada's is not signed with bo's key");
  assert.match(await stage.text(), /spandrel pause --global --for 3600s --reason='odd payouts; looking'/);
  await browser.shoot("review");
  wallet.account = world.ada;
  await keyboard.press("Shift+Tab");
  await keyboard.activate(sign);
  await keyboard.requireRefused("sign-said", /^Done/);
  say("pages that were open show it, and announce it");
  await overview.bringToFront();
  await stage.shows("Paused: global", overview);
  await stage.shows(/ends in \d+ (h|min)/, overview);
  await controls.bringToFront();
  await stage.shows("Paused: global", controls);
  assert.match((await heard[0]()).join("\n"), /Degraded 1 pause/);
  assert.match((await heard[1]()).join("\n"), /^1 pause, 0 open proposals/m);
  await overview.close();
  await controls.close();
}

async function refusesQuotes(stage) {
  const { page, browser, world } = stage;
  say("it bites: the quote says so, and no lane is offered");
  await stage.quote(`EVM chain ${world.source}`, "0.01", "any");
  await new Keyboard(page).requireRefused("refusal", /^No lane takes it now\.$/);
  assert.match(await stage.text(), /paused: global/);
  assert.equal(await page.locator("#order-form").count(), 0);
  await browser.shoot("send-paused");
  await stage.users("/console");
  await stage.shows("Paused: global");
  await browser.shoot("overview-paused");
  await eventually("the pause stands on the chain", () => stage.destination.isPaused());
}

async function holdsDeposits(stage, ordered) {
  const { page, browser } = stage;
  say("it bites: deposits on their way are held, and nobody is paid");
  const held = {};
  for (const part of WAITING) {
    await page.goto(ordered[part]);
    await page.locator("#link[data-state=live]").waitFor();
    const heard = await listen(page);
    await stage.deposit();
    await stage.state().filter({ hasText: /held.*paused: global/s }).waitFor();
    assert.match((await heard()).join("\n"), /held.*paused: global/s, "it is announced");
    const id = page.getByRole("button", { name: "Copy the deposit's id" });
    held[part] = { url: ordered[part], deposit: await id.getAttribute("data-copy") };
  }
  await page.getByRole("link", { name: "Proof of this deposit" }).waitFor({ timeout: 60_000 });
  await browser.shoot("transfer-held");
  for (const part of WAITING) await stage.requireUnpaid(part);
  return held;
}
