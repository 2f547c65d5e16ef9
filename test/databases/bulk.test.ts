/** Bulk operations of an environment that lives in another database than the first one. */

import { expect, it } from "vitest";
import { bulk, startBulk } from "../support/bulk.ts";
import { replicated } from "../support/landed.ts";
import { createRun, newRunsPath } from "../support/requests.ts";
import { changed } from "../support/settings.ts";

it("the set and a dry run are read where the environment lives", async () => {
  changed.NEW_ENVIRONMENTS = "2";
  const path = newRunsPath();
  await createRun(path);
  await createRun(path);
  await replicated(path);
  const wanted = { operation: "cancel", filter: { actionName: "deploy" }, maxRuns: 5 };
  expect((await startBulk<unknown>(path, { ...wanted, dryRun: true })).body).toMatchObject({ matched: 2 });
  expect((await bulk(path, wanted)).counts).toMatchObject({ matched: 2, accepted: 2 });
});
