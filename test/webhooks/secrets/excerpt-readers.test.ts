/**
 * What a receiver answered can contain the secrets of the request. So only tokens that may manage actions see it. All
 * else in a timeline is the same for everybody who may read it.
 */

import { expect, it } from "vitest";
import { newActionsPath } from "../../actions/actions.ts";
import { askWith, envWith } from "../../support/bindings.ts";
import { direct, journal, until } from "../../support/direct.ts";
import { ask, ROOT } from "../../support/requests.ts";
import { grantToken } from "../../support/tokens.ts";
import { useSettings } from "../../support/use-settings.ts";
import { answering, type Entry, fire, ORIGIN } from "../runs.ts";

await useSettings("development");

const SAID = "what the receiver said";

/** A run whose webhook and stop request were answered, and a token for each reader. */
async function answeredRun() {
  const project = newActionsPath().split("/").slice(0, 3).join("/");
  const path = `${project}/envs/production/action-runs`;
  const to = await answering({ status: 503, body: SAID }, { status: 202, body: SAID }, { status: 400, body: SAID });
  const run = await fire(to.url, { cancel: { url: to.url } }, { path });
  await run.untilStatus("running");
  expect((await ask("POST", `${ORIGIN}${path}/${run.created.id}/cancel`)).status).toBe(202);
  await until(async () => (await run.story()).includes("stop_answered"));
  expect((await run.report({ status: "failed", error: "stopped" })).status).toBe(200);
  const roles = ["owner", "admin", "member", "viewer"] as const;
  const tokens = await Promise.all(roles.map((role) => grantToken(project, { role })));
  const [owner, admin, member, viewer] = tokens.map(({ token }) => token);
  return { run, path, url: `${ORIGIN}${path}/${run.created.id}/events`, owner, admin, member, viewer };
}

const answers = (events: readonly Entry[]) => events.filter(({ type }) => type.endsWith("_answered"));
const withoutExcerpts = (events: readonly Entry[]) => events.map(({ excerpt: _, ...rest }) => rest);

/** The events of a stream, which ends with the run. */
async function streamed(url: string, token: string | undefined, after: number): Promise<Entry[]> {
  const headers = { Accept: "text/event-stream", ...(after > 0 && { "Last-Event-ID": String(after) }) };
  const { body } = await ask<string>("GET", url, { token: token ?? null, headers });
  return [...body.matchAll(/^data: (.*)$/gm)].map(([, data = ""]) => JSON.parse(data) as Entry);
}

it("who may manage actions sees excerpts in pages and streams, and who may not sees all else", async () => {
  const { url, owner, admin, member, viewer } = await answeredRun();
  const page = async (token: string | undefined) => (await ask<Entry[]>("GET", url, { token: token ?? null })).body;
  const whole = await page(ROOT);
  expect(answers(whole).map(({ type, excerpt }) => [type, excerpt])).toEqual([
    ["attempt_answered", SAID],
    ["attempt_answered", SAID],
    ["stop_answered", SAID],
  ]);
  const rest = withoutExcerpts(whole);
  for (const token of [owner, admin]) {
    expect(await page(token)).toEqual(whole);
    expect(await streamed(url, token, 0)).toEqual(whole);
  }
  for (const token of [member, viewer]) {
    expect(await page(token)).toEqual(rest);
    for (let after = 0; after < whole.length; after++) {
      expect(await streamed(url, token, after)).toEqual(rest.slice(after));
    }
  }
});

it("the journal holds an excerpt only sealed, and nobody sees it when its key has left the ring", async () => {
  const { run, url } = await answeredRun();
  const rows = await journal<{ data: string }>(run.path, "SELECT data FROM events WHERE type LIKE '%_answered'");
  const kept = rows.map(({ data }) => (JSON.parse(data) as { excerpt: string }).excerpt);
  expect(kept).toHaveLength(3);
  for (const excerpt of kept) {
    const bytes = String.fromCharCode(...Uint8Array.fromBase64(excerpt));
    expect(bytes).not.toContain(SAID.slice(0, 4));
    expect(bytes.length).toBeGreaterThan(SAID.length);
  }
  expect(new Set(kept).size).toBe(3);
  const rotated = envWith({ CALLBACK_SIGNING_KEYS: "another-key-that-has-32-bytes-or-more-0123" });
  const later = await askWith<Entry[]>(rotated, "GET", url);
  expect(answers(later.body).map(({ excerpt }) => excerpt)).toEqual([null, null, null]);
});

it("pages have the same links to the next page for every reader", async () => {
  const { url, admin, member } = await answeredRun();
  const linksOf = async (token: string | undefined) => {
    const links: (string | null)[] = [];
    for (let next: string | null = `${url}?limit=2`; next !== null; ) {
      const { headers }: { headers: Headers } = await ask("GET", next, { token: token ?? null });
      const link: string | null = headers.get("Link");
      links.push(link);
      next = link === null ? null : (/<(.*)>/.exec(link)?.[1] ?? null);
    }
    return links;
  };
  const links = await linksOf(admin);
  expect(links.length).toBeGreaterThan(3);
  expect(await linksOf(member)).toEqual(links);
});

it("a stream that waits shows its reader a new answer, and its excerpt only to who may see it", async () => {
  const project = newActionsPath().split("/").slice(0, 3).join("/");
  const path = `${project}/envs/production/action-runs`;
  const to = await answering({ delayMs: 300, status: 400, body: SAID });
  const { created } = await fire(to.url, {}, { path });
  const roles = ["admin", "member"] as const;
  const [admin, member] = await Promise.all(roles.map((role) => grantToken(project, { role })));
  const url = `${ORIGIN}${path}/${created.id}/events`;
  const [seen, hidden] = await Promise.all([admin, member].map((one) => streamed(url, one?.token, 0)));
  expect(answers(seen ?? [])).toMatchObject([{ excerpt: SAID, reason: "answered 400" }]);
  expect(hidden).toEqual(withoutExcerpts(seen ?? []));
});

it("a response without a body is null for who may see it, and is left out for others", async () => {
  const project = newActionsPath().split("/").slice(0, 3).join("/");
  const path = `${project}/envs/production/action-runs`;
  const to = await answering({ status: 204 });
  const run = await fire(to.url, {}, { path });
  const [answer] = await run.untilAnswered(1);
  expect(answer).toHaveProperty("excerpt", null);
  const { token } = await grantToken(project, { role: "viewer" });
  const { body } = await ask<Entry[]>("GET", `${ORIGIN}${path}/${run.created.id}/events`, { token });
  expect(answers(body)[0]).not.toHaveProperty("excerpt");
});

it("a callback token opens no timeline", async () => {
  const { run, url } = await answeredRun();
  expect((await ask("GET", url, { token: run.created.callback.token })).status).toBe(401);
});

it("a coordinator shows an excerpt only if its caller asks for it", async () => {
  const { run, path } = await answeredRun();
  const stub = direct(path);
  const shown = async (withExcerpts?: boolean) =>
    JSON.stringify(await stub.watches.events(run.created.id, { after: 0, limit: 100, withExcerpts }));
  expect([(await shown()).includes("excerpt"), (await shown(true)).includes("excerpt")]).toEqual([false, true]);
  const subscriber = { key: "a subscriber", tokenId: "a token" };
  const watched = async (withExcerpts?: boolean) =>
    JSON.stringify(await stub.watches.watch(run.created.id, { after: 0, limit: 100, withExcerpts }, subscriber, 0));
  expect([(await watched()).includes("excerpt"), (await watched(true)).includes("excerpt")]).toEqual([false, true]);
});
