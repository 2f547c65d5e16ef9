/**
 * The Durable Object that owns a quarter of an environment's runs. It orders their changes, journals each before any
 * caller gets an answer, enforces their deadlines, sends their webhooks, and lands them in D1. The platform is the
 * lock: there is no `await` from reading a run to writing its change and setting the alarm (see docs/architecture.md).
 */

import { DurableObject } from "cloudflare:workers";
import { retentionDays } from "../../settings/config.ts";
import type { Env } from "../../settings/env.ts";
import type { NewDelivery } from "../../webhooks/delivery.ts";
import type { Actor } from "../actor.ts";
import type { ArchivedRun, Archiver } from "../archive-calls.ts";
import type { BulkOperation, BulkOrder, NumberedItem, Outcome } from "../bulk.ts";
import type { AcceptedRuns, BulkReply, BulkRunner, Stopper } from "../bulk-calls.ts";
import { LOOK_AGAIN_MS } from "../d1/registration.ts";
import { selectRevoked } from "../d1/revoked-tokens.ts";
import type { EndpointReport, MessagesReply, ResendReply, RunEventToTell } from "../endpoint-calls.ts";
import type {
  ApprovalReply,
  ClaimReply,
  ConcurrencyGroup,
  Decision,
  GatedCreation,
  Pause,
} from "../gate-calls.ts";
import type { Slot } from "../gates.ts";
import { Journal } from "../journal/journal.ts";
import type { MessageFilter } from "../message.ts";
import type { Move, MoveOrder, MoveReply, MoveRequest, Placement } from "../move-calls.ts";
import { Projection } from "../projection/projection.ts";
import type { Coordinator } from "../protocol.ts";
import type { NewRun } from "../run.ts";
import type { Inclusion, RunReply } from "../run-answer.ts";
import type { ChangeKey, EventOptions, Heartbeat, InputsReply, RetryNote } from "../run-calls.ts";
import type { RunCounts } from "../run-counts.ts";
import type { EndpointKey, Endpoints, EventType, Recovery, RecoveryOrder } from "../telling.ts";
import type { CancelRequest, RunEvent } from "../transition.ts";
import type { Settled } from "../upkeep-calls.ts";
import type {
  AskedChanges,
  ChangesReply,
  TimelinePage,
  TimelineReply,
  Wait,
  Watcher,
} from "../watch-calls.ts";
import { AlarmClock } from "./alarm/alarm-clock.ts";
import { DueQueue } from "./alarm/due-queue.ts";
import { ring } from "./alarm/ring.ts";
import { Archive } from "./archive/archive.ts";
import { BulkDesk } from "./bulk/bulk-desk.ts";
import { Changes } from "./changes.ts";
import { CreateDesk } from "./create-desk.ts";
import { Deliveries } from "./deliveries.ts";
import { EndpointDesk } from "./endpoint-desk.ts";
import { Forgettable } from "./forgettable.ts";
import { AdmissionEffects } from "./gates/admission-effects.ts";
import { Admitter } from "./gates/admitter.ts";
import { ApproverCheck } from "./gates/approver-check.ts";
import { GateDesk } from "./gates/gate-desk.ts";
import { GatedRuns } from "./gates/gated-runs.ts";
import { wouldStart } from "./gates/would-start.ts";
import { Ledger } from "./ledger.ts";
import type { MessageSender } from "./messages.ts";
import { MoveDriver } from "./moves/move-driver.ts";
import { ownerOf } from "./owner.ts";
import { Purge } from "./purge.ts";
import { Replies } from "./replies.ts";
import { RunDesk } from "./run-desk.ts";
import type { Sender } from "./run-requests.ts";
import { StopRequests } from "./stop-requests.ts";
import { StorageLimit } from "./storage-limit.ts";
import { WatchDesk } from "./watch-desk.ts";
import { Watchers } from "./watchers.ts";

const NO_NAME = "a coordinator has no name because it was woken by id: call it by name";

/** The Worker's entrypoints that a coordinator calls, each call in a Worker invocation of its own. */
interface Entrypoints {
  readonly WebhookSender: Sender;
  readonly WebhookEndpoints: Endpoints;
  readonly MessageSender: MessageSender;
  readonly BulkOperations: BulkRunner;
  readonly RunArchive: Archiver;
}

