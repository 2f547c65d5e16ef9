/** Which database lists, summaries, facets, gets, revocations and bulk operations read, and what that costs. */

import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { forgetLacking, lacksDatabase } from "../../src/database/database-state.ts";
import type { Home } from "../../src/runs/home.ts";
import type { Lacking } from "../../src/runs/protocol.ts";

import { askWith } from "../support/bindings.ts";
import { later } from "../support/clock.ts";
import { lackingNothing, OUT_OF_REACH, plantRun, reading, writeHome } from "../support/databases/several-databases.ts";
import { hurryTimers, newIdIn } from "../support/direct.ts";
import { faults, faulty } from "../support/faults.ts";
import { replicated } from "../support/replicated.ts";
import { type ActionRun, ask, createRun, newRunsPath } from "../support/requests.ts";
import { idAt, onTheWire } from "../support/rows.ts";
import { bulk, startBulk } from "../support/runs/bulk.ts";
import { changed } from "../support/settings.ts";
import { grantToken, newProject, type Refusal } from "../support/tokens.ts";
import { useSettings } from "../support/use-settings.ts";

await useSettings("databases");

const [IN_1, IN_2, IN_3] = [env.DB_1, env.DB_2, env.DB_3] as [D1Database, D1Database, D1Database];
/** Nothing says more than the control database does. */
const quiet = reading(OUT_OF_REACH);

/** The runs of a list, and the databases that were called for it, by how often. */
async function listed(path: string, environment = quiet) {
  faults.callsOf.clear();
  faults.sessions = [];
  const { status, headers, body } = await askWith<ActionRun[]>(environment, "GET", path);
  return {
    status,
    ids: status === 200 ? body.map(({ id }) => id) : (body as unknown as Refusal).code,
    calls: Object.fromEntries(faults.callsOf),
    isStale: headers.has("Action-Runs-Stale"),
    /** How the list's own statement was read. */
    session: faults.sessions.at(-1),
  };
}

/** An environment with one run in each database. */
async function spread() {
  const path = newRunsPath();
  const ids = await Promise.all([env.DB, IN_1, IN_2, IN_3].map((db) => plantRun(db, path)));
  return { path, ids: ids as [string, string, string, string] };
}

describe("the row of the control database", () => {
  it("says where a list, a summary and facets read, and is read once", async () => {
    const { path, ids } = await spread();
    await writeHome(path, { database: 2, generation: 1 });
    const first = await listed(path);
    expect([first.ids, first.calls[0]]).toEqual([[ids[2]], 1]);
    const second = await listed(path);
    expect([second.ids, second.calls]).toEqual([[ids[2]], { 2: 1 }]);
    faults.callsOf.clear();
    expect((await askWith(quiet, "GET", `${path}/summary`)).body).toMatchObject({ pending: 1 });
    const facets = await askWith(quiet, "GET", `${path}/facets?field=actionName&contains=dep`);
    expect(facets.body).toMatchObject({ values: ["deploy"] });
    expect(Object.fromEntries(faults.callsOf)).toEqual({ 2: 2 });
  });

  it("may be missing: the list reads database 0, and the next one looks again", async () => {
    const { path, ids } = await spread();
    expect((await listed(path)).ids).toEqual([ids[0]]);
    await writeHome(path, { database: 1, generation: 1 });
    expect((await listed(path)).ids).toEqual([ids[1]]);
  });
});

describe("with one database", () => {
  it("a list reads that one and nothing else", async () => {
    const { path, ids } = await spread();
    await lacksDatabase(quiet, { d1: 0, coordinator: 0 });
    const one = { ...quiet, DB_1: undefined, DB_2: undefined, DB_3: undefined };
    expect(await listed(path, one as unknown as typeof quiet)).toMatchObject({ ids: [ids[0]], calls: { 0: 1 } });
  });
});

/** A coordinator that answers lists so. */
const answering = (lacking: Lacking) => reading({ upkeep: { lacking: () => lacking } });

