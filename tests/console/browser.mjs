// A browser that is held to what the console promises: no error in its console, nothing wider than the screen, and pages
// that a keyboard and a screen reader can use.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { chromium } from "playwright-core";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export class Browser {
  errors = [];
  // How many refusals by the service were meant: Chromium writes each to its console.
  refusals = 0;

  static async open(executablePath, shots) {
    const browser = new Browser();
    browser.shots = shots;
    await mkdir(shots, { recursive: true });
    browser.profile = await mkdtemp(path.join(tmpdir(), "spandrel-console-"));
    browser.context = await chromium.launchPersistentContext(browser.profile, {
      executablePath,
      headless: true,
      args: FLAGS,
      viewport: { width: 1280, height: 800 },
      colorScheme: "light",
    });
    browser.page = browser.context.pages()[0];
    browser.page.setDefaultTimeout(30_000);
    browser.page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") browser.errors.push(message.text());
    });
    browser.page.on("pageerror", (error) => browser.errors.push(String(error)));
    return browser;
  }

  // A picture of the page at both widths, light and dark; nothing may be wider than the screen.
  async shoot(name) {
    const { page } = this;
    for (const [width, height, colorScheme] of [[1280, 800, "light"], [390, 844, "light"], [390, 844, "dark"], [1280, 800, "dark"]]) {
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(wide <= width, `${name}: ${wide} px wide on a screen of ${width}`);
      await page.screenshot({ path: path.join(this.shots, `${name}-${width}-${colorScheme}.png`), fullPage: true });
    }
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.emulateMedia({ colorScheme: "light" });
    await this.isUsable(name);
  }

  // Names, labels and landmarks; a skip link that works.
  async isUsable(name) {
    const found = await this.page.evaluate(() => {
      const all = (selector) => [...document.querySelectorAll(selector)];
      const isNamed = (element) => element.labels?.length > 0 || element.getAttribute("aria-label");
      const ids = all("[id]").map((element) => element.id);
      return {
        headings: all("h1").length,
        landmarks: ["header", "nav[aria-label]", "main", "footer"].filter((selector) => !document.querySelector(selector)),
        unnamed: all("input:not([type=hidden]), select, meter").filter((field) => !isNamed(field)).length,
        images: all("img:not([alt])").length,
        buttons: all("button, a").filter((element) => !element.textContent.trim() && !element.getAttribute("aria-label")).length,
        twice: ids.filter((id, at) => ids.indexOf(id) !== at),
        described: all("[aria-describedby], [aria-labelledby]")
          .flatMap((element) => [element.getAttribute("aria-describedby"), element.getAttribute("aria-labelledby")])
          .filter((id) => id && !document.getElementById(id)),
        language: document.documentElement.lang,
      };
    });
    const right = { headings: 1, landmarks: [], unnamed: 0, images: 0, buttons: 0, twice: [], described: [], language: "en" };
    assert.deepEqual(found, right, `${name}: what assistive technology meets`);
  }

  // With the keyboard alone: the first stop skips to the content, and each stop can be seen.
  async skipsByKeyboard() {
    const { page } = this;
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.className), "skip");
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement.id), "main");
    await page.keyboard.press("Tab");
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
    assert.equal(outline, "solid", "what has the focus is marked");
  }

  async close() {
    await this.context.close();
    await rm(this.profile, { recursive: true, force: true });
    const refused = this.errors.filter((text) => text.includes("the server responded with a status of 409"));
    const others = this.errors.filter((text) => !refused.includes(text));
    assert.deepEqual(others, [], "errors in the browser's console");
    assert.equal(refused.length, this.refusals, "refusals by the service");
  }
}
