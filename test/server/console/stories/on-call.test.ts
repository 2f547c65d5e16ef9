/** Somebody on call, with a phone: from the link to a failed run to the end of its retry. */

import { text } from "node:stream/consumers";
import type { Locator, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { callback } from "../../../../src/client/index.ts";
import { type RunningReceiver, startReceiver } from "../../../support/receiver/server.ts";
import { sharedServer } from "../../installation.ts";
import { until } from "../../until.ts";
import { describeInBrowser, overflow } from "../../watched-browser.ts";
import { button, field, job, PHONE, run, Site, sentOn, signInHere, untilRunIs } from "../site.ts";

const ENV = "prod";
const ENTITY = "01890a5d-ac96-774b-bcce-b302099a8057";
const ERROR = `java.lang.IllegalStateException: Rollout of shop 1.4.358 did not become ready
\tat com.example.deploy.Rollout.await(Rollout.java:188)
\tat com.example.deploy.Main.main(Main.java:31)
Caused by: java.net.ConnectException: Connection refused
\t... 12 more`;
/** It is drawn in several pieces. One line is wider than a phone and holds markup, which must stay text. */
const LOG = Array.from({ length: 3000 }, (_, i) =>
  i === 187 ? `<b>line</b> 188 ${"is wide ".repeat(20)}` : `line ${i + 1}`,
).join("\n");
const FORM = { properties: { version: { type: "string", title: "Version" }, dryRun: { type: "boolean" } } };

/** An element of the page, as far as a function that runs there needs it. */
interface Boxed {
  readonly scrollWidth: number;
  readonly clientWidth: number;
  readonly getBoundingClientRect: () => { readonly top: number; readonly bottom: number };
}

const isCut = (element: Boxed) => element.scrollWidth > element.clientWidth;

const site = new Site("of-console-on-call", sharedServer("of-console-on-call"));

describeInBrowser("somebody on call with a phone", (browser) => {
  let receiver: RunningReceiver;
  beforeAll(async () => {
    receiver = await startReceiver();
  });
  afterAll(() => receiver?.close());

  /** The dispatch after `n` others. */
  async function dispatched(n: number) {
    await until(`dispatch ${n + 1}`, () => receiver.inbox("deploy").length > n);
    const body = JSON.parse(receiver.inbox("deploy")[n]?.body ?? "");
    return { parameters: body.parameters, report: callback(body.run.callbackUrl, body.run.callbackToken) };
  }

  async function deploy(
    version: string,
  ): Promise<{ readonly id: string; readonly report: ReturnType<typeof callback> }> {
    const n = receiver.inbox("deploy").length;
    const parameters = { ticket: "OPS-12", version };
    const { id } = await site.client(ENV).actions.run("deploy", { parameters, entityId: ENTITY });
    return { id, report: (await dispatched(n)).report };
  }

  /** The line of a number, once it is marked and in sight. */
  async function untilMarked(page: Page, words: string): Promise<void> {
    const line = page.locator(".line.is-marked");
    await line.filter({ hasText: words }).waitFor();
    await until(`${words} is in sight`, () => isInSight(line));
    expect(await line.count()).toBe(1);
  }

  function clipboardOf(page: Page): Promise<string> {
    return page.evaluate<string>("navigator.clipboard.readText()");
  }

  function isInSight(line: Locator): Promise<boolean> {
    return line.evaluate((element: Boxed) => {
      const { top, bottom } = element.getBoundingClientRect();
      return top >= 0 && bottom <= 800;
    });
  }

  it("reads why a run failed, sees what changed, retries it with one value changed, and follows it to its end", async () => {
    const trigger = { type: "webhook", url: `${receiver.url}/deploy` } as const;
    await site.client(ENV).actions.put("deploy", { parametersSchema: FORM, trigger }, { ifVersion: null });
    const succeeded = await deploy("1.4.357");
    await succeeded.report.succeed();
    const first = await deploy("1.4.358");
    await first.report.fail("Exit code 137");
    const second = await deploy("1.4.358");
    await second.report.heartbeat({ progress: 0.5 });
    await second.report.fail(ERROR, { log: LOG });

    const page = await browser.newPage(site.origin, PHONE);
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    const asked: string[] = [];
    const isAboutOthers = (url: string) => /created(Before|After)=/.test(url);
    page.on("request", (request) => asked.push(request.url()));
    const address = site.at(`${ENV}/runs/${second.id}`);
    await page.goto(`${address}#output.log-L188`);
    await signInHere(page, await site.newToken("member"));

    // The line of the link, although the page asked for a token first.
    await untilMarked(page, "<b>line</b> 188");
    await run(page)
      .getByText(/^java.lang.IllegalStateException: Rollout/)
      .waitFor();
    await run(page).getByText("Caused by").and(page.locator(".error-cause *")).waitFor();
    expect(await page.getByText("Rollout.java").count()).toBe(0);
    expect([await overflow(page), page.url()]).toEqual([0, `${address}#output.log-L188`]);
    await button(run(page), "Copy link to line 188").tap();
    expect(await clipboardOf(page)).toBe(`${address}#output.log-L188`);

    await page.getByRole("link", { name: "output.log, line 190", exact: true }).tap();
    await untilMarked(page, "line 190");
    await field(page, "Go to line of output.log").fill("3000");
    await field(page, "Go to line of output.log").press("Enter");
    await untilMarked(page, "line 3000");
    expect(page.url()).toBe(`${address}#output.log-L3000`);
    await page.evaluate(`location.hash = "#output.log-L188"`);
    await untilMarked(page, "<b>line</b> 188");
    const lines = page.locator(".lines");
    // A piece cuts what is wider than itself, so its lines say whether they have room.
    expect([await lines.evaluate(isCut), await page.locator(".line.is-marked").evaluate(isCut)]).toEqual([
      false,
      false,
    ]);
    await button(run(page), "Wrap").tap();
    expect(await lines.evaluate(isCut)).toBe(true);
    await button(run(page), "Copy output.log").tap();
    await until("the text is copied", async () => (await clipboardOf(page)) === LOG);
    const [file] = await Promise.all([page.waitForEvent("download"), button(run(page), "Download output.log").tap()]);
    expect([file.suggestedFilename(), await text(await file.createReadStream())]).toEqual(["output.log.txt", LOG]);

    // Without a name, the first block. It is folded until then.
    await page.evaluate(`location.hash = "#L4"`);
    await untilMarked(page, "Caused by: java.net.ConnectException");

    const changed = run(page).locator(".history p");
    await changed.getByText(/^Last success .* with 1\.4\.357, 2 failures since\./).waitFor();
    // Who hears only the name of a link knows where it leads.
    const links = await run(page)
      .getByRole("link")
      .evaluateAll((all) => all.map((one) => [one.ariaLabel ?? one.textContent, one.getAttribute("href")]));
    const targets = new Map<string, Set<string>>();
    for (const [name = "", href = ""] of links) {
      const plain = name?.trim().toLowerCase().replace(/^the /, "") ?? "";
      targets.set(plain, new Set([...(targets.get(plain) ?? []), href ?? ""]));
    }
    expect([...targets].filter(([, hrefs]) => hrefs.size > 1)).toEqual([]);
    // The neighbors, the last success, and how many failed since.
    expect(asked.filter(isAboutOthers)).toHaveLength(4);
    for (const [name, id] of [
      ["Previous run", first.id],
      ["Previous run", succeeded.id],
      ["Next run", first.id],
      ["Next run", second.id],
    ] as const) {
      await run(page).getByRole("link", { name, exact: true }).tap();
      await page.waitForURL((url) => url.pathname.endsWith(id));
    }

    const compared = page.getByRole("table", { name: "Comparison", exact: true });
    await run(page).getByRole("link", { name: "Compare with the last success", exact: true }).tap();
    await page.waitForURL((url) => url.search === `?compare=${succeeded.id}`);
    await compared.getByRole("row", { name: "version 1.4.357 1.4.358", exact: true }).waitFor();
    await compared.getByRole("row", { name: "Status succeeded failed", exact: true }).waitFor();
    await run(page).getByText("1 other parameter is the same.").waitFor();
    await page.goBack();
    await changed.waitFor();
    await page.goForward();
    await compared.waitFor();
    expect(await overflow(page)).toBe(0);
    await run(page).getByRole("link", { name: "Back to the run", exact: true }).tap();
    await changed.waitFor();

    await button(run(page), "Retry run").tap();
    const open = page.getByRole("dialog");
    expect(await field(open, "Version").inputValue()).toBe("1.4.358");
    await open.getByText('"OPS-12"').waitFor();
    await field(open, "Version").fill("1.4.359");
    await open.getByText("1.4.358 → 1.4.359", { exact: true }).waitFor();
    await button(open, "Retry run").tap();
    const retried = await dispatched(3);
    expect(retried.parameters).toEqual({ ticket: "OPS-12", version: "1.4.359" });
    await untilRunIs(page, "running");
    // Nothing to say, so no empty card.
    await retried.report.heartbeat({});
    await run(page).getByText("Last heartbeat").waitFor();
    expect(await run(page).locator(".progress").count()).toBe(0);
    // A read that is under way would be aborted, and count here.
    await changed.getByText(/with 1\.4\.357, 2 failures since/).waitFor();
    const before = asked.filter(isAboutOthers).length;
    await retried.report.succeed();
    await untilRunIs(page, "succeeded");
    // Others may have ended meanwhile.
    await until("the history is read again", () => asked.filter(isAboutOthers).length === before + 4);
    await changed.getByText(/with 1\.4\.357, 2 failures since/).waitFor();
    await run(page).getByRole("list", { name: "Lifecycle", exact: true }).getByText("Took").waitFor();
  });

  it("sees who must start a job that no trigger starts, and no button that stands out", async () => {
    const client = site.client(ENV);
    await client.actions.put("by-hand", {}, { ifVersion: null });
    const failed = await client.actions.run("by-hand", { parameters: { size: 1, a: { b: "1\n2" } } });
    await job(failed).fail("no disk");
    const { id } = await client.actions.run("by-hand", {});
    const page = await browser.newPage(site.origin, PHONE);
    await site.signIn(page, `${ENV}/runs/${failed.id}`, await site.newToken("member"));
    await run(page).getByText("You must start the job if you retry the run.").waitFor();
    // Its job reported only its end, so nobody knows how long it ran.
    const lifecycle = run(page).getByRole("list", { name: "Lifecycle", exact: true });
    expect(await lifecycle.textContent()).toMatch(/^Took \d+ms/);
    await button(run(page), "Retry run").tap();
    await page.getByRole("dialog").getByText("You must start the job yourself.").waitFor();
    expect(await page.locator(".is-primary").count()).toBe(0);
    await button(page.getByRole("dialog"), "Close").last().tap();

    // A number that a browser can't hold. Today's service keeps none, but it could have come from elsewhere.
    await page.route(`**/${failed.id}?*`, async (route) => {
      const response = await sentOn(route);
      const body = (await response.text()).replace('"size":1,', '"size":9007199254740993,');
      await route.fulfill({ response, body });
    });
    await site.goTo(page, `${ENV}/runs/${failed.id}`);
    await button(run(page), "Retry run").tap();
    const asked = page.getByRole("dialog");
    await asked.getByText("it would become 9007199254740992").waitFor();
    await asked.getByText('"size": 9007199254740993,').waitFor();
    expect(await asked.locator("textarea, .schema-form").count()).toBe(0);
    const [sent] = await Promise.all([
      page.waitForRequest((request) => request.url().includes("/retry")),
      button(asked, "Retry run").tap(),
    ]);
    expect(sent.postDataJSON()).toEqual({});
    await page.unrouteAll({ behavior: "wait" });
    await site.goTo(page, `${ENV}/runs/${id}`);
    await run(page)
      .getByText(/created the run, and must start the job\.$/)
      .waitFor();
    await site.goTo(page, `${ENV}/actions/by-hand`);
    await button(page, "Run action").tap();
    expect(await page.locator(".is-primary").count()).toBe(0);
  });
});
