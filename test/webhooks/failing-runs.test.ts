/** A pending run whose receiver does not take its webhook says why, and when it is tried again. */

import { expect, it } from "vitest";
import { journal } from "../support/direct.ts";
import { replicated } from "../support/replicated.ts";
import { ask, rowOf } from "../support/requests.ts";
import { grantToken } from "../support/tokens.ts";
import { useSettings } from "../support/use-settings.ts";
import { answering, type Fired, fire, ORIGIN } from "./runs.ts";

await useSettings("development");

interface Failing {
  readonly attempts: number;
  readonly reason: string;
  readonly nextAttemptAt: string | null;
}
interface DetailedRun {
  readonly id: string;
  readonly status: string;
  readonly details: { readonly delivery: Failing | null };
}

/** So long that no retry comes by itself during a test. */
const SLOW = { initialDelayMs: 25_000 };

const got = async ({ path, created }: Fired) =>
  (await ask<DetailedRun>("GET", `${ORIGIN}${path}/${created.id}?include=details`)).body.details.delivery;

async function listed({ path, created }: Fired): Promise<Failing | null> {
  await replicated(path);
  const { body } = await ask<DetailedRun[]>("GET", `${ORIGIN}${path}?include=details`);
  return body.find(({ id }) => id === created.id)?.details.delivery ?? null;
}

const versionOf = async ({ path, created }: Fired) => {
  await replicated(path);
  return (await rowOf(created.id))?.version;
};

it("a get, a list and the feed of changes show the reason and the next attempt", async () => {
  const to = await answering({ status: 503 });
  const run = await fire(to.url, { retry: SLOW });
  expect(await got(run)).toBeNull();
  const [entry] = await run.untilAnswered(1);
  const failing = {
    attempts: 1,
    reason: `${new URL(to.url).host} ${entry?.reason}.`,
    nextAttemptAt: entry?.nextAttemptAt,
  };
  expect(failing.reason).toContain("503");
  expect(await got(run)).toEqual(failing);
  expect(await listed(run)).toEqual(failing);
  const changes = `${ORIGIN}${run.path}/changes?after=0&include=details`;
  const { body } = await ask<{ runs: readonly DetailedRun[] }>("GET", changes);
  expect(body.runs.at(-1)?.details.delivery).toEqual(failing);
  // The contract's twelve members stay as they are.
  expect(await run.get()).toMatchObject({ status: "pending", error: null });
});

it("a get shows the newest attempt, and D1 gets a row only for another reason", async () => {
  const to = await answering({ status: 503 }, { status: 503 }, { status: 500 });
  const run = await fire(to.url, { retry: { ...SLOW, maxAttempts: 10 } });
  await run.untilAnswered(1);
  expect(await versionOf(run)).toBe(2);
  await run.alarmIn(26_000);
  await run.untilAnswered(2);
  const first = await listed(run);
  const second = await got(run);
  expect([first?.attempts, second?.attempts]).toEqual([1, 2]);
  expect(second?.reason).toBe(first?.reason);
  expect(Date.parse(second?.nextAttemptAt ?? "")).toBeGreaterThan(Date.parse(first?.nextAttemptAt ?? ""));
});

it("another reason is replicated, and the dispatch goes on with its number", async () => {
  const to = await answering({ status: 503 }, { status: 500 }, { status: 202 });
  const run = await fire(to.url);
  await run.hurryRetries(2);
  await run.untilStatus("running");
  expect((await run.timeline()).filter(({ attempt }) => attempt).map(({ type, attempt }) => [type, attempt])).toEqual([
    ...[1, 2, 3].flatMap((n) => [
      ["attempt_started", n],
      ["attempt_answered", n],
    ]),
  ]);
  // Created, two reasons, started.
  expect(await versionOf(run)).toBe(4);
});

it("a run that has started, or ended, shows no failing dispatch", async () => {
  const to = await answering({ status: 503 }, { status: 202 });
  const run = await fire(to.url);
  await run.untilStatus("running");
  expect([await got(run), await listed(run)]).toEqual([null, null]);
  const refusing = await answering({ status: 503 }, { status: 404 });
  const failed = await fire(refusing.url);
  await failed.untilStatus("failed");
  expect([await got(failed), await listed(failed)]).toEqual([null, null]);
});

it("the journal keeps it over a restart, and no reader sees more than the timeline shows", async () => {
  const to = await answering({ status: 503, body: "a secret of the receiver" });
  const run = await fire(to.url, { retry: SLOW, headers: { Authorization: "Bearer a-secret-of-ours" } });
  await run.untilAnswered(1);
  const [row] = await journal<{ failed: string }>(run.path, "SELECT failed_attempt AS failed FROM runs");
  expect(JSON.parse(row?.failed ?? "")).toMatchObject({ attempt: 1, reason: expect.stringContaining("503") });
  const [, o, p] = run.path.split("/");
  const { token } = await grantToken(`/${o}/${p}`, { role: "viewer" });
  const url = `${ORIGIN}${run.path}/${run.created.id}?include=details`;
  const text = JSON.stringify((await ask<DetailedRun>("GET", url, { token })).body);
  expect(text).toContain("503");
  expect(text).not.toContain("secret");
});
