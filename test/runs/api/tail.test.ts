/** The newest output of a job: what is kept of it, where and for how long, who sees it, and what it costs. */

import { describe, expect, it, vi } from "vitest";
import { newestOf } from "../../../src/runs/api/callback-routes.ts";
import type { Heartbeat } from "../../../src/runs/run-calls.ts";
import { alarmIn, coordinator, direct, heartbeatCost, journal, restart, until } from "../../support/direct.ts";
import { replicated, replicatedRow } from "../../support/replicated.ts";
import {
  type ActionRun,
  ask,
  type CreatedRun,
  createRun,
  givenRun,
  newRunsPath,
  report,
  type Schemas,
} from "../../support/requests.ts";
import { changesOf } from "../../support/runs/changes.ts";
import { beat, eventsOf, givenStarted, openStream, type Stream } from "../../support/runs/stream.ts";
import { grantToken, type Refusal } from "../../support/tokens.ts";

type Detailed = ActionRun & { readonly details: Schemas["ActionRunDetails"] };

const MAX = 8192;

async function heartbeatOf(runPath: string) {
  const { body } = await ask<Detailed>("GET", `${runPath}?include=details`);
  return body.details.heartbeat;
}

async function tailOf(runPath: string) {
  return (await heartbeatOf(runPath))?.tail;
}

/** All that the object has stored. */
async function journalText(path: string): Promise<string> {
  const tables = await journal<{ name: string }>(path, "SELECT name FROM sqlite_schema WHERE type = 'table'");
  const names = tables.map(({ name }) => name).filter((name) => !name.startsWith("_cf_"));
  expect(names).toContain("events");
  const rows = await Promise.all(names.map((name) => journal(path, `SELECT * FROM "${name}"`)));
  return JSON.stringify(rows);
}

describe("the text", () => {
  it.each<[what: string, sent: string, kept: string]>([
    ["plain lines", "one\ntwo\n", "one\ntwo\n"],
    ["nothing", "", ""],
    ["half a surrogate pair", "a\ud800b\udfff", "a\ufffdb\ufffd"],
    ["NUL and escapes", "a\0\u001b[31mb\u202e\r\n", "a\ufffd\u001b[31mb\u202e\r\n"],
    ["exactly 8 KiB", "é".repeat(MAX / 2), "é".repeat(MAX / 2)],
    ["8 KiB of combining marks", "\u0301".repeat(MAX / 2), "\u0301".repeat(MAX / 2)],
    ["more without lines", `${"x".repeat(9000)}END`, `${"x".repeat(MAX - 3)}END`],
    ["more, and a line begins near", `${"x".repeat(9000)}\n${"y".repeat(7999)}\n`, `${"y".repeat(7999)}\n`],
    [
      "more, and no line begins near",
      `${"x".repeat(9000)}\n${"y".repeat(99)}`,
      `${"x".repeat(8092)}\n${"y".repeat(99)}`,
    ],
  ])("%s is kept, repaired and cut", async (_what, sent, kept) => {
    const { run, runPath } = await givenRun();
    expect((await beat(run, { tail: sent })).status).toBe(200);
    expect(await tailOf(runPath)).toBe(kept);
  });

  it("is cut between characters, wherever the limit falls", () => {
    for (const character of ["a", "é", "€", "😀"]) {
      for (let spare = 0; spare < 8; spare++) {
        const cut = newestOf(`${character.repeat(9000)}${"z".repeat(spare)}`, MAX);
        const bytes = new TextEncoder().encode(cut).length;
        expect([cut.isWellFormed(), cut.replaceAll(character, "").length]).toEqual([true, spare]);
        expect(bytes).toBeLessThanOrEqual(MAX);
        expect(bytes).toBeGreaterThan(MAX - 4);
      }
    }
  });

  it("may have a megabyte, and escapes in JSON", async () => {
    const { run, runPath } = await givenRun();
    const raw = `{"tail":"${"\\u0301".repeat(160_000)}"}`;
    const url = run.callback.url.replace(/callback$/, "heartbeat");
    const answer = await ask("POST", url, {
      token: run.callback.token,
      raw: new Blob([raw], { type: "application/json" }),
    });
    expect(answer.status).toBe(200);
    expect(await tailOf(runPath)).toBe("\u0301".repeat(MAX / 2));
  });

  it.each([1, null, ["a"], { a: 1 }])("that is %j is refused with the name of the member", async (tail) => {
    const { run } = await givenRun();
    const answer = await beat<Refusal>(run, { tail });
    expect(answer).toMatchObject({ status: 400, body: { code: "invalid_body", pointer: "/tail" } });
  });
});

