import { expect, it } from "vitest";
import { replicatedRow } from "../support/landed.ts";
import { ask, createRun, newRunsPath, report } from "../support/requests.ts";

it("creates a run, takes its report, and lists it", async () => {
  const path = newRunsPath();
  const created = await createRun(path, { actionName: "deploy", parameters: { a: 1 } });
  expect(created.status).toBe("pending");
  const done = await report(created, { status: "succeeded", output: { url: "x" } });
  expect(done.status).toBe(200);
  expect(done.body.status).toBe("succeeded");
  const got = await ask("GET", `${path}/${created.id}`);
  expect(got.body).toEqual(done.body);
  const list = await ask<unknown[]>("GET", path);
  expect(list.body).toEqual([done.body]);
  expect((await replicatedRow(path, created.id))?.version).toBe(2);
});
