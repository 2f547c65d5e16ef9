/** …/pauses: what holds back a group or a whole environment, and who may say so. */

import { describe, expect, it, vi } from "vitest";
import { askWith, calledThrough, envWith } from "../../../support/bindings.ts";
import { hurryTime } from "../../../support/clock.ts";
import { direct, HOUR_MS, MINUTE_MS, until } from "../../../support/direct.ts";
import { breakD1 } from "../../../support/faults.ts";
import { type Answer, type Ask, ask, createRun, newRunsPath } from "../../../support/requests.ts";
import { loseCoordinator } from "../../../support/runs/changes.ts";
import {
  type DetailedRun,
  detailsOf,
  gatedRun,
  ONE_AT_A_TIME,
  startGated,
  storeGated,
} from "../../../support/runs/gated.ts";
import { givenProject, grantToken, type Refusal } from "../../../support/tokens.ts";

interface Pause {
  readonly group: string;
  readonly reason: string;
  readonly from: string;
  readonly until: string | null;
  readonly active: boolean;
  readonly warning?: string;
  readonly by: string;
  readonly via: string | null;
  readonly at: string;
}

const pathOf = (runs: string, group = "") =>
  `${runs.replace(/action-runs$/, "pauses")}${group === "" ? "" : `/${group}`}`;
const put = (runs: string, group: string, body: unknown = { reason: "freeze" }, options: Ask = {}) =>
  ask<Pause & Partial<Refusal>>("PUT", pathOf(runs, group), { body, ...options });
const remove = (runs: string, group: string, options: Ask = {}, query = ""): Promise<Answer<Refusal | null>> =>
  ask("DELETE", `${pathOf(runs, group)}${query}`, options);
const inMs = (ms: number) => new Date(Date.now() + ms).toISOString();
const list = async (runs: string) => (await ask<Pause[]>("GET", pathOf(runs))).body;
const hasStarted = async (runs: string, { id }: DetailedRun) => (await detailsOf(runs, id)).details.waiting === null;

it("a pause of a group holds back its runs, until a DELETE", async () => {
  const path = newRunsPath();
  await storeGated(path, ONE_AT_A_TIME);
  const { status, body: pause } = await put(path, "prod");
  const { from, at } = pause;
  const expected = { group: "prod", reason: "freeze", from, until: null, active: true, by: "root", via: null, at };
  expect([status, pause]).toEqual([200, expected]);
  expect(await list(path)).toEqual([expected]);
  const run = await gatedRun(path, ONE_AT_A_TIME);
  expect(run.details.waiting).toMatchObject({ for: "pause", reason: "freeze", group: "prod" });
  // Not another group.
  const other = await gatedRun(path, { concurrency: { group: "stage" } });
  expect(other.details.waiting).toBeNull();
  expect((await remove(path, "prod")).status).toBe(204);
  expect(await list(path)).toEqual([]);
  expect(await hasStarted(path, run)).toBe(true);
});

it("a pause of the environment holds back every run that has a gate, and no other", async () => {
  const path = newRunsPath();
  expect((await put(path, "-environment")).body.group).toBe("-environment");
  const run = await gatedRun(path, { concurrency: { group: "prod", key: "{{ parameters.version }}" } });
  const { body: other } = await startGated(path, { parameters: { version: "2" } });
  for (const { details } of [run, other]) expect(details.waiting?.for).toBe("pause");
  const plain = await createRun(path, { actionName: "plain" });
  expect((await detailsOf(path, plain.id)).details.waiting).toBeNull();
  await put(path, "prod", { reason: "another" });
  expect((await list(path)).map(({ group }) => group)).toEqual(["-environment", "prod"]);
  expect((await remove(path, "-environment")).status).toBe(204);
  expect(await hasStarted(path, run)).toBe(false);
  await remove(path, "prod");
  for (const one of [run, other]) await until(() => hasStarted(path, one));
});

it("a second PUT replaces the pause, and a pause ends by itself", async () => {
  const path = newRunsPath();
  const ends = "2099-01-31T12:00:00.000Z";
  await put(path, "prod");
  expect((await put(path, "prod", { reason: "longer", until: ends })).body.until).toBe(ends);
  expect(await list(path)).toMatchObject([{ reason: "longer", until: ends }]);
  vi.useFakeTimers({ toFake: ["Date"], now: Date.parse(ends) });
  expect(await list(path)).toEqual([]);
  vi.useRealTimers();
});

