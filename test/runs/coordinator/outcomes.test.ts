/** The outcome before a run's: that of the run which ended before it, and known wherever an endpoint needs it. */

import { expect, it } from "vitest";
import { change, createAged, direct, journal, MINUTE_MS, restart, until } from "../../support/direct.ts";
import { newRunsPath } from "../../support/requests.ts";
import { fillJournal } from "../../support/runs/rows-in-journal.ts";
import {
  CHAT,
  deliveryRows,
  end,
  outside,
  pass,
  purge,
  put,
  untilSent,
  useStandInEndpoints,
} from "./stand-in-endpoints.ts";

useStandInEndpoints();

const COMPARES = { onlyOnChange: true };

/** An environment whose endpoint hears only of changes. */
async function comparing(path = newRunsPath()): Promise<string> {
  outside.filters = { [CHAT]: COMPARES };
  outside.answers = () => 200;
  await put(path, CHAT);
  return path;
}

const finish = (path: string, id: string, status: "succeeded" | "failed") =>
  change(path, id, { type: status, ...(status === "failed" ? { error: "no" } : { output: null }) } as never);

const heard = async (path: string) => (await deliveryRows(path)).map(({ run_id }) => run_id);
const outcomes = (path: string) =>
  journal(path, "SELECT action_name, entity_id, is_stored, run_id, status FROM outcomes ORDER BY action_name");

it("is that of the run that ended before, whichever was created first", async () => {
  const path = await comparing();
  await end(path, "succeeded");
  const slow = await createAged(path);
  const fast = await createAged(path);
  await finish(path, fast, "succeeded");
  await finish(path, slow, "failed");
  const recovered = await end(path, "succeeded");
  const again = await end(path, "succeeded");
  const ids = await heard(path);
  expect([fast, slow, recovered, again].map((id) => ids.includes(id))).toEqual([false, true, true, false]);
});

it("is known of runs that ended before the endpoint was stored, as soon as the PUT is answered", async () => {
  const path = newRunsPath();
  await end(path, "failed");
  await end(path, "succeeded");
  await comparing(path);
  const same = await end(path, "succeeded");
  const other = await end(path, "failed");
  expect([same, other].map((id) => [id, outside.sent.some(({ runId }) => runId === id)])).toEqual([
    [same, false],
    [other, true],
  ]);
  expect(outside.sent.at(-1)?.previousStatus).toBe("succeeded");
});

it("is looked for newest first and in batches, also by another object, and until then is unknown", async () => {
  const path = newRunsPath();
  await end(path, "failed");
  await fillJournal(path, { rows: 1500, isReplicated: false, endedAt: Date.now() });
  await journal(path, "UPDATE runs SET status = 'failed' WHERE action_name = 'filler'");
  await restart(path);
  await comparing(path);
  // The first batch has met the fillers, and not yet the first run.
  expect(await outcomes(path)).toMatchObject([{ action_name: "filler", status: "failed" }]);
  const unknown = await end(path, "failed");
  expect(await heard(path)).toEqual([unknown]);
  await restart(path);
  await pass(path, MINUTE_MS);
  await until(async () => (await journal(path, "SELECT 1 FROM metadata WHERE name = 'outcomes_below'")).length === 0);
  // What a later end has noted stays.
  expect(await outcomes(path)).toMatchObject([{ action_name: "deploy", run_id: unknown }, { action_name: "filler" }]);
});

it("stays with the run, so a delivery that is sent again says the same", async () => {
  const path = await comparing();
  await end(path, "succeeded");
  const id = await end(path, "failed");
  await end(path, "failed");
  await untilSent(2);
  expect(await direct(path).endpoints.resend(CHAT, id, null)).toBe("accepted");
  await untilSent(3);
  expect(outside.sent.map(({ previousStatus }) => previousStatus)).toEqual([null, "succeeded", "succeeded"]);
});

it("is noted only while an endpoint needs it, and goes with its run", async () => {
  const path = newRunsPath();
  outside.answers = () => 200;
  await put(path, CHAT);
  await end(path);
  expect(await outcomes(path)).toEqual([]);
  await comparing(path);
  const last = await end(path);
  expect(await outcomes(path)).toEqual([
    { action_name: "deploy", entity_id: "", is_stored: 0, run_id: last, status: "failed" },
  ]);
  await pass(path, MINUTE_MS);
  await until(async () => outside.reads === 3);
  await purge(path);
  expect(await outcomes(path)).toEqual([]);
  await end(path);
  expect(await outcomes(path)).toHaveLength(1);
  outside.filters = {};
  await put(path, CHAT);
  expect(await outcomes(path)).toEqual([]);
});

it("is that of the same subject, and goes with the purge of the run", async () => {
  const path = await comparing();
  const subjects = ["shop", "docs", undefined];
  for (const subject of subjects) {
    const id = await createAged(path, subject === undefined ? {} : { subject });
    await finish(path, id, subject === "docs" ? "succeeded" : "failed");
  }
  const again: unknown[] = [];
  for (const subject of subjects) {
    const id = await createAged(path, subject === undefined ? {} : { subject });
    await finish(path, id, "succeeded");
    again.push(id);
  }
  const recovered = (await heard(path)).filter((id) => again.includes(id));
  expect(recovered.sort()).toEqual([again[0], again[2]].sort());
  const known = "SELECT subject, run_id FROM outcomes ORDER BY subject";
  expect(await journal(path, known)).toHaveLength(3);
  await purge(path);
  expect(await journal(path, known)).toEqual([]);
});

it("is never that of an erased run, whose entity and subject nobody knows any more", async () => {
  const path = newRunsPath();
  await end(path, "succeeded");
  const erased = await createAged(path, { subject: "Ada" });
  await finish(path, erased, "failed");
  const stranger = { tokenId: "other", tokenName: "other", parents: [], person: null };
  expect(await direct(path).runs.erase(erased, stranger)).toMatchObject({ ok: true });
  await comparing(path);
  const same = await end(path, "succeeded");
  expect(await heard(path)).not.toContain(same);
});
