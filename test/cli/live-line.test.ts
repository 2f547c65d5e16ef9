/** The progress bar is one line at any width, also while the terminal changes its width. */

import { EventEmitter } from "node:events";
import stringWidth from "string-width";
import { afterEach, expect, test, vi } from "vitest";
import { eventLinesOn } from "../../src/cli/follow.ts";
import { Output } from "../../src/cli/output.ts";
import { heartbeatLine } from "../../src/cli/run-text.ts";

import type { Schemas } from "../../src/client/index.ts";
import { RUN } from "./misbehaving.ts";

type DetailedActionRun = Schemas["DetailedActionRun"];

afterEach(() => {
  vi.useRealTimers();
});

const beat = (progress: number | null, message: string | null) => ({
  seq: 2,
  type: "heartbeat",
  at: RUN.createdAt,
  progress,
  message,
});
const ASCII = "rolling out shop-42 to all of the regions, one after the other, and then again";
const LONG = "部署到生产环境 rolling out shop-42 to all of the regions, one after the other";

test.each([1, 2, 8, 19, 20, 39, 79, 119])("in %i cells a heartbeat fits", (columns) => {
  for (const event of [beat(0.42, LONG), beat(0.42, null), beat(null, LONG), beat(null, null), beat(7, "x")]) {
    const line = heartbeatLine(event, columns);
    expect([line, stringWidth(line) <= columns]).toEqual([line, true]);
  }
});

test("in 79 cells a heartbeat shows its bar, its share and its message; in 19 cells the bar is short", () => {
  expect(heartbeatLine(beat(0.42, "testing"), 79)).toBe("[########------------] 42 % testing");
  expect(heartbeatLine(beat(0.5, "testing"), 19)).toBe("[###---] 50 % test…");
  expect(heartbeatLine(beat(null, null), 79)).toBe("heartbeat at 2026-11-25T13:21:48Z");
});

/**
 * A terminal that breaks long lines again when its width changes, as most do. It knows what the command line prints:
 * text, line ends, CR, and erasing from the cursor on.
 */
class Terminal extends EventEmitter {
  readonly isTTY = true;
  columns: number;
  /** Lines as they were printed. A line wider than the terminal takes several rows. */
  #lines: string[] = [""];
  #at = 0;

  constructor(columns: number) {
    super();
    this.columns = columns;
  }

