/**
 * Schedules in the console: one is made and refused at its fields, looked at, run at once, changed, restored, disabled,
 * left by a revoked token and deleted. What the service does at a schedule's times is told by its responses.
 */

import type { Page } from "playwright-core";
import { beforeAll, expect, it } from "vitest";
import type { Client, Schemas } from "../../../../src/client/index.ts";
import { sharedServer } from "../../installation.ts";
import { until } from "../../until.ts";
import { describeInBrowser } from "../../watched-browser.ts";
import { lookAt } from "../accessible.ts";
import { button, dialog, fakeTime, field, run, runs, Site, WIDE } from "../site.ts";

const ENV = "prod";
/** Nothing listens there, and no test needs the job. */
const TRIGGER = { type: "webhook", url: "http://127.0.0.1:9/none" } as const;
const SCHEMA = {
  type: "object",
  properties: { version: { type: "string" }, replicas: { type: "integer", default: 3 } },
  required: ["version"],
  additionalProperties: false,
};

describeInBrowser("the console's schedules", (browser) => {
  const site = new Site("of-schedules", sharedServer("of-schedules"));
  let owner: Client;
  beforeAll(async () => {
    owner = site.client(ENV, await site.newToken("owner"));
    await owner.actions.put("deploy", { trigger: TRIGGER, parametersSchema: SCHEMA });
  });

  const times = (page: Page) => page.getByRole("table", { name: "Next times", exact: true });

  /** The service says this about the schedule, besides what it says now. */
  async function says(page: Page, name: string, status: Partial<Schemas["ScheduleStatus"]>): Promise<void> {
    const json = { ...(await owner.schedules.status(name)), ...status };
    await page.route(`**/schedules/${name}/status`, (route) => route.fulfill({ json }));
  }

  it("is made from fields, whose refusals stand at them, and says when it runs, in its zone and in UTC", async () => {
    const found: string[] = [];
    const page = await browser.newPage(site.origin, WIDE);
    await site.signIn(page, "empty/schedules", await site.newToken("admin"));
    await page.getByRole("heading", { name: "Nothing starts by time yet" }).waitFor();
    await lookAt(page, "no schedules", found);

    await site.goTo(page, `${ENV}/schedules`);
    await page.getByRole("link", { name: "New schedule", exact: true }).click();
    const open = page.getByRole("main");
    await field(open, "Cron").fill("61 2 * * *");
    await button(open, "Save").click();
    await open.getByText("Use 1 to 63 letters").waitFor();
    await open.getByText("Fill this in.").waitFor();
    await field(open, "Name").fill("nightly");
    await field(open, "Action").fill("deploy");
    // What the action suggests.
    expect(await field(open, "replicas").inputValue()).toBe("3");
    await field(open, "version").fill("1.4.2");
    await field(open, "replicas").fill("many");
    await open.getByText("Type a whole number, such as 3.").waitFor();
    await button(open, "Save").click();
    await open
      .locator(".field-error")
      .getByText(/fault in the field minute/i)
      .waitFor();
    await browser.expectFault(/400/);
    await field(open, "Cron").fill("30 2 * * *");
    await button(open, "Save").click();
    // The service refuses the parameter, too.
    await browser.expectFault(/422/);
    await field(open, "replicas").fill("2");
    await field(open, "Time zone").fill("Asia/Kolkata");
    await field(open, "Labels").fill("planned");
    await lookAt(page, "a new schedule", found);
    await open.getByRole("tab", { name: "JSON" }).click();
    expect(JSON.parse(await field(open, "Definition").inputValue())).toEqual({
      action: "deploy",
      cron: "30 2 * * *",
      timezone: "Asia/Kolkata",
      parameters: { version: "1.4.2", replicas: 2 },
      labels: ["planned"],
      disabled: false,
    });
    await button(open, "Save").click();

    await page.getByRole("heading", { name: "nightly", level: 1 }).waitFor();
    await times(page).waitFor();
    const first = await times(page).getByRole("row").nth(1).getByRole("cell").allTextContents();
    expect(first.slice(0, 2)).toEqual([expect.stringMatching(/, 02:30 \+05:30$/), expect.stringMatching(/, 21:00$/)]);
    expect(await times(page).getByRole("row").count()).toBe(6);
    await page.getByText("None yet.").waitFor();
    await lookAt(page, "a schedule", found);
    await page.getByRole("link", { name: "All schedules" }).click();
    await page.getByRole("cell", { name: "30 2 * * * Asia/Kolkata" }).waitFor();
    await lookAt(page, "schedules", found);
    expect(found).toEqual([]);
  });

  it("runs now for the reader, with its parameters and labels, and shows its own runs", async () => {
    const values = { version: "nightly", replicas: 2 };
    const definition = { action: "deploy", cron: "@daily", timezone: "UTC", parameters: values, labels: ["planned"] };
    await owner.schedules.put("now", definition);
    // A time of it would make such a run.
    const started = await owner.actions.run("deploy", { parameters: values, labels: ["schedule:now"] });
    const page = await browser.newPage(site.origin, WIDE);
    await site.signIn(page, `${ENV}/schedules/now`, await site.newToken("member"));
    await page.getByRole("table", { name: "The newest runs" }).getByRole("row").nth(1).waitFor();
    // In UTC, one column says it.
    expect(await times(page).getByRole("columnheader").allTextContents()).toEqual(["UTC", "Until then"]);
    // A member runs it, and changes nothing.
    expect(await page.getByRole("link", { name: "Edit" }).count()).toBe(0);
    expect(await page.getByRole("heading", { name: "Versions" }).count()).toBe(0);
    await page.getByRole("link", { name: "All runs of this schedule" }).click();
    await runs(page).getByRole("link", { name: "deploy", exact: true }).waitFor();
    expect(new URL(page.url()).search).toBe("?label=schedule%3Anow");
    await page.goBack();

    await button(page, "Run now").click();
    const running = dialog(page, "Run deploy");
    expect(await field(running, "version").inputValue()).toBe("nightly");
    expect(await field(running, "replicas").inputValue()).toBe("2");
    expect(await field(running, "Labels").inputValue()).toBe("schedule:now\nplanned");
    await button(running, "Run action").click();
    await run(page).getByText("a-member").first().waitFor();
    const [newest] = (await owner.runs.list({ label: ["planned"], include: "details" }).page()).entries;
    expect(newest).toMatchObject({
      triggeredBy: "a-member",
      parameters: values,
      details: { labels: ["planned", "schedule:now"] },
    });
    await owner.runs.cancel(started.id);
  });

  it("says what became of its last time, and that the service disabled it, with what to do", async () => {
    const found: string[] = [];
    await owner.schedules.put("told", {
      action: "deploy",
      cron: "@hourly",
      timezone: "UTC",
      parameters: { version: "1" },
    });
    const { id: runId } = await owner.actions.run("deploy", { parameters: { version: "1" } });
    const page = await browser.newPage(site.origin, WIDE);
    await fakeTime(page);
    const at = new Date(Date.now() - 3_600_000).toISOString();
    await says(page, "told", { lastTime: { at, outcome: "failed", runId } });
    await site.signIn(page, `${ENV}/schedules/told`, await site.newToken("admin"));
    await page.getByText("could not start").waitFor();
    await page.getByRole("link", { name: /^deploy …/ }).waitFor();
    await page.unrouteAll();
    const disabledReason = "The token bob, with which the schedule was stored, was revoked or has expired.";
    await says(page, "told", {
      disabledAt: at,
      disabledReason,
      nextTimes: [],
      lastTime: { at, outcome: "skipped", runId: null },
    });
    await page.clock.runFor(12_000);
    await page.getByRole("alert").getByText(disabledReason).waitFor();
    await page.getByText("The run before was still open").waitFor();
    expect(await times(page).count()).toBe(0);
    await lookAt(page, "a schedule that the service disabled", found);
    // A PUT enables it.
    await page.getByRole("link", { name: "Edit" }).click();
    await button(page, "Save").click();
    await page.getByText(/^told is stored as version/).waitFor();
    expect(found).toEqual([]);
  });

  it("says that its action is gone, takes no run then, and keeps what it shows while the service fails", async () => {
    await owner.schedules.put("orphan", { action: "gone", cron: "@daily", timezone: "UTC", disabled: true });
    const page = await browser.newPage(site.origin, WIDE);
    await site.signIn(page, `${ENV}/schedules/orphan`, await site.newToken("owner"));
    await page.getByText("There is no action gone").waitFor();
    await page.getByText("Somebody disabled this schedule").waitFor();
    expect(await button(page, "Run now").count()).toBe(0);

    const down = { status: 503, json: { error: "The database is down.", code: "database_unavailable" } };
    await page.route(/schedules(\/orphan\/status)?(\?.*)?$/, (route) =>
      route.request().resourceType() === "fetch" ? route.fulfill(down) : route.fallback(),
    );
    await site.goTo(page, `${ENV}/schedules/orphan`);
    await page.getByText("The database is down.").waitFor();
    await page.getByRole("heading", { name: "Definition" }).waitFor();
    await site.goTo(page, `${ENV}/schedules`);
    await page.getByText("The database is down.").waitFor();
    await page.unrouteAll();
    await button(page, "Try now").click();
    await page.getByRole("link", { name: "orphan" }).waitFor();
    await browser.expectFault(/503/);
    await browser.expectFault(/404/);
  });

  it("is edited as JSON, restored, and deleted, unless somebody was faster", async () => {
    const cron = (text: string) => ({ action: "deploy", cron: text, timezone: "UTC", parameters: { version: "1" } });
    const first = await owner.schedules.put("changed", cron("1 1 * * *"));
    const page = await browser.newPage(site.origin, WIDE);
    await site.signIn(page, `${ENV}/schedules/changed/edit`, await site.newToken("admin"));
    const open = page.getByRole("main");
    await field(open, "version").waitFor();
    await owner.schedules.put("changed", cron("2 2 * * *"));
    await field(open, "Cron").fill("3 3 * * *");
    await button(open, "Save").click();
    await open.getByText("Somebody changed this schedule after you opened it").waitFor();
    await browser.expectFault(/412/);
    await button(open, "Show theirs").click();
    await until("theirs is shown", async () => (await field(open, "Cron").inputValue()) === "2 2 * * *");
    await open.getByRole("tab", { name: "JSON" }).click();
    const theirs = JSON.parse(await field(open, "Definition").inputValue());
    await field(open, "Definition").fill(JSON.stringify({ ...theirs, disabled: true }));
    await button(open, "Save").click();
    await page.getByText("Somebody disabled this schedule").waitFor();

    await button(page, `Restore version ${first.version}`).click();
    await button(dialog(page, `Restore version ${first.version}?`), "Restore").click();
    await page.getByText(`which equals version ${first.version}`).waitFor();
    expect((await owner.schedules.get("changed")).definition).toEqual(first.definition);
    await times(page).waitFor();

    await button(page, "Delete").click();
    await button(dialog(page, "Delete changed?"), "Delete schedule").click();
    await page.getByText("changed is deleted.").waitFor();
    await site.goTo(page, `${ENV}/schedules/changed`);
    await page.getByRole("heading", { name: "There is no schedule of this name" }).waitFor();
    await browser.expectFault(/404/);
  });

  it("of a token that is revoked are listed, with links to them", async () => {
    const { id, token } = await site.client(ENV).tokens.create({ name: "leaver", role: "admin" });
    const definition = { action: "deploy", cron: "@daily", timezone: "UTC", parameters: { version: "1" } };
    await site.client(ENV, token).schedules.put("left", definition);
    const page = await browser.newPage(site.origin, WIDE);
    await site.signIn(page, "tokens", site.token);
    await button(page, "Revoke leaver").click();
    await button(dialog(page, "Revoke leaver?"), "Revoke token").click();
    const left = dialog(page, "What it stored");
    await left.getByText("stored these schedules last").waitFor();
    await left.getByRole("link", { name: `${ENV}/left` }).click();
    await page.getByRole("heading", { name: "left", level: 1 }).waitFor();
    expect((await site.client(ENV).tokens.list().page()).entries.map((one) => one.id)).not.toContain(id);
  });

  it("of a session of ROOT_TOKEN are refused, in words", async () => {
    const page = await browser.newPage(site.origin, WIDE);
    await site.signIn(page, `${ENV}/schedules/-/new?action=deploy`, site.token);
    await field(page, "Name").fill("of-root");
    await field(page, "version").fill("1");
    await button(page, "Save").click();
    await browser.expectFault(/403/);
    await page
      .getByRole("alert")
      .getByText(/ROOT_TOKEN/)
      .waitFor();
  });
});
