/** The token at the console: where it is, where it is not, and what it may do. */

import type { Page, Request } from "playwright-core";
import { beforeAll, expect, it } from "vitest";
import { ActionRunsError } from "../../../src/client/index.ts";
import { sharedPlace } from "../place.ts";
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
  signInHere,
  untilRunIs,
  WIDE,
} from "./site.ts";

const ENV = "prod";

describeInBrowser("the console's session", (browser) => {
  const site = new Site("of-console-session", sharedPlace("of-console-session"));
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

  /** All that the tab keeps, but for the elements of the page. */
  function kept(page: Page): Promise<Readonly<Record<"session" | "others", string>>> {
    return page.evaluate(`(async () => ({
      session: JSON.stringify({ ...sessionStorage }),
      others: JSON.stringify([{ ...localStorage }, document.cookie, location.href, history.state, document.title,
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
      [`${ENV}/actions`, ["New action"]],
      [`${ENV}/actions/deploy`, ["Run action", "Edit", "Delete"]],
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

  it("keeps the token in no URL, no element and no other storage, and nothing of it after the sign-out", async () => {
    const token = await site.newToken("owner");
    const page = await browser.newPage(site.origin, WIDE);
    const urls: string[] = [];
    page.on("request", (request) => urls.push(request.url()));
    page.on("framenavigated", (frame) => urls.push(frame.url()));
    await site.signIn(page, `${ENV}/runs`, token);
    await lookAround(page, async () => {
      expect(await drawn(page)).not.toContain(token);
      const { session, others } = await kept(page);
      expect([session.includes(token), others.includes(token)]).toEqual([true, false]);
    });

    await page.goto(site.at(`${ENV}/runs`));
    await runs(page).getByRole("link", { name: "backup", exact: true }).click();
    await run(page).getByText("pending", { exact: true }).first().waitFor();
    await button(page, "Sign out").click();
    await field(page, "Token").waitFor();
    expect(await kept(page)).toMatchObject({ session: "{}" });
    for (let steps = 0; steps < 3; steps++) {
      const { session, others } = await kept(page);
      expect(`${session} ${others} ${await drawn(page)}`).not.toContain(token);
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

  it("does not keep ROOT_TOKEN: it mints an owner's token for 12 hours, and revokes it at the sign-out", async () => {
    const page = await browser.newPage(site.origin, WIDE);
    await site.signIn(page, `${ENV}/runs`, site.token);
    await runs(page).waitFor();
    const { session, others } = await kept(page);
    expect(session + others + (await drawn(page))).not.toContain(site.token);
    const [minted = ""] = /terr_[\w-]{43}/.exec(session) ?? [];
    const holder = await site.client(ENV, minted).whoami();
    expect(holder).toMatchObject({ role: "owner", project: "of-console-session/shop", envName: null });
    const livesHours = (Date.parse(holder.expiresAt ?? "") - Date.now()) / 3_600_000;
    expect([livesHours > 11, livesHours <= 12]).toEqual([true, true]);

    await page.goto(site.at("tokens"));
    await page.getByText("Tokens that you create here end when you sign out").waitFor();
    await button(page, "Sign out").click();
    await field(page, "Token").waitFor();
    const isRevoked = async () => {
      const refusal = await site
        .client(ENV, minted)
        .whoami()
        .catch((error: unknown) => error);
      return refusal instanceof ActionRunsError && refusal.status === 401;
    };
    await until("the token is revoked", isRevoked);
    expect((await kept(page)).session).toBe("{}");
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
    const { session, others } = await kept(page);
    expect(session + others).not.toContain(created);
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
    await page.getByText("The service no longer accepts your token.").waitFor();
    expect([page.url(), (await kept(page)).session]).toEqual([
      site.at(`${ENV}/runs/${openId}?actionName=backup`),
      "{}",
    ]);
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
  const STORING = ["New action", "Edit", "Delete"];
  const MINTING = ["New token"];

  it.each<[Role, readonly string[]]>([
    ["viewer", []],
    ["member", RUNNING],
    ["admin", [...RUNNING, ...STORING, ...MINTING]],
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
      "tokens",
      "audit",
    ]) {
      const ended = path.endsWith(endedId) ? untilEventsEnd(page, endedId) : null;
      await site.goTo(page, path);
      // Only the events of a run that has ended say that it can be retried.
      await ended;
      await browser.settled(page);
      for (const name of [...RUNNING, ...STORING, ...MINTING]) {
        if ((await button(page, name).count()) > 0) seen.add(name);
      }
      for (const key of role === "viewer" ? ["c", "r"] : []) await page.keyboard.press(key);
      expect(await page.getByRole("dialog").count()).toBe(0);
    }
    expect([...seen].sort()).toEqual([...offered].sort());
    const mayManage = offered.includes("New token");
    expect(
      await page.getByRole("navigation", { name: "Console" }).getByRole("link").allTextContents(),
    ).toEqual(mayManage ? ["Runs", "Actions", "Tokens", "Audit"] : ["Runs", "Actions"]);
    expect(await page.getByText(/^Your token does not open/).count()).toBe(mayManage ? 0 : 1);
    expect(refused).toEqual([]);
  });
});
