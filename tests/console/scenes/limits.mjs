// Limits go up by two people after a timelock, and down by one at once; the log has all of it.

import assert from "node:assert/strict";
import { Keyboard } from "../keyboard.mjs";
import { say } from "../stage.mjs";

export async function limits(stage) {
  await raises(stage);
  await lowers(stage);
}

async function raises(stage) {
  const { page, browser, world } = stage;
  say("limits are raised by two, after the timelock, and any one cancels that");
  await stage.guardians("/console");
  const row = page.locator("[data-live=limits] tbody tr").first();
  const [before, now] = [await row.innerText(), Date.now() / 1000];
  const fill = async (at) => {
    if (at !== "draft") return;
    const window = page.getByLabel("In 24 hours");
    await window.fill(`${await window.inputValue()}0`);
    await browser.shoot("limits-raise");
  };
  const at = await stage.byTwo(row.getByRole("link", { name: "Raise" }), ["ada", "a busy week"], ["bo", "agreed"], fill);
  assert.ok(at >= now + world.timelock - 1, `not before the timelock: ${at}`);
  const day = new Date(at * 1000).toISOString().slice(0, 10);
  await stage.shows(new RegExp(`carried out after ${day}`));
  await stage.shows(/In 24 hours: \S+ BTC → \S+ BTC/);
  assert.equal(await row.innerText(), before, "the limits stand as before");
  await browser.shoot("controls-timelock");
  await page.getByRole("link", { name: "Cancel" }).click();
  assert.match(await stage.sign("bo", "not so busy"), /Done/);
  await stage.guardians("/console");
  await stage.shows("Nothing is proposed.");
  assert.equal(await row.innerText(), before);
}

async function lowers(stage) {
  const { page, browser } = stage;
  say("limits are lowered by one");
  await stage.guardians("/console");
  const row = page.locator("[data-live=limits] tbody tr").first();
  const before = await row.innerText();
  await row.getByRole("link", { name: "Lower" }).click();
  const window = page.getByLabel("In 24 hours");
  await window.fill("little");
  browser.refusals += 2;
  await stage.review("bo", "a quiet night");
  await new Keyboard(page).requireRefused("refusal", /window\s*expected base units or unlimited, found "little"/);
  assert.equal(await window.inputValue(), "little", "nothing is filled in twice");
  assert.equal(await window.getAttribute("aria-invalid"), "true");
  await browser.shoot("limits-refused");
  await window.fill("12345678");
  await browser.shoot("limits", { isOwn: false });
  assert.match(await stage.sign("bo", "a quiet night"), /Done/);
  await stage.guardians("/console");
  const after = await row.innerText();
  assert.ok(after !== before && /12345678|0\.12345678|0\.000000000012345678/.test(after), after);
}

export async function audit(stage) {
  const { page, browser } = stage;
  say("all of it is in the audit log");
  await stage.guardians("/console/audit");
  await page.locator("#link[data-state=live]").waitFor();
  const entries = [];
  for (;;) {
    entries.push(...(await page.locator("tbody summary").allInnerTexts()));
    const older = page.getByRole("link", { name: "Older" });
    if ((await older.count()) === 0) break;
    await older.click();
    await page.waitForLoadState();
  }
  const acts = entries.filter((entry) => entry.startsWith("taken")).reverse();
  say(`  ${acts.join(" | ")}`);
  const said = ["pause", "extend hold", "drop held", "resume", "approve", "release held", "approve", "raise limits", "approve", "cancel", "lower limits"];
  const people = ["ada", "bo", "ada", "ada", "bo", "ada", "bo", "ada", "bo", "bo", "bo"];
  assert.deepEqual(acts, said.map((act, at) => `taken · ${people[at]} · ${act}`));
  for (const word of ["held", "rejected"]) assert.ok(entries.some((entry) => entry.startsWith(word)), `${word}: ${entries.join(" | ")}`);
  await stage.guardians("/console/audit");
  await page.locator("summary").first().click();
  await browser.shoot("audit");
}
