/**
 * A release engineer, 40 actions and 3000 runs: finds last week's failed deploy of one service by typing what they
 * remember, sees that its last success is of that service, compares the two, retries it with one change, and reads what
 * its job prints. gates.test.ts has their freeze over a weekend, with one exception that somebody approves on a phone.
 */

import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Client, callback } from "../../../../src/client/index.ts";
import { type RunningReceiver, startReceiver } from "../../../support/receiver/server.ts";
import { sharedServer } from "../../installation.ts";
import { until } from "../../until.ts";
import { describeInBrowser } from "../../watched-browser.ts";
import { button, chips, dialog, field, run, runs, Site, search, untilRunIs, WIDE } from "../site.ts";
import { RELEASES } from "./many.ts";

const ENV = RELEASES.env;
const DAY_MS = 86_400_000;
const SCHEMA = {
  type: "object",
  required: ["service", "version"],
  properties: { service: { type: "string", title: "Service" }, version: { type: "string", title: "Version" } },
};

describeInBrowser("a release engineer", (browser) => {
  const site = new Site(RELEASES.org, sharedServer(RELEASES.org));
  let receiver: RunningReceiver;
  let client: Client;
  beforeAll(async () => {
    receiver = await startReceiver();
    client = site.client(ENV, await site.newToken("admin"));
    await client.actions.put("deploy", {
      title: "deploy {{ parameters.service }} {{ parameters.version }}",
      subject: "{{ parameters.service }}",
      trigger: {
        type: "webhook",
        url: `${receiver.url}/release`,
        payload: { url: "{{ run.callbackUrl }}", token: "{{ run.callbackToken }}" },
      },
      parametersSchema: SCHEMA,
    });
  });
  afterAll(() => receiver?.close());

  /** The job of the next run. */
  async function started(start: () => Promise<unknown>) {
    const sent = receiver.inbox("release").length;
    await start();
    await until("the job was started", () => receiver.inbox("release").length > sent);
    const { url, token } = JSON.parse(receiver.inbox("release")[sent]?.body ?? "{}");
    return callback(url, token);
  }
  const deploy = (service: string, version: string) =>
    started(() => client.actions.run("deploy", { parameters: { service, version } }));

  const rows = (page: Page) => runs(page).locator("tbody").getByRole("row");

  it("finds last week's failed deploy of a service, compares it with its last success, and retries it", async () => {
    await (await deploy("checkout", "1.4.1")).succeed({ url: "https://checkout.example/1.4.1" });
    await (await deploy("storefront", "7.0.0")).succeed();
    await (await deploy("checkout", "1.4.2")).fail("Exit code 137: out of memory");
    await (await deploy("billing", "3.3.3")).fail("Exit code 1");

    await until(
      "the database knows the subjects",
      async () => (await client.runs.summary({ actionName: "deploy", subject: "checkout" })).failed === 1,
    );
    const page = await browser.newPage(site.origin, WIDE);
    // It is tomorrow, so that the runs of today are of last Monday, or whichever day today is.
    const now = new Date();
    await page.clock.install({ time: now.getTime() + DAY_MS });
    const weekday = new Intl.DateTimeFormat("en", { weekday: "long" }).format(now).toLowerCase();
    await site.signIn(page, `${ENV}/runs`, await site.newToken("member"));
    await search(page).fill(`failed deploy checkout last ${weekday}`);
    await search(page).press("Enter");
    await until("one run is listed", async () => (await rows(page).count()) === 1);
    expect((await chips(page)).slice(0, 3)).toEqual(["status failed", "action deploy", "subject checkout"]);
    expect(await chips(page)).toHaveLength(5);
    await rows(page).getByRole("link").first().click();
    await untilRunIs(page, "failed");
    await run(page).getByText("deploy checkout 1.4.2").first().waitFor();

    // Not that of the storefront, which succeeded later.
    await run(page)
      .getByText(/^Last success .* with 1\.4\.1, 1 failure since\./)
      .waitFor();
    await run(page).getByRole("link", { name: "Compare with the last success", exact: true }).click();
    const compared = page.getByRole("table", { name: "Comparison", exact: true });
    for (const row of [
      "Status succeeded failed",
      "Title deploy checkout 1.4.1 deploy checkout 1.4.2",
      "version 1.4.1 1.4.2",
      "output url https://checkout.example/1.4.1 missing",
    ]) {
      await compared.getByRole("row", { name: row, exact: true }).waitFor();
    }
    await run(page).getByRole("link", { name: "Back to the run", exact: true }).click();

    await button(run(page), "Retry run").click();
    await field(page.getByRole("dialog"), "Version").fill("1.4.3");
    const job = await started(() => button(page.getByRole("dialog"), "Retry run").click());
    await run(page).getByText("deploy checkout 1.4.3").first().waitFor();
    await job.heartbeat({ tail: "replacing 1 of 3\nreplacing 2 of 3\n" });
    await run(page).getByRole("log").getByText("replacing 2 of 3").waitFor();
    await job.succeed();
    await untilRunIs(page, "succeeded");
  });

  it("selects two runs of the list, and compares them", async () => {
    const page = await browser.newPage(site.origin, WIDE);
    await site.signIn(page, `${ENV}/runs?actionName=deploy&subject=checkout`, await site.newToken("member"));
    await rows(page).nth(1).waitFor();
    const boxes = rows(page).getByRole("checkbox");
    await boxes.nth(0).check();
    const bar = page.getByRole("region", { name: "Selection", exact: true });
    expect(await button(bar, "Compare").count()).toBe(0);
    await boxes.nth(1).check();
    await button(bar, "Compare").click();
    await page.getByRole("table", { name: "Comparison", exact: true }).waitFor();
    await dialog(page, "Cancel runs").waitFor({ state: "detached" });
    expect(new URL(page.url()).search).toMatch(/compare=/);
  });
});
