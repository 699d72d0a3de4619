// It takes two people and time to resume; then what was held is paid, and new transfers too.

import assert from "node:assert/strict";
import { listen } from "../keyboard.mjs";
import { say } from "../stage.mjs";

export async function resuming(stage, held) {
  const { page, browser, world } = stage;
  say("one guardian alone does not resume; a second one approves");
  const [waiting, overview] = [await browser.tab(held.waiting.url), await browser.tab(`${world.users}/console`)];
  const heardOf = await listen(waiting);
  await page.bringToFront();
  await stage.guardians("/console");
  const shots = { proposed: "controls-paused", refused: "refused" };
  const shoot = async (at) => {
    if (at === "refused") await browser.shoot(shots[at], { isOwn: false });
    else if (shots[at]) await browser.shoot(shots[at]);
  };
  const before = Date.now() / 1000;
  const resume = page.getByRole("link", { name: "Propose to resume" });
  const at = await stage.byTwo(resume, ["ada", "found and fixed"], ["bo", "checked"], shoot);
  assert.ok(at >= before + world.resumeDelay - 1, `not before its time: ${at}`);
  await stage.shows("Paused: global");
  const heard = await listen(page);

  say("the governor unpauses the chain; the relayer's pause still bites until its time");
  await stage.destination.unpause();
  if (Date.now() / 1000 < at - 1) {
    await stage.requireUnpaid("waiting");
    assert.match(await stage.state(waiting).innerText(), /held/);
  }
  await stage.shows("Nothing is paused.");
  const opened = Date.now() / 1000;
  assert.ok(opened >= at, `resumed at ${opened}, not before ${at}`);
  assert.match((await heard()).join("\n"), /^0 pauses, 0 open proposals/m, "it is announced");
  await browser.shoot("controls-resumed");
  await overview.bringToFront();
  await stage.shows("Nothing is paused.", overview);
  await stage.state(overview).filter({ hasText: "Open" }).waitFor();
  await overview.close();

  say("what was held is paid, on a page that nobody touched");
  await waiting.bringToFront();
  const announced = await stage.follow(waiting, heardOf);
  say(`  ${announced.join(" | ")}`);
  assert.match(announced.join("\n"), /^(settled|final)/m, "it is announced");
  await stage.requirePaid("waiting");
  await waiting.close();
  await page.bringToFront();
}

export async function sendsAgain(stage) {
  say("the lane is open again: another transfer is offered it, and paid");
  await stage.quote(`EVM chain ${stage.world.source}`, "0.01", "fast");
  assert.match(await stage.text(), /fast lane\s+offered/i);
  await stage.order(stage.world.recipients.after);
  await stage.page.locator("#link[data-state=live]").waitFor();
  await stage.deposit();
  const announced = await stage.follow();
  say(`  ${announced.join(" | ")}`);
  assert.match(await stage.page.locator("dl.facts", { hasText: "Lane" }).first().innerText(), /Lane\s+fast/);
  assert.match(announced.join("\n"), /^(settled|final)/m, "it is announced");
  await stage.requirePaid("after");
}