describe("what a coordinator says to a list", () => {
  it("wins over the row and over what is remembered, if it is newer, and is remembered", async () => {
    const { path, ids } = await spread();
    await writeHome(path, { database: 1, generation: 1 });
    expect(await listed(path)).toMatchObject({ ids: [ids[1]], isStale: true });
    const told = await listed(path, answering(lackingNothing({ database: 3, generation: 2 })));
    // A replica of D1 can lack what was written.
    expect(told).toMatchObject({ ids: [ids[3]], isStale: false, session: "first-primary" });
    expect(await listed(path)).toMatchObject({ ids: [ids[3]], calls: { 3: 1 } });
  });

  it("is an empty list while it was never written to, and then no database is read", async () => {
    faults.callsOf.clear();
    const { status, headers, body } = await ask<ActionRun[]>("GET", newRunsPath());
    expect([status, body, headers.has("Action-Runs-Stale")]).toEqual([200, [], false]);
    expect(faults.callsOf.size).toBe(0);
  });
});

describe("a list by text", () => {
  it("reads the database where the object says that the environment lives, and no other", async () => {
    const path = newRunsPath();
    const [environment] = path.split("/action-runs");
    expect((await ask("PUT", `${environment}/database`, { body: { database: 2 } })).status).toBe(200);
    const { id } = await createRun(path);
    await replicated(path);
    await listed(path, env);
    expect(await listed(`${path}?text=deploy`, env)).toMatchObject({ ids: [id], calls: { 2: 1 }, isStale: false });
  });

  it("is stale if the object that answers lacks a move, and 503 if it says that the database is not bound", async () => {
    const { path, ids } = await spread();
    const saying = (answer: object) => reading({ upkeep: { search: () => answer } });
    const runs = [JSON.stringify(onTheWire({ id: ids[1] }))];
    const answer = { ok: true, home: { database: 1, generation: 1 }, isStale: false, runs, nextAfter: null };
    expect(await listed(`${path}?text=deploy`, saying(answer))).toMatchObject({ ids: [ids[1]], isStale: false });
    await listed(path, answering(lackingNothing({ database: 3, generation: 2 })));
    expect(await listed(`${path}?text=deploy`, saying(answer))).toMatchObject({ ids: [ids[1]], isStale: true });
    const unbound = saying({ ok: false, reason: "database_not_bound" });
    expect(await listed(`${path}?text=deploy`, unbound)).toMatchObject({ status: 503, ids: "database_not_bound" });
  });
});

describe("while the control database is down", () => {
  it("an isolate uses what it remembers for 10 minutes, and then lists are 503", async () => {
    const { path, ids } = await spread();
    await writeHome(path, { database: 2, generation: 1 });
    expect((await listed(path)).ids).toEqual([ids[2]]);
    faults.only = 0;
    faults.reads = "down";
    later(31_000);
    expect((await listed(path)).ids).toEqual([ids[2]]);
    later(600_000);
    expect(await listed(path)).toMatchObject({ status: 503, ids: "database_unavailable" });
    faults.reads = null;
    expect((await listed(path)).ids).toEqual([ids[2]]);
  });
});

describe("a database that is down", () => {
  it("stops the lists of its environments, and no others", async () => {
    const [here, there] = [await spread(), await spread()];
    await writeHome(here.path, { database: 2, generation: 1 });
    await writeHome(there.path, { database: 3, generation: 1 });
    faults.only = 2;
    faults.reads = "down";
    expect(await listed(here.path)).toMatchObject({ status: 503, ids: "database_unavailable" });
    expect(await listed(there.path)).toMatchObject({ status: 200, ids: [there.ids[3]] });
  });
});