describe("a tail", () => {
  it("is in the run's details with the instant when it came, and the next one replaces it", async () => {
    const { run, runPath } = await givenRun();
    expect(await heartbeatOf(runPath)).toBeNull();
    await beat(run, { message: "m", progress: 0.5 });
    const first = await heartbeatOf(runPath);
    expect(first).toMatchObject({ message: "m", progress: 0.5, tail: null });
    await beat(run, { tail: "one\n" });
    const second = await heartbeatOf(runPath);
    expect(second).toMatchObject({ message: "m", progress: 0.5, tail: "one\n" });
    expect(Date.parse(second?.at ?? "")).toBeGreaterThanOrEqual(Date.parse(first?.at ?? ""));
    await beat(run, { tail: "two\n" });
    const third = await heartbeatOf(runPath);
    expect(third?.tail).toBe("two\n");
    expect(Date.parse(third?.at ?? "")).toBeGreaterThan(Date.parse(second?.at ?? ""));
    // A heartbeat without one, or with the same one, leaves it.
    await beat(run, { message: "m", progress: 0.5 });
    await beat(run, { tail: "two\n" });
    expect(await heartbeatOf(runPath)).toEqual(third);
  });

  it("costs no row more than the same heartbeat without it", async () => {
    const { path, run } = await givenRun();
    await beat(run, { message: "m" });
    const costOf = (heartbeat: Heartbeat) => heartbeatCost(path, run.id, heartbeat);
    const without = await costOf({});
    expect(without).toEqual({ statements: without.statements, rows: 1 });
    for (const tail of ["a", "b", "b", "x".repeat(MAX)]) expect(await costOf({ tail })).toEqual(without);
    expect((await costOf({ message: "n", tail: "c" })).rows).toBe(2);
  });

  it("is in no row, no timeline, no list, no feed and no other answer", async () => {
    const { path, run, runPath } = await givenRun();
    const secret = "only-in-memory-7c1f";
    await beat(run, { message: "m", tail: `${secret}\n` });
    await replicated(path);
    expect(await tailOf(runPath)).toContain(secret);
    const answers = await Promise.all([
      ask("GET", runPath),
      ask("GET", `${path}?include=details`),
      changesOf(path, "?after=0&include=details"),
      eventsOf(runPath),
      ask("GET", runPath, { token: run.callback.token }),
      beat(run),
    ]);
    expect(JSON.stringify(answers)).not.toContain(secret);
    expect((await replicatedRow(path, run.id))?.body).not.toContain(secret);
    expect(await journalText(path)).not.toContain(secret);
  });

  const ENDS: Readonly<Record<string, (run: CreatedRun, path: string) => Promise<unknown>>> = {
    "a report": (run) => report(run, { status: "succeeded" }),
    "a cancel": (run, path) => ask("POST", `${path}/${run.id}/cancel`, { body: { graceSeconds: 0 } }),
    "its deadline": (_run, path) => alarmIn(61 * 60_000, coordinator(path)),
  };

  it.each(Object.entries(ENDS))("is gone when the run is ended by %s, and a retry has none", async (_how, end) => {
    const { path, run, runPath } = await givenRun();
    await beat(run, { message: "m", tail: "one\n" });
    await end(run, path);
    const { body: ended } = await ask<Detailed>("GET", `${runPath}?include=details`);
    expect(ended.completedAt).not.toBeNull();
    expect(ended.details.heartbeat).toEqual({ at: expect.any(String), message: "m", progress: null, tail: null });
    expect(JSON.stringify(await direct(path).watches.events(run.id, { after: 0, limit: 9, tailAt: 0 }))).not.toContain(
      "one",
    );
    const again = await ask<Detailed>("POST", `${runPath}/retry?include=details`);
    expect(again.body.details.heartbeat).toBeNull();
  });

  it("stays during a grace after a cancel", async () => {
    const { run, runPath } = await givenStarted();
    await beat(run, { tail: "one\n" });
    await ask("POST", `${runPath}/cancel`, { body: { graceSeconds: 60 } });
    await beat(run, { tail: "cleaning up\n" });
    expect(await tailOf(runPath)).toBe("cleaning up\n");
  });

  it("is gone with the object's memory until the next heartbeat", async () => {
    const { path, run, runPath } = await givenRun();
    await beat(run, { message: "m", tail: "one\n" });
    await restart(path);
    expect(await heartbeatOf(runPath)).toMatchObject({ message: "m", tail: null });
    await beat(run, { tail: "two\n" });
    expect(await tailOf(runPath)).toBe("two\n");
  });

  it("is refused with its heartbeat after the end, and kept nowhere", async () => {
    const { run, runPath } = await givenRun();
    await report(run, { status: "succeeded" });
    expect((await beat(run, { tail: "late\n" })).status).toBe(409);
    expect((await heartbeatOf(runPath))?.tail ?? null).toBeNull();
  });

  it("of one project is out of reach for the tokens of others", async () => {
    const { run, runPath } = await givenRun();
    await beat(run, { tail: "one\n" });
    const { token } = await grantToken("/rival/shop", { role: "owner" });
    const { token: reader } = await grantToken(runPath.split("/").slice(0, 3).join("/"), { role: "viewer" });
    const other = await ask<Refusal>("GET", `${runPath}?include=details`, { token });
    expect([other.status, JSON.stringify(other.body)]).toEqual([404, expect.not.stringContaining("one")]);
    expect((await openStream(runPath, { token })).status).toBe(404);
    const { body } = await ask<Detailed>("GET", `${runPath}?include=details`, { token: reader });
    expect(body.details.heartbeat?.tail).toBe("one\n");
  });
});