it("a planned pause is listed before it begins, and ended or removed apart from that of today", async () => {
  const path = newRunsPath();
  const from = inMs(HOUR_MS);
  await put(path, "prod", { reason: "today" });
  expect((await put(path, "prod", { reason: "planned", from })).body).toMatchObject({ from, active: false });
  expect((await put(path, "prod", { reason: "planned again", from })).status).toBe(200);
  const shown = async () => (await list(path)).map(({ reason, active }) => [reason, active]);
  expect(await shown()).toEqual([
    ["today", true],
    ["planned again", false],
  ]);
  const run = await gatedRun(path, ONE_AT_A_TIME);
  expect((await remove(path, "prod")).status).toBe(204);
  expect(await shown()).toEqual([["planned again", false]]);
  expect(await hasStarted(path, run)).toBe(true);
  expect((await remove(path, "prod", {}, "?from=2026-01-01T00:00:00Z")).body?.code).toBe("pause_not_found");
  vi.useFakeTimers({ toFake: ["Date"], now: Date.parse(from) });
  expect(await shown()).toEqual([["planned again", true]]);
  vi.useRealTimers();
  for (const query of ["?from=tomorrow", "?until=x", `?from=${from}&from=${from}`]) {
    expect((await remove(path, "prod", {}, query)).body?.code).toBe("invalid_query");
  }
  expect((await remove(path, "prod", {}, `?from=${from}`)).status).toBe(204);
  expect(await shown()).toEqual([]);
});

it("a pause of a group that no action names is accepted, with a warning that names the group that is near", async () => {
  const path = newRunsPath();
  expect((await put(path, "deploy")).body.warning).toMatch(/No action has a group\.$/);
  await storeGated(path, { concurrency: { group: "deploy" } });
  expect((await put(path, "deploy")).body).not.toHaveProperty("warning");
  expect((await put(path, "-environment")).body).not.toHaveProperty("warning");
  const { status, body } = await put(path, "deplyo");
  expect([status, body.warning]).toEqual([
    200,
    "No action of this environment has the concurrency group deplyo. Did you mean deploy? The actions have the groups deploy.",
  ]);
  expect((await list(path)).map(({ group }) => group)).toEqual(["-environment", "deploy", "deplyo"]);
  expect((await list(path)).some((pause) => "warning" in pause)).toBe(false);
});

it.each(["down", "hang"] as const)("while D1 is %s, a pause is accepted without a warning", async (fault) => {
  const path = newRunsPath();
  const { open } = breakD1(fault);
  hurryTime();
  const { status, body } = await put(path, "deplyo");
  expect([status, body.warning]).toEqual([200, undefined]);
  open();
  expect(await list(path)).toMatchObject([{ group: "deplyo", active: true }]);
});

it("a run that is held says the reason of the pause as it is now", async () => {
  const path = newRunsPath();
  await put(path, "prod");
  const run = await gatedRun(path, ONE_AT_A_TIME);
  const shown = async () => (await detailsOf(path, run.id)).details.waiting;
  const { since } = (await shown()) ?? {};
  await put(path, "prod", { reason: "longer" });
  expect(await shown()).toMatchObject({ for: "pause", reason: "longer", since });
  await put(path, "-environment", { reason: "all of it" });
  expect(await shown()).toMatchObject({ reason: "longer" });
  await remove(path, "prod");
  expect(await shown()).toMatchObject({ for: "pause", reason: "all of it", since });
});

it("names the person for whom a token acts, and is in the audit", async () => {
  const { project, path: runs } = givenProject();
  const wanted = { role: "admin", name: "portal", mayActForOthers: true } as const;
  const { token } = await grantToken(project, wanted);
  const headers = { "On-Behalf-Of": "eve" };
  const { body } = await put(runs, "prod", { reason: "freeze" }, { token, headers });
  expect(body).toMatchObject({ by: "eve", via: "portal" });
  await remove(runs, "prod", { token });
  await put(runs, "-environment", { reason: "freeze" }, { token });
  await remove(runs, "-environment", { token });
  const { body: entries } = await ask<object[]>("GET", `${project}/audit`);
  const entry = (action: string, target: string) => ({
    action,
    target,
    targetName: target,
    actorName: "portal",
    scope: `${project.slice(1)}/prod`,
  });
  expect(entries.slice(0, 4)).toMatchObject([
    entry("pause_deleted", "-environment"),
    entry("pause_put", "-environment"),
    entry("pause_deleted", "prod"),
    entry("pause_put", "prod"),
  ]);
});

