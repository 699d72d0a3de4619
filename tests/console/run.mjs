// The console as people use it, in Chromium, on a running bridge. `tests/tests/console.rs` starts the bridge and says where
// it is; this ends with 0 only when everything held.

import { Browser } from "./browser.mjs";
import { Destination } from "./chain.mjs";
import { audit, limits } from "./scenes/limits.mjs";
import { pausing } from "./scenes/pausing.mjs";
import { extendsAndDrops, releasesByTwo } from "./scenes/queue.mjs";
import { resuming, sendsAgain } from "./scenes/resuming.mjs";
import { sending } from "./scenes/sending.mjs";
import { Stage, say } from "./stage.mjs";
import { Wallet } from "./wallet.mjs";

const world = JSON.parse(process.env.SPANDREL_CONSOLE);
const browser = await Browser.open(process.env.SPANDREL_CHROMIUM, world.shots);
const wallet = new Wallet({ [world.source]: world.sourceNode }, world.signerNode);
await wallet.inject(browser.context);
const stage = new Stage(world, browser, wallet, new Destination(world));

await sending(stage);
const held = await pausing(stage);
await extendsAndDrops(stage, held);
await resuming(stage, held);
await sendsAgain(stage);
await releasesByTwo(stage, held);
await limits(stage);
await audit(stage);

await browser.close();
say(`${browser.looked} pages looked at, the heaviest (${browser.most.name}) ${browser.most.bytes} bytes over the wire`);
say("console: ok");
