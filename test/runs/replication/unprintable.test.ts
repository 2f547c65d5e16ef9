import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { expect, it } from "vitest";
import { coordinator, until } from "../../support/direct.ts";
import { type ActionRun, ask, createRun, newRunsPath, report, rowOf } from "../../support/requests.ts";

it("a journalled run that can't be printed does not prevent others from being listed and replicated", async () => {
  const path = newRunsPath();
  const broken = await createRun(path, { actionName: "broken" });
  const other = await createRun(path, { actionName: "whole" });
  const stub = coordinator(path);
  await until(async () => (await rowOf(broken.id)) !== null);
  await runInDurableObject(stub, (_instance, state) => {
    state.storage.sql.exec("UPDATE runs SET started_at = 9000000000000000, version = 2 WHERE id = ?", broken.id);
  });
  await evictDurableObject(stub);

  const { body, headers } = await ask<ActionRun[]>("GET", path);
  expect([body, headers.get("Action-Runs-Stale")]).toEqual([[expect.objectContaining({ id: other.id })], null]);
  expect((await report(other, { status: "succeeded" })).status).toBe(200);
  await until(async () => (await rowOf(other.id))?.status === "succeeded");
  expect((await rowOf(broken.id))?.version).toBe(1);
});
