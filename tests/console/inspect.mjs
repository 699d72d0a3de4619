// What every page is held to, at each width and in each colour scheme: nothing wider than its place, no violation that
// axe-core knows, names and landmarks for assistive technology, and less than 100 kB over the wire.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

const MOST_BYTES = 100_000;
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

// Nothing is wider than the screen, nothing is cut off by what it stands in, and no word to press or to read at a glance is
// broken in two.
export async function requireFits(page, name) {
  const found = await page.evaluate(() => {
    const isCut = (element) => {
      const { overflowX } = getComputedStyle(element);
      return overflowX !== "visible" && element.clientWidth > 1 && element.scrollWidth > element.clientWidth + 1;
    };
    const isBroken = (element) => {
      const range = document.createRange();
      range.selectNodeContents(element);
      return !/\s|…|.{30}/.test(element.textContent.trim()) && new Set([...range.getClientRects()].map(({ top }) => Math.round(top / 8))).size > 1;
    };
    const named = (element) => `${element.localName}.${element.className} ${element.textContent.slice(0, 60)}`;
    return {
      tooWide: Math.max(0, document.documentElement.scrollWidth - innerWidth),
      cut: [...document.querySelectorAll("body *:not(input, select, option, svg, svg *, pre)")].filter(isCut).map(named),
      broken: [...document.querySelectorAll("main :is(a, button, th, dt, label, .pill)")].filter(isBroken).map(named),
    };
  });
  assert.deepEqual(found, { tooWide: 0, cut: [], broken: [] }, `${name}: what does not fit`);
}

// Rules of all severities, best practices too. The script goes in by the browser's protocol: the page's own policy, which
// would refuse it, stays as it is.
export async function requireAccessible(page, name) {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axe);
  const violations = await page.evaluate(async () => {
    const options = { resultTypes: ["violations"], preload: false, rules: { "target-size": { enabled: true } } };
    const { violations } = await window.axe.run(document, options);
    return violations.flatMap(({ id, impact, nodes }) => nodes.map(({ html, failureSummary }) => `${id} (${impact}): ${html}\n${failureSummary}`));
  });
  assert.deepEqual(violations, [], `${name}: what axe-core finds\n${violations.join("\n")}`);
}

// Names, labels and landmarks.
export async function requireNamed(page, name) {
  const found = await page.evaluate(() => {
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

// Bytes that a browser with nothing in its cache gets for a page: headers, content, style, scripts, pictures.
export async function requireLight(context, url, name) {
  const page = await context.newPage();
  try {
    const protocol = await context.newCDPSession(page);
    await protocol.send("Network.enable");
    await protocol.send("Network.setCacheDisabled", { cacheDisabled: true });
    let bytes = 0;
    let files = 0;
    protocol.on("Network.loadingFinished", ({ encodedDataLength }) => {
      bytes += encodedDataLength;
      files += 1;
    });
    await page.goto(url, { waitUntil: "load" });
    assert.ok(files >= 4, `${name}: a page, its style and its scripts: ${files} files`);
    assert.ok(bytes > 5_000 && bytes < MOST_BYTES, `${name}: ${bytes} bytes over the wire`);
    return bytes;
  } finally {
    await page.close();
  }
}

// The inspection finds what it is for: a page with a fault of each kind is refused for each.
export async function requireInspects(context) {
  const page = await context.newPage();
  try {
    await page.setContent(`<!doctype html><html><title>Faults</title><main><h1>Faults</h1>
      <input><p style="color: #999">faint</p><p style="width: 9000px">wide</p>
      <p style="overflow: hidden; width: 20px">cutoffbyitsplace</p>
      <p style="width: 20px; overflow-wrap: anywhere"><a href="#">brokenintwo</a></p></main></html>`);
    await assert.rejects(requireAccessible(page, "faults"), (error) =>
      ["label (critical)", "color-contrast (serious)", "html-has-lang (serious)"].every((rule) => error.message.includes(rule)),
    );
    await assert.rejects(requireFits(page, "faults"), /brokenintwo[\s\S]*cutoffbyitsplace[\s\S]*tooWide: [1-9]/);
    await assert.rejects(requireNamed(page, "faults"), /unnamed: 1/);
  } finally {
    await page.close();
  }
}
