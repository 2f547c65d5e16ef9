import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { expect, it } from "vitest";
import { coordinatorOf, createRun, newRunsPath, report, rowOf } from "../../support/requests.ts";

it("a journalled run that can't be printed does not prevent others from landing", async () => {
  const path = newRunsPath();
  const key = { headers: { "Idempotency-Key": "the-same-coordinator" } };
  const broken = await createRun(path, { actionName: "broken" }, key);
  const stub = coordinatorOf(path, broken.id);
  await runInDurableObject(stub, (_instance, state) => {
    state.storage.sql.exec(
      "UPDATE runs SET started_at = 9000000000000000, version = 2 WHERE id = ?",
      broken.id,
    );
  });
  await evictDurableObject(stub);

  let other = await createRun(path, { actionName: "whole" });
  while (coordinatorOf(path, other.id).name !== stub.name)
    other = await createRun(path, { actionName: "whole" });
  expect((await report(other, { status: "succeeded" })).headers.get("x-d1-bookmark")).not.toBe("coordinator");
  expect((await rowOf(other.id))?.status).toBe("succeeded");
  expect((await rowOf(broken.id))?.version).toBe(1);
});
