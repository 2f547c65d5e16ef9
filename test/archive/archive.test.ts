/** What the archive has of a run, and when the runs of a coordinator go there. */

import { evictDurableObject } from "cloudflare:test";
import { expect, it } from "vitest";
import { alarmAt, coordinator, DAY_MS, HOUR_MS, journal, MINUTE_MS, until } from "../support/direct.ts";
import { replicatedRow } from "../support/landed.ts";
import { ask, createRun, newRunsPath, report, rowOf, scopeOfPath } from "../support/requests.ts";
import { grantToken } from "../support/tokens.ts";
import { archivedIds, bucket, objectsOf, useBucket } from "./bucket.ts";
import {
  archiveUntil,
  archivingBatch,
  DAY,
  DUE_MS,
  deletedUpTo,
  ended,
  keptIds,
  NOON,
  pass,
  RETENTION_MS,
  ring,
  useClock,
} from "./environment.ts";

useClock();
useBucket();

const TRIGGER = {
  type: "webhook",
  url: "https://ci.example.com/hooks/{{ run.id }}",
  headers: { Authorization: "Bearer {{ secrets.api }}" },
  secrets: { api: "s3cret-of-the-api" },
  payload: { token: "{{ run.callbackToken }}" },
  cancel: { url: "https://ci.example.com/stop" },
  retry: { maxAttempts: 1 },
};

it("writes a run as a token with data:read sees it, and the run is 404 afterwards", async () => {
  const path = newRunsPath();
  const envName = scopeOfPath(path).split("/")[2] ?? "";
  const reader = (await grantToken("/acme/shop", { role: "viewer", envName })).token;
  const labels = ["team:payments"];
  const reported = await createRun(path, { actionName: "deploy", entityId: crypto.randomUUID(), labels });
  const beat = { message: "compiling", progress: 40 };
  const heartbeat = reported.callback.url.replace(/callback$/, "heartbeat");
  await ask("POST", heartbeat, { token: reported.callback.token, body: beat });
  await report(reported, { status: "succeeded", output: { url: "https://ok.example", text: "line\nbreak" } });
  const refused = await createRun(path, { actionName: "deploy", trigger: TRIGGER });
  await until(async () => (await ask("GET", `${path}/${refused.id}`)).body.status === "failed");
  const ids = [reported.id, refused.id];

  const seen = await Promise.all(
    ids.map(async (id) => {
      const run = await ask<object>("GET", `${path}/${id}?include=details`, { token: reader });
      const timeline = await ask<object[]>("GET", `${path}/${id}/events`, { token: reader });
      return { ...run.body, timeline: timeline.body };
    }),
  );
  // The operator sees what the receiver answered.
  expect((await ask<object[]>("GET", `${path}/${refused.id}/events`)).body).toContainEqual(
    expect.objectContaining({ type: "attempt_answered", excerpt: "no network" }),
  );
  for (const id of ids) expect(await replicatedRow(path, id)).not.toBeNull();

  pass(DUE_MS);
  await archiveUntil(path, 0);
  const objects = await objectsOf(path);
  expect([...objects.values()].flat()).toEqual(expect.arrayContaining(seen));
  for (const key of objects.keys()) {
    expect(key).toMatch(new RegExp(`^v1/acme/shop/${envName}/${DAY}/[0-9a-f]{32}\\.ndjson\\.gz$`));
  }
  const text = JSON.stringify([...objects.values()]);
  for (const secret of ["no network", "s3cret", "excerpt", refused.callback.token]) {
    expect(text).not.toContain(secret);
  }
  for (const id of ids) {
    expect(await rowOf(id)).toBeNull();
    expect((await ask("GET", `${path}/${id}`)).status).toBe(404);
  }
});

it("writes one object a day, which has the runs that ended on one day", async () => {
  const path = newRunsPath();
  const today = await ended(path, 3);
  const tonight = await ended(path, 2, { endedAt: NOON + 11 * HOUR_MS });
  const tomorrow = await ended(path, 2, { endedAt: NOON + 13 * HOUR_MS });
  pass(RETENTION_MS + DAY_MS - MINUTE_MS);
  await deletedUpTo(path, tomorrow.at(-1));
  expect(await alarmAt(path)).toBe(NOON + RETENTION_MS + DAY_MS);
  expect(bucket.puts).toEqual([]);
  pass(MINUTE_MS);
  await archiveUntil(path, tomorrow.length);
  const objects = await objectsOf(path);
  expect([...objects.values()].map((lines) => lines.map(({ id }) => id))).toEqual([[...today, ...tonight]]);
  expect(await keptIds(path)).toEqual(tomorrow);
  pass(DAY_MS);
  await archiveUntil(path, 0);
  expect([...(await objectsOf(path)).keys()].map((key) => key.split("/").slice(4, 7).join("/"))).toEqual([
    "2031/05/20",
    "2031/05/21",
  ]);
});

it("writes at once when 1000 runs are due, 1000 in each object", async () => {
  const path = newRunsPath();
  const ids = await ended(path, 2300);
  pass(RETENTION_MS);
  await archiveUntil(path, 300);
  const objects = await objectsOf(path);
  expect([...objects.values()].map(({ length }) => length)).toEqual([1000, 1000]);
  expect(new Set(await archivedIds(path)).size).toBe(2000);
  pass(DAY_MS);
  await archiveUntil(path, 0);
  expect((await archivedIds(path)).toSorted()).toEqual(ids);
  expect(await archivingBatch(path)).toBeNull();
});

it("with a shorter retention meanwhile, runs that ended later can be due first, and each is in one object", async () => {
  const path = newRunsPath();
  const old = await ended(path, 3);
  const short = await ended(path, 3, { endedAt: NOON + 2 * DAY_MS });
  const due = NOON + 5 * DAY_MS;
  await journal(path, "UPDATE runs SET purge_at = ?1, due_at = ?1 WHERE completed_at > ?2", due, NOON);
  pass(5 * DAY_MS + DAY_MS);
  await archiveUntil(path, 3);
  expect(await archivedIds(path)).toEqual(short);
  pass(DUE_MS);
  await archiveUntil(path, 0);
  expect((await archivedIds(path)).toSorted()).toEqual([...old, ...short].toSorted());
});

it("a run that was due before it ended loses its row in D1 with the archive, whatever was deleted before", async () => {
  const path = newRunsPath();
  const { id } = await createRun(path, { actionName: "late" });
  await replicatedRow(path, id);
  // Its alarm was dropped, so its deadline passed unseen. Deletions in D1 have come further.
  const deletedTo = JSON.stringify({ dueAt: NOON + RETENTION_MS + DAY_MS, id: "" });
  await journal(path, "INSERT INTO metadata (name, value) VALUES ('deleted_to', ?)", deletedTo);
  await evictDurableObject(coordinator(path));
  pass(RETENTION_MS + 2 * HOUR_MS);
  await ring(path);
  expect(await replicatedRow(path, id)).toMatchObject({ status: "failed" });
  pass(DAY_MS);
  await archiveUntil(path, 0);
  expect(await rowOf(id)).toBeNull();
  expect(await archivedIds(path)).toEqual([id]);
});
