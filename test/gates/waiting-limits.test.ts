/** How much may wait in an environment, and how much of it one token may take. The journal is filled in SQL. */

import { afterEach, beforeEach, expect, it } from "vitest";
import { ANN, BOB, create, type Wanted } from "./gated-runs.ts";
import { type Awake, Stage } from "./stage.ts";

const MIB = 1024 * 1024;
const RUN_ID = /^[0-9a-f-]{36}$/;

let stage: Stage;
beforeEach(async () => {
  stage = new Stage();
  stage.random = Math.random;
  await stage.begin();
});
afterEach(() => stage.end());

/** Copies a run that waits until `count` of them wait, with `bytes` in all. */
function fill({ sql }: Awake, id: string, count: number, bytes: number): void {
  const columns = [...sql.exec<{ name: string }>("PRAGMA table_info(runs)")].map(({ name }) => name);
  // 0 is no change that D1 still lacks.
  const others = { run_key: "-n", id: "id || '-' || n", create_key: "'m:' || n", change_seq: "0" };
  const values = columns.map((name) => (name in others ? others[name as keyof typeof others] : name));
  sql.exec(
    `WITH RECURSIVE copies (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM copies WHERE n < ?1 - 1)
     INSERT INTO runs (${columns.join(", ")}) SELECT ${values.join(", ")} FROM runs, copies WHERE id = ?2 AND n < ?1`,
    count,
    id,
  );
  sql.exec("UPDATE runs SET waiting_bytes = ? WHERE id = ?", bytes - 8 * (count - 1), id);
}

const ELSEWHERE = { concurrency: { key: "elsewhere" } };
const TIMED = { concurrency: null } as const;

it.each<[what: string, limit: number, bytes: number, of: Wanted, and: Wanted]>([
  ["250 runs of one token at a group and key", 250, 2000, {}, {}],
  ["5000 runs of one token", 5000, 40_000, TIMED, ELSEWHERE],
  ["128 MiB of one token", 2, 128 * MIB, TIMED, ELSEWHERE],
])("no more than %s may wait, and those of others may", async (_, limit, bytes, of, and) => {
  await stage.awake(async (awake) => {
    const first = await create(stage, awake, { approvals: 1, ...of });
    fill(awake, first, limit - 1, bytes - 8);
    const more = { approvals: 1, ...and };
    expect(await create(stage, awake, { ...more, creator: ANN })).toMatch(RUN_ID);
    stage.pass(1);
    expect(await create(stage, awake, { ...more, creator: ANN })).toBe("too_many_waiting");
    expect(await create(stage, awake, { ...more, creator: BOB })).toMatch(RUN_ID);
  });
});

it.each<[what: string, limit: number, bytes: number, of: Wanted, and: Wanted]>([
  ["1000 runs at a group and key", 1000, 8000, {}, {}],
  ["20 000 runs", 20_000, 160_000, TIMED, ELSEWHERE],
  ["512 MiB", 2, 512 * MIB, TIMED, ELSEWHERE],
])("no more than %s may wait, whoever created them", async (_, limit, bytes, of, and) => {
  await stage.awake(async (awake) => {
    const first = await create(stage, awake, { approvals: 1, ...of });
    fill(awake, first, limit - 1, bytes - 8);
    const more = { approvals: 1, ...and, creator: BOB };
    expect(await create(stage, awake, more)).toMatch(RUN_ID);
    stage.pass(1);
    expect(await create(stage, awake, more)).toBe("too_many_waiting");
  });
});
