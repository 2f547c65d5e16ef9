/**
 * A process that does the heavy work on files: fills them, and reads from them what is right. It is started with the
 * flag that gives this Node the base64 and hex of the platform, which the service's own signing needs.
 */

import { type Facts, factsOf, type Reportable, reportableRuns } from "./facts.ts";
import { fillD1, fillJournal } from "./fill.ts";
import type { Place } from "./place.ts";
import { type Statement, statementsOf } from "./statements.ts";

export const CLERK_FLAGS = ["--no-warnings", "--js-base-64"];

export type Job =
  | { readonly kind: "fill D1"; readonly place: Place }
  | { readonly kind: "fill journal"; readonly place: Place; readonly n: number }
  | { readonly kind: "facts"; readonly place: Place }
  | { readonly kind: "reportable"; readonly place: Place; readonly count: number }
  | { readonly kind: "statements"; readonly place: Place };

type Value = Facts | Reportable[][] | Statement[] | null;
export type Answer = { readonly value: Value } | { readonly error: string };

async function work(job: Job): Promise<Value> {
  switch (job.kind) {
    case "fill D1":
      await fillD1(job.place);
      return null;
    case "fill journal":
      await fillJournal(job.place, job.n);
      return null;
    case "facts":
      return factsOf(job.place);
    case "reportable":
      return reportableRuns(job.place, job.count);
    case "statements":
      return statementsOf(job.place);
  }
}

if (process.send !== undefined) {
  process.on("message", async (job: Job) => {
    const answer: Answer = await work(job).then(
      (value) => ({ value }),
      (error: unknown) => ({
        error: error instanceof Error ? (error.stack ?? String(error)) : String(error),
      }),
    );
    process.send?.(answer);
  });
  process.on("disconnect", () => process.exit());
}