  write(text: string): boolean {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal acts on them.
    for (const [part] of text.matchAll(/\x1b\[J|\r|\n|[^\x1b\r\n]+/g)) {
      const last = this.#lines.length - 1;
      // CR goes to the beginning of the row. A line that was printed before a resize may have several rows.
      if (part === "\r") this.#at -= this.#at % this.columns;
      else if (part === "\n") this.#lines.push("");
      else if (part === "\x1b[J") this.#lines[last] = (this.#lines[last] ?? "").slice(0, this.#at);
      else {
        expect(stringWidth(part)).toBeLessThan(this.columns);
        const line = this.#lines[last] ?? "";
        this.#lines[last] = line.slice(0, this.#at) + part + line.slice(this.#at + part.length);
        this.#at += part.length;
      }
      if (part === "\n") this.#at = 0;
    }
    return true;
  }

  resize(columns: number): void {
    this.columns = columns;
    this.emit("resize");
  }

  get rows(): readonly string[] {
    return this.#lines;
  }
}

/** What is shown of a run on this terminal. `read`: reads a run that waits. */
function linesOn(terminal: Pick<Terminal, "write">, read: () => Promise<DetailedActionRun>) {
  process.env.NO_COLOR = "1";
  return eventLinesOn(new Output({ json: false }, terminal as unknown as NodeJS.WriteStream), read);
}

test("heartbeats change one line in place, other events stay above it, and a resize draws it again", async () => {
  const before = process.listenerCount("SIGINT");
  const terminal = new Terminal(80);
  const never = () => Promise.reject(new Error("A run that does not wait is not read."));
  const lines = linesOn(terminal, never);
  await lines.show({ seq: 1, type: "started", at: RUN.createdAt, cause: "heartbeat" });
  const started = "2026-11-25T13:21:48Z  started           the first heartbeat came";
  await lines.show(beat(0.1, "one"));
  await lines.show(beat(0.5, ASCII));
  expect(terminal.rows).toEqual([started, expect.stringMatching(/^\[#{10}-{10}\] 50 % rolling/)]);
  for (const columns of [20, 120, 8, 60]) {
    terminal.resize(columns);
    expect(terminal.rows).toEqual([started, heartbeatLine(beat(0.5, ASCII), columns - 1)]);
  }
  terminal.resize(80);
  await lines.show({ seq: 3, type: "ended", at: RUN.createdAt, status: "succeeded", cause: "callback" });
  expect(terminal.rows).toEqual([started, expect.stringContaining("succeeded, the job reported it"), ""]);
  expect([process.listenerCount("SIGINT"), terminal.listenerCount("resize")]).toEqual([before, 0]);
});

test("the lines that a job prints stay above the bar, and the bar stays the last line", async () => {
  const terminal = new Terminal(80);
  const lines = linesOn(terminal, () => Promise.reject(new Error("A run that does not wait is not read.")));
  const bar = heartbeatLine(beat(0.5, "half"), 79);
  await lines.show(beat(0.5, "half"));
  lines.showTail({ tail: "one\ntwo\nthr", at: RUN.createdAt });
  expect(terminal.rows).toEqual(["| one", "| two", bar]);
  lines.showTail({ tail: "two\nthree\nfo", at: RUN.createdAt });
  expect(terminal.rows).toEqual(["| one", "| two", "| three", bar]);
  await lines.show({ seq: 3, type: "ended", at: RUN.createdAt, status: "succeeded", cause: "callback" });
  expect(terminal.rows).toEqual(["| one", "| two", "| three", "| fo", expect.stringContaining("succeeded"), ""]);
});

/** A queued run, and the reads of it, which the test answers. */
function waitingRun() {
  const reads: PromiseWithResolvers<DetailedActionRun>[] = [];
  const read = () => {
    const answer = Promise.withResolvers<DetailedActionRun>();
    reads.push(answer);
    return answer.promise;
  };
  const at = (position: number) => {
    const place = { position, behind: [RUN.id] };
    const times = { since: RUN.createdAt, until: RUN.createdAt, notBefore: null };
    const waiting = { for: "concurrency", ...times, group: "deploys", key: null, reason: null, ...place };
    return { ...RUN, details: { waiting, approval: null } } as unknown as DetailedActionRun;
  };
  return { reads, read, at };
}

const HELD = { seq: 2, type: "waiting", at: RUN.createdAt, for: "concurrency", group: "deploys" };
const OPENED = { seq: 3, type: "released", at: RUN.createdAt };
const HELD_LINE = "2026-11-25T13:21:48Z  waiting           for a slot of deploys";
const LINE = (place: string) => `${place} in line for group deploys, behind 148ea617`;

test("what a run waits for is one line that follows its place, through an outage, until the run is released", async () => {
  vi.useFakeTimers();
  const { reads, read, at } = waitingRun();
  const terminal = new Terminal(80);
  const lines = linesOn(terminal, read);
  await lines.show(HELD);
  reads[0]?.resolve(at(2));
  await vi.advanceTimersByTimeAsync(0);
  expect(terminal.rows).toEqual([HELD_LINE, LINE("2nd")]);
  await vi.advanceTimersByTimeAsync(10_000);
  reads[1]?.reject(new Error("The server can't answer."));
  await vi.advanceTimersByTimeAsync(10_000);
  expect(terminal.rows).toEqual([HELD_LINE, LINE("2nd")]);
  reads[2]?.resolve(at(1));
  await vi.advanceTimersByTimeAsync(1000);
  expect(terminal.rows).toEqual([HELD_LINE, LINE("1st")]);
  // A problem is printed where the line was, and the line comes back below.
  vi.spyOn(process.stderr, "write").mockImplementation((text) => terminal.write(String(text)));
  lines.complain("The server can't answer now.");
  vi.mocked(process.stderr.write).mockRestore();
  await vi.advanceTimersByTimeAsync(1000);
  expect(terminal.rows.slice(1)).toEqual(["action-runs: The server can't answer now.", LINE("1st")]);
  await lines.show(OPENED);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(terminal.rows.slice(2)).toEqual(["2026-11-25T13:21:48Z  released", ""]);
  expect([reads.length, vi.getTimerCount()]).toEqual([3, 0]);
});

test("an answer that comes after the run's release draws nothing", async () => {
  vi.useFakeTimers();
  const { reads, read, at } = waitingRun();
  const terminal = new Terminal(80);
  const lines = linesOn(terminal, read);
  await lines.show(HELD);
  await lines.show(OPENED);
  reads[0]?.resolve(at(2));
  await vi.advanceTimersByTimeAsync(0);
  expect(terminal.rows).toEqual([HELD_LINE, "2026-11-25T13:21:48Z  released", ""]);
});

test("without a terminal, a run that waits is not read", async () => {
  const { reads, read } = waitingRun();
  const written: string[] = [];
  const write = (text: string) => written.push(text) > 0;
  await linesOn({ write }, read).show(HELD);
  expect([written, reads]).toEqual([[`${HELD_LINE}\n`], []]);
});
