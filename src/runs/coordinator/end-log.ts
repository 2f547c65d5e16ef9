/**
 * One log line for each run that ends. Its names are those of OpenTelemetry's conventions for CI/CD
 * (opentelemetry.io/docs/specs/semconv/cicd). A coordinator writes a bounded number a second.
 */

import { log } from "../../base/log.ts";
import { LogLimit } from "../../base/log-limit.ts";
import type { EndCause, Run } from "../run.ts";
import { durationsOf } from "../run-counts.ts";

/** OpenTelemetry's `cicd.pipeline.result` of a failed run. `error`: the failure is not the pipeline's own. */
const FAILURES = {
  callback: "failure",
  cancel: "failure",
  delivery: "error",
  deadline: "timeout",
  silence: "timeout",
  gate: "skip",
  rejected: "cancellation",
  replaced: "cancellation",
} as const satisfies Readonly<Record<EndCause, string>>;

/**
 * A line costs more than all that a report does in the journal, and one thread serves the whole environment. 25 a second
 * are nine times what one D1 can keep for 30 days, so only a burst loses lines.
 */
const LINES_PER_SECOND = 25;

export class EndLog {
  readonly #coordinator: string;
  readonly #limit = new LogLimit(LINES_PER_SECOND);

  constructor(coordinator: string) {
    this.#coordinator = coordinator;
  }

  /** Writes the line of a run that has just ended. Does nothing for an open run. */
  write({ id, source, actionName, status, endCause, createdAt, startedAt, completedAt }: Run, now: number): void {
    if (completedAt === null || endCause === null) return;
    const line = this.#limit.next(now);
    if (line === null) return;
    log("info", "run_ended", {
      coordinator: this.#coordinator,
      // Callers choose any name for other runs, even a secret by mistake.
      "cicd.pipeline.name": source === "action" ? actionName : undefined,
      "cicd.pipeline.run.id": id,
      "cicd.pipeline.result": resultOf(status, endCause),
      cause: endCause,
      ...durationsOf({ createdAt, startedAt, completedAt }),
      ...line,
    });
  }
}

function resultOf(status: Run["status"], cause: EndCause): string {
  if (status === "failed") return FAILURES[cause];
  return status === "cancelled" ? "cancellation" : "success";
}
