// A person who has a keyboard alone: gets about by Tab, chooses by the arrow keys, presses Enter, and must see where the
// focus is at every stop.

import assert from "node:assert/strict";

const MOST_STOPS = 120;

export class Keyboard {
  constructor(page) {
    this.page = page;
  }

  async press(key) {
    await this.page.keyboard.press(key);
  }

  // By Tab until `locator` has the focus.
  async reach(locator) {
    for (let stop = 0; stop < MOST_STOPS; stop += 1) {
      if (await locator.evaluate((element) => element === document.activeElement)) return;
      await this.press("Tab");
      await this.requireSeen();
    }
    assert.fail(`Tab does not reach ${locator}`);
  }

  async activate(locator) {
    await this.reach(locator);
    await this.press("Enter");
  }

  // Replaces what stands in a field.
  async write(locator, text) {
    await this.reach(locator);
    await this.press("ControlOrMeta+a");
    await this.page.keyboard.type(text);
    assert.equal(await locator.inputValue(), text);
  }

  // Chooses by the arrow keys the first option that `isWanted` (a regular expression) finds.
  async choose(locator, isWanted) {
    await this.reach(locator);
    await this.press("Home");
    const count = await locator.locator("option").count();
    for (let at = 0; at < count; at += 1) {
      const chosen = await locator.evaluate((element) => element.selectedOptions[0].textContent);
      if (isWanted.test(chosen)) return;
      await this.press("ArrowDown");
    }
    assert.fail(`no option of ${locator} is ${isWanted}`);
  }

  // Past the navigation, by the link that is there for it.
  async skip() {
    await this.press("Tab");
    assert.equal(await this.page.evaluate(() => document.activeElement.className), "skip");
    await this.requireSeen();
    await this.press("Enter");
    assert.equal(await this.page.evaluate(() => document.activeElement.id), "main");
  }

  // What has the focus is drawn so, and stands on the screen.
  async requireSeen() {
    const seen = await this.page.evaluate(() => {
      const element = document.activeElement;
      if (element === document.body) return { outline: "solid", isThick: true, isThere: true };
      const { outlineStyle, outlineWidth } = getComputedStyle(element);
      const { top, bottom, left, right, width, height } = element.getBoundingClientRect();
      const isThere = width > 0 && height > 0 && bottom > 0 && right > 0 && top < innerHeight && left < innerWidth;
      return { outline: outlineStyle, isThick: parseFloat(outlineWidth) >= 2, isThere };
    });
    const which = await this.page.evaluate(() => document.activeElement.outerHTML.slice(0, 120));
    assert.deepEqual(seen, { outline: "solid", isThick: true, isThere: true }, `the focus is seen: ${which}`);
  }

  // What was refused has the focus, is seen to, and says so.
  async requireRefused(id, words) {
    const at = this.page.locator(`#${id}`);
    await at.filter({ hasText: words }).waitFor();
    await this.page.waitForFunction((id) => document.activeElement?.id === id, id);
    await this.requireSeen();
    return at;
  }
}

// What a screen reader is told: the texts that live regions get, in order, until the page is left.
export async function listen(page) {
  await page.evaluate(() => {
    window.announced = [];
    const regions = document.querySelectorAll("[role=status], [role=alert]");
    const hear = (region) => {
      const text = region.textContent.trim();
      if (text && window.announced.at(-1) !== text) window.announced.push(text);
    };
    for (const region of regions) {
      new MutationObserver(() => hear(region)).observe(region, { childList: true, subtree: true, characterData: true });
    }
  });
  return () => page.evaluate(() => window.announced ?? assert.fail("the page was loaded again"));
}
