// A browser that is held to what the console promises: no error in its console, and pages that fit, that everyone can use,
// and that are small.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { chromium } from "playwright-core";
import { requireAccessible, requireFits, requireInspects, requireLight, requireNamed } from "./inspect.mjs";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const WIDE = { width: 1280, height: 800 };
const NARROW = { width: 390, height: 844 };
const VIEWS = [
  [WIDE, "light"],
  [NARROW, "light"],
  [NARROW, "dark"],
  [WIDE, "dark"],
];

export class Browser {
  errors = [];
  // How many refusals by the service were meant: Chromium writes each to its console.
  refusals = 0;
  // The heaviest page, and how many were looked at.
  most = { bytes: 0, name: "" };
  looked = 0;

  static async open(executablePath, shots) {
    const browser = new Browser();
    browser.shots = shots;
    await rm(shots, { recursive: true, force: true });
    await mkdir(shots, { recursive: true });
    browser.profile = await mkdtemp(path.join(tmpdir(), "spandrel-console-"));
    browser.context = await chromium.launchPersistentContext(browser.profile, {
      executablePath,
      headless: true,
      args: FLAGS,
      viewport: WIDE,
      colorScheme: "light",
    });
    browser.context.setDefaultTimeout(30_000);
    browser.context.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") browser.errors.push(message.text());
    });
    browser.context.on("weberror", (error) => browser.errors.push(String(error.error())));
    await requireInspects(browser.context);
    browser.page = browser.context.pages()[0];
    return browser;
  }

  // Another tab, which stays open beside the first.
  async tab(url) {
    const page = await this.context.newPage();
    await page.goto(url);
    await page.locator("#link[data-state=live]").waitFor();
    return page;
  }

  // Pictures of a page at both widths, light and dark, each of which is inspected. `isOwn` says that its address alone shows
  // it, so that it can be weighed.
  async shoot(name, { page = this.page, isOwn = true } = {}) {
    for (const [size, colorScheme] of VIEWS) {
      const view = `${name}-${size.width}-${colorScheme}`;
      await page.setViewportSize(size);
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await requireFits(page, view);
      await requireAccessible(page, view);
      await page.screenshot({ path: path.join(this.shots, `${view}.png`), fullPage: true });
      this.looked += 1;
    }
    await page.setViewportSize(WIDE);
    await page.emulateMedia({ colorScheme: "light", reducedMotion: "no-preference" });
    await requireNamed(page, name);
    if (!isOwn) return;
    const bytes = await requireLight(this.context, page.url(), name);
    if (bytes > this.most.bytes) this.most = { bytes, name };
  }

  async close() {
    await this.context.close();
    await rm(this.profile, { recursive: true, force: true });
    const refused = this.errors.filter((text) => /the server responded with a status of 4\d\d/.test(text));
    const others = this.errors.filter((text) => !refused.includes(text));
    assert.deepEqual(others, [], "errors in the browser's console");
    assert.equal(refused.length, this.refusals, `refusals by the service: ${refused.join("; ")}`);
  }
}
