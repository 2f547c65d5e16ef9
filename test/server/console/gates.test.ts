/**
 * Two people and a deploy that needs approval and takes turns: one asks, the other decides, and then there is a freeze.
 * Then a decision that the service refuses, a rejection, an early start, and a portal that acts for its users.
 */

import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { callback } from "../../../src/client/index.ts";
import { type RunningReceiver, startReceiver } from "../../support/receiver/server.ts";
import { sharedServer } from "../installation.ts";
import { until } from "../until.ts";
import { describeInBrowser } from "../watched-browser.ts";
import { lookAt } from "./accessible.ts";
import { button, dialog, field, PHONE, run, Site, sessionMenu, untilRunIs, WIDE } from "./site.ts";

const ENV = "prod";

describeInBrowser("the console's gates", (browser) => {
  const site = new Site("of-console-gates", sharedServer("of-console-gates"));
  let receiver: RunningReceiver;
  beforeAll(async () => {
    receiver = await startReceiver();
    const payload = { url: "{{ run.callbackUrl }}", token: "{{ run.callbackToken }}" };
    await site
      .client(ENV)
      .actions.put("deploy", {
        trigger: {
          type: "webhook",
          url: `${receiver.url}/deploy/{{ parameters.version }}`,
          payload,
          startOn: "accepted",
          secrets: { ci: "a-secret-of-the-ci" },
          headers: { Authorization: "Bearer {{ secrets.ci }}" },
        },
        parametersSchema: { properties: { version: { type: "string" } }, required: ["version"] },
        approval: {},
        concurrency: { group: "shop" },
        agents: {},
      });
  });
  afterAll(() => receiver?.close());

  const sent = () => receiver.inbox("deploy").length;
  async function newPerson(person: string, more: { role: "member" | "admin"; mayApprove: boolean }) {
    return (await site.client(ENV).tokens.create({ name: `of-${person}`, person, ...more })).token;
  }

  it("let one person ask, another approve what they see, one run go at a time, and nothing start in a freeze", async () => {
    const bobToken = await newPerson("bob", { role: "member", mayApprove: false });
    const adaToken = await newPerson("ada", { role: "admin", mayApprove: true });
    const [bob, ada] = [await browser.newPage(site.origin, WIDE), await browser.newPage(site.origin, WIDE)];
    await site.signIn(bob, `${ENV}/actions/deploy`, bobToken);
    await button(bob, "Run action").click();
    await field(dialog(bob, "Run deploy"), "version").fill("1.4.2");
    await button(dialog(bob, "Run deploy"), "Run action").click();
    await run(bob).getByText("waits for approval", { exact: true }).waitFor();
    expect([await button(run(bob), "Approve").count(), sent()]).toEqual([0, 0]);

    // Ada has a run of her own, which she can't approve.
    await site.client(ENV, adaToken).actions.run("deploy", { parameters: { version: "1.4.3" } });
    await site.signIn(ada, `${ENV}/runs`, adaToken);
    await ada.getByRole("link", { name: "Approvals 2 waiting" }).click();
    const rows = ada.getByRole("table", { name: "Approvals", exact: true }).getByRole("row");
    const own = rows.filter({ hasText: "by ada" });
    await own.getByText("This is your own run, so somebody else must approve it.").waitFor();
    expect(await button(own, "Approve deploy").isDisabled()).toBe(true);
    await button(rows.filter({ hasText: "by bob" }), "Approve deploy").click();
    const asked = dialog(ada, "Approve deploy?");
    await asked.getByText(`POST ${receiver.url}/deploy/1.4.2`).waitFor();
    const shown = (await asked.textContent()) ?? "";
    expect(shown).toContain('version: "1.4.2"');
    expect(shown).toContain("Authorization••••••••secret");
    expect(shown).not.toContain("a-secret-of-the-ci");
    // No single key approves, wherever the focus begins.
    for (const key of ["Enter", "Space", "a"]) await ada.keyboard.press(key);
    await field(asked, "Reason").fill("looks right");
    await ada.keyboard.press("Enter");
    await asked.getByText("Everybody who can see the run can read it.").waitFor();
    expect(sent()).toBe(0);
    await button(asked, "Approve run").click();
    await asked.waitFor({ state: "detached" });
    await untilRunIs(bob, "running");
    await run(bob).getByText("looks right").waitFor();
    expect(sent()).toBe(1);

    // Bob's agent asks for the second run. It waits for its turn behind the first, and starts when the first reports.
    const agent = (tool: string, args: object) => site.askAsAgent(ENV, bobToken, tool, args);
    const byAgent = "bob via of-bob agent “test-agent”";
    const second = await agent("run_deploy", { version: "1.4.4" });
    const third = await agent("run_deploy", { version: "1.4.5" });
    await site.goTo(ada, `${ENV}/approvals`);
    await rows.filter({ hasText: byAgent }).nth(1).waitFor();
    await agent("cancel_run", { id: third.id, reason: "the wrong version" });
    await site.goTo(ada, "audit");
    const cancelled = ada.getByRole("row").filter({ hasText: "the wrong version" });
    expect(await cancelled.textContent()).toContain(`${byAgent}cancelled the run`);
    await site.goTo(ada, `${ENV}/actions/deploy`);
    await ada.getByRole("link", { name: "Edit", exact: true }).click();
    await ada.getByRole("heading", { name: "Edit deploy", level: 1 }).waitFor();
    await field(ada, "Description").first().fill("Deploys the shop");
    await button(ada, "Save").click();
    const left = ada.getByRole("link", { name: "Waiting runs", exact: true });
    expect(await left.getAttribute("href")).toContain("actionName=deploy&waiting=any");
    await site.goTo(ada, `${ENV}/runs/${second.id}`);
    await run(ada).getByRole("definition").filter({ hasText: byAgent }).waitFor();
    await button(run(ada), "Approve").click();
    await dialog(ada, "Approve deploy?").getByText(`${byAgent} created this run`).waitFor();
    await dialog(ada, "Approve deploy?").getByText("deploy has changed since this run was created").waitFor();
    await button(dialog(ada, "Approve deploy?"), "Approve run").click();
    const first = (bob.url().split("/").at(-1) ?? "").slice(0, 36);
    const ahead = run(ada).getByRole("link", { name: `deploy …${first.slice(-6)}` });
    await run(ada).getByText("1st in line for group shop").waitFor();
    expect(await ahead.getAttribute("href")).toContain(first);
    // A freeze: there is room now, and still nothing starts.
    await site.goTo(ada, `${ENV}/groups`);
    await button(ada, "Pause shop").click();
    const pause = dialog(ada, "Pause the group shop?");
    await field(pause, "Reason").fill("lunch");
    await button(pause, "Pause").click();
    await ada.getByText("shop is paused:").waitFor();
    const { url, token } = JSON.parse(receiver.inbox("deploy")[0]?.body ?? "{}");
    await callback(url, token).succeed();
    await site.goTo(bob, `${ENV}/runs/${second.id}`);
    await run(bob).getByText("waits for the end of a pause: lunch").waitFor();
    expect(sent()).toBe(1);
    await button(ada, "Resume shop").click();
    await button(dialog(ada, "Resume shop?"), "Resume").click();
    await until("the second run is sent", () => sent() === 2);
    await untilRunIs(bob, "running");
  });

  it("tell of a planned freeze before it begins, and let one run through, which its approver reads on a phone", async () => {
    const client = site.client("freeze");
    const trigger = { type: "webhook", url: `${receiver.url}/ship`, startOn: "accepted" } as const;
    const face = { title: "ship {{ parameters.service }}", subject: "{{ parameters.service }}" };
    await client.actions.put("ship", { ...face, trigger, approval: {}, concurrency: { group: "ship" } });
    const maker = await newPerson("eve", { role: "member", mayApprove: false });
    const boss = await newPerson("cy", { role: "admin", mayApprove: true });
    const page = await browser.newPage(site.origin, WIDE);
    await site.signIn(page, "freeze/groups", boss);
    // No run is in the group yet.
    await button(page, "Pause ship").click();
    const plan = dialog(page, "Pause the group ship?");
    await field(plan, "Reason").fill("the weekend");
    const inDays = (days: number) => new Date(Date.now() + days * 864e5).toISOString().slice(0, 16);
    await field(plan, "From").fill(inDays(2));
    await field(plan, "Until").fill(inDays(1));
    await button(plan, "Pause").click();
    await plan.getByText("is not after from").waitFor();
    await browser.expectFault(/400/);
    await field(plan, "Until").fill(inDays(4));
    await button(plan, "Pause").click();
    await page.getByText("Planned pause of ship:").waitFor();
    await site.goTo(page, "freeze/actions/ship");
    await button(page, "Run action").click();
    await dialog(page, "Run ship")
      .getByText(/^A pause begins .* and ends .*: the weekend$/)
      .waitFor();
    await button(dialog(page, "Run ship"), "Cancel").click();

    const { id } = await site.client("freeze", maker).actions.run("ship", { parameters: { service: "cart" } });
    await client.pauses.put("-environment", { reason: "an incident" });
    await site.goTo(page, `freeze/runs/${id}`);
    // Otherwise the news of the pause come half a minute later.
    await page.reload();
    await run(page)
      .getByText(/^A pause begins .*: the weekend$/)
      .waitFor();
    await button(run(page), "Let through").click();
    const asked = dialog(page, "Let through the pause?");
    await button(asked, "Let through").click();
    await asked.getByText("Say why this run passes the pause.").waitFor();
    await field(asked, "Reason").fill("it ends the incident");
    await button(asked, "Let through").click();
    await run(page).getByText("let the run through the pause:").waitFor();
    await run(page).getByText("Let through the pause", { exact: true }).waitFor();
    expect(await button(run(page), "Let through").count()).toBe(0);

    const phone = await browser.newPage(site.origin, PHONE);
    await site.signIn(phone, "freeze/approvals", boss);
    const row = phone
      .getByRole("table", { name: "Approvals", exact: true })
      .getByRole("row")
      .filter({ hasText: "by eve" });
    await row.getByText("fails in 6d 23h").filter({ visible: true }).waitFor();
    expect(await row.textContent()).toMatch(/ship cart.*version \d+, for cart/);
    const faults: string[] = [];
    await lookAt(phone, "the approvals on a phone", faults);
    await button(row, "Approve ship cart").click();
    const decision = dialog(phone, "Approve ship cart?");
    await decision.getByText("fails in 6d 23h").waitFor();
    await lookAt(phone, "an approval on a phone", faults);
    expect(faults).toEqual([]);
    await button(decision, "Approve run").click();
    await until("the run is sent", () => receiver.inbox("ship").length === 1);

    await site.goTo(page, "freeze/groups");
    await button(page, "Remove the planned pause of ship").click();
    await button(dialog(page, "Remove the planned pause of ship?"), "Remove").click();
    await page.getByText("The planned pause of ship is removed.").waitFor();
    expect((await client.pauses.list()).map(({ reason }) => reason)).toEqual(["an incident"]);
  });

  const APPROVALS = "approvals/approvals";
  /** An action of another environment that needs an approval, and nothing else. */
  async function putRelease(): Promise<void> {
    const trigger = { type: "webhook", url: `${receiver.url}/release`, startOn: "accepted" } as const;
    await site.client("approvals").actions.put("release", { trigger, approval: {} });
  }
  const release = (token: string, more = {}) => site.client("approvals", token).actions.run("release", more);
  const rowsOf = (page: Page, by: string) =>
    page
      .getByRole("table", { name: "Approvals", exact: true })
      .getByRole("row")
      .filter({ hasText: `by ${by}` });

  it("take the service's word for whose run it is, reject a namesake's, and start one before its time", async () => {
    await putRelease();
    const owner = site.client("approvals");
    const ann = await owner.tokens.create({ name: "ann", role: "owner", mayApprove: true });
    const child = await site.client("approvals", ann.token).tokens.create({ name: "child", role: "member" });
    const namesake = await owner.tokens.create({ name: "ann", role: "member" });
    await release(child.token);
    const early = await release(namesake.token, { notBefore: new Date(Date.now() + 9e6).toISOString() });
    const page = await browser.newPage(site.origin, WIDE);
    await site.signIn(page, APPROVALS, ann.token);
    // Only the service knows that the child is hers, so the dialog tells.
    await button(rowsOf(page, "child"), "Reject release").click();
    const own = dialog(page, "Reject release?");
    await own.getByText("This is your own run, so somebody else must approve it.").waitFor();
    expect(await button(own, "Reject run").isDisabled()).toBe(true);
    await button(own, "Close").last().click();

    await site.goTo(page, `approvals/runs/${early.id}`);
    await button(run(page), "Start now").click();
    const start = dialog(page, "Start now?");
    await start.getByText("The run still needs approval.").waitFor();
    await button(start, "Start now").click();
    await run(page).getByText("waits for approval", { exact: true }).waitFor();
    expect((await owner.runs.get(early.id, { include: "details" })).details?.waiting?.for).toBe("approval");

    // A token of the same name created it.
    await site.goTo(page, APPROVALS);
    await button(rowsOf(page, "ann"), "Reject release").click();
    const asked = dialog(page, "Reject release?");
    await asked.getByText(`POST ${receiver.url}/release`).waitFor();
    await field(asked, "Reason").fill("not on a Friday");
    await button(asked, "Reject run").click();
    await asked.waitFor({ state: "detached" });
    await rowsOf(page, "ann").waitFor({ state: "detached" });
    await site.goTo(page, `approvals/runs/${early.id}`);
    await untilRunIs(page, "cancelled");
    await run(page).getByText("Rejected by ann.").waitFor();
    await run(page).getByText("not on a Friday").first().waitFor();
    expect(receiver.inbox("release")).toHaveLength(0);

    await button(run(page), "Retry run").click();
    const retry = dialog(page, "Retry run");
    const tomorrow = new Date(Date.now() + 864e5).toISOString().slice(0, 16);
    await field(retry, "Start at").fill(tomorrow);
    await retry.getByText("--not-before").waitFor({ state: "attached" });
    await button(retry, "Retry run").click();
    await run(page)
      .getByText(/^starts /)
      .first()
      .waitFor();
  });

  it("of a portal name the person in each dialog and with each change, and nobody in particular at first", async () => {
    await putRelease();
    const flags = { role: "admin", mayApprove: true, mayActForOthers: true } as const;
    const { token } = await site.client("approvals").tokens.create({ name: "portal", ...flags });
    const page = await browser.newPage(site.origin, WIDE);
    await site.signIn(page, "approvals/actions/release", token);
    async function choosePerson(): Promise<void> {
      await sessionMenu(page).click();
      await button(page, "On behalf of …").click();
    }
    async function actFor(name: string): Promise<void> {
      await choosePerson();
      const asked = dialog(page, "On behalf of");
      await field(asked, "Person").fill(name);
      await button(asked, "Use").click();
    }
    const form = dialog(page, "Run release");
    await button(page, "Run action").click();
    await button(form, "Run action").click();
    await form.getByText("so your token must say for whom it acts").waitFor();
    await browser.expectFault(/422/);
    await button(form, "Cancel").click();

    await actFor("Eve Adams");
    await page.getByText("Use 1 to 255 visible ASCII characters without spaces.").waitFor();
    await button(dialog(page, "On behalf of"), "Cancel").click();
    await actFor("eve@acme");
    const faults: string[] = [];
    await browser.settled(page);
    await lookAt(page, "a page with a person", faults);
    await choosePerson();
    await lookAt(page, "the person", faults);
    expect(faults).toEqual([]);
    await button(dialog(page, "On behalf of"), "Cancel").click();
    await sessionMenu(page).getByText("for eve@acme").waitFor();
    await button(page, "Run action").click();
    await form.getByText("You act on behalf of eve@acme.").waitFor();
    await button(form, "Run action").click();
    await run(page).getByText("eve@acme via portal").first().waitFor();
    await run(page).getByText("This is your own run, so somebody else must approve it.").waitFor();
    expect(await button(run(page), "Approve").isDisabled()).toBe(true);

    await actFor("bob@acme");
    await button(run(page), "Approve").click();
    await dialog(page, "Approve release?").getByText("You act on behalf of bob@acme.").waitFor();
    await button(dialog(page, "Approve release?"), "Approve run").click();
    await untilRunIs(page, "running");
    const id = page.url().split("/").at(-1) ?? "";
    const { triggeredBy, details } = await site.client("approvals").runs.get(id, { include: "details" });
    expect([triggeredBy, details?.approval?.approvals]).toMatchObject([
      "eve@acme",
      [{ by: "bob@acme", via: "portal" }],
    ]);
    // Nobody acts in a name that somebody else left there.
    await page.reload();
    await sessionMenu(page).click();
    await page.getByText("You act for nobody in particular.").waitFor();
  });
});