export class RunCoordinator extends DurableObject<Env> implements Coordinator {
  readonly #journal: Journal;
  readonly #purge: Purge;
  /** Null if no bucket is bound. */
  readonly #archive: Archive | null;
  readonly #alarms: AlarmClock;
  readonly #projection: Projection;
  readonly #watchers = new Watchers();
  readonly #changes: Changes;
  readonly #ledger: Ledger;
  readonly #stopRequests: StopRequests;
  readonly #deliveries: Deliveries;
  readonly #approvers: ApproverCheck;
  readonly #admitter: Admitter;
  readonly #creates: CreateDesk;
  readonly #runs: RunDesk;
  readonly #gates: GateDesk;
  readonly #watches: WatchDesk;
  readonly #endpoints: EndpointDesk;
  readonly #bulk: BulkDesk;
  readonly #moves: MoveDriver;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const owner = ownerOf(ctx, env);
    if (owner === null) {
      // This instance would have no name for any later caller. The next call starts another instance.
      ctx.abort(NO_NAME);
      throw new Error(NO_NAME);
    }
    const journal = new Journal(ctx.storage, owner);
    this.#journal = journal;
    const openRuns = new DueQueue(journal.due);
    const stopRequests = new DueQueue(journal.stopRequests);
    const messages = new DueQueue(journal.messages);
    const telling = { nextAt: (now: number) => this.#endpoints.nextAt(now) };
    const admitting = { nextAt: (now: number) => this.#admitter.nextAt(now) };
    const driving = { nextAt: (now: number) => this.#bulk.driver.nextAt(now) };
    const moving = { nextAt: (now: number) => this.#moves.nextAt(now) };
    const work = [openRuns, stopRequests, messages, telling, admitting, driving, moving];
    const retention = {
      purges: { nextAt: () => this.#purge.nextAt() },
      archive: { nextAt: (now: number) => this.#archive?.nextAt(now) ?? Number.POSITIVE_INFINITY },
    };
    this.#alarms = new AlarmClock(ctx.storage, journal, work, retention);
    const projection = new Projection(env, journal, this.#alarms, (now) => this.#alarms.nextOpenAt(now));
    this.#projection = projection;
    this.#changes = new Changes(journal, projection, this.#watchers);
    const days = retentionDays(env);
    const ledger = new Ledger(journal, projection, this.#watchers, this.#changes, days, {
      eventHappened: () => this.#endpoints.eventHappened(),
      mustStop: (run, now) => this.#stopRequests.start(run, now),
      ended: (run, now) => this.#admitter.ended(run, now),
      timeHasCome: (run, now) => gatedRuns.change(run, { type: "time_opened" }, now),
    });
    this.#ledger = ledger;
    const { WebhookSender, WebhookEndpoints, MessageSender, BulkOperations, RunArchive } =
      ctx.exports as unknown as Entrypoints;
    const forgettable = new Forgettable(journal);
    const removing = { projection, forgettable };
    this.#archive =
      env.ARCHIVE === undefined ? null : new Archive(journal, { archiver: RunArchive, ...removing });
    this.#purge = new Purge(journal, { alarms: this.#alarms, archive: this.#archive, ...removing });
    const arming = { owner, arm: (now: number) => projection.arm(now) };
    const sending = { sender: WebhookSender, ...arming };
    const stops = new StopRequests(journal, stopRequests, ledger, sending);
    this.#stopRequests = stops;
    this.#deliveries = new Deliveries(journal, openRuns, ledger, stops, sending, (run, mayHaveJob, now) =>
      this.#admitter.attemptEnded(run, mayHaveJob, now),
    );
    const project = owner.scope.slice(0, owner.scope.lastIndexOf("/"));
    const approvers = new ApproverCheck(
      journal,
      (ids) => selectRevoked(env.DB, project, ids),
      (runIds, at) => this.#admitter.approversKnown(runIds, at),
    );
    this.#approvers = approvers;
    const effects = new AdmissionEffects(journal, ledger, this.#deliveries, approvers);
    this.#admitter = new Admitter(journal, ledger, effects, approvers, arming.arm);
    const gatedRuns = new GatedRuns(journal, ledger, this.#deliveries, this.#admitter, approvers);
    const replies = new Replies(journal, projection);
    const storageLimit = new StorageLimit(journal.sql);
    this.#creates = new CreateDesk({
      ...{ journal, projection, ledger, gatedRuns, replies },
      ...{
        deliveries: this.#deliveries,
        storageLimit,
        retentionDays: days,
      },
    });
    this.#runs = new RunDesk(journal, ledger, replies, (run, now) => this.#admitter.jobEnded(run, now));
    this.#gates = new GateDesk(journal, ledger, gatedRuns, this.#admitter, approvers, replies);
    this.#watches = new WatchDesk(journal, ledger, this.#watchers, replies);
    this.#endpoints = new EndpointDesk(journal, messages, replies, {
      ...{ sender: MessageSender, endpoints: WebhookEndpoints, ...arming },
    });
    this.#bulk = new BulkDesk(journal, storageLimit, { runner: BulkOperations, arm: arming.arm });
    const move = (order: MoveOrder) => this.#move(order, Date.now());
    this.#moves = new MoveDriver(journal, { env, home: () => projection.home, move, arm: arming.arm });
    this.#endpoints.tellSoon();
    // Runs can wait for a slot that came free before the last object died. And it has perhaps waited for an answer.
    const now = Date.now();
    if (Math.min(admitting.nextAt(now), driving.nextAt(now), moving.nextAt(now)) <= now)
      this.#alarms.arm(now);
  }

  async create(
    input: NewRun,
    changeKey: ChangeKey,
    newDelivery: NewDelivery | null,
    inclusion: Inclusion = {},
  ): Promise<RunReply> {
    return this.#creates.create(input, changeKey, newDelivery, inclusion, Date.now());
  }

  async createGated(
    input: NewRun,
    changeKey: ChangeKey,
    newDelivery: NewDelivery,
    creation: GatedCreation,
  ): Promise<RunReply> {
    return this.#creates.createGated(input, changeKey, newDelivery, creation, Date.now());
  }

  async claim(changeKey: ChangeKey, slot: Slot, inclusion: Inclusion = {}): Promise<ClaimReply> {
    return this.#creates.claim(changeKey, slot, inclusion, Date.now());
  }

  async recall(changeKey: ChangeKey, inclusion: Inclusion = {}): Promise<RunReply> {
    return this.#creates.recall(changeKey, inclusion, Date.now());
  }

  async read(id: string, inclusion: Inclusion = {}): Promise<RunReply> {
    return this.#runs.read(id, inclusion, Date.now());
  }

  async inputs(id: string, retry: RetryNote): Promise<InputsReply> {
    return this.#runs.inputs(id, retry, Date.now());
  }

  async retryRefused(id: string, key: string): Promise<void> {
    this.#journal.retries.erase(id, key);
  }

  async applyEvent(
    id: string,
    event: RunEvent,
    changeKey: ChangeKey,
    options: EventOptions = {},
  ): Promise<RunReply> {
    return this.#runs.applyEvent(id, event, changeKey, options, Date.now());
  }

  async cancel(
    id: string,
    request: CancelRequest,
    changeKey: ChangeKey,
    inclusion: Inclusion = {},
  ): Promise<RunReply> {
    return this.#runs.cancel(id, request, changeKey, inclusion, Date.now());
  }

  async heartbeat(id: string, heartbeat: Heartbeat): Promise<RunReply> {
    return this.#runs.heartbeat(id, heartbeat, Date.now());
  }

  async approve(
    id: string,
    decision: Decision,
    changeKey: ChangeKey,
    inclusion: Inclusion = {},
  ): Promise<RunReply> {
    return this.#approvers.before(id, decision.by, () =>
      this.#gates.approve(id, decision, changeKey, inclusion, Date.now()),
    );
  }

  async reject(
    id: string,
    decision: Decision,
    changeKey: ChangeKey,
    inclusion: Inclusion = {},
  ): Promise<RunReply> {
    return this.#approvers.before(id, decision.by, () =>
      this.#gates.reject(id, decision, changeKey, inclusion, Date.now()),
    );
  }

