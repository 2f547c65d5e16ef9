/** Callers create, report and list with their bookmarks, while the environment moves, and databases and objects fail. */

import { evictDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { MoveDriver } from "../../src/runs/coordinator/moves/move-driver.ts";
import { COORDINATORS } from "../../src/runs/run-id.ts";
import { coordinator, direct, until } from "../support/direct.ts";
import { faults, resetFaults } from "../support/faults.ts";
import { type ActionRun, ask, type CreatedRun, report } from "../support/requests.ts";
import { changed } from "../support/settings.ts";
import { beginMove, idsIn, livingIn, row } from "./moves.ts";

beforeEach(() => {
  for (const level of ["error", "log"] as const) vi.spyOn(console, level).mockImplementation(() => {});
});
afterEach(() => {
  for (const name of Object.keys(changed)) delete changed[name as keyof typeof changed];
  vi.restoreAllMocks();
});

const BOOKMARK = "x-d1-bookmark";
const TURN_MS = 100;

/** The driver's turns follow each other quickly, without a clock that jumps. The old rows rest as long as ever. */
function hurryDrivers(): void {
  const { nextAt, start } = MoveDriver.prototype;
  const turns = new WeakMap<MoveDriver, number>();
  vi.spyOn(MoveDriver.prototype, "nextAt").mockImplementation(function (this: MoveDriver, now) {
    const at = nextAt.call(this, now);
    return at > now + 60_000 ? at : Math.min(at, Math.max(now, (turns.get(this) ?? 0) + TURN_MS));
  });
  vi.spyOn(MoveDriver.prototype, "start").mockImplementation(function (this: MoveDriver, now) {
    if (this.nextAt(now) > now) return;
    turns.set(this, now);
    start.call(this, now);
  });
}

/** What a bookmark stands for: runs, and whether each must have ended. */
type Seen = Map<string, boolean>;

function union(...several: Seen[]): Seen {
  const all: Seen = new Map();
  for (const seen of several) for (const [id, ended] of seen) all.set(id, ended || all.get(id) === true);
  return all;
}

const behindIn = (text: string) =>
  new Set(text.split(/[., ]+/).filter((part) => part.length === 36).map((id) => id.slice(15, 18)));

interface Kept {
  text: string;
  seen: Seen;
}

const some = (n: number) => Math.floor(Math.random() * n);

interface Story {
  readonly path: string;
  readonly callers: Kept[];
  readonly acknowledged: Seen;
  readonly open: CreatedRun[];
  readonly trouble: string[];
  isOver: boolean;
  lists: number;
  misses: string[];
}

async function call(story: Story, who: number): Promise<void> {
  const kept = story.callers[who];
  if (kept === undefined) throw new Error("nobody");
  const headers = kept.text === "" ? {} : { [BOOKMARK]: kept.text };
  const what = some(10);
  if (what < 2 && story.acknowledged.size < 90) {
    const { status, body, headers: got } = await ask<CreatedRun>("POST", story.path, { body: { actionName: "deploy" }, headers });
    if (status !== 201) return;
    story.open.push(body);
    story.acknowledged.set(body.id, false);
    const text = got.get(BOOKMARK) ?? "";
    story.callers[who] = { text, seen: union(kept.seen, new Map([[body.id, false]])) };
  } else if (what < 4 && story.open.length > 0) {
    const [run] = story.open.splice(some(story.open.length), 1);
    if (run === undefined) return;
    const { status, headers: got } = await report(run, { status: "succeeded" }, { headers });
    if (status !== 200) {
      story.trouble.push(`report ${status}`);
      return;
    }
    story.acknowledged.set(run.id, true);
    const text = got.get(BOOKMARK) ?? "";
    story.callers[who] = { text, seen: union(kept.seen, new Map([[run.id, true]])) };
  } else if (what === 4) {
    const other = story.callers[some(story.callers.length)];
    if (other === undefined || other.text === "") return;
    story.callers[who] = {
      text: kept.text === "" ? other.text : `${kept.text}, ${other.text}`,
      seen: union(kept.seen, other.seen),
    };
  } else if (kept.text !== "") {
    const { status, body, headers: got } = await ask<ActionRun[]>("GET", `${story.path}?limit=100`, { headers });
    if (status !== 200) {
      story.trouble.push(`list ${status}`);
      return;
    }
    const text = got.get(BOOKMARK) ?? "";
    const behind = behindIn(text);
    const shown = new Map(body.map((run) => [run.id, run.completedAt !== null] as const));
    story.lists++;
    if (behind.size > 0) story.trouble.push("behind");
    for (const [id, ended] of kept.seen) {
      if (behind.has(id.slice(15, 18))) continue;
      if (!shown.has(id) || (ended && shown.get(id) !== true)) {
        const home = await row(story.path);
        const places = await Promise.all([0, 1, 2, 3].map((n) => direct(story.path, n).placement()));
        story.misses.push(
          JSON.stringify({ id, ended, shown: shown.get(id) ?? "absent", sent: kept.text, got: text, home, places, move: await direct(story.path, 0).moveUnderWay() }),
        );
      }
    }
    story.callers[who] = { text, seen: union(kept.seen, shown) };
  }
}

async function disturb(story: Story): Promise<void> {
  const what = some(7);
  if (what < 3) {
    await evictDurableObject(coordinator(story.path, some(COORDINATORS))).catch(() => {});
    return;
  }
  faults.only = some(4);
  if (what === 3) faults.writes = "down";
  else if (what === 4) faults.writes = "committed_then_error";
  else if (what === 5) faults.writeDelayMs = 100 + some(400);
  else {
    faults.writes = "down";
    faults.reads = "down";
  }
  await scheduler.wait(200 + some(500));
  resetFaults();
}

const SECONDS = Number(process.env["STORY_SECONDS"] ?? 12);

it.each(Array.from({ length: Number(process.env["STORIES"] ?? 1) }, (_, i) => i))("no list misses what its bookmark names (%i)", async () => {
  hurryDrivers();
  const { path, ids } = await livingIn(1);
  const story: Story = {
    ...{ path, callers: Array.from({ length: 4 }, () => ({ text: "", seen: new Map() })) },
    ...{ acknowledged: new Map(ids.map((id) => [id, false])), open: [], trouble: [], isOver: false, lists: 0, misses: [] },
  };
  const end = performance.now() + SECONDS * 1000;
  const going = () => performance.now() < end && story.misses.length === 0;
  const calling = story.callers.map(async (_, who) => {
    while (going()) {
      await call(story, who).catch((error: unknown) => story.trouble.push(String(error)));
      await scheduler.wait(some(60));
    }
  });
  const disturbing = (async () => {
    while (going()) {
      await scheduler.wait(some(1500));
      await disturb(story);
    }
    resetFaults();
  })();
  const moving = (async () => {
    while (going()) {
      await beginMove(path, some(4)).catch((error: unknown) => story.trouble.push(`move ${error}`));
      await scheduler.wait(some(500));
      if (some(30) === 0) await direct(path, 0).cancelMove().catch(() => null);
    }
  })();
  await Promise.all([...calling, disturbing, moving]);
  const tally: Record<string, number> = {};
  for (const one of story.trouble) tally[one] = (tally[one] ?? 0) + 1;
  console.info(JSON.stringify({ lists: story.lists, runs: story.acknowledged.size, row: await row(path), tally }));
  expect(story.misses).toEqual([]);
  // In the end, all has landed at home.
  const home = (await row(path))?.database ?? 0;
  await until(async () => {
    const there = new Set(await idsIn(home, path));
    return [...story.acknowledged.keys()].every((id) => there.has(id));
  }, 30_000);
  await until(async () => (await Promise.all([0, 1, 2, 3].map((n) => direct(path, n).settle()))).every(({ isBehind }) => !isBehind), 30_000);
});
