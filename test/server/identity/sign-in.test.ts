/**
 * People sign in at a real issuer in a real browser: what they see before anything opens, what two of them do with a run
 * that needs approval, and how a command line gets a session.
 */

import { createHash, randomBytes } from "node:crypto";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type NodeServer, serve } from "../../support/node-server.ts";
import { lookAt } from "../console/accessible.ts";
import {
  button,
  dialog,
  field,
  hasFocus,
  NARROW,
  run,
  runs,
  Site,
  sessionMenu,
  signOut,
  tabTo,
  WIDE,
} from "../console/site.ts";
import { until } from "../until.ts";
import { describeInBrowser } from "../watched-browser.ts";
import { ISSUER_NAME, newPeopleSite, type PeopleSite, signInAtIssuer } from "./people-issuer.ts";

const ENV = "prod";
const SIGN_IN = `Sign in with ${ISSUER_NAME}`;

interface Reply {
  readonly status: number;
  readonly body: { readonly code?: string; readonly id?: string };
}

describeInBrowser("a sign-in at an issuer", (browser) => {
  let people: PeopleSite;
  let site: Site;
  /** Where the command line waits, and what the browser asked it. It also receives the webhooks. */
  let waiting: NodeServer;
  const answers: string[] = [];

  beforeAll(async () => {
    people = await newPeopleSite();
    site = new Site("acme", { origin: people.origin, token: people.installation.token });
    waiting = await serve((request, response) => {
      if (request.method === "GET") answers.push(request.url ?? "");
      const page = '<!doctype html><html lang="en"><title>Done</title><link rel="icon" href="data:,"><h1>Done</h1>';
      response.writeHead(200, { "Content-Type": "text/html" }).end(page);
    });
    const trustIn = (group: string) => ({
      for: "people" as const,
      issuer: people.issuer.url,
      claims: { groups: group },
    });
    const { tokens, actions } = site.client(ENV);
    await tokens.create({ name: "deployers", role: "admin", mayApprove: true, trust: trustIn("deployers") });
    await tokens.create({ name: "approvers", role: "viewer", mayApprove: true, trust: trustIn("approvers") });
    await actions.put("deploy", { trigger: { type: "webhook", url: `${waiting.url}/deploy` }, approval: {} });
  });
  afterAll(async () => {
    await waiting?.close();
    await people?.close();
  });

  const newPage = (look = WIDE) => browser.newPage([people.origin, people.issuer.url, waiting.url], look);

  /** Presses the button of the sign-in page, and signs in at the issuer if it asks. */
  async function signInAs(page: Page, name: string): Promise<void> {
    await page.getByRole("link", { name: SIGN_IN }).click();
    await page.waitForURL(`${people.issuer.url}/**`);
    await signInAtIssuer(page, name);
  }

  const choice = (page: Page, token: string) =>
    page.getByRole("list", { name: "What you may open" }).getByRole("button", { name: token });

  async function openAs(page: Page, path: string, name: string, token: string): Promise<void> {
    await page.goto(site.at(path));
    await signInAs(page, name);
    await choice(page, token).click();
    await sessionMenu(page).waitFor();
  }

  /** What a request of the page gets, with the session of the page. */
  function asked(page: Page, method: string, path: string, body: object = {}): Promise<Reply> {
    return page.evaluate(`(async () => {
      const { pageKey } = JSON.parse(localStorage.getItem("action-runs.session"));
      const headers = { "Action-Runs-Page-Key": pageKey, "Content-Type": "application/json" };
      const init = { method: "${method}", headers };
      if (init.method !== "GET") init.body = ${JSON.stringify(JSON.stringify(body))};
      const response = await fetch(${JSON.stringify(path)}, init);
      return { status: response.status, body: await response.json() };
    })()`);
  }

  it("opens nothing before the person has seen what opens, and then leads back", async () => {
    const page = await newPage();
    await page.goto(site.at(`${ENV}/runs?status=failed`));
    // Who uses a keyboard signs in with Enter.
    const link = page.getByRole("link", { name: SIGN_IN });
    await link.waitFor();
    expect(await hasFocus(link)).toBe(true);
    await page.keyboard.press("Enter");
    await signInAtIssuer(page, "ada");
    await page.getByRole("heading", { name: "Choose what to open" }).waitFor();
    expect(page.url()).toBe(`${people.origin}/console/sign-in`);
    const shown = await shownOn(page);
    expect(shown).toContain(`Issuer ${people.issuer.url} Subject 00u1ada Person ada@example.com`);
    expect(shown).toContain(
      "deployers acme / shop, every environment admin: everything, but can't create owners, and may approve",
    );
    expect(shown).toContain("approvers acme / shop, every environment viewer: only reads, and may approve");
    expect(await page.evaluate("JSON.stringify({ ...localStorage, ...sessionStorage }) + document.cookie")).toBe("{}");
    expect(await page.evaluate<number>("fetch('/whoami').then(({ status }) => status)")).toBe(401);
    await browser.expectFault(/status of 401/);

    await tabTo(page, choice(page, "deployers"));
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "No runs match the filters" }).waitFor();
    expect(page.url()).toBe(site.at(`${ENV}/runs?status=failed`));
    await sessionMenu(page).click();
    const menu = page.getByRole("group", { name: "Session" });
    await menu.getByText("Signed in as ada@example.com, admin").waitFor();
    await menu.getByText(`Through ${people.issuer.url}, with the token deployers.`).waitFor();
    // The code is in no entry of the history.
    await page.goBack();
    await page.goForward();
    expect(page.url()).not.toContain("#");
  });

  it("lets one person ask and another approve, and nobody approve their own run by another way", async () => {
    const [ada, bob] = [await newPage(), await newPage(NARROW)];
    await openAs(ada, `${ENV}/actions/deploy`, "ada", "deployers");
    await button(ada, "Run action").click();
    await button(dialog(ada, "Run deploy"), "Run action").click();
    await run(ada).getByText("waits for approval", { exact: true }).waitFor();
    await run(ada).getByText("This is your own run, so somebody else must approve it.").waitFor();
    const id = (ada.url().split("/").at(-1) ?? "").slice(0, 36);
    const approve = `/acme/shop/envs/${ENV}/action-runs/${id}/approve`;
    expect(await asked(ada, "POST", approve)).toMatchObject({ status: 403, body: { code: "own_run" } });
    await browser.expectFault(/status of 403/);

    // With another token and another e-mail address, she is the same person.
    await signOut(ada);
    const { ada: before } = people.issuer.people;
    people.issuer.people.ada = { ...people.issuer.people.ada, email: "ada.lovelace@example.com" };
    await ada.getByRole("link", { name: SIGN_IN }).click();
    // The issuer still knows her.
    await choice(ada, "approvers").click();
    people.issuer.people.ada = before;
    await ada.getByRole("button", { name: "Signed in as ada.lovelace@example.com" }).waitFor();
    expect(await asked(ada, "POST", approve)).toMatchObject({ status: 403, body: { code: "own_run" } });
    await browser.expectFault(/status of 403/);

    await openAs(bob, `${ENV}/approvals`, "bob", "approvers");
    const row = bob.getByRole("row").filter({ hasText: "by ada@example.com" });
    await row.getByRole("button", { name: "Approve deploy" }).click();
    await button(dialog(bob, "Approve deploy?"), "Approve run").click();
    await dialog(bob, "Approve deploy?").waitFor({ state: "detached" });
    await site.goTo(bob, `${ENV}/runs/${id}`);
    await run(bob).getByText("bob@example.com").first().waitFor();
  });

  it("lets nobody approve what a token of theirs has started, nor approve with such a token", async () => {
    const ada = await newPage();
    await openAs(ada, "tokens", "ada", "deployers");
    // The clock of her browser is ahead.
    await ada.evaluate("{ const now = Date.now; Date.now = () => now() + 5000; }");
    await button(ada, "New token").click();
    const form = dialog(ada, "New token");
    await field(form, "Name").fill("ada's bot");
    await form.getByLabel("Role", { exact: true }).selectOption("member");
    // A sign-in session gives nobody a flag or a person.
    expect(await form.getByRole("checkbox").count()).toBe(0);
    expect(await field(form, "Person").count()).toBe(0);
    expect(await form.getByLabel("Expires", { exact: true }).locator("option:checked").textContent()).toBe(
      "In 90 days",
    );
    await button(form, "Create token").click();
    const secret = await field(dialog(ada, "The new token"), "New token value").inputValue();
    await button(dialog(ada, "The new token"), "Done").click();
    const row = ada.getByRole("row").filter({ hasText: "ada's bot" });
    await row.getByText("by ada@example.com").waitFor();
    await row.getByRole("button", { name: "Rotate ada's bot" }).waitFor();
    const trusted = ada.getByRole("row").filter({ hasText: `people of ${people.issuer.url}` });
    expect(await trusted.count()).toBe(2);
    expect(await trusted.getByRole("button", { name: /^Rotate/ }).count()).toBe(0);
    await trusted.getByText("groups: deployers").waitFor();

    const bot = site.client(ENV, secret);
    const { id } = await bot.actions.run("deploy");
    const approve = `/acme/shop/envs/${ENV}/action-runs/${id}/approve`;
    expect(await asked(ada, "POST", approve)).toMatchObject({ status: 403, body: { code: "own_run" } });
    await browser.expectFault(/status of 403/);
    const own = await asked(ada, "POST", `/acme/shop/envs/${ENV}/actions/deploy/runs`);
    expect(own.status).toBe(201);
    await expect(bot.runs.approve(own.body.id ?? "")).rejects.toMatchObject({ status: 403 });
  });

  it("says to whom nothing is open, why nobody is signed in, and what to do", async () => {
    const page = await newPage();
    await page.goto(`${people.origin}/console`);
    await signInAs(page, "cy");
    await page.getByRole("heading", { name: "Nothing is open to you yet" }).waitFor();
    const shown = await shownOn(page);
    expect(shown).toContain("Ask somebody who manages the tokens of your project");
    expect(shown).toContain(`Issuer ${people.issuer.url} Subject 00u4cy Person cy@example.com`);

    const other = await newPage();
    await other.goto(`${people.origin}/console`);
    await signInAs(other, "eve");
    await other
      .getByText("no verified e-mail address, or no claim of personClaim, that can be a person's name")
      .waitFor();
    expect(other.url()).toBe(`${people.origin}/console/sign-in`);
    await other.getByRole("link", { name: "Use a token" }).click();
    await field(other, "Token").waitFor();

    const third = await newPage();
    await third.goto(`${people.origin}/console`);
    await third.getByRole("link", { name: SIGN_IN }).click();
    await third.getByRole("button", { name: "Cancel" }).click();
    await third.getByText("The issuer did not sign you in.").waitFor();
    // A page that was loaded again has no code.
    await third.reload();
    await third.getByText("This page works only once after a sign-in.").waitFor();
  });

  it("leads to the runs of what was chosen, if the address is not of that", async () => {
    const page = await newPage();
    await openAs(page, "../other/prod/runs", "ada", "deployers");
    await runs(page).waitFor();
    expect(page.url()).toBe(site.at(`${ENV}/runs`));
    const foreign = "/session/sign-in?to=https%3A%2F%2Fevil.example%2Fconsole";
    const refused = await fetch(`${people.origin}${foreign}`, {
      redirect: "manual",
      headers: { "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate" },
    });
    expect(refused.status).toBe(400);
  });

  it("ends at once with the sign-out, also for whoever copied both halves", async () => {
    const page = await newPage();
    await openAs(page, `${ENV}/runs`, "ada", "deployers");
    const { pageKey } = await page.evaluate<{ pageKey: string }>("JSON.parse(localStorage['action-runs.session'])");
    const cookie = (await page.context().cookies(people.origin))
      .map(({ name, value }) => `${name}=${value}`)
      .join("; ");
    const copied = { Cookie: cookie, "Action-Runs-Page-Key": pageKey, "Sec-Fetch-Site": "same-origin" };
    const whoami = () => fetch(`${people.origin}/whoami`, { headers: copied });
    expect(await (await whoami()).json()).toMatchObject({ person: "ada@example.com", issuer: people.issuer.url });
    await signOut(page);
    await page.getByRole("link", { name: SIGN_IN }).waitFor();
    await until("the session is over", async () => (await whoami()).status === 401);
    expect(await page.evaluate("JSON.stringify({ ...localStorage })")).toBe("{}");
  });

  it("gives the command line a session that decides nothing, after the six characters", async () => {
    const verifier = randomBytes(32).toString("base64url");
    const challenge = createHash("sha256").update(verifier).digest("base64url");
    const port = new URL(waiting.url).port;
    const page = await newPage();
    const address = `${people.origin}/console/cli?challenge=${challenge}&port=${port}`;
    await page.goto(address);
    await page.getByText("Sign in first, and you come back to this page.").waitFor();
    await signInAs(page, "ada");
    await choice(page, "deployers").click();
    await page.getByText("It never approves or rejects").waitFor();
    expect(page.url()).toBe(address);
    const typed = field(page, "Characters in your terminal");
    expect(await hasFocus(typed)).toBe(true);
    await typed.fill("abc");
    await page.keyboard.press("Enter");
    await page.getByText("Type the six letters and digits that your terminal shows.").waitFor();
    const characters = charactersOf(challenge);
    await typed.fill(characters === "AAAAAA" ? "BBBBBB" : "AAAAAA");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").waitFor();
    await browser.expectFault(/status of 4\d\d/);
    expect(answers).toEqual([]);
    await typed.fill(` ${characters.slice(0, 3)}-${characters.slice(3)} `.toLowerCase());
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Done" }).waitFor();

    const code = new URLSearchParams((answers[0] ?? "").slice(2)).get("code");
    const login = await fetch(`${people.origin}/session/login`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ code, verifier, port: Number(port) }),
    });
    expect(login.status).toBe(201);
    const session = (await login.json()) as { readonly token: string };
    expect(session).toMatchObject({ person: "ada@example.com", role: "member", mayApprove: false });
    const client = site.client(ENV, session.token);
    const { id } = await site.client(ENV).actions.run("deploy", {});
    await expect(client.runs.approve(id)).rejects.toMatchObject({ status: 403 });

    // The list has it beside the session of the browser, and ends it.
    await page.goto(site.at("tokens"));
    const row = page.getByRole("table", { name: "Sessions" }).getByRole("row").filter({ hasText: "command line" });
    await row.getByText("ada@example.com").waitFor();
    await row.getByRole("button", { name: "End the session of ada@example.com" }).click();
    await button(page.getByRole("dialog"), "End session").click();
    await until("the command line is signed out", async () =>
      client.whoami().then(
        () => false,
        (error) => error.status === 401,
      ),
    );
  });

  it("has pages that everybody can use, whatever others call their tokens", async () => {
    const found: string[] = [];
    const name = `<img src=x onerror=alert(1)>${"w".repeat(60)}`;
    const claims = { groups: ["deployers", `<b>${"h".repeat(250)}`] };
    const trust = { for: "people", issuer: people.issuer.url, claims } as const;
    await site.client(ENV).tokens.create({ name, role: "viewer", trust });
    const ofJob = { for: "programs", issuer: people.issuer.url, claims: { sub: "job" } } as const;
    const { id } = await site.client(ENV).tokens.create({ name: `${name}!`, role: "viewer", trust: ofJob });
    await site.client(ENV).tokens.create({ name: "platform", role: "owner", trust });
    const page = await newPage();
    await page.goto(`${people.origin}/console`);
    await page.getByRole("link", { name: SIGN_IN }).waitFor();
    await lookAt(page, "the sign-in page", found);
    await signInAs(page, "ada");
    await choice(page, "<img src=x onerror").waitFor();
    // No session by sign-in creates owners.
    expect(await choice(page, "platform").textContent()).toMatch(/owner: everything, but can't create owners$/);
    await lookAt(page, "the choice", found);
    await choice(page, "deployers").click();
    await runs(page).waitFor();
    await page.goto(`${people.origin}/console/cli?challenge=${"A".repeat(43)}&port=1`);
    await field(page, "Characters in your terminal").waitFor();
    await lookAt(page, "the command line", found);
    await page.goto(site.at("tokens"));
    await page.getByRole("table", { name: "Sessions" }).waitFor();
    await lookAt(page, "the tokens", found);
    // Whoever exchanges a proof needs the id.
    const ofPrograms = page.getByRole("row").filter({ hasText: `programs of ${people.issuer.url}` });
    await ofPrograms.getByText(id, { exact: true }).waitFor();
    expect(await ofPrograms.getByRole("button", { name: /^Copy id of / }).count()).toBe(1);
    await button(page, "New token").click();
    await dialog(page, "New token").getByLabel("Opened by", { exact: true }).selectOption("programs");
    await lookAt(page, "a new token with a trust", found);
    await page.goto(`${people.origin}/console/sign-in#error=issuer_unavailable`);
    await page.getByText("The issuer gives no usable answer.").waitFor();
    await lookAt(page, "an error", found);
    expect(found).toEqual([]);
  });
});

/** What the page says, in one line. */
async function shownOn(page: Page): Promise<string> {
  return (await page.locator("main").allInnerTexts()).join(" ").replaceAll(/\s+/g, " ");
}

/** The first six characters of the base32 of the SHA-256 of a challenge. */
function charactersOf(challenge: string): string {
  const bits = [...createHash("sha256").update(challenge).digest()].map((byte) => byte.toString(2).padStart(8, "0"));
  const all = bits.join("");
  return Array.from({ length: 6 }, (_, at) => {
    const value = Number.parseInt(all.slice(at * 5, at * 5 + 5), 2);
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[value];
  }).join("");
}