  async release(id: string, by: Actor, changeKey: ChangeKey, inclusion: Inclusion = {}): Promise<RunReply> {
    return this.#approvers.before(id, null, () =>
      this.#gates.release(id, by, changeKey, inclusion, Date.now()),
    );
  }

  async approval(id: string, asker: Actor): Promise<ApprovalReply> {
    return this.#approvers.reading(id, () => this.#gates.approval(id, asker, Date.now()));
  }

  async hasGates(id: string): Promise<boolean> {
    return this.#gates.hasGates(id);
  }

  async pause(pause: Pause): Promise<boolean> {
    return this.#gates.pause(pause, Date.now());
  }

  async resume(group: string): Promise<boolean> {
    return this.#gates.resume(group, Date.now());
  }

  async pauses(): Promise<readonly Pause[]> {
    return this.#gates.pauses(Date.now());
  }

  async concurrencyGroups(
    only: string | null,
    after: Slot | null,
    limit: number,
  ): Promise<readonly ConcurrencyGroup[]> {
    return this.#gates.groups(only, after, limit, Date.now());
  }

  async setLimit(group: string, actionName: string, version: number, limit: number): Promise<void> {
    this.#gates.setLimit(group, actionName, version, limit, Date.now());
  }

  async settle(): Promise<Settled> {
    return this.#projection.settle();
  }

  async events(id: string, page: TimelinePage): Promise<TimelineReply> {
    return this.#watches.timeline(id, page);
  }

  async watch(id: string, page: TimelinePage, watcher: Watcher, maxMs: number): Promise<TimelineReply> {
    return this.#watches.watch(id, page, watcher, maxMs);
  }

  async waitForEnd(id: string, watcher: Watcher, wait: Wait): Promise<RunReply> {
    return this.#watches.waitForEnd(id, watcher, wait);
  }

  async changes(asked: AskedChanges): Promise<ChangesReply> {
    return this.#changes.page(asked);
  }

  async watchChanges(asked: AskedChanges, watcher: Watcher, maxMs: number): Promise<ChangesReply> {
    return this.#changes.watch(asked, watcher, maxMs);
  }

  async unwatch(watcherKey: string): Promise<void> {
    this.#watchers.leave(watcherKey);
  }

  async poke(): Promise<number | null> {
    const now = Date.now();
    this.#alarms.forgetArmed();
    this.#projection.arm(now);
    const dueAt = this.#alarms.nextDueAt(now);
    // The sweep changes what is registered, so the next flight registers again.
    this.#projection.unregister();
    if (this.#projection.isBehind) return Math.min(dueAt, now + LOOK_AGAIN_MS);
    // Without its row in D1, nobody would ask for the counts, and the environment's sum would fall.
    const { runs, bulk, endedCounts } = this.#journal;
    const keepsNothing = runs.isEmpty() && bulk.isEmpty() && !endedCounts.hasBegun && this.#moves.isIdle;
    return keepsNothing ? null : dueAt;
  }

  async counts(): Promise<RunCounts> {
    const { sequence, endedCounts, runs } = this.#journal;
    const upTo = sequence.last;
    while (endedCounts.countedSeq < upTo) {
      endedCounts.takeTurn(upTo);
      // Between two turns, others get theirs.
      if (endedCounts.countedSeq < upTo) await scheduler.wait(0);
    }
    return { open: runs.openCounts(), ended: endedCounts.counts };
  }

  async resync(): Promise<number> {
    return this.#projection.resync();
  }

  async placement(): Promise<Placement> {
    return this.#projection.placement(this.#journal.sql.databaseSize);
  }

  async move(order: MoveOrder): Promise<Placement> {
    return this.#move(order, Date.now());
  }

  async beginMove(request: MoveRequest): Promise<MoveReply> {
    return this.#moves.begin(request, Date.now());
  }

  async cancelMove(): Promise<MoveReply | null> {
    return this.#moves.cancel(Date.now());
  }

  async moveUnderWay(): Promise<Move | null> {
    return this.#moves.shown();
  }

  async hasMoveOf(database: number): Promise<boolean> {
    return this.#moves.hasMoveOf(database);
  }

  async notify(): Promise<void> {
    this.#endpoints.notify(Date.now());
  }

  async endpoint(key: EndpointKey): Promise<EndpointReport> {
    return this.#endpoints.report(key);
  }

  async forgetHealth(key: EndpointKey): Promise<void> {
    this.#endpoints.forgetHealth(key, Date.now());
  }

  async messages(key: EndpointKey, filter: MessageFilter): Promise<MessagesReply> {
    return this.#endpoints.page(key, filter);
  }

  async resend(key: EndpointKey, runId: string, type: EventType | null): Promise<ResendReply> {
    const now = Date.now();
    return this.#endpoints.resend(key, this.#ledger.current(runId, now), type, now);
  }

  async recover(key: EndpointKey, order: RecoveryOrder): Promise<Recovery | null> {
    return this.#endpoints.recover(key, order, Date.now());
  }

  async lastEvent(runId: string): Promise<RunEventToTell | Exclude<ResendReply, "accepted">> {
    return this.#endpoints.lastEvent(this.#ledger.current(runId, Date.now()));
  }

  async admitTest(): Promise<number> {
    return this.#endpoints.admitTest(Date.now());
  }

  async reserveBulk(
    order: BulkOrder,
    runIds: readonly string[] | null,
    changeKey: ChangeKey,
  ): Promise<BulkReply> {
    return this.#bulk.reserve(order, runIds, changeKey, Date.now());
  }

  async beginBulk(id: string): Promise<BulkOperation | null> {
    return this.#bulk.begin(id, Date.now());
  }

  async bulkOperation(id: string): Promise<BulkOperation | null> {
    return this.#bulk.operation(id);
  }

  async bulkOperations(before: string | null, limit: number): Promise<readonly BulkOperation[]> {
    return this.#bulk.operations(before, limit);
  }

  async bulkItems(
    id: string,
    outcome: Outcome | null,
    after: number,
    limit: number,
  ): Promise<readonly NumberedItem[] | null> {
    return this.#bulk.items(id, outcome, after, limit);
  }

  async abortBulk(id: string, by: Stopper): Promise<BulkOperation | null> {
    return this.#bulk.abort(id, by, Date.now());
  }

  async dropBulk(id: string): Promise<void> {
    this.#bulk.drop(id);
  }

  async acceptedRuns(id: string): Promise<AcceptedRuns | null> {
    return this.#bulk.acceptedRuns(id);
  }

  async wouldStart(runIds: readonly string[]): Promise<number> {
    const slots = this.#journal.slots.slotsOf(runIds);
    return wouldStart(slots, new Set(runIds), (slot) => this.#admitter.lineAt(slot, Date.now()));
  }

  async archivePage(tryId: string, from: number): Promise<readonly ArchivedRun[] | null> {
    return this.#archive?.page(tryId, from) ?? null;
  }

  async sealArchive(tryId: string, count: number, hash: string): Promise<string | null> {
    return this.#archive?.seal(tryId, count, hash, Date.now()) ?? null;
  }

  override async alarm(): Promise<void> {
    ring(this.#alarms, this.#journal.owner.name, Date.now(), {
      stopRequests: (now) => this.#stopRequests.takeBatch(now),
      deliveries: (now) => this.#deliveries.takeBatch(now),
      messages: (now) => this.#endpoints.takeBatch(now),
      gates: (now) => this.#admitter.takeTurn(now),
      bulk: (now) => this.#bulk.driver.start(now),
      moves: (now) => this.#moves.start(now),
      purge: (now) => this.#purge.start(now),
      archive: (now) => this.#archive?.start(now),
      repair: (now) => this.#projection.repair(now),
      tell: () => this.#endpoints.tell(),
      arm: (now) => this.#projection.arm(now),
    });
  }

  #move(order: MoveOrder, now: number): Placement {
    return this.#projection.move(order, this.#journal.sql.databaseSize, now);
  }
}
