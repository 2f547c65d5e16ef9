/**
 * Faults of one line, each in a branch that few tests reach. `npm run mutants` plants them one by one, and the tests
 * named with a fault must notice it. A wrong limit is no fault of this list, because many tests notice that.
 */

export interface Fault {
  readonly name: string;
  /** What no longer holds. */
  readonly breaks: string;
  /** The file, or the folder in one of whose files the text is. */
  readonly room: string;
  /** It must be there once. Any white space in it stands for any other. */
  readonly from: string;
  readonly to: string;
  /** Beginnings of the paths of test files. */
  readonly tests: readonly string[];
}

export const FAULTS: readonly Fault[] = [
  {
    name: "session-of-old-secret",
    breaks: "a session that began with a replaced secret ends with that secret",
    room: "src/auth",
    from: "coalesce(iif(tokens.hash = token_hash, tokens.expires_at, old_expires_at), sessions.expires_at)",
    to: "coalesce(tokens.expires_at, sessions.expires_at)",
    tests: ["test/auth/session", "test/auth/token-rotation"],
  },
  {
    name: "rotation-prolongs-old-secret",
    breaks: "a second rotation can shorten the grace period of the first one's secret, and never prolong it",
    room: "src/auth",
    from: "min(old_expires_at, ?7)",
    to: "old_expires_at",
    tests: ["test/auth/token-rotation", "test/auth/newest-secret"],
  },
  {
    name: "session-over",
    breaks: "a write asks D1 whether the session still lasts",
    room: "src/auth",
    from: `AND expires_at > \${now})))`,
    to: ")))",
    tests: ["test/auth/newest-secret"],
  },
  {
    name: "room-of-other-kind",
    breaks: "versions of webhook endpoints take no room from those of actions",
    room: "src/definitions",
    from: `AND kind = '\${kind}') WHERE total`,
    to: ") WHERE total",
    tests: ["test/definitions/", "test/actions/versions"],
  },
  {
    name: "weaker-key",
    breaks: "a change of the concurrency key is a weaker rule, so the operator's note is asked for",
    room: "src/actions",
    from: "after.limit > before.limit || after.group !== before.group || after.key !== before.key",
    to: "after.limit > before.limit || after.group !== before.group",
    tests: ["test/actions/gate-change", "test/actions/restored-limit"],
  },
  {
    name: "last-attempt-after-retry-after",
    breaks: "a Retry-After past the end of the retries leaves no last attempt",
    room: "src/webhooks",
    from: "lastAt >= now + Math.max(askedMs, LAST_ATTEMPT_MS)",
    to: "lastAt >= now + LAST_ATTEMPT_MS",
    tests: ["test/webhooks/backoff"],
  },
  {
    name: "slow-failure-is-no-refusal",
    breaks: "a failure that took longer than a connection may is not taken as one that never reached the receiver",
    room: "src/webhooks",
    from: "!isReachable && !abort.signal.aborted && durationMs < CONNECT_MAX_MS",
    to: "!isReachable && !abort.signal.aborted",
    tests: ["test/webhooks/attempts", "test/webhooks/failing", "test/webhooks/permits/failing"],
  },
  {
    name: "cancel-before-waiting",
    breaks: "a cancel is never recorded before the moment at which the run began to wait",
    room: "src/runs/transition.ts",
    from: "silentSince ?? 0, waitingSince ?? 0)",
    to: "silentSince ?? 0)",
    tests: ["test/runs/run", "test/runs/gate-transition"],
  },
  {
    name: "reject-in-pause",
    breaks: "during a pause, a run that does not want to wait is refused, unless it is held already",
    room: "src/runs",
    from: "(pause === null || !isHeld(run))",
    to: "pause === null",
    tests: ["test/runs/scheduling"],
  },
  {
    name: "reserved-not-renewed",
    breaks: "a repeated request keeps the reservation of a bulk operation",
    room: "src/runs/coordinator",
    from: 'if (known.state === "reserved") bulk.renew(known.id, now);',
    to: "",
    tests: ["test/runs/coordinator/bulk", "test/runs/api/bulk", "test/outage/bulk"],
  },
  {
    name: "archive-cuts-timeline",
    breaks: "an archived run has its whole timeline",
    room: "src/runs/coordinator",
    from: "timeline.after(run, 0, Number.MAX_SAFE_INTEGER)",
    to: "timeline.after(run, 0, 200)",
    tests: ["test/archive/"],
  },
  {
    name: "longer-grace-counts",
    breaks: "of two requests to cancel, the one counts whose grace ends first",
    room: "src/runs/transition.ts",
    from: "if (run.cancelUntil !== null && run.cancelUntil <= until) return run;",
    to: "if (run.cancelUntil !== null && run.cancelUntil === until) return run;",
    tests: ["test/runs/run"],
  },
  {
    name: "archive-second-key",
    breaks: "a batch that is written again keeps its object's key",
    room: "src/runs/coordinator",
    from: "archive.batch?.key ?? objectKey(scope, this.underWay.day, hash)",
    to: "objectKey(scope, Number.isNaN(this.underWay.day) ? now : this.underWay.day, hash)",
    tests: ["test/archive/"],
  },
  {
    name: "resend-twice",
    breaks: "a recovery sends no delivery whose attempt is under way",
    room: "src/runs/coordinator/endpoints",
    from: "if (known !== null && known.leaseUntil !== null) return;",
    to: "",
    tests: ["test/runs/coordinator/"],
  },
  {
    name: "oldest-rotations",
    breaks: "the newest rotations are found again, and the oldest forgotten",
    room: "src/webhook-endpoints",
    from: "].slice(0, ROTATIONS_MAX)",
    to: "].slice(-ROTATIONS_MAX)",
    tests: ["test/webhook-endpoints/secrets"],
  },
  {
    name: "free-decimals",
    breaks: "the steps of multipleOf grow with the length of the numbers",
    room: "src/base/json-schema",
    from: "budget.left -= DECIMAL_STEPS + Math.abs(shift);",
    to: "budget.left -= DECIMAL_STEPS;",
    tests: ["test/base/json-schema/hostile", "test/base/json-schema/validate"],
  },
  {
    name: "stream-retry",
    breaks: "the client waits as long as the event stream's `retry` says",
    room: "src/client",
    from: "retryDelayMs = ms;",
    to: "void ms;",
    tests: ["test/client/"],
  },
  {
    name: "renewal-after-clock-step",
    breaks: "a clock that stepped back does not prevent a session's renewal",
    room: "src/console/session",
    from: "now < session.renewedAt || now - session.renewedAt >= RENEW_AFTER_MS",
    to: "now - session.renewedAt >= RENEW_AFTER_MS",
    tests: ["test/console/session-store"],
  },
  {
    name: "member-may-manage-actions",
    breaks: "a member can't change actions",
    room: "src/auth",
    from: 'member: ["data:read", "data:write"],',
    to: 'member: ["data:read", "data:write", "actions:manage"],',
    tests: ["test/auth/token-scope", "test/hostile/tenancy"],
  },
  {
    name: "bulk-gives-up-later-runs",
    breaks: "a bulk operation that is aborted in its first pass says nothing of runs that it has not tried",
    room: "src/runs/coordinator",
    from: "bulk.pass === 1 ? bulk.nextSeq : Number.POSITIVE_INFINITY",
    to: "bulk.nextSeq",
    tests: ["test/runs/coordinator/bulk"],
  },
  {
    name: "bulk-second-pass-at-once",
    breaks: "the second pass of a bulk operation waits, so that what failed can recover",
    room: "src/runs/coordinator",
    from: "if (next !== null && next.pass > bulk.pass) {",
    to: "if (next === null) {",
    tests: ["test/runs/coordinator/bulk"],
  },
  {
    name: "bulk-remembers-rolled-back",
    breaks: "after a transaction that failed, a bulk operation is read from the journal again",
    room: "src/runs/journal",
    from: "for (const rows of [runs, bulk, stopRequests",
    to: "void bulk; for (const rows of [runs, stopRequests",
    tests: ["test/runs/journal/"],
  },
  {
    name: "older-attempt-frees-queue",
    breaks: "only the outcome of the last attempt can free the concurrency queue of an ended run",
    room: "src/runs/coordinator/sending",
    from: "run.occupiedUntil !== null && attempt >= this.#journal.timeline.lastAttempt(runId)",
    to: "run.occupiedUntil !== null",
    tests: ["test/webhooks/late-answers", "test/gates/grace"],
  },
  {
    name: "older-attempt-stops",
    breaks: "a stop request keeps the values of the newest attempt that was answered",
    room: "src/runs/coordinator/sending",
    from: "if (values === undefined && attempt < stopRequest.dispatchAttempt) return;",
    to: "",
    tests: ["test/webhooks/stop/stop-request", "test/webhooks/late-answers", "test/webhooks/response"],
  },
  {
    name: "quarantine-after-clock-step",
    breaks: "after the clock stepped back, a quarantined run is tried again at once",
    room: "src/runs/replication",
    from: "until > now && until <= now + MAX_MS",
    to: "until > now",
    tests: ["test/runs/replication/", "test/outage/clock"],
  },
  {
    name: "quarantine-left-by-older",
    breaks: "a run whose newer version was refused stays quarantined when an older one arrives",
    room: "src/runs/replication",
    from: "if ((this.#runs.get(id)?.entry.version ?? version) <= version) this.remove(id);",
    to: "void version; this.remove(id);",
    tests: ["test/runs/replication/"],
  },
  {
    name: "older-limit-counts",
    breaks: "a limit of an older version of the action does not count for a run of a newer one",
    room: "src/runs/journal",
    from: "AND known.action_name = runs.action_name AND known.version >= runs.action_version)",
    to: "AND known.action_name = runs.action_name)",
    tests: ["test/actions/restored-limit", "test/actions/gated-runs"],
  },
  {
    name: "heartbeat-not-remembered",
    breaks: "a heartbeat is in what the journal remembers of the run",
    room: "src/runs/journal",
    from: "run.silentSince, ...keyHalves(run.id), run.id); this.#remember(run);",
    to: "run.silentSince, ...keyHalves(run.id), run.id);",
    tests: ["test/runs/journal/", "test/runs/api/heartbeat"],
  },
  {
    name: "walk-after-clock-step",
    breaks: "after the clock stepped back, rows that are due earlier than the last one looked at are found",
    room: "src/runs/coordinator/sending",
    from: "this.isAnyWaiting && this.#lookedUpTo.dueAt <= now ?",
    to: "this.isAnyWaiting ?",
    tests: ["test/outage/clock", "test/webhooks/permits/waiting", "test/webhooks/stop/waiting"],
  },
  {
    name: "resync-skips-runs",
    breaks: "a step of a resync reaches no farther than the runs that it has replicated",
    room: "src/runs/replication",
    from: "this.#target.rows.hasBetween(last, upTo) ? last : upTo",
    to: "upTo",
    tests: ["test/runs/replication/resync"],
  },
  {
    name: "resync-of-older-kind",
    breaks: "a step of a resync that was replaced writes nothing after its deletion",
    room: "src/runs/replication",
    from: "await this.#target.store.delete(unkept); if (!isCurrent()) return;",
    to: "await this.#target.store.delete(unkept);",
    tests: ["test/runs/replication/resync", "test/databases/"],
  },
  {
    name: "grace-after-deadline",
    breaks: "the grace of a cancel ends with the run's deadline at the latest",
    room: "src/runs/transition.ts",
    from: 'Math.min(requestedAt + (run.status === "pending" ? 0 : graceMs), run.deadlineAt)',
    to: 'requestedAt + (run.status === "pending" ? 0 : graceMs)',
    tests: ["test/runs/run"],
  },
  {
    name: "purge-forgets-copy",
    breaks: "a purge deletes the rows of the copy as well",
    room: "src/runs/replication",
    from: "asked.map((replica) => replica.delete(ids)",
    to: "asked.slice(0, 1).map((replica) => replica.delete(ids)",
    tests: ["test/databases/", "test/runs/coordinator/purge"],
  },
  {
    name: "decision-under-used-key",
    breaks: "a key that a run already used for another change is refused for a decision",
    room: "src/runs/coordinator/gates",
    from: "if (accepted !== null || run.changeKey === changeKey.key) return KEY_REUSED;",
    to: "if (accepted !== null) return KEY_REUSED;",
    tests: ["test/runs/api/gates"],
  },
  {
    name: "end-not-reread",
    breaks: "a new version of an ended run that still occupies its queue is heard of",
    room: "src/runs/journal",
    from: "if (run.occupiedUntil !== null) this.queues.forget(); this.runs.update",
    to: "this.runs.update",
    tests: ["test/gates/grace", "test/runs/journal/"],
  },
  {
    name: "queued-run-not-noticed",
    breaks: "a run that begins to wait is found by the next pass over the queues",
    room: "src/runs/journal",
    from: "if (run.gates !== null) this.queues.runChanges(); const waitingBytes",
    to: "const waitingBytes",
    tests: ["test/gates/at-one-instant", "test/gates/scheduler", "test/gates/pauses"],
  },
  {
    name: "pass-ends-early",
    breaks: "only a pass that found nothing from the first queue on says that no run waits",
    room: "src/runs/journal",
    from: "if (after === null && queues.length === 0) this.#mayAnyWait = false;",
    to: "if (queues.length === 0) this.#mayAnyWait = false;",
    tests: ["test/gates/crowd", "test/gates/scheduler", "test/gates/pauses"],
  },
  {
    name: "overdue-run-holds-queue",
    breaks: "a run whose time is up takes no room in its queue, however late the alarm is",
    room: "src/runs/coordinator/gates",
    from: "this.#endOverdue(queue, now); const state",
    to: "const state",
    tests: ["test/gates/grace", "test/gates/scheduler"],
  },
  {
    name: "start-derived-twice",
    breaks: "a page of the timeline does not repeat the derived start of the page before",
    room: "src/runs/timeline.ts",
    from: "Math.max(after, events.at(-2)?.seq ?? 1)",
    to: "(events.at(-2)?.seq ?? 1)",
    tests: ["test/runs/timeline", "test/runs/api/events"],
  },
  {
    name: "shared-page-stale",
    breaks: "a page of changes is shared only until the next change",
    room: "src/runs/coordinator",
    from: "this.#sharedAt.seq !== newestSeq || msSinceOrLongAgo",
    to: "msSinceOrLongAgo",
    tests: ["test/runs/api/subscriptions/change"],
  },
];

/** The source with the fault, once for each place that has its text. White space may differ, because formats change. */
export function planted(source: string, { from, to }: Pick<Fault, "from" | "to">): readonly string[] {
  const words = from
    .trim()
    .split(/\s+/)
    .map((word) => RegExp.escape(word));
  const places = [...source.matchAll(new RegExp(words.join("\\s+"), "g"))];
  return places.map(({ index, 0: text }) => source.slice(0, index) + to + source.slice(index + text.length));
}
