/** The timeline as people read it: an attempt with its answer is one item, and so are heartbeats in a row. PURE. */
import type { RunTail, Schemas } from "../../client/index.ts";

type TimelineEvent = Schemas["TimelineEvent"];

type EventOf<Type extends TimelineEvent["type"]> = Extract<TimelineEvent, { readonly type: Type }>;
type Answered = EventOf<"attempt_answered"> | EventOf<"stop_answered">;
export type Beat = EventOf<"heartbeat">;

/** One request to the receiver. */
export interface Attempt {
  readonly kind: "attempt";
  readonly seq: number;
  /** When the attempt began, or when its answer came if the beginning is unknown. */
  readonly at: string;
  /** The request that starts the job, or the one that stops it. */
  readonly of: "start" | "stop";
  readonly attempt: number;
  readonly host: string | null;
  readonly answer: Answered | null;
  /** What came before the answer, so the answer stays unknown. Null: there is an answer, or it may still come. */
  readonly overtakenBy: "started" | "ended" | null;
  /** When the next attempt comes. Null: it has come, or there is no further attempt. */
  readonly nextAt: string | null;
}

/** Heartbeats in a row, oldest first. `thinned`: how many before them are no longer kept. */
export interface Heartbeats {
  readonly kind: "heartbeats";
  readonly seq: number;
  readonly beats: readonly Beat[];
  readonly thinned: number;
}

export interface Single {
  readonly kind: "event";
  readonly seq: number;
  readonly event: Exclude<
    TimelineEvent,
    { readonly type: `attempt_${string}` | `stop_${string}` | `heartbeat${string}` }
  >;
}

export type Item = Attempt | Heartbeats | Single;

/** The types of events that are items of their own. */
const SINGLES: Readonly<Record<Single["event"]["type"], true>> = {
  created: true,
  started: true,
  external_url: true,
  token_issued: true,
  token_refused: true,
  cancel_requested: true,
  waiting: true,
  approved: true,
  approval_withdrawn: true,
  let_through: true,
  rejected: true,
  released: true,
  ended: true,
};

function isSingle(event: TimelineEvent): event is Single["event"] {
  return Object.hasOwn(SINGLES, event.type);
}

/** Events must be in order. An event of a type that this console does not know is left out. */
export function itemsOf(events: readonly TimelineEvent[]): readonly Item[] {
  const items: Item[] = [];
  for (const event of events) {
    switch (event.type) {
      case "attempt_started":
      case "stop_started":
        items.push(begun(event));
        break;
      case "attempt_answered":
      case "stop_answered":
        putAnswer(items, event);
        break;
      case "heartbeat":
      case "heartbeats_thinned":
        putBeat(items, event);
        break;
      default:
        if (isSingle(event)) items.push({ kind: "event", seq: event.seq, event });
    }
  }
  const isOver = events.at(-1)?.type === "ended";
  return items.map((item, index) => (item.kind === "attempt" ? withLater(item, items.slice(index + 1), isOver) : item));
}

function begun({ seq, at, type, attempt, host }: EventOf<"attempt_started"> | EventOf<"stop_started">): Attempt {
  const of = type === "attempt_started" ? "start" : "stop";
  return { kind: "attempt", seq, at, of, attempt, host, answer: null, ...NOTHING_LATER };
}

const NOTHING_LATER = { overtakenBy: null, nextAt: null };

/** An answer can come after other events. An attempt that could not be sent gives its number to the next one. */
function putAnswer(items: Item[], answer: Answered): void {
  const { seq, at, attempt } = answer;
  const of = answer.type === "attempt_answered" ? "start" : "stop";
  const index = items.findLastIndex(
    (item) => item.kind === "attempt" && item.of === of && item.attempt === attempt && item.answer === null,
  );
  const asked = items[index];
  if (asked?.kind === "attempt") items[index] = { ...asked, answer };
  else items.push({ kind: "attempt", seq, at, of, attempt, host: null, answer, ...NOTHING_LATER });
}

function putBeat(items: Item[], event: Beat | EventOf<"heartbeats_thinned">): void {
  const last = items.at(-1);
  const row: Heartbeats =
    last?.kind === "heartbeats" ? last : { kind: "heartbeats", seq: event.seq, beats: [], thinned: 0 };
  const changed: Heartbeats =
    event.type === "heartbeat"
      ? { ...row, beats: [...row.beats, event] }
      : { ...row, thinned: row.thinned + event.count };
  if (last?.kind === "heartbeats") items[items.length - 1] = changed;
  else items.push(changed);
}

function withLater(item: Attempt, later: readonly Item[], isOver: boolean): Attempt {
  const { of, answer } = item;
  // The first heartbeat ends a dispatch. An answer that comes after it is told, but starts nothing.
  const isStarted = of === "start" && later.some((other) => other.kind === "event" && other.event.type === "started");
  const hasNext = isOver || later.some((other) => other.kind === "attempt" && other.of === of);
  return {
    ...item,
    overtakenBy: answer !== null ? null : isStarted ? "started" : isOver ? "ended" : null,
    nextAt: hasNext ? null : (answer?.nextAttemptAt ?? null),
  };
}

/** The number of the last event that changed the run. 0: no event did. */
export function newsSeqOf(events: readonly TimelineEvent[]): number {
  return events.findLast(changesRun)?.seq ?? 0;
}

function changesRun(event: TimelineEvent): boolean {
  switch (event.type) {
    case "created":
      return false;
    case "heartbeat":
      return event.externalUrl !== undefined;
    case "attempt_answered":
      // The run says when it is tried again.
      return event.outcome === "retry";
    default:
      return isSingle(event);
  }
}

interface News {
  /** When the last heartbeat with news came. */
  readonly at: string;
  readonly message: string | null;
  /** 0 to 1; null if the job never said. */
  readonly progress: number | null;
}

/** Takes the run as it was read, and the events since. Null: the job has said nothing yet. */
export function newsOf(read: Schemas["ActionRunDetails"]["heartbeat"], events: readonly TimelineEvent[]): News | null {
  const beats = events.filter((event) => event.type === "heartbeat");
  const last = beats.at(-1);
  // A heartbeat that only says what it does leaves the progress as it was.
  const progress = beats.findLast((beat) => beat.progress !== undefined)?.progress ?? null;
  const message = beats.findLast((beat) => beat.message !== undefined)?.message ?? null;
  if (last === undefined) return read;
  if (read !== null && Date.parse(read.at) > Date.parse(last.at)) {
    return { at: read.at, message: read.message ?? message, progress: read.progress ?? progress };
  }
  return { at: last.at, message, progress };
}

/** The newest output of the job: what came live, or the last read of the run if that is newer. */
export function newestTail(heartbeat: Schemas["LastHeartbeat"] | null, streamed: RunTail | null): RunTail | null {
  if (!heartbeat?.tail || (streamed !== null && streamed.at >= heartbeat.at)) return streamed;
  return { tail: heartbeat.tail, at: heartbeat.at };
}