describe("refuses", () => {
  const path = newRunsPath();
  const SOON = inMs(HOUR_MS);
  it.each([
    ["no reason", {}, "/reason"],
    ["an empty body", null, undefined],
    ["an empty reason", { reason: "" }, "/reason"],
    ["a reason of two lines", { reason: "a\nb" }, "/reason"],
    ["a reason too long", { reason: "x".repeat(1025) }, "/reason"],
    ["an end in the past", { reason: "x", until: "2020-01-31T12:00:00Z" }, "/until"],
    ["an end without an offset", { reason: "x", until: "2099-01-31T12:00:00" }, "/until"],
    ["an end before it begins", { reason: "x", from: inMs(HOUR_MS), until: inMs(MINUTE_MS) }, "/until"],
    ["an end when it begins", { reason: "x", from: SOON, until: SOON }, "/until"],
    ["a beginning in 91 days", { reason: "x", from: inMs(91 * 24 * HOUR_MS) }, "/from"],
    ["another member", { reason: "x", by: "root" }, "/by"],
  ])("a pause with %s, and stores nothing", async (_what, body, pointer) => {
    const { status, body: refusal } = await put(path, "prod", body);
    expect([status, refusal.code]).toEqual([400, "invalid_body"]);
    expect((refusal as { pointer?: string }).pointer).toBe(pointer);
    expect(await list(path)).toEqual([]);
  });

  it.each(["-other", "-", "a b", "a%2Fb", "é", "x".repeat(64), "_a"])("the group %s", async (group) => {
    for (const answer of [await put(path, group), await remove(path, group)]) expect(answer.status).toBe(404);
  });

  it("an end of a pause that is not there", async () => {
    expect(await remove(path, "prod")).toMatchObject({ status: 404, body: { code: "pause_not_found" } });
  });

  it("members and viewers, who may see the pauses", async () => {
    for (const role of ["member", "viewer"] as const) {
      const { token } = await grantToken("/acme/shop", { role, mayApprove: true });
      for (const answer of [
        await put(path, "prod", { reason: "x" }, { token }),
        await remove(path, "prod", { token }),
      ]) {
        expect([answer.status, answer.body?.code]).toEqual([403, "forbidden"]);
      }
      expect((await ask<unknown>("GET", pathOf(path), { token })).status).toBe(200);
    }
  });
});

it("an environment has at most 200 pauses, and those that have ended don't count", async () => {
  const path = newRunsPath();
  const fill = async (until: number | null) => {
    const pause = { reason: "freeze", until, by: "ann", via: null, at: Date.now() };
    for (let i = 0; i < 200; i++) await direct(path).gates.pause({ ...pause, group: `g${i}` });
  };
  await fill(null);
  expect(await put(path, "prod")).toMatchObject({ status: 409, body: { code: "too_many_pauses" } });
  expect((await list(path)).length).toBe(200);
  expect((await put(path, "g7", { reason: "again" })).status).toBe(200);
  await fill(Date.now());
  expect((await put(path, "prod")).status).toBe(200);
});

it("while the coordinator can't be reached, every answer is 503, nothing changes, and nothing is in the audit", async () => {
  const { project, path } = givenProject();
  await put(path, "prod");
  const { restore } = loseCoordinator(path);
  for (const answer of [await put(path, "stage"), await remove(path, "prod"), await ask("GET", pathOf(path))]) {
    const { code } = answer.body as unknown as Refusal;
    expect([answer.status, code]).toEqual([503, "coordinator_unavailable"]);
  }
  restore();
  expect(await list(path)).toMatchObject([{ group: "prod", reason: "freeze" }]);
  const { body: entries } = await ask<{ action: string }[]>("GET", `${project}/audit`);
  expect(entries.map(({ action }) => action)).toEqual(["pause_put"]);
});

it("a DELETE whose first answer was lost has ended the pause, so it answers 204, and the audit tells of it", async () => {
  const { project, path } = givenProject();
  await put(path, "prod");
  let isLost = false;
  const losing = calledThrough(async (name, go) => {
    const answer = await go();
    if (name !== "gates.resume" || isLost) return answer;
    isLost = true;
    throw new Error("Network connection lost.");
  });
  expect((await askWith(envWith(losing), "DELETE", pathOf(path, "prod"))).status).toBe(204);
  expect(await list(path)).toEqual([]);
  const { body: entries } = await ask<{ action: string }[]>("GET", `${project}/audit`);
  expect(entries.map(({ action }) => action)).toEqual(["pause_deleted", "pause_put"]);
});
