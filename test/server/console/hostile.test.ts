/**
 * Texts that others wrote are only text at the console: no markup of theirs becomes an element, no mark of theirs turns
 * the texts around them, no word of theirs breaks the layout, and only web addresses that lead where they seem to lead
 * become links.
 */

import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Client } from "../../../src/client/index.ts";
import { type RunningReceiver, startReceiver } from "../../support/receiver/server.ts";
import { sharedServer } from "../installation.ts";
import { describeInBrowser, overflow } from "../watched-browser.ts";
import { button, field, job, NARROW, run, runs, Site, sentOn, WIDE } from "./site.ts";

const ENV = "prod";
const MARKUP = `<img src="x" onerror="alert(1)"><script>alert(2)</script><b>bold</b>`;
/** Marks that turn what comes after them and never end, what nobody sees, and a letter that is read from the right. */
const BIDI = "\u202Egnp.exe\u2067\u200b\u{e0061}\ufe0f\u05d0";
const SEEN_BIDI = "\\u202egnp.exe\\u2067\\u200b\\udb40\\udc61\\ufe0f\u05d0";
const SCRIPT_LINK = "javascript:alert(3)";
/** Leads to evil.example. */
const DISGUISED_LINK = "https://github.com@evil.example/";
/** A word without a place to break it. */
const long = (characters: number) => "W".repeat(characters);
const WORD = long(8192);

/** An element of the page, as far as a function that runs there needs it. */
interface Scrollable {
  readonly scrollWidth: number;
  readonly clientWidth: number;
}

