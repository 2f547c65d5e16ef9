/**
 * Makes before-actions.jsonl: what the code of commit 13b34cb, the last one without stored actions, leaves in its
 * coordinators and in D1. Vitest does not run this file here. To make the record again, run it with that code:
 *
 *     git archive 13b34cb | tar -x -C "$old" && cp test/upgrade/recorder.ts "$old/test/upgrade/recorder.test.ts"
 *     cd "$old" && npm ci && npx vitest run test/upgrade/recorder.test.ts --update
 *     cp "$old/test/upgrade/before-actions.jsonl" test/upgrade/
 *
 * So it imports only what that commit has as well. Its clock is in the year 2100, so that no run of the record ever expires
 * and no alarm rings by itself.
 */

import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, it, vi } from "vitest";
import { COORDINATORS } from "../../src/runs/run-id.ts";
import { coordinator, until } from "../support/direct.ts";
import { faults } from "../support/faults.ts";
import { landed } from "../support/landed.ts";
import { type Answer, type Ask, ask, type CreatedRun, createRun, report } from "../support/requests.ts";
import { beat, eventsOf } from "../support/stream.ts";

const PATH = "/acme/shop/envs/before/action-runs";
const RECORDED_AT = Date.parse("2100-01-01T00:00:00.000Z");

const KEYED: Ask = { headers: { "Idempotency-Key": "deploy 4711" } };
const PLAIN = { actionName: "deploy", parameters: { version: "1.4.2" }, timeout: 1440 };
/** Nobody answers there but with 503. */
const TRIGGER = { type: "webhook", url: "https://ci.example.com/hooks/deploy", startOn: "heartbeat" };
const RETRIED = { ...TRIGGER, retry: { maxAttempts: 5, initialDelayMs: 60_000 } };

type Rows = (sql: string) => Promise<Record<string, unknown>[]>;

/** The statements that make these tables and their rows again. */
async function statements(rows: Rows): Promise<string[]> {
  const objects = await rows(
    `SELECT type, name, sql FROM sqlite_schema
     WHERE sql IS NOT NULL AND substr(name, 1, 4) <> '_cf_' AND substr(name, 1, 7) <> 'sqlite_'`,
  );
  const made = (type: string) => objects.filter((one) => one.type === type).map(({ sql }) => String(sql));
  const inserts: string[] = [];
  for (const { name } of objects.filter(({ type }) => type === "table")) {
    const [first] = await rows(`SELECT * FROM "${name}" LIMIT 1`);
    if (first === undefined) continue;
    const columns = Object.keys(first);
    const values = columns.map((column) => `quote("${column}")`).join(" || ', ' || ");
    for (const row of await rows(`SELECT ${values} AS "values" FROM "${name}"`)) {
      inserts.push(`INSERT INTO "${name}" (${columns.join(", ")}) VALUES (${row.values})`);
    }
  }
  return [...made("table"), ...inserts, ...made("index")];
}

function journalOf(n: number): Promise<string[]> {
  return runInDurableObject(coordinator(PATH, n), (_instance, { storage: { sql } }) =>
    statements(async (query) => [...sql.exec(query)]),
  );
}

/** A run whose webhook was sent once and refused. */
async function dispatched(trigger: object): Promise<CreatedRun> {
  const run = await createRun(PATH, { ...PLAIN, trigger });
  await until(async () => (await eventsOf(`${PATH}/${run.id}`)).body.length >= 3);
  return run;
}

function told(answer: Answer<unknown>, status = 200): void {
  expect(answer.status).toBe(status);
}

async function makeRuns(): Promise<Record<string, CreatedRun>> {
  const entityId = "01890a5d-ac96-774b-bcce-b302099a8057";
  const pending = await createRun(PATH, { ...PLAIN, entityId }, KEYED);
  const running = await createRun(PATH, { ...PLAIN, heartbeatTimeout: 1440 });
  told(await beat(running, { message: "half-way", progress: 0.5 }));
  const succeeded = await createRun(PATH, { ...PLAIN, actionName: "test" });
  const done = { status: "succeeded", output: { url: "https://shop.example.com" } };
  told(await report(succeeded, done, { headers: { "Idempotency-Key": "report 1" } }));
  const failed = await createRun(PATH, PLAIN);
  told(await report(failed, { status: "failed", error: "exit code 2" }));
  const cancelled = await createRun(PATH, PLAIN);
  told(await ask("DELETE", `${PATH}/${cancelled.id}`));
  const undelivered = await dispatched(RETRIED);
  const triggered = await dispatched(RETRIED);
  told(await beat(triggered));
  const triggeredEnded = await dispatched(RETRIED);
  told(await report(triggeredEnded, { status: "succeeded" }));
  const triggeredCancelled = await dispatched(RETRIED);
  told(await ask("DELETE", `${PATH}/${triggeredCancelled.id}`));
  const givenUp = await dispatched({ ...TRIGGER, retry: { maxAttempts: 1 } });
  await landed(PATH);
  faults.writes = "down";
  const unlanded = await createRun(PATH, PLAIN);
  return {
    ...{ pending, running, succeeded, failed, cancelled, unlanded },
    ...{ undelivered, triggered, triggeredEnded, triggeredCancelled, givenUp },
  };
}

it("records the state of this code", async () => {
  const now = Date.now.bind(Date);
  const ahead = RECORDED_AT - now();
  vi.spyOn(Date, "now").mockImplementation(() => now() + ahead);
  const created = await makeRuns();
  const lines: unknown[] = [];
  for (const [name, { id, callback }] of Object.entries(created)) {
    const { body } = await ask("GET", `${PATH}/${id}`);
    const { body: events } = await eventsOf(`${PATH}/${id}`);
    lines.push(["run", name, { run: body, events, callback }]);
  }
  for (let n = 0; n < COORDINATORS; n++) {
    for (const sql of await journalOf(n)) lines.push(["journal", n, sql]);
  }
  const d1 = await statements(async (query) => (await env.DB.prepare(query).all()).results);
  for (const sql of d1) lines.push(["d1", sql]);
  const text = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
  await expect(text).toMatchFileSnapshot("./before-actions.jsonl");
});
