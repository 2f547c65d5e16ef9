/**
 * Many runs from the command line, on the real server: cancelled by a filter, and retried by their ids. The story is
 * played once, and each test checks a part of the outcome.
 */

import { beforeAll, expect, test } from "vitest";
import type { Schemas } from "../../../src/client/index.ts";
import type { Ended } from "../../cli/command.ts";
import { cli, cliAtTerminal, cliJson } from "../../cli/in-process.ts";
import { settingsFor } from "../../cli/service.ts";
import { sharedServer } from "../installation.ts";

type BulkOperation = Schemas["BulkOperation"];

const ORG = "of-cli-bulk-test";
const shared = sharedServer(ORG);
const settings = settingsFor(shared.origin, { ACTION_RUNS_TOKEN: shared.token, ACTION_RUNS_ORG: ORG });

let story: Awaited<ReturnType<typeof play>>;
beforeAll(async () => {
  story = await play();
});

const json = <T>(...args: readonly string[]) => cliJson<T>(args, settings);

const operationOf = ({ stdout }: Ended): BulkOperation => JSON.parse(stdout);

async function play() {
  const create = ["create", "import", "--label", "nightly"];
  const ids: string[] = [];
  for (let n = 0; n < 3; n++) ids.push((await json<{ id: string }>(...create)).id);
  const [first = "", second = "", third = ""] = ids;
  await json("cancel", third);
  const nightly = ["--label", "nightly", "--yes"];

  const preview = await json("cancel", "--label", "nightly", "--dry-run");
  const tooMany = await cli(["cancel", ...nightly, "--max", "2"], settings);
  const keyed = ["cancel", ...nightly, "--max", "10", "--reason", "bad import", "--idempotency-key", "k"];
  const cancelled = await cli(keyed, settings);
  const repeated = await cli(keyed, settings);
  const left = await json<unknown[]>("list", "--label", "nightly", "--status", "pending");

  const retried = await cliAtTerminal(["retry", first, second], settings, "y\n");
  const again = await cli(["retry", first, second, "--yes"], settings);
  const included = await cli(["retry", first, second, "--yes", "--include-retried"], settings);
  const { id } = operationOf(retried);
  const items = await json<Schemas["BulkItem"][]>("bulk", "items", id, "--outcome", "accepted");
  const over = await json<BulkOperation>("bulk", "cancel", id);
  const listed = await json<BulkOperation[]>("bulk", "list", "--limit", "3");
  const missing = await cli(["bulk", "wait", first], settings);
  return { ids, preview, tooMany, cancelled, repeated, left, retried, again, included, items, over, listed, missing };
}

test("a dry run counts the runs by status", () => {
  expect(story.preview).toEqual({
    matched: 3,
    byStatus: { pending: 2, running: 0, succeeded: 0, failed: 0, cancelled: 1 },
    newest: story.ids.toReversed(),
    wouldStart: 0,
  });
});

test("if more runs match than --max, nothing happens and the exit code is 5", () => {
  expect(story.tooMany.code).toBe(5);
  expect(operationOf(story.tooMany)).toMatchObject({
    status: "aborted",
    abortReason: "too_many_runs",
    counts: { matched: { atLeast: 3 }, accepted: 0, skipped: 0 },
  });
});

test("a cancel by a filter cancels each open run once, and a repeat with the same key finds the operation", () => {
  const { cancelled, repeated, left } = story;
  expect(cancelled.code).toBe(0);
  expect(cancelled.stderr).toMatch(/2 accepted, 1 skipped, 0 failed, 0 remaining\. Skipped: 1 run_cancelled\.\n$/);
  const operation = operationOf(cancelled);
  expect(operation).toMatchObject({ status: "completed", filter: { labels: ["nightly"] } });
  expect(operationOf(repeated).id).toBe(operation.id);
  expect(operationOf(repeated).counts).toEqual(operation.counts);
  expect(left).toEqual([]);
});

test("a retry by ids makes one new run each, and a second one skips them unless it is told otherwise", () => {
  const { retried, again, included, items, ids } = story;
  expect([retried.code, again.code, included.code]).toEqual([0, 5, 0]);
  expect(retried.stderr).toContain("Retry 2 runs? (y/N)");
  expect(again.stderr).toContain("Skipped: 2 already_retried.");
  expect(items.map(({ runId }) => runId).sort()).toEqual(ids.slice(0, 2).sort());
  expect(new Set(items.map(({ newRunId }) => newRunId)).size).toBe(2);
  expect(operationOf(included).counts).toMatchObject({ matched: 2, accepted: 2 });
});

test("an operation that is over stays as it is, is listed, and a run is no operation", () => {
  const { over, listed, missing, retried, again, included } = story;
  expect(over).toMatchObject({ status: "completed", abortReason: null });
  expect(listed.map(({ id }) => id)).toEqual([included, again, retried].map((one) => operationOf(one).id));
  expect(missing).toMatchObject({
    code: 4,
    stderr: expect.stringContaining("`action-runs bulk list` lists those of this environment. (bulk_operation_"),
  });
});
