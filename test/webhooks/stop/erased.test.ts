/** A run whose texts are erased while its webhooks are under way. */

import { expect, it } from "vitest";
import { direct, everyRow, until } from "../../support/direct.ts";
import { receiver } from "../../support/receiver/client.ts";
import { ask, newRunsPath } from "../../support/requests.ts";
import type { DetailedRun } from "../../support/runs/gated.ts";
import { useSettings } from "../../support/use-settings.ts";
import { ORIGIN } from "../runs.ts";

await useSettings("development");

const SECRET = "Ada-Lovelace-4711";
const BY = { tokenId: "other", tokenName: "other", parents: [], person: null };

it("stays in its queue until the attempt is over, stops its job, and then has no text left", async () => {
  const path = newRunsPath();
  const [starts, stops] = [receiver(), receiver()];
  await starts.script({ held: true });
  const cancel = { url: stops.url, payload: { version: "{{ parameters.version }}" } };
  const trigger = { type: "webhook", url: starts.url, payload: { version: "{{ parameters.version }}" }, cancel };
  const action = { trigger, concurrency: { group: "prod", key: "{{ parameters.version }}" } };
  const stored = await ask("PUT", ORIGIN + path.replace(/action-runs$/, "actions/deploy"), { body: action });
  expect(stored.status).toBe(201);
  const runs = ORIGIN + path.replace(/action-runs$/, "actions/deploy/runs?include=details");
  const start = () => ask<DetailedRun>("POST", runs, { body: { parameters: { version: SECRET } } });
  const { body: run } = await start();
  await starts.untilInbox(1);
  const erasure = async () => direct(path).runs.erasure(run.id);

  expect(await direct(path).runs.erase(run.id, BY)).toMatchObject({ ok: true, isComplete: false });
  const { body: next } = await start();
  expect(next.details.waiting).toMatchObject({ for: "concurrency", behind: [run.id] });
  await starts.release();
  expect(await stops.untilInbox(1)).toMatchObject([{ body: JSON.stringify({ version: SECRET }) }]);
  await until(async () => (await erasure()).ok === true && (await starts.inbox()).length === 2);
  await direct(path).runs.erase(next.id, BY);
  await starts.release();
  await until(async () => {
    const replies = [await erasure(), await direct(path).runs.erasure(next.id)];
    return replies.every((reply) => reply.ok && reply.isComplete);
  });
  expect(await everyRow(path)).not.toContain(SECRET);
});
