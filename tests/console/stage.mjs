// What the scenes share: the browser, the people's keys, and what people do again and again.

import assert from "node:assert/strict";
import { eventually } from "./chain.mjs";
import { listen } from "./keyboard.mjs";

const started = Date.now();

export const say = (what) => console.log(`${((Date.now() - started) / 1000).toFixed(1).padStart(6)}s  ${what}`);

export class Stage {
  constructor(world, browser, wallet, destination) {
    Object.assign(this, { world, browser, wallet, destination });
    this.page = browser.page;
  }

  users = (path) => this.page.goto(this.world.users + path);
  guardians = (path) => this.page.goto(this.world.guardians + path);
  text = () => this.page.locator("main").innerText();
  shows = (words, page = this.page) => page.locator("main").getByText(words).locator("visible=true").first().waitFor();
  state = (page = this.page) => page.locator("[role=status][data-live=state]");

  // Asks what `amount` gets on the route from `source`.
  async quote(source, amount, lane) {
    const { page } = this;
    await this.users("/console/send");
    const option = page.locator("#route option", { hasText: source });
    await page.getByLabel("Route").selectOption(await option.first().getAttribute("value"));
    await page.getByLabel("Amount").fill(amount);
    await page.getByLabel("Lane", { exact: true }).selectOption(lane);
    await page.getByRole("button", { name: "Get a quote" }).click();
    await page.getByRole("heading", { name: "Lanes" }).waitFor();
  }

  // Orders what was quoted; answers the address of the transfer's page.
  async order(recipient, refund) {
    const { page, world } = this;
    await page.getByLabel("Recipient").fill(recipient);
    if (refund) await page.getByLabel("Refund key").fill(refund);
    await page.getByLabel("API key").fill(world.key);
    await page.getByRole("button", { name: "Order the transfer" }).click();
    return this.ordered();
  }

  async ordered() {
    const { page, world } = this;
    await page.waitForURL(/\/console\/transfers\/0x/);
    await page.getByRole("heading", { name: "Make the deposit" }).waitFor();
    assert.ok(!page.url().includes(world.key), "the key stands in no address");
    const stored = await page.evaluate(() => localStorage.length + sessionStorage.length + document.cookie.length);
    assert.equal(stored, 0, "nothing is kept in the browser");
    const size = await page.locator("figure img").evaluate((image) => image.decode().then(() => image.naturalWidth));
    assert.ok(size > 100, "the QR code is drawn");
    return page.url();
  }

  // Sends the deposit that the page asks for, by the wallet.
  async deposit(page = this.page) {
    this.wallet.account = this.world.user;
    await page.getByRole("button", { name: /with a browser wallet/ }).click();
    await page.locator("#wallet-said", { hasText: "Sent: 0x" }).waitFor();
  }

  // Watches a transfer's page, which nobody touches, to the transfer's end; answers what a screen reader was told of it.
  async follow(page = this.page, listened) {
    const heard = listened ?? (await listen(page));
    const url = page.url();
    await page.locator("[role=status] [data-terminal]").waitFor({ timeout: 60_000 });
    await page.locator("#link[data-state=ended]").waitFor();
    assert.equal(await page.locator(".timeline li.next").count(), 0, "nothing is waited for any more");
    assert.equal(page.url(), url);
    return heard();
  }

  // Fills in who and why, and reviews.
  async review(person, reason) {
    const { page } = this;
    const guardian = page.getByLabel("Your key").locator("option", { hasText: person });
    await page.getByLabel("Your key").selectOption(await guardian.first().getAttribute("value"));
    await page.getByLabel("Reason").fill(reason);
    await page.getByRole("button", { name: /^Review/ }).click();
  }

  // Reviews, signs with the person's own key, and returns what is said.
  async sign(person, reason) {
    await this.review(person, reason);
    await this.page.getByRole("heading", { name: "Review and sign" }).waitFor();
    this.wallet.account = this.world[person];
    await this.page.getByRole("button", { name: /^Sign/ }).click();
    const said = this.page.locator("#sign-said.notice");
    await said.waitFor();
    return said.innerText();
  }

  // One person proposes what `link` of the controls names, is refused as the second one too, and another one approves.
  // Answers when it will be carried out, in Unix seconds.
  async byTwo(link, [first, why], [second, agrees], between = async () => {}) {
    const { page } = this;
    await link.click();
    await between("draft");
    assert.match(await this.sign(first, why), /another person must approve/);
    await this.guardians("/console");
    await this.shows("needs a second person");
    await between("proposed");
    await page.getByRole("link", { name: "Approve" }).click();
    this.browser.refusals += 1;
    assert.match(await this.sign(first, "me again"), /SELF_APPROVAL/);
    await between("refused");
    await this.guardians("/console");
    await page.getByRole("link", { name: "Approve" }).click();
    const said = await this.sign(second, agrees);
    const [, at] = said.match(/^Approved: carried out after (\S+), once health is green\.$/) ?? assert.fail(said);
    await this.guardians("/console");
    await this.shows("carried out after");
    return Date.parse(at) / 1000;
  }

  // A recipient's balance on the chain becomes the amount that was sent.
  async requirePaid(part) {
    const { amount, recipients } = this.world;
    await eventually(`${part} is paid on the chain`, async () => (await this.destination.balance(recipients[part])) === BigInt(amount));
  }

  async requireUnpaid(part) {
    assert.equal(await this.destination.balance(this.world.recipients[part]), 0n, `${part} is not paid on the chain`);
  }
}