describe("a database that is not bound", () => {
  const notBound = async (path: string, environment = quiet) => {
    for (const suffix of ["", "/summary", "/facets?field=actionName&contains=dep", "/newest?actionName=deploy"]) {
      const { status, body } = await askWith<Refusal>(environment, "GET", `${path}${suffix}`);
      expect([status, body.code]).toEqual([503, "database_not_bound"]);
    }
  };

  it("makes lists 503, and a run is still read from its coordinator", async () => {
    const { path } = await spread();
    await writeHome(path, { database: 7, generation: 1 });
    await notBound(path);
    const read = {
      ok: true,
      actionRun: JSON.stringify(onTheWire({ id: idAt(Date.now()) })),
      isOver: false,
      purgeAt: 0,
    };
    const environment = reading({ runs: { read: () => read } });
    const got = await askWith(environment, "GET", `${path}/${await newIdIn(path, Date.now())}`);
    expect(got.status).toBe(200);
  });

  it("makes lists 503 also if only the control database is bound, and asks once whether one is missing", async () => {
    const { path, ids } = await spread();
    const one = { DB_1: undefined, DB_2: undefined, DB_3: undefined } as unknown as Partial<typeof quiet>;
    const alone = reading(OUT_OF_REACH, one);
    await env.DB.prepare("DELETE FROM environments").run();
    forgetLacking();
    expect(await listed(path, alone)).toMatchObject({ ids: [ids[0]], calls: { 0: 2 } });
    expect(await listed(path, alone)).toMatchObject({ ids: [ids[0]], calls: { 0: 1 } });
    await writeHome(path, { database: 2, generation: 1 });
    // As after a restart.
    forgetLacking();
    await notBound(path, alone);
    expect((await listed(newRunsPath(), alone)).ids).toEqual([]);
    forgetLacking();
  });

  it("is also one that says another number, until it says the right one", async () => {
    const { path, ids } = await spread();
    await writeHome(path, { database: 4, generation: 1 });
    const mixed = reading(OUT_OF_REACH, { DB_4: faulty(IN_3, 4) } as Partial<typeof quiet>);
    await notBound(path, mixed);
    await IN_3.prepare("UPDATE database_number SET number = 4").run();
    expect((await listed(path, mixed)).ids).toEqual([ids[3]]);
    await IN_3.prepare("UPDATE database_number SET number = 3").run();
  });
});

describe("a get", () => {
  it("of a run whose coordinator can't be reached is answered from the environment's database", async () => {
    const path = newRunsPath();
    const id = await newIdIn(path, Date.now());
    await plantRun(IN_2, path, { id });
    await writeHome(path, { database: 2, generation: 1 });
    const got = await askWith<ActionRun>(quiet, "GET", `${path}/${id}`);
    expect([got.status, got.body.id]).toEqual([200, id]);
    // Only the run itself is current.
    expect(got.headers.get("Action-Runs-Stale")).toBe("true");
  });

  it("of an id that nobody can verify looks there whether the run exists", async () => {
    const { path, ids } = await spread();
    const home: Home = { database: 2, generation: 1 };
    await writeHome(path, home);
    expect((await askWith(quiet, "GET", `${path}/${ids[2]}`)).status).toBe(200);
    expect((await askWith(quiet, "GET", `${path}/${ids[1]}`)).status).toBe(404);
  });
});

describe("a revocation", () => {
  /** The answer to the revocation of a token with one waiting run in each of these databases. */
  async function revoked(databases: readonly D1Database[], isMoving = false): Promise<unknown> {
    const project = newProject();
    const { id } = await grantToken(project, { role: "member" });
    for (const [i, db] of databases.entries()) {
      await plantRun(db, `${project}/envs/e${isMoving ? 0 : i}/action-runs`, { waitingCreator: id });
    }
    const { status, body } = await ask<{ waitingRuns: unknown }>("DELETE", `${project}/tokens/${id}`);
    expect(status).toBe(200);
    return body.waitingRuns;
  }

  it("counts the waiting runs in all databases, and those of an environment that moves once", async () => {
    expect(await revoked([env.DB, IN_1, IN_3])).toBe(3);
    expect(await revoked([IN_1, IN_3], true)).toBe(1);
  });

  it.each(["down", "hang"] as const)("succeeds while one of them is %s, and then counts at least", async (fault) => {
    hurryTimers();
    faults.only = 3;
    faults.reads = fault;
    expect(await revoked([env.DB, IN_1, IN_3])).toEqual({ atLeast: 2 });
  });
});

it("the set of a bulk operation and its dry run are read where the environment lives", async () => {
  changed.NEW_ENVIRONMENTS = "2";
  const path = newRunsPath();
  await createRun(path);
  await createRun(path);
  await replicated(path);
  const wanted = { operation: "cancel", filter: { actionName: "deploy" }, maxRuns: 5 };
  expect((await startBulk<unknown>(path, { ...wanted, dryRun: true })).body).toMatchObject({ matched: 2 });
  expect((await bulk(path, wanted)).counts).toMatchObject({ matched: 2, accepted: 2 });
});