describe("the answer to a heartbeat", () => {
  const watched = async (run: CreatedRun) => (await beat(run)).body.watched ?? false;

  it("says that a run is watched while an event stream follows it", async () => {
    const { run, runPath } = await givenStarted();
    expect(await watched(run)).toBe(false);
    const stream = await openStream(runPath);
    await stream.events(3);
    expect(await watched(run)).toBe(true);
    const other = await createRun(newRunsPath());
    expect(await watched(other)).toBe(false);
    await stream.cancel();
    await until(async () => !(await watched(run)));
  });

  it("does not count a wait for the end, which programs do", async () => {
    const { path, run } = await givenStarted();
    const subscriber = { key: crypto.randomUUID(), tokenId: "t" };
    const waiting = direct(path).watches.waitForEnd(run.id, subscriber, {
      maxMs: 20_000,
      isLast: true,
      include: "details",
    });
    expect(await watched(run)).toBe(false);
    await report(run, { status: "succeeded" });
    expect(await waiting).toMatchObject({ isOver: true });
  });

  it("counts a read of the details for 15 s, and no other read", async () => {
    const { run, runPath } = await givenStarted();
    await ask("GET", runPath);
    expect(await watched(run)).toBe(false);
    await ask("GET", `${runPath}?include=details`);
    expect(await watched(run)).toBe(true);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 15_000 });
    expect(await watched(run)).toBe(false);
  });
});

describe("an event stream", () => {
  async function nextTail(stream: Stream) {
    for (;;) {
      const frame = await stream.next();
      if (frame === null) return null;
      if (frame.event !== "tail") continue;
      expect(frame.id).toBeNull();
      return JSON.parse(frame.data ?? "") as { tail: string; at: string };
    }
  }

  it("begins with the tail that there is, and gets each newer one without an id", async () => {
    const { run, runPath } = await givenStarted();
    await beat(run, { tail: "one\n" });
    const stream = await openStream(runPath);
    const first = await nextTail(stream);
    expect(first).toEqual({ tail: "one\n", at: (await heartbeatOf(runPath))?.at });
    const coming = nextTail(stream);
    await beat(run, { tail: "two\u2028\n\ndata: x\n" });
    expect((await coming)?.tail).toBe("two\u2028\n\ndata: x\n");
    const end = nextTail(stream);
    await beat(run, { tail: "two\u2028\n\ndata: x\n" });
    await report(run, { status: "succeeded" });
    // The same text is no news, and the end brings none.
    expect(await end).toBeNull();
  });

  it("is resumed behind its last event, as if there were no tail", async () => {
    const { run, runPath } = await givenStarted();
    await beat(run, { tail: "one\n" });
    const stream = await openStream(runPath, { lastEventId: 3 });
    expect((await nextTail(stream))?.tail).toBe("one\n");
    const coming = stream.events(1);
    await beat(run, { message: "m", tail: "two\n" });
    expect(await coming).toMatchObject([{ seq: 4, message: "m" }]);
    await stream.cancel();
  });

  it("gets at most one tail a second, and then the newest", async () => {
    const { run, runPath } = await givenStarted();
    const stream = await openStream(runPath);
    await stream.events(3);
    const coming = nextTail(stream);
    for (let n = 0; n < 10; n++) await beat(run, { tail: `${n}\n` });
    const first = await coming;
    const second = await nextTail(stream);
    expect([first?.tail, second?.tail]).toEqual(["0\n", "9\n"]);
    await stream.cancel();
  });

  it("does not bring the tails of other runs", async () => {
    const path = newRunsPath();
    const [one, other] = [await createRun(path), await createRun(path)];
    const stream = await openStream(`${path}/${one.id}`);
    await stream.events(1);
    const coming = nextTail(stream);
    await beat(other, { tail: "other\n" });
    await beat(one, { tail: "own\n" });
    expect((await coming)?.tail).toBe("own\n");
    await stream.cancel();
  });
});
