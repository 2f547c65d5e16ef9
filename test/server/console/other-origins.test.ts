/**
 * Pages of another origin, and of another port of this machine, while somebody is signed in and while nobody is: whatever
 * they make the browser send, they change nothing and read nothing.
 */

import type { IncomingMessage } from "node:http";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type NodeServer, serve } from "../../support/node-server.ts";
import { sharedServer } from "../installation.ts";
import { describeInBrowser } from "../watched-browser.ts";
import { job, runs, Site, sessionMenu, signInHere, WIDE } from "./site.ts";

const ORG = "of-other-origins";
const FORGED_KEY = "A".repeat(22);

/** What the page of the attacker does. `target`: the service. Each attempt notes what it could read. */
const ATTACK = `async (target, org, runId, evilToken, pageKey) => {
  const project = target + "/" + org + "/shop";
  const runs = project + "/envs/prod/action-runs";
  const read = [];
  const note = (what, text) => { if (text) read.push(what + ": " + text); };
  const json = { "Content-Type": "application/json" };
  const changes = [
    ["POST", runs, { actionName: "evil" }],
    ["POST", project + "/tokens", { name: "evil", role: "admin" }],
    ["PUT", project + "/envs/prod/actions/evil", { description: "evil" }],
    ["DELETE", runs + "/" + runId, {}],
    ["POST", runs + "/" + runId + "/cancel", {}],
    ["POST", target + "/session", {}],
    ["POST", target + "/session/renew", {}],
    ["DELETE", target + "/session", {}],
  ];
  const reads = [runs, runs + "/" + runId, project + "/tokens", project + "/audit", target + "/whoami", target + "/places"];
  const tries = [];
  const attempt = async (what, url, init) => {
    try {
      const response = await fetch(url, { credentials: "include", ...init });
      note(what, await response.text().catch(() => ""));
    } catch {}
  };
  for (const url of reads) {
    tries.push(attempt("fetch", url, {}), attempt("fetch no-cors", url, { mode: "no-cors" }));
    tries.push(attempt("fetch with a key", url, { headers: { "Action-Runs-Page-Key": pageKey } }));
    for (const tag of ["img", "script", "iframe", "object", "video", "embed"]) {
      const element = document.createElement(tag);
      element[tag === "object" ? "data" : "src"] = url;
      document.body.append(element);
    }
  }
  tries.push(new Promise((done) => {
    const stream = new EventSource(runs + "/" + runId + "/events", { withCredentials: true });
    stream.onmessage = ({ data }) => { note("EventSource", data); done(); };
    stream.onerror = () => { stream.close(); done(); };
  }));
  for (const [method, url, body] of changes) {
    const text = JSON.stringify(body);
    tries.push(
      attempt("JSON", url, { method, headers: json, body: text }),
      attempt("JSON with a token", url, { method, headers: { ...json, Authorization: "Bearer " + evilToken }, body: text }),
      attempt("JSON with a key", url, { method, headers: { ...json, "Action-Runs-Page-Key": pageKey }, body: text }),
    );
    if (method !== "POST") continue;
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]) {
      tries.push(attempt(type, url, { method, mode: "no-cors", headers: { "Content-Type": type }, body: text }));
      const name = "frame" + Math.random();
      const frame = Object.assign(document.createElement("iframe"), { name });
      const form = Object.assign(document.createElement("form"), { method, action: url, enctype: type, target: name });
      // As text/plain this is JSON: {"actionName":"evil","x":"="}
      const field = Object.assign(document.createElement("input"), {
        name: text.slice(0, -1) + (text === "{}" ? "" : ",") + '"x":"',
        value: '"}',
      });
      form.append(field);
      document.body.append(frame, form);
      form.submit();
    }
    navigator.sendBeacon(url, new Blob([text], { type: "text/plain" }));
  }
  await Promise.all(tries);
  return read;
}`;

/** What the page can read of the documents in its frames. */
const DRAWN = `[...document.querySelectorAll("iframe, object, embed")].flatMap((frame) => {
  try { return frame.contentDocument?.body?.innerText || []; } catch { return []; }
})`;

