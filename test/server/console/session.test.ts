/** Sessions at the console: where the token is not, which tabs share a session, how it ends, and what it may do. */

import type { Page, Request } from "playwright-core";
import { beforeAll, expect, it } from "vitest";
import { sharedServer } from "../installation.ts";
import { until } from "../until.ts";
import { describeInBrowser } from "../watched-browser.ts";
import {
  button,
  chips,
  fakeTime,
  field,
  job,
  poll,
  type Role,
  run,
  runs,
  Site,
  sessionMenu,
  signInHere,
  signOut,
  untilRunIs,
  WIDE,
} from "./site.ts";

const ENV = "prod";

describeInBrowser("the console's session", (browser) => {
  const site = new Site("of-console-session", sharedServer("of-console-session"));
  let openId: string;
  let endedId: string;

  beforeAll(async () => {
    const client = site.client(ENV);
    await client.actions.put("deploy", { description: "deploys the shop" }, { ifVersion: null });
    const ended = await client.runs.create({ actionName: "deploy" });
    await job(ended).succeed();
    endedId = ended.id;
    openId = (await client.runs.create({ actionName: "backup" })).id;
  });

  /** All that scripts of the page can read, but for its elements. */
  function kept(page: Page): Promise<Readonly<Record<"local" | "others", string>>> {
    return page.evaluate(`(async () => ({
      local: JSON.stringify({ ...localStorage }),
      others: JSON.stringify([{ ...sessionStorage }, document.cookie, location.href, history.state, document.title,
        name, await indexedDB.databases(), await caches.keys()]),
    }))()`);
  }

  /** The elements of the page, and what the fields hold. */
  function drawn(page: Page): Promise<string> {
    return page.evaluate<string>(
      "document.documentElement.outerHTML + JSON.stringify([...document.querySelectorAll('input, textarea')].map(({ value }) => value))",
    );
  }

  /** Every page and what opens on it. */
  async function lookAround(page: Page, look: () => Promise<void>): Promise<void> {
    for (const [path, opens] of [
      [`${ENV}/runs`, []],
      [`${ENV}/runs/${openId}`, ["Cancel run"]],
      [`${ENV}/runs/${endedId}`, ["Retry run"]],
      [`${ENV}/actions`, ["Run deploy"]],
      [`${ENV}/actions/-/new`, []],
      [`${ENV}/actions/deploy`, ["Run action", "Delete"]],
      [`${ENV}/actions/deploy/edit`, []],
      ["tokens", ["New token"]],
      ["audit", []],
    ] as const) {
      await site.goTo(page, path);
      await browser.settled(page);
      await look();
      for (const name of opens) {
        await button(page, name).click();
        await page.getByRole("dialog").waitFor();
        await look();
        await page.keyboard.press("Escape");
      }
    }
  }

  it("keeps the token in no URL, no element and no storage, and nothing of the session after the sign-out", async () => {
    const token = await site.newToken("owner");
    const page = await browser.newPage(site.origin, WIDE);
    const urls: string[] = [];
    page.on("request", (request) => urls.push(request.url()));
    page.on("framenavigated", (frame) => urls.push(frame.url()));
    await site.signInByHand(page, `${ENV}/runs`, token);
    await lookAround(page, async () => {
      expect(await drawn(page)).not.toContain(token);
      const { local, others } = await kept(page);
      expect(local + others).not.toContain(token);
    });

    await page.goto(site.at(`${ENV}/runs`));
    await runs(page).getByRole("link", { name: "backup", exact: true }).click();
    await run(page).getByText("pending", { exact: true }).first().waitFor();
    await signOut(page);
    await field(page, "Token").waitFor();
    expect(await kept(page)).toMatchObject({ local: "{}" });
    // The page forgets the session at once. The service's response removes the cookie.
    await until("the cookie is gone", async () => (await page.context().cookies()).length === 0);
    for (let steps = 0; steps < 3; steps++) {
      const { local, others } = await kept(page);
      expect(`${local} ${others} ${await drawn(page)}`).not.toContain(token);
      expect([await field(page, "Token").inputValue(), await drawn(page)]).toEqual([
        "",
        expect.not.stringContaining("backup"),
      ]);
      await page.goBack();
      await field(page, "Token").waitFor();
    }
    expect(urls.filter((url) => url.includes(token))).toEqual([]);
    expect(urls.length).toBeGreaterThan(20);
  });

  it("has ROOT_TOKEN nowhere, for one project and 12 hours, and tokens that it makes outlive it", async () => {
    const page = await browser.newPage(site.origin, WIDE);
    await site.signInByHand(page, `${ENV}/runs`, site.token);
    await runs(page).waitFor();
    const { local, others } = await kept(page);
    expect(local + others + (await drawn(page))).not.toContain(site.token);
    expect(local).not.toContain("terr_");
    const { holder } = JSON.parse(JSON.parse(local)["action-runs.session"]);
    expect(holder).toMatchObject({ name: "root", role: "owner", project: "of-console-session/shop" });
    const livesHours = (Date.parse(holder.expiresAt) - Date.now()) / 3_600_000;
    expect([livesHours > 11, livesHours <= 12]).toEqual([true, true]);

    await site.goTo(page, "tokens");
    await button(page, "New token").click();
    expect(await field(page, "Role").locator("option").allTextContents()).not.toContainEqual(
      expect.stringMatching(/^owner/),
    );
    await field(page.getByRole("dialog"), "Name").fill("outlives");
    await button(page, "Create token").click();
    const created = await field(page, "New token value").inputValue();
    await button(page, "Done").click();
    await signOut(page);
    await field(page, "Token").waitFor();
    await until("the session is over", async () => (await page.context().cookies()).length === 0);
    expect(await site.client(ENV, created).whoami()).toMatchObject({ name: "outlives" });
  });

  it("opens a new tab and a shared link without a question, and the sign-out of one tab signs out all", async () => {
    const first = await browser.newPage(site.origin, WIDE);
    await site.signIn(first, `${ENV}/runs`, await site.newToken("member"));
    await runs(first).waitFor();
    const second = await first.context().newPage();
    await second.goto(site.at(`${ENV}/runs/${openId}`));
    await untilRunIs(second, "pending");
    await signOut(first);
    await field(second, "Token").waitFor();
    await signInHere(second, await site.newToken("viewer"));
    await untilRunIs(second, "pending");
    await sessionMenu(first).waitFor();
    await second.close();
  });

  it("offers the environments that the token opens, and others can be typed", async () => {
    const client = site.client("staging");
    await job(await client.runs.create({ actionName: "deploy" })).succeed();
    const page = await browser.newPage(site.origin, WIDE);
    await page.goto(`${site.origin}/console`);
    await field(page, "Token").fill(await site.newToken("member"));
    await button(page, "Sign in").click();
    const environments = page.getByRole("list", { name: "Environments" }).getByRole("button");
    await environments.first().waitFor();
    expect((await environments.allTextContents()).map((text) => text.replace(/\s+/g, " "))).toEqual([
      "of-console-session / shop / prod",
      "of-console-session / shop / staging",
    ]);
    await environments.last().click();
    await runs(page).waitFor();
    expect(page.url()).toBe(site.at("staging/runs"));
    await page.getByTitle("Change the environment").click();
    await button(page, "of-console-session / shop / prod").click();
    await runs(page).getByText("backup", { exact: true }).first().waitFor();
    await page.getByTitle("Change the environment").click();
    await field(page, "Another environment").fill("elsewhere");
    await button(page, "Go").click();
    await page.waitForURL(site.at("elsewhere/runs"));
  });

  /** The link that `npm start` prints. */
  async function newLink(path: string): Promise<string> {
    const response = await fetch(`${site.origin}/of-console-session/shop/sign-in-codes`, {
      method: "POST",
      headers: { Authorization: `Bearer ${site.token}`, "Content-Type": "application/json" },
      body: "{}",
    });
    const { code } = (await response.json()) as { code: string };
    return `${site.at(path)}#code=${code}`;
  }

  it("signs in by a link once, has its code neither in the address nor in the history, and asks before it replaces a session", async () => {
    const page = await browser.newPage(site.origin, WIDE);
    const link = await newLink(`${ENV}/runs`);
    await page.goto(link);
    await runs(page).waitFor();
    expect(page.url()).toBe(site.at(`${ENV}/runs`));
    const [, code = "?"] = link.split("#code=");
    const { local, others } = await kept(page);
    expect(local + others + (await drawn(page))).not.toContain(code);

    // The same page is open, so the browser changes the fragment alone.
    await page.goto(await newLink(`${ENV}/runs`));
    await page.getByText("You are already signed in").waitFor();
    expect(page.url()).toBe(site.at(`${ENV}/runs`));
    await button(page, "Stay signed in").click();
    await runs(page).waitFor();
    await signOut(page);
    await field(page, "Token").waitFor();

    await page.goto(link);
    await page.getByText("This link was used or is too old.").waitFor();
    await field(page, "Token").waitFor();
    await browser.expectFault(/status of 401/);

    await signInHere(page, await site.newToken("viewer"));
    await page.goto(await newLink(`${ENV}/runs`));
    await button(page, "Use the link").click();
    await sessionMenu(page).waitFor();
    expect(await sessionMenu(page).getAttribute("title")).toBe("Signed in as root");
  });

  it("shows a new token once, in the field New token value and nowhere else", async () => {
    const page = await browser.newPage(site.origin, WIDE);
    await site.signIn(page, "tokens", await site.newToken("owner"));
    await button(page, "New token").click();
    await field(page.getByRole("dialog"), "Name").fill("ci");
    await button(page, "Create token").click();
    const value = field(page, "New token value");
    const created = await value.inputValue();
    expect(created).toMatch(/^terr_[\w-]{43}$/);
    expect(await site.client(ENV, created).whoami()).toMatchObject({ name: "ci" });
    const elsewhere = await page.evaluate<string>(
      "[...document.querySelectorAll('*')].flatMap((element) => [...element.childNodes, ...element.attributes]).map(({ nodeValue }) => nodeValue).join(' ')",
    );
    expect(elsewhere).not.toContain(created);
    const { local, others } = await kept(page);
    expect(local + others).not.toContain(created);
    // It would be lost.
    await page.keyboard.press("Escape");
    expect(await value.inputValue()).toBe(created);
    await button(page, "Done").click();
    await value.waitFor({ state: "detached" });
    await page.getByRole("table", { name: "Tokens", exact: true }).getByText("ci", { exact: true }).waitFor();
    expect(await drawn(page)).not.toContain(created);
  });

  it("leads to the sign-in when the token is revoked, and from there back to the same place", async () => {
    const token = await site.newToken("member");
    const { id } = await site.client(ENV, token).whoami();
    const page = await browser.newPage(site.origin, WIDE);
    await fakeTime(page);
    await site.signIn(page, `${ENV}/runs/${openId}?actionName=backup`, token);
    await untilRunIs(page, "pending");
    await site.client(ENV).tokens.revoke(id ?? "");
    await poll(page);
    await page.getByText("Your session ended.").waitFor();
    expect([page.url(), (await kept(page)).local]).toEqual([site.at(`${ENV}/runs/${openId}?actionName=backup`), "{}"]);
    await signInHere(page, await site.newToken("viewer"));
    await untilRunIs(page, "pending");
    expect(page.url()).toBe(site.at(`${ENV}/runs/${openId}?actionName=backup`));
    expect(await chips(page)).toEqual(["action backup"]);
    await browser.expectFault(/status of 401/);
  });

  /** Resolves when the run's event stream has ended, or was left because it had told everything. */
  function untilEventsEnd(page: Page, id: string): Promise<void> {
    return new Promise((resolve) => {
      const end = (request: Request) => {
        if (request.url().endsWith(`${id}/events`)) resolve();
      };
      page.on("requestfinished", end);
      page.on("requestfailed", end);
    });
  }

  const RUNNING = ["Cancel run", "Retry run", "Run action"];
  const STORING = ["New action", "New schedule", "Edit", "Delete", "Pause the environment"];
  const CREATING = ["New token"];

  it.each<[Role, readonly string[]]>([
    ["viewer", []],
    ["member", RUNNING],
    ["admin", [...RUNNING, ...STORING, ...CREATING]],
  ])("offers a %s what the token may do, and asks for nothing that is refused", async (role, offered) => {
    const page = await browser.newPage(site.origin, WIDE);
    const refused: string[] = [];
    page.on("response", (response) => {
      if (response.status() >= 400) refused.push(`${response.status()} ${response.url()}`);
    });
    await site.signIn(page, `${ENV}/runs`, await site.newToken(role));
    const seen = new Set<string>();
    for (const path of [
      `${ENV}/runs`,
      `${ENV}/runs/${openId}`,
      `${ENV}/runs/${endedId}`,
      `${ENV}/actions`,
      `${ENV}/actions/deploy`,
      `${ENV}/schedules`,
      `${ENV}/groups`,
      `${ENV}/approvals`,
      "tokens",
      "audit",
    ]) {
      const ended = path.endsWith(endedId) ? untilEventsEnd(page, endedId) : null;
      await site.goTo(page, path);
      // Only the events of a run that has ended say that it can be retried.
      await ended;
      await browser.settled(page);
      for (const name of [...RUNNING, ...STORING, ...CREATING]) {
        const offers = button(page, name).or(page.getByRole("link", { name, exact: true }));
        if ((await offers.count()) > 0) seen.add(name);
      }
      for (const key of role === "viewer" ? ["c", "r"] : []) await page.keyboard.press(key);
      expect(await page.getByRole("dialog").count()).toBe(0);
    }
    expect([...seen].sort()).toEqual([...offered].sort());
    const mayManage = offered.includes("New token");
    expect(await page.getByRole("navigation", { name: "Console" }).getByRole("link").allTextContents()).toEqual([
      "Runs",
      "Actions",
      "Schedules",
      "Groups",
      ...(mayManage ? ["Notifications", "Tokens", "Audit"] : []),
    ]);
    expect(await page.getByText(/^Your token does not open/).count()).toBe(mayManage ? 0 : 1);
    expect(refused).toEqual([]);
  });
});
