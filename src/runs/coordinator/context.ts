/** What the parts of a coordinator share. Each part takes the context whole, and then its own neighbours. */
import { logFailure } from "../../base/log.ts";
import { msSinceOrLongAgo } from "../../base/time.ts";
import { daysOf } from "../../settings/config.ts";
import type { Env } from "../../settings/env.ts";
import type { AttemptResult } from "../../webhooks/dispatch.ts";
import type { Attempt } from "../../webhooks/webhook-request.ts";
import type { BulkRunner } from "../bulk.ts";
import type { DeliveryAttempt, DeliveryResult, Endpoints } from "../endpoint-deliveries.ts";
import { Journal } from "../journal/journal.ts";
import type { Archiver } from "../protocol.ts";
import { Lacking } from "../replication/lacking.ts";
import { Replicas } from "../replication/replica-set.ts";
import { Replication } from "../replication/replication.ts";
import type { Retrier, ScheduleRunner } from "../starts.ts";
import { AlarmClock } from "./alarm.ts";
import { type Lease, LeasedCall } from "./leased-call.ts";
import { Ledger } from "./ledger.ts";
import { Replies } from "./replies.ts";
import { Changes, Subscriptions, Tails } from "./subscriptions.ts";

/** The Worker's entrypoints that a coordinator calls, each call in a Worker invocation of its own. */
interface Entrypoints {
  readonly WebhookSender: { send(attempt: Attempt): Promise<AttemptResult> };
  readonly WebhookEndpoints: Endpoints;
  readonly DeliverySender: { send(attempt: DeliveryAttempt): Promise<DeliveryResult> };
  readonly BulkOperations: BulkRunner;
  readonly AutomaticRetries: Retrier;
  readonly ScheduledStarts: ScheduleRunner;
  readonly RunArchive: Archiver;
}

export class Context {
  readonly env: Env;
  readonly entrypoints: Entrypoints;
  readonly journal: Journal;
  readonly alarms: AlarmClock;
  readonly replicas: Replicas;
  readonly replication: Replication;
  readonly lacking: Lacking;
  readonly subscriptions = new Subscriptions();
  readonly tails = new Tails(this.subscriptions);
  readonly changes: Changes;
  readonly ledger: Ledger;
  readonly replies: Replies;
  readonly storageLimit: StorageLimit;

  constructor(ctx: DurableObjectState, env: Env, scope: string) {
    this.env = env;
    this.entrypoints = ctx.exports as unknown as Entrypoints;
    const journal = new Journal(ctx.storage, scope);
    const alarms = new AlarmClock(ctx.storage, journal);
    this.journal = journal;
    this.alarms = alarms;
    this.replicas = new Replicas({ env, journal, alarm: alarms, nextDueAt: (now) => alarms.nextOpenAt(now) });
    this.replication = new Replication(journal, alarms, this.replicas);
    this.lacking = new Lacking(journal, this.replicas);
    this.changes = new Changes(journal, this.subscriptions);
    this.ledger = new Ledger(journal, this.replication, this.changes, this.tails, daysOf(env, "RETENTION_DAYS"));
    this.replies = new Replies(journal, this.tails);
    this.storageLimit = new StorageLimit(journal.sql);
  }

  arm(now: number): void {
    this.replication.arm(now);
  }
}

export abstract class Part {
  protected readonly context: Context;
  protected readonly journal: Journal;
  protected readonly ledger: Ledger;

  constructor(context: Context) {
    this.context = context;
    this.journal = context.journal;
    this.ledger = context.ledger;
  }

  protected logFailure(event: string, error: unknown, details: object = {}): void {
    logFailure(event, error, { coordinator: this.journal.scope, ...details });
  }

  /** A failure is logged as `event`. After each call the alarm is set. */
  protected leasedCall(lease: Lease, event: string, details: object = {}): LeasedCall {
    const failed = (error: unknown) => this.logFailure(event, error, details);
    return new LeasedCall({ ...lease, failed, ended: () => this.context.arm(Date.now()) });
  }
}

/** A part that calls others. */
export abstract class PartWith<Parts> extends Part {
  protected readonly parts: Readonly<Parts>;

  constructor(context: Context, parts: Parts) {
    super(context);
    this.parts = parts;
  }
}

/** How much a coordinator stores before it refuses new runs, so that the runs it has can end. An object may hold 10 GB. */
export const STORAGE_MAX_BYTES = 9_000_000_000;
const ASK_EVERY_MS = 1000;

export class StorageLimit {
  readonly #sql: SqlStorage;
  #isReached = false;
  #askedAt = Number.NEGATIVE_INFINITY;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  isReached(now: number): boolean {
    if (this.#isReached || msSinceOrLongAgo(this.#askedAt, now) >= ASK_EVERY_MS) {
      this.#isReached = this.#sql.databaseSize >= STORAGE_MAX_BYTES;
      this.#askedAt = now;
    }
    return this.#isReached;
  }
}
