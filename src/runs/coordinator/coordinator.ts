/**
 * The Durable Object that owns an environment's runs. It orders their changes, journals each before any caller gets an
 * answer, enforces their deadlines, sends their webhooks, and replicates them to D1. The platform is the lock: there is
 * no `await` from reading a run to writing its change and setting the alarm (see docs/architecture.md).
 *
 * This class puts the parts together. What callers ask is answered by one class for each subject of the protocol.
 */
import { DurableObject } from "cloudflare:workers";
import { daysOf } from "../../settings/config.ts";
import type { Env } from "../../settings/env.ts";
import type { BulkRunner } from "../bulk.ts";
import { selectEndpoints, selectRevoked } from "../d1/control-database.ts";
import type { Endpoints } from "../endpoint-deliveries.ts";
import { Journal } from "../journal/journal.ts";
import { nameInJournal } from "../journal/metadata.ts";
import type { Archiver, Coordinator, CoordinatorObject } from "../protocol.ts";
import { Lacking } from "../replication/lacking.ts";
import { Replicas } from "../replication/replica-set.ts";
import { Replication } from "../replication/replication.ts";
import { isScope } from "../run-id.ts";
import { AlarmClock, type AlarmParts, ring } from "./alarm.ts";
import { BulkHandler } from "./bulk-handler.ts";
import type { DeliverySender } from "./endpoints/deliveries.ts";
import { EndpointHandler } from "./endpoints/endpoint-handler.ts";
import { Notifications } from "./endpoints/fan-out.ts";
import { ApproverCheck } from "./gates/approver-check.ts";
import { GateHandler } from "./gates/gate-handler.ts";
import { GatedRuns } from "./gates/gated-runs.ts";
import { Scheduler } from "./gates/scheduler.ts";
import { SchedulingEffects } from "./gates/scheduling-effects.ts";
import { Ledger } from "./ledger.ts";
import { Cleaning, MoveHandler } from "./moves.ts";
import { Replies } from "./replies.ts";
import { Archive, ArchiveHandler, Forgettable, Purge, StorageLimit } from "./retention.ts";
import { RunHandler, WatchHandler } from "./run-handler.ts";
import { Dispatches, StopRequests } from "./sending/dispatches.ts";
import { DueQueue } from "./sending/receiver-queues.ts";
import type { Sender } from "./sending/run-requests.ts";
import { Changes, Subscriptions } from "./subscriptions.ts";
import { UpkeepHandler } from "./upkeep-handler.ts";

const NO_NAME = "a coordinator has no name because it was woken by id: call it by name";

/** The Worker's entrypoints that a coordinator calls, each call in a Worker invocation of its own. */
interface Entrypoints {
  readonly WebhookSender: Sender;
  readonly WebhookEndpoints: Endpoints;
  readonly DeliverySender: DeliverySender;
  readonly BulkOperations: BulkRunner;
  readonly RunArchive: Archiver;
}

export class RunCoordinator extends DurableObject<Env> implements CoordinatorObject {
  readonly #scope: string;
  readonly #alarms: AlarmClock;
  readonly #atAlarm: AlarmParts;
  readonly #subjects: Coordinator;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const scope = scopeOfObject(ctx, env);
    if (scope === null) {
      // This instance would have no name for any later caller. The next call starts another instance.
      ctx.abort(NO_NAME);
      throw new Error(NO_NAME);
    }
    const { WebhookSender, WebhookEndpoints, DeliverySender, BulkOperations, RunArchive } =
      ctx.exports as unknown as Entrypoints;
    const journal = new Journal(ctx.storage, scope);
    const alarms = new AlarmClock(ctx.storage, journal);
    const nextDueAt = (now: number) => alarms.nextOpenAt(now);
    const replicas = new Replicas({ env, journal, alarm: alarms, nextDueAt });
    const replication = new Replication(journal, alarms, replicas);
    const arming = { scope, arm: (now: number) => replication.arm(now) };
    const lacking = new Lacking(journal, replicas);
    const replies = new Replies(journal);
    const storageLimit = new StorageLimit(journal.sql);
    const dueDeliveries = new DueQueue(journal.deliveries);
    const notifications = new Notifications(journal, dueDeliveries, replies, storageLimit, {
      ...arming,
      sender: DeliverySender,
      endpoints: WebhookEndpoints,
      select: () => selectEndpoints(env.DB, scope),
      armBy: (at, now) => alarms.armBy(at, now),
    });
    const subscriptions = new Subscriptions();
    const changes = new Changes(journal, subscriptions);
    const ledger = new Ledger(
      journal,
      replication,
      notifications,
      subscriptions,
      changes,
      daysOf(env, "RETENTION_DAYS"),
    );

    const openRuns = new DueQueue(journal.due);
    const dueStops = new DueQueue(journal.stopRequests);
    const sending = { sender: WebhookSender, ...arming };
    const stopRequests = new StopRequests(journal, dueStops, ledger, sending);
    const dispatches = new Dispatches(journal, openRuns, ledger, stopRequests, sending);

