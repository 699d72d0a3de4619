// The queue of held transfers: one guardian makes a hold longer or drops a transfer; two release one, later.

import assert from "node:assert/strict";
import { say } from "../stage.mjs";

// The row of a transfer, and what can be done about it.
const row = (page, { deposit }) => page.locator("[data-live=held] tbody tr", { has: page.locator(`[data-copy="${deposit}"]`) });
const act = (page, held, name) => row(page, held).getByRole("link", { name, exact: true });

export async function extendsAndDrops(stage, held) {
  const { page, browser } = stage;
  say("one guardian makes a hold longer, and drops a transfer");
  await stage.guardians("/console");
  assert.equal(await page.locator("[data-live=held] tbody tr").count(), 3);
  assert.match(await row(page, held.released).innerText(), /paused: global/);
  await browser.shoot("controls-held");
  await act(page, held.released, "Extend").click();
  await page.getByLabel("For", { exact: true }).selectOption("15m");
  await browser.shoot("hold-extend");
  assert.match(await stage.sign("bo", "its sender is being asked"), /Done/);
  await stage.guardians("/console");
  assert.match(await row(page, held.released).innerText(), /at least until/);
  const dropped = await browser.tab(held.dropped.url);
  await page.bringToFront();
  await act(page, held.dropped, "Drop").click();
  assert.match(await stage.sign("ada", "it is not the sender's own"), /Done/);
  await stage.guardians("/console");
  assert.equal(await row(page, held.dropped).count(), 0);
  await dropped.bringToFront();
  await stage.state(dropped).filter({ hasText: "rejected" }).waitFor();
  await stage.shows("rejected", dropped);
  await browser.shoot("transfer-dropped", { page: dropped });
  await dropped.close();
  await page.bringToFront();
  await stage.requireUnpaid("dropped");
}

// When nothing is paused any more, the hold that was made longer still stands, until two say otherwise.
export async function releasesByTwo(stage, held) {
  const { page, browser, world } = stage;
  say("two release the transfer whose hold was made longer");
  await stage.guardians("/console");
  assert.equal(await page.locator("[data-live=held] tbody tr").count(), 1);
  await stage.requireUnpaid("released");
  const released = await browser.tab(held.released.url);
  await page.bringToFront();
  const before = Date.now() / 1000;
  const at = await stage.byTwo(act(page, held.released, "Release"), ["ada", "its sender answered"], ["bo", "I heard it too"]);
  assert.ok(at >= before + world.resumeDelay - 1, `not before its time: ${at}`);
  await stage.requireUnpaid("released");
  await released.bringToFront();
  const announced = await stage.follow(released);
  say(`  ${announced.join(" | ")}`);
  await stage.requirePaid("released");
  assert.ok(Date.now() / 1000 >= at, "not before its time");
  await released.close();
  await page.bringToFront();
  await stage.guardians("/console");
  await stage.shows("No transfer is held.");
}
