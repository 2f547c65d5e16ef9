/**
 * The coordinator's own SQLite, which decides what is true: runs, their timelines, their deliveries, and a few marks.
 * Every method is synchronous, so nothing can come between a decision and its record.
 */

import type { Delivery } from "../../dispatch/delivery.ts";
import type { Owner } from "../run-id.ts";
import type { TimelineEvent } from "../timeline.ts";
import { DeliveryRows } from "./delivery-rows.ts";
import { DueRuns, dueOf } from "./due-runs.ts";
import { LandingRows, type Unlanded } from "./landing-rows.ts";
import { Marks } from "./marks.ts";
import { type JournaledRun, RunRows } from "./run-rows.ts";
import { migrate } from "./steps.ts";
import { TimelineRows } from "./timeline-rows.ts";

/** What a write has made: a version that D1 lacks, and when its run needs something next. */
export interface Written {
  readonly unlanded: Unlanded;
  readonly dueAt: number;
}

export class Journal {
  readonly #storage: DurableObjectStorage;
  readonly owner: Owner;
  readonly runs: RunRows;
  readonly due: DueRuns;
  readonly landing: LandingRows;
  readonly timeline: TimelineRows;
  readonly deliveries: DeliveryRows;
  readonly marks: Marks;

  constructor(storage: DurableObjectStorage, owner: Owner) {
    migrate(storage);
    this.#storage = storage;
    this.owner = owner;
    this.runs = new RunRows(storage.sql);
    this.due = new DueRuns(storage.sql);
    this.landing = new LandingRows(storage.sql);
    this.timeline = new TimelineRows(storage.sql);
    this.deliveries = new DeliveryRows(storage.sql);
    this.marks = new Marks(storage.sql);
  }

  /** Writes a run's new version, the events behind it, and what is left of its delivery, in one transaction. */
  write(
    run: JournaledRun,
    delivery: Delivery | null,
    events: readonly TimelineEvent[],
    now: number,
  ): Written {
    const due = dueOf(run, delivery);
    const bytes = run.parameters.length + run.recommendations.length + (run.output?.length ?? 0) + 1024;
    this.#storage.transactionSync(() => {
      this.runs.put(run, due, now, bytes);
      // A new run has no delivery to erase.
      if (delivery !== null || run.version > 1) this.deliveries.put(run.id, delivery);
      this.timeline.append(run.id, events);
    });
    return { unlanded: { id: run.id, version: run.version, bytes, changedAt: now, run }, dueAt: due };
  }

  /**
   * Notes a heartbeat that makes no new version. It does not move `due_at`, so that a heartbeat touches no index: the alarm
   * corrects the row later.
   */
  noteHeartbeat(run: JournaledRun, events: readonly TimelineEvent[]): void {
    this.#storage.transactionSync(() => {
      this.#storage.sql.exec("UPDATE runs SET silent_since = ? WHERE id = ?", run.silentSince, run.id);
      this.timeline.append(run.id, events);
    });
  }

  /** Notes a delivery's progress while the run keeps its version, and when the run needs something next. */
  noteAttempt(run: JournaledRun, delivery: Delivery | null, events: readonly TimelineEvent[]): void {
    this.#storage.transactionSync(() => {
      this.#storage.sql.exec(
        "UPDATE runs SET silent_since = ?, due_at = ?, due_failures = 0 WHERE id = ?",
        run.silentSince,
        dueOf(run, delivery),
        run.id,
      );
      this.deliveries.put(run.id, delivery);
      this.timeline.append(run.id, events);
    });
  }

  /** Removes runs with everything that belongs to them. */
  forget(ids: readonly string[]): void {
    const those = "IN (SELECT value FROM json_each(?))";
    this.#storage.transactionSync(() => {
      for (const owned of ["events WHERE run_id", "deliveries WHERE run_id", "runs WHERE id"]) {
        this.#storage.sql.exec(`DELETE FROM ${owned} ${those}`, JSON.stringify(ids));
      }
    });
  }
}