    const project = scope.slice(0, scope.lastIndexOf("/"));
    const approvers = new ApproverCheck(journal, (ids) => selectRevoked(env.DB, project, ids));
    const effects = new SchedulingEffects(journal, ledger, dispatches, approvers);
    const scheduler = new Scheduler(journal, ledger, effects, approvers, arming.arm);
    const gatedRuns = new GatedRuns(journal, ledger, dispatches, scheduler, approvers);
    approvers.onAnswer((runIds, at) => scheduler.approversKnown(runIds, at));

    const endpoints = new EndpointHandler(journal, notifications, ledger, replies, arming.arm);
    const bulkParts = { env, journal, storageLimit, replication, lacking, ledger, scheduler, runner: BulkOperations };
    const bulk = new BulkHandler({ ...bulkParts, arm: arming.arm });
    const cleaning = new Cleaning(env, scope, replicas, arming.arm);
    const removing = { replication, forgettable: new Forgettable(journal, storageLimit) };
    const archive = env.ARCHIVE === undefined ? null : new Archive(journal, { archiver: RunArchive, ...removing });
    const purge = new Purge(journal, { alarms, archive, ...removing });

    ledger.consequences = {
      mustStop: (run, now) => stopRequests.start(run, now),
      ended: (run, now) => scheduler.ended(run, now),
      timeHasCome: (run, now) => gatedRuns.change(run, { type: "time_opened" }, now),
      lastAttemptEnded: (run, mayHaveJob, now) => scheduler.attemptEnded(run, mayHaveJob, now),
    };
    alarms.serve([openRuns, dueStops, dueDeliveries, endpoints, scheduler, bulk.driver, cleaning], {
      purges: purge,
      archive: archive ?? { nextAt: () => Number.POSITIVE_INFINITY },
    });
    this.#scope = scope;
    this.#alarms = alarms;
    this.#atAlarm = {
      stopRequests: (now) => stopRequests.takeBatch(now),
      dispatches: (now) => dispatches.takeBatch(now),
      deliveries: (now) => endpoints.takeBatch(now),
      gates: (now) => scheduler.takeBatch(now),
      bulk: (now) => bulk.driver.start(now),
      moves: (now) => cleaning.start(now),
      purge: (now) => purge.start(now),
      archive: (now) => archive?.start(now),
      retryReplication: (now) => replication.retry(now),
      fanOut: (now) => endpoints.fanOut(now),
      arm: arming.arm,
    };
    const parts = { journal, storageLimit, replication, ledger, dispatches, gatedRuns, scheduler, replies };
    this.#subjects = {
      runs: new RunHandler(parts),
      gates: new GateHandler(journal, ledger, gatedRuns, scheduler, approvers, replies),
      watches: new WatchHandler(journal, ledger, subscriptions, changes, replies),
      endpoints,
      upkeep: new UpkeepHandler(journal, replication, alarms, replicas, notifications.reads, lacking),
      bulk,
      archive: new ArchiveHandler(archive),
      moves: new MoveHandler(journal, replicas, arming.arm),
    };
    endpoints.fanOutSoon();
    // Runs can wait in a queue that got room before the last object died. And it has perhaps waited for an answer.
    const now = Date.now();
    const works = [scheduler, bulk.driver, cleaning, endpoints];
    if (Math.min(...works.map((work) => work.nextAt(now))) <= now) alarms.arm(now);
  }

  async call(subject: keyof Coordinator, name: string, args: readonly unknown[]): Promise<unknown> {
    const handler: object | null = Object.hasOwn(this.#subjects, subject) ? this.#subjects[subject] : null;
    // Only methods of the handler's own class: the platform does the same for the methods of an object.
    const method: unknown =
      name !== "constructor" &&
      handler !== null &&
      Object.getOwnPropertyDescriptor(Object.getPrototypeOf(handler), name)?.value;
    // During a deploy, the Worker can be newer than this object.
    if (typeof method !== "function") throw new TypeError(`the coordinator has no call ${subject}.${name}`);
    return method.apply(handler, args);
  }

  override async alarm(): Promise<void> {
    ring(this.#alarms, this.#scope, Date.now(), this.#atAlarm);
  }
}

/* SECTION:
 * Whose coordinator an object is. The platform tells an instance its name only if its first call was by name. An
 * instance that was woken by id never learns it, so the journal keeps the name. With a wrong name, the object would
 * replicate its runs to another environment. So it believes a name only if the name's hash is the object's own id.
 */

/** Null if the object can't know it. Writes nothing. */
export function scopeOfObject(ctx: DurableObjectState, env: Pick<Env, "COORDINATORS">): string | null {
  const name = ctx.id.name ?? nameInJournal(ctx.storage.sql);
  return name !== null && isScope(name) && env.COORDINATORS.idFromName(name).equals(ctx.id) ? name : null;
}
