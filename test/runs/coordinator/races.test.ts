import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { direct } from "../../support/direct.ts";
import { replicated, replicatedRow } from "../../support/replicated.ts";
import {
  type ActionRun,
  type Answer,
  ask,
  type CreatedRun,
  createRun,
  givenRun,
  newRunsPath,
  pagesOf,
  report,
  scopeOfPath,
} from "../../support/requests.ts";

type Outcome = Answer<ActionRun & { readonly code?: string }>;

const succeed = (run: CreatedRun, n: number): Promise<Outcome> =>
  report(run, { status: "succeeded", output: { by: n } });
const fail = (run: CreatedRun, n: number): Promise<Outcome> => report(run, { status: "failed", error: `caller ${n}` });

function shuffled<T>(items: readonly T[]): T[] {
  const order = items.map((item) => ({ item, at: Math.random() }));
  return order.sort((a, b) => a.at - b.at).map(({ item }) => item);
}

async function allPages(path: string): Promise<{ runs: ActionRun[]; pages: number }> {
  const pages = await pagesOf<ActionRun>(`${path}?limit=200`);
  return { runs: pages.flat(), pages: pages.length };
}

async function expectEverywhere(path: string, told: ActionRun): Promise<void> {
  expect((await ask("GET", `${path}/${told.id}`)).body).toEqual(told);
  expect((await ask<ActionRun[]>("GET", path)).body).toEqual([told]);
  const row = await replicatedRow(path, told.id);
  expect(row?.status).toBe(told.status);
  expect(JSON.parse(row?.body ?? "null")).toEqual(told);
}

describe("100 callers at one run", () => {
  it.each([1, 2])("have exactly one winner (round %i)", async () => {
    const { path, run, runPath } = await givenRun();
    const cancel = (): Promise<Outcome> => ask("DELETE", runPath);
    const callers = shuffled([
      ...Array.from({ length: 40 }, (_, n) => () => succeed(run, n)),
      ...Array.from({ length: 30 }, (_, n) => () => fail(run, n)),
      ...Array.from({ length: 30 }, () => cancel),
    ]);
    const answers = await Promise.all(callers.map((call) => call()));

    const [winner, ...others] = answers.filter(({ status }) => status === 200);
    expect(others).toEqual([]);
    const told = winner?.body;
    if (told === undefined) throw new Error("nobody won");
    expect(["succeeded", "failed", "cancelled"]).toContain(told.status);
    const losers = answers.filter((answer) => answer !== winner);
    expect(losers).toHaveLength(99);
    for (const { status, body } of losers) {
      expect({ status, code: body.code }).toEqual({ status: 409, code: `run_${told.status}` });
    }
    await expectEverywhere(path, told);
    expect((await replicatedRow(path, run.id))?.version).toBe(2);
  });

  it("lose their cancels to a start, and still have one winner", async () => {
    const { path, run, runPath } = await givenRun();
    const start = { key: `m:${crypto.randomUUID()}`, fingerprint: "" };
    const [started, cancels, reports] = await Promise.all([
      direct(path).runs.applyEvent(run.id, { type: "started" }, start),
      Promise.all(Array.from({ length: 50 }, () => ask<Outcome["body"]>("DELETE", runPath))),
      Promise.all(Array.from({ length: 50 }, (_, n) => (n % 2 === 0 ? succeed(run, n) : fail(run, n)))),
    ]);
    const [winner, ...others] = [...cancels, ...reports].filter(({ status }) => status === 200);
    expect(others).toEqual([]);
    const told = winner?.body;
    if (told === undefined) throw new Error("nobody won");
    if (started.ok) {
      expect(told.status).not.toBe("cancelled");
      expect(told.startedAt).not.toBeNull();
    }
    for (const answer of [...cancels, ...reports]) {
      if (answer === winner) continue;
      expect(answer.status).toBe(409);
      expect([`run_${told.status}`, "run_running"]).toContain(answer.body.code);
    }
    // Only a cancel is stopped by a run that is merely running.
    expect(reports.filter(({ body }) => body.code === "run_running")).toEqual([]);
    await expectEverywhere(path, told);
  });
});

describe("creates at once", () => {
  it("lose none of 250: each has its own id, is in D1, and is listed", async () => {
    const path = newRunsPath();
    const created = await Promise.all(
      Array.from({ length: 250 }, (_, n) => createRun(path, { actionName: "deploy", parameters: { n } })),
    );
    const told = new Map(created.map(({ callback: _, ...run }) => [run.id, run]));
    expect(told.size).toBe(250);
    expect(new Set(created.map(({ parameters }) => parameters.n)).size).toBe(250);

    await replicated(path);
    const { runs, pages } = await allPages(path);
    expect(pages).toBe(2);
    expect(runs).toEqual(
      [...told.keys()]
        .sort()
        .reverse()
        .map((id) => told.get(id)),
    );
    const rows = await env.DB.prepare("SELECT count(*) AS n FROM runs WHERE scope = ?")
      .bind(scopeOfPath(path))
      .first<{ n: number }>();
    expect(rows?.n).toBe(250);
  });

  it("create one run if ten have one Idempotency-Key, and each answer opens it", async () => {
    const path = newRunsPath();
    const create = () =>
      ask<CreatedRun>("POST", path, {
        body: { actionName: "deploy", timeout: 5 },
        headers: { "Idempotency-Key": "order-7" },
      });
    const answers = await Promise.all(Array.from({ length: 10 }, create));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 201));
    expect(answers.filter(({ headers }) => headers.has("Idempotent-Replayed"))).toHaveLength(9);
    const [one, ...more] = new Set(answers.map(({ body }) => JSON.stringify(body)));
    expect(more).toEqual([]);
    const run: CreatedRun = JSON.parse(one ?? "null");
    expect((await allPages(path)).runs.map(({ id }) => id)).toEqual([run.id]);
    expect((await succeed(run, 1)).status).toBe(200);
  });
});