describeInBrowser("hostile texts at the console", (browser) => {
  const site = new Site("of-console-hostile", sharedServer("of-console-hostile"));
  let receiver: RunningReceiver;
  let ids: readonly string[];
  let bulkId: string;

  beforeAll(async () => {
    receiver = await startReceiver();
    const answer = `<html><head><title>502</title></head><body>${MARKUP}${BIDI}${long(2000)}</body></html>`;
    receiver.script("hostile", [{ status: 502, headers: { "Content-Type": "text/html" }, body: answer }]);
    const token = await site.client(ENV).tokens.create({ name: `${MARKUP.slice(0, 60)}${long(60)}`, role: "admin" });
    const client = site.client(ENV, token.token);
    // Its receiver refuses each delivery, with a hostile answer.
    await client.webhookEndpoints.put("hostile", {
      url: `${receiver.url}/hostile?${long(1000)}`,
      headers: { [`X-${long(60)}`]: MARKUP },
      secrets: { [long(60)]: MARKUP },
      events: ["action_run.*"],
      payload: { [MARKUP]: BIDI, [BIDI]: WORD },
    });
    await client.webhookEndpoints.put("of-hostile-runs", {
      url: receiver.url,
      events: ["action_run.failed"],
      actionNames: [MARKUP.slice(0, 60), BIDI, long(250)],
      labels: LABELS,
    });
    const filter = { actionName: long(250), triggeredBy: BIDI, labels: LABELS, group: "w".repeat(60) };
    const bulk = await client.bulkOperations.create({ operation: "cancel", filter, maxRuns: 1 });
    bulkId = bulk.id;
    ids = await Promise.all([endedRun(client), openRun(client), dispatchedRun(client)]);
    await client.actions.put(
      "hostile",
      {
        description: `${MARKUP} ${BIDI} ${long(150)}`,
        title: `${MARKUP.slice(0, 60)}{{ json parameters }}`,
        subject: "{{ json parameters }}",
        labels: [MARKUP.slice(0, 60), BIDI, long(60)],
        agents: { description: `${MARKUP} ${long(500)}` },
        parametersSchema: {
          type: "object",
          title: MARKUP,
          properties: {
            [MARKUP]: { type: "string", description: `${BIDI} ${WORD.slice(0, 2000)}`, default: SCRIPT_LINK },
            [BIDI]: { enum: [MARKUP, BIDI, long(500), SCRIPT_LINK] },
            [long(500)]: { type: "array", items: { enum: [BIDI, long(300)] }, title: long(500) },
            group: {
              type: "object",
              title: BIDI,
              properties: { __proto__x: { type: "integer", description: MARKUP } },
            },
            // Never ends in a browser that runs it.
            slow: { type: "string", pattern: "^(a+)+$", default: `${"a".repeat(40)}b` },
          },
        },
        trigger: { type: "webhook", url: `${receiver.url}/hostile?${long(1000)}`, payload: { [MARKUP]: BIDI } },
      },
      { ifVersion: null },
    );
  });
  afterAll(() => receiver?.close());

  const PARAMETERS = {
    [MARKUP]: MARKUP,
    [BIDI]: BIDI,
    [long(3000)]: WORD,
    link: SCRIPT_LINK,
    __proto__x: { constructor: { prototype: WORD } },
    deep: JSON.parse(`${'{"a":'.repeat(30)}1${"}".repeat(30)}`),
  };
  const NAMES = [MARKUP, SEEN_BIDI, long(250)];
  const LABELS = [MARKUP.slice(0, 60), BIDI, long(60), SCRIPT_LINK];

  async function endedRun(client: Client): Promise<string> {
    const created = await client.runs.create({
      actionName: MARKUP,
      title: MARKUP.slice(0, 100),
      subject: `e${"\u0301".repeat(127)}`,
      parameters: PARAMETERS,
      labels: LABELS,
    });
    for (const message of [MARKUP, `${BIDI} went on`, long(1000)]) {
      await job(created).heartbeat({ message, progress: 0.5, externalUrl: `https://example.com/${long(1900)}` });
    }
    await job(created).heartbeat({ externalUrl: DISGUISED_LINK });
    const error = [
      `${MARKUP} ${BIDI} ${long(3000)}`,
      `${MARKUP} ${BIDI} ${long(1000)}`,
      `\tat ${BIDI}(${long(1000)})`,
      `Caused by: ${MARKUP} ${BIDI} ${long(1000)}`,
    ];
    await job(created).fail(error.join("\n"), {
      [MARKUP]: WORD,
      [SCRIPT_LINK]: SCRIPT_LINK,
      [`${MARKUP}.lines`]: `${MARKUP}\n${BIDI}\n${WORD}`,
    });
    return created.id;
  }

  async function openRun(client: Client): Promise<string> {
    const created = await client.runs.create({ actionName: BIDI, parameters: PARAMETERS, labels: LABELS });
    await job(created).heartbeat({ message: `${BIDI} ${MARKUP} ${long(900)}`, progress: 0.1 });
    await client.runs.cancel(created.id, { reason: `${MARKUP} ${BIDI} ${long(900)}`, graceSeconds: 3600 });
    return created.id;
  }

  async function dispatchedRun(client: Client): Promise<string> {
    const { id } = await client.runs.create({
      actionName: long(250),
      trigger: { type: "webhook", url: `${receiver.url}/hostile`, retry: { maxAttempts: 2, initialDelayMs: 100 } },
    });
    await client.runs.wait(id);
    return id;
  }

  /** What a hostile text could have done to the page. */
  function harm(page: Page): Promise<string[]> {
    return page.evaluate<string[]>(`(() => {
      const all = [...document.querySelectorAll("body *")];
      const foreign = all.filter((element) => /^(img|b|script|iframe|object|embed|base|meta|style|link)$/i.test(element.tagName));
      const links = all.filter((element) => element.matches("a[href]")
        && (!/^https?:$/.test(element.protocol) || element.username !== "" || element.password !== ""));
      const outwards = all.filter((element) => element.matches("a[href]") && element.origin !== location.origin
        && !(element.rel.includes("noopener") && element.rel.includes("noreferrer")));
      const handlers = all.filter((element) => element.getAttributeNames().some((name) => name.startsWith("on")));
      // A mark turns nothing but its own text if the next isolated element holds nothing else. Browsers isolate each
      // block, so a block counts only if the text is all that it holds. In a flex box, each text is a block.
      const isIsolated = (element, text) => {
        if (element === null || element.matches("main, dialog")) return false;
        const { unicodeBidi, display } = getComputedStyle(element);
        if (!/isolate|plaintext/.test(unicodeBidi)) return isIsolated(element.parentElement, text);
        return /inline|flex/.test(display) || element.matches("bdi") || element.textContent.trim() === text.trim();
      };
      const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      const turned = [];
      while (texts.nextNode()) {
        const { parentElement, nodeValue } = texts.currentNode;
        if (/\\u05d0/.test(nodeValue) && !isIsolated(parentElement, nodeValue)
          && !parentElement.matches("option, textarea, title")) turned.push(parentElement);
      }
      // A control keeps what is sent.
      const unseen = all.filter((element) => [element, ...element.attributes, ...element.childNodes].some((one) =>
        !/^(value|data-.*)$/.test(one.name ?? "") && /(?![\\n\\t])[\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}\\p{Default_Ignorable_Code_Point}]/u.test(one.nodeValue ?? "")));
      const title = document.title.includes("\\u202E") ? [document.querySelector("title")] : [];
      const told = (what, elements) => elements.map((element) => what + element.outerHTML.slice(0, 160));
      return [...told("unseen: ", unseen), ...told("title: ", title), ...told("element: ", foreign), ...told("link: ", links), ...told("opener: ", outwards),
        ...told("handler: ", handlers), ...told("turned: ", turned)];
    })()`);
  }

  async function expectHarmless(page: Page, name: string): Promise<void> {
    await browser.settled(page);
    expect([name, await harm(page)]).toEqual([name, []]);
    // The same elements, in less room.
    for (const { width } of [WIDE, NARROW]) {
      await page.setViewportSize({ width, height: 800 });
      expect([name, width, await overflow(page)]).toEqual([name, width, 0]);
      for (const panel of await page.locator("main, dialog, .runs, .run-room, .page").all()) {
        const wider = await panel.evaluate((element: Scrollable) => element.scrollWidth - element.clientWidth);
        expect([name, width, wider]).toEqual([name, width, 0]);
      }
    }
    await page.setViewportSize({ width: WIDE.width, height: 800 });
  }

  it("are inert and break no layout, on every page and in every dialog", async () => {
    const page = await browser.newPage(site.origin, WIDE);
    await site.signIn(page, `${ENV}/runs`, await site.newToken("owner"));
    await runs(page).waitFor();
    for (const name of NAMES) await runs(page).getByRole("link", { name, exact: true }).first().waitFor();
    await page.getByRole("navigation", { name: "The last runs" }).getByRole("link").last().hover();
    await expectHarmless(page, "runs");
    await page.getByRole("combobox").fill("gnp.exe");
    await page.getByRole("option").first().waitFor();
    await expectHarmless(page, "search");
    for (const label of LABELS.slice(0, 2)) {
      await site.goTo(page, `${ENV}/runs?${new URLSearchParams({ label, actionName: NAMES[0] ?? "" })}`);
      await expectHarmless(page, "filters");
    }
    await site.goTo(page, `${ENV}/runs?status=${encodeURIComponent(MARKUP)}`);
    await expectHarmless(page, "a filter that is refused");
    await browser.expectFault(/status of 400/);
    for (const id of ids) {
      await site.goTo(page, `${ENV}/runs/${id}`);
      await run(page).getByRole("list", { name: "Timeline", exact: true }).getByRole("listitem").first().waitFor();
      const closed = run(page).locator("details:not([open]) > summary");
      while ((await closed.count()) > 0) await closed.first().click();
      const whole = run(page).getByRole("button", { name: /^Show all \d+ characters$/ });
      while ((await whole.count()) > 0) await whole.first().click();
      await expectHarmless(page, `run ${id}`);
    }
    await site.goTo(page, `${ENV}/runs/${ids[0]}?compare=${ids[1]}`);
    await page.getByRole("table", { name: "Comparison", exact: true }).waitFor();
    await expectHarmless(page, "comparison");
    await site.goTo(page, `${ENV}/runs/${ids[0]}`);
    await run(page).getByText("The URL is shown as text because it has a user name or a password.").waitFor();
    await button(run(page), "Retry run").click();
    await page.locator("dialog summary").click();
    await expectHarmless(page, "retry");
    await site.goTo(page, `${ENV}/runs/${ids[1]}`);
    await button(run(page), "Cancel run").click();
    await field(page, "Reason").fill(`${MARKUP}${BIDI}${long(900)}`);
    await page.locator("dialog summary").click();
    await expectHarmless(page, "cancel");
    for (const [path, opens] of [
      [`${ENV}/actions`, null],
      [`${ENV}/actions/hostile`, null],
      [`${ENV}/actions/hostile`, "Run action"],
      [`${ENV}/actions/hostile/edit`, null],
      [`${ENV}/notifications`, null],
      [`${ENV}/notifications/hostile`, null],
      [`${ENV}/notifications/hostile/edit`, null],
      [`${ENV}/notifications/hostile`, "Send test"],
      [`${ENV}/notifications/of-hostile-runs`, null],
      [`${ENV}/bulk-operations`, null],
      [`${ENV}/bulk-operations/${bulkId}`, null],
      ["tokens", null],
      ["tokens", /^Rotate /],
      ["audit", null],
    ] as const) {
      await site.goTo(page, path);
      await browser.settled(page);
      if (opens !== null) await button(page, opens).first().click();
      if (opens === "Send test") {
        await button(page.getByRole("dialog"), opens).click();
        await page.getByText("The test message did not arrive.").waitFor();
      }
      const attempts = page.locator(".deliveries summary");
      if (opens === null && (await attempts.count()) > 0) await attempts.first().click();
      await expectHarmless(page, `${path} ${opens}`);
    }
  });

  it("are inert when the service itself sends a link that is none", async () => {
    const page = await browser.newPage(site.origin, WIDE);
    // A service of another version could let it through. Today's does not.
    await page.route(/\/action-runs(?!\/changes)/, async (route) => {
      const response = await sentOn(route);
      const text = (await response.text()).replaceAll(/https:\/\/example.com\/W*/g, SCRIPT_LINK);
      await route.fulfill({ response, body: text });
    });
    await site.signIn(page, `${ENV}/runs/${ids[0]}`);
    await run(page).getByText(SCRIPT_LINK, { exact: true }).first().waitFor();
    await expectHarmless(page, "a link of the service");
    expect(await page.locator(`a[href^="javascript"]`).count()).toBe(0);
  });
});