describeInBrowser("a page of another origin", (browser) => {
  const site = new Site(ORG, sharedServer(ORG));
  let evil: NodeServer;
  const cookies: string[] = [];
  let runId: string;
  beforeAll(async () => {
    evil = await serve((request: IncomingMessage, response) => {
      if (request.headers.cookie !== undefined) cookies.push(request.headers.cookie);
      response.writeHead(200, { "Content-Type": "text/html" }).end("<!doctype html><title>evil</title><body>");
    });
    runId = (await site.client("prod").runs.create({ actionName: "backup" })).id;
  });
  afterAll(() => evil?.close());

  /** All that an attack could change, as the operator sees it. */
  async function state(): Promise<unknown> {
    const client = site.client("prod");
    const all = async <T>(list: AsyncIterable<T>) => {
      const found: T[] = [];
      for await (const one of list) found.push(one);
      return found;
    };
    const sessions = await client.api.GET("/{o}/{p}/sessions", { params: { path: { o: ORG, p: "shop" } } });
    return JSON.stringify([
      (await all(client.runs.list())).map(({ id, status }) => [id, status]),
      (await all(client.tokens.list())).map(({ id }) => id).sort(),
      (await all(client.actions.list())).map(({ name, version }) => [name, version]),
      sessions.data?.map(({ id, expiresAt }) => [id, expiresAt]),
    ]);
  }

  /** The answers of the service that were no refusals. Its public pages are none of the attacked endpoints. */
  async function attackFrom(page: Page, origin: string): Promise<{ read: unknown; accepted: string[] }> {
    const evilToken = await site.newToken("viewer");
    const before = await state();
    const tab = await page.context().newPage();
    const accepted: string[] = [];
    tab.on("response", (response) => {
      const isRefused = response.status() >= 400 || response.request().method() === "OPTIONS";
      if (response.url().startsWith(site.origin) && !isRefused) accepted.push(response.url());
    });
    await tab.goto(origin);
    const args = [site.origin, ORG, runId, evilToken, FORGED_KEY].map((one) => JSON.stringify(one));
    const read = await tab.evaluate<string[]>(`(${ATTACK})(${args.join(", ")})`);
    // What elements and forms sent comes back without an event that the page could wait for.
    await tab.waitForLoadState("networkidle");
    const drawn = await tab.evaluate<string[]>(DRAWN);
    await tab.close();
    expect(await state()).toEqual(before);
    // The browser tells of each request that it refused, and of each that went elsewhere.
    browser.takeFaults();
    return { read: [...read, ...drawn], accepted };
  }

  const port = () => new URL(evil.url).port;
  const ATTACKERS = [
    ["another port of localhost", () => `http://localhost:${port()}`],
    ["another origin", () => `http://127.0.0.1:${port()}`],
  ] as const;

  it.each(ATTACKERS)("changes and reads nothing from %s", async (_where, origin) => {
    const page = await browser.newPage(site.origin, WIDE);
    await page.goto(site.at("prod/runs"));
    expect(await attackFrom(page, origin())).toEqual({ read: [], accepted: [] });

    await signInHere(page, await site.newToken("admin"));
    await runs(page).waitFor();
    expect(await attackFrom(page, origin())).toEqual({ read: [], accepted: [] });
    // The attack neither ended the session nor put another one in its place.
    await page.reload();
    await runs(page).waitFor();
    expect(await sessionMenu(page).getAttribute("title")).toBe("Signed in as a-admin");
  });

  it("gets the cookie at another port, and can do nothing with it alone", async () => {
    const page = await browser.newPage(site.origin, WIDE);
    await site.signIn(page, "prod/runs", await site.newToken("admin"));
    cookies.length = 0;
    const tab = await page.context().newPage();
    await tab.goto(`http://localhost:${port()}`);
    await tab.close();
    browser.takeFaults();
    const [cookie = ""] = cookies;
    expect(cookie).toMatch(/action-runs-session-\d+=t\./);
    const asToken = { Authorization: `Bearer ${cookie.slice(cookie.indexOf("=") + 1)}` };
    for (const headers of [{}, { "Action-Runs-Page-Key": FORGED_KEY }, asToken]) {
      const response = await fetch(`${site.origin}/whoami`, {
        headers: { Cookie: cookie, "Sec-Fetch-Site": "same-origin", Origin: site.origin, ...headers },
      });
      expect(response.status).toBe(401);
    }
    await page.reload();
    await runs(page).waitFor();
  });

  it("can be followed to the console by a link, where the session still is", async () => {
    await job(await site.client("prod").runs.create({ actionName: "deploy" })).succeed();
    const page = await browser.newPage(site.origin, WIDE);
    await site.signIn(page, "prod/runs", await site.newToken("viewer"));
    await page.goto(`http://127.0.0.1:${port()}`);
    browser.takeFaults();
    await page.evaluate(`location.href = ${JSON.stringify(site.at("prod/runs"))}`);
    await runs(page).waitFor();
  });
});
