/** The operator's requests: which databases there are, what lives where, the resync of one, and moving an environment. */

import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { selectRegistered } from "../../src/runs/d1/control-database.ts";
import { noteDatabases } from "../../src/service/health-routes.ts";

import { hurryTime } from "../support/clock.ts";
import { plantRun, writeHome } from "../support/databases/several-databases.ts";
import { faults } from "../support/faults.ts";
import { type Answer, ask, newRunsPath, scopeOfPath } from "../support/requests.ts";
import { changed, withSettings } from "../support/settings.ts";
import { grantToken, newProject, type Refusal } from "../support/tokens.ts";
import { useSettings } from "../support/use-settings.ts";
import { databaseOf, Environment, holdRunsIn, livingIn, watchFailures } from "./moves.ts";

await useSettings("databases");

const IN_2 = databaseOf(2);

watchFailures();

interface Shown {
  readonly database: number;
  readonly generation: number;
  readonly move: {
    readonly to: number;
    readonly status: string;
    readonly isCancelled: boolean;
    readonly requestedAt: string;
  } | null;
}

const databasePath = (path: string) => path.replace(/action-runs$/, "database");
const put = (path: string, database: number) => ask<Shown & Refusal>("PUT", databasePath(path), { body: { database } });
const get = async (path: string) => (await ask<Shown>("GET", databasePath(path))).body;
const environmentAt = (path: string) => {
  const [, o, p, , envName] = path.split("/");
  return { project: `${o}/${p}`, envName };
};

/** The actions of the environment's audit entries with their targets, the oldest first. */
async function audited(path: string): Promise<string[]> {
  const select = env.DB.prepare("SELECT action, target FROM audit WHERE project = ? AND env_name = ? ORDER BY id");
  const { project, envName } = environmentAt(path);
  const rows = await select.bind(project, envName ?? "").raw<[string, string]>();
  return rows.map((one) => one.join(" "));
}

describe("GET /databases", () => {
  interface Listed {
    readonly number: number;
    readonly checkedAt: string | null;
  }
  const list = async (query = "") => {
    const { body, headers } = await ask<Listed[]>("GET", `/databases${query}`);
    return { body, link: headers.get("Link") };
  };

  it("lists those that are bound and those in which an environment lives, as the cron has seen them", async () => {
    changed.NEW_ENVIRONMENTS = "1,3";
    await writeHome(newRunsPath(), { database: 9, generation: 1 });
    faults.only = 2;
    faults.databaseBytes = 9_900_000_000;
    await ask("GET", "/databases");
    await noteDatabases({ ...withSettings(env) }, Date.now(), async () => null);
    const { body } = await list();
    const now = expect.stringMatching(/^\d{4}-.*Z$/);
    const bound = { isBound: true, sizeBytes: expect.any(Number), warnings: [], checkedAt: now };
    expect(body).toEqual([
      { number: 0, ...bound, status: "ready", takesNewEnvironments: false },
      { number: 1, ...bound, status: "ready", takesNewEnvironments: true },
      { number: 2, ...bound, status: "ready", takesNewEnvironments: false },
      { number: 3, ...bound, status: "ready", takesNewEnvironments: true },
      {
        number: 9,
        isBound: false,
        status: "not_bound",
        sizeBytes: null,
        warnings: [],
        checkedAt: now,
        takesNewEnvironments: false,
      },
    ]);
    await env.DB.prepare("DELETE FROM environments WHERE database = 9").run();
  });

  it("looks itself at one that the cron has not seen yet, and is paged", async () => {
    await env.DB.prepare("DELETE FROM database_report").run();
    faults.only = 2;
    faults.databaseBytes = 9_900_000_000;
    const { body, link } = await list("?limit=3");
    expect([body.map(({ number }) => number), body[2]]).toEqual([
      [0, 1, 2],
      expect.objectContaining({ status: "full" }),
    ]);
    const cursor = new URL(/<(.*)>/.exec(link ?? "")?.[1] ?? "").searchParams.get("cursor");
    expect(await list(`?limit=3&cursor=${cursor}`)).toMatchObject({ body: [{ number: 3 }], link: null });
  });
});

describe("GET /databases/{n}/environments", () => {
  const list = async (number: number) => {
    const found: unknown[] = [];
    let next: string | null = `/databases/${number}/environments?limit=2`;
    while (next !== null) {
      const page: Answer<unknown[]> = await ask("GET", next);
      found.push(...page.body);
      next = /<https:\/\/[^/]*(.*)>/.exec(page.headers.get("Link") ?? "")?.[1] ?? null;
    }
    return found;
  };

  it("lists in pages what lives there, for 0 also what has no home", async () => {
    const paths = Array.from({ length: 5 }, () => newRunsPath());
    for (const path of paths) await writeHome(path, { database: 3, generation: 4 });
    const found = await list(3);
    for (const path of paths) expect(found).toContainEqual({ ...environmentAt(path), generation: 4 });
    expect(found.length).toBe(new Set(found.map((one) => JSON.stringify(one))).size);
    const old = newRunsPath();
    const register = env.DB.prepare("INSERT INTO coordinators (scope, due_at) VALUES (?, 9e12)");
    await register.bind(scopeOfPath(old)).run();
    expect(await list(0)).toContainEqual({ ...environmentAt(old), generation: 0 });
    expect(await list(1)).not.toContainEqual({ ...environmentAt(old), generation: 0 });
    await writeHome(old, { database: 1, generation: 2 });
    expect(await list(0)).not.toContainEqual(expect.objectContaining(environmentAt(old)));
    await env.DB.prepare("DELETE FROM coordinators WHERE due_at = 9e12").run();
  });
});

describe("PUT …/database", () => {
  it("moves the environment, GET shows how far that is, and the audit log has one entry", async () => {
    const shop = await livingIn(1);
    const stored = {
      isNew: false,
      sizeBytes: expect.any(Number),
      warnings: [],
      unreplicatedRuns: 0,
      oldestUnreplicatedAt: null,
    };
    expect(await get(shop.path)).toEqual({ database: 1, generation: 1, move: null, ...stored });
    const { open } = holdRunsIn(2);
    const begun = await put(shop.path, 2);
    expect([begun.status, begun.body]).toMatchObject([
      202,
      { database: 1, generation: 1, move: { from: 1, to: 2, status: "copying", isCancelled: false } },
    ]);
    expect((await put(shop.path, 2)).status).toBe(202);
    const third = await put(shop.path, 3);
    expect([third.status, third.body.code]).toEqual([409, "move_under_way"]);
    open();
    await shop.driveUntil("resting");
    expect(await get(shop.path)).toMatchObject({ database: 2, generation: 2, move: { status: "resting" } });
    expect(await shop.idsIn(2)).toEqual([...shop.ids].sort());
    expect((await put(shop.path, 2)).status).toBe(200);
    const back = await put(shop.path, 1);
    expect([back.status, back.body.code]).toEqual([409, "moved_lately"]);
    expect(await audited(shop.path)).toEqual(["environment_moved database/2"]);
    expect((await ask<{ id: string }[]>("GET", shop.path)).body.map(({ id }) => id).sort()).toEqual(
      [...shop.ids].sort(),
    );
  });

  it("of the database where the environment lives cancels the move", async () => {
    const shop = await livingIn(1);
    const { open } = holdRunsIn(2);
    await put(shop.path, 2);
    const cancelled = await put(shop.path, 1);
    open();
    expect([cancelled.status, cancelled.body.move]).toMatchObject([202, { isCancelled: true }]);
    expect(await get(shop.path)).toMatchObject({ database: 1, generation: 1 });
    await shop.driveUntil("cleaned");
    expect([await shop.idsIn(1), await shop.idsIn(2)]).toEqual([[...shop.ids].sort(), []]);
    expect(await audited(shop.path)).toEqual(["environment_moved database/2", "environment_moved database/1"]);
  });

  it("is refused for a database that is not bound, is full, or if the audit can't be reached", async () => {
    const shop = await livingIn(1);
    const codeOf = async (database: number) => (await put(shop.path, database)).body.code;
    expect(await codeOf(7)).toBe("database_unknown");
    faults.only = 2;
    faults.databaseBytes = 9_000_000_000;
    expect(await codeOf(2)).toBe("no_room");
    faults.databaseBytes = null;
    faults.only = 0;
    faults.writes = "down";
    expect(await codeOf(2)).toBe("database_unavailable");
    faults.writes = null;
    expect([await audited(shop.path), (await get(shop.path)).move]).toEqual([[], null]);
  });

  it("chooses the database of an environment that has no run yet, and moves one that has a database", async () => {
    const shop = new Environment(newRunsPath());
    expect(await get(shop.path)).toMatchObject({ database: 0, generation: 0, move: null, isNew: true });
    const chosen = await put(shop.path, 3);
    expect([chosen.status, chosen.body]).toMatchObject([200, { database: 3, generation: 1, move: null, isNew: false }]);
    expect(await get(shop.path)).toMatchObject({ database: 3, isNew: false });
    const other = new Environment(newRunsPath());
    await writeHome(other.path, { database: 3, generation: 1 });
    expect((await put(other.path, 1)).status).toBe(202);
    // The sweep must know an object that drives a move, although it has no run.
    expect(await selectRegistered(env.DB.withSession(), scopeOfPath(other.path)).first()).not.toBeNull();
    await other.driveUntil("resting");
    await shop.replicatedIn(3, [await createIn(shop.path)]);
    await other.replicatedIn(1, [await createIn(other.path)]);
  });

  it("GET says how many runs the database lacks, and since when", async () => {
    const shop = await livingIn(1);
    const { open } = holdRunsIn(1);
    await createIn(shop.path);
    expect(await get(shop.path)).toMatchObject({
      unreplicatedRuns: 1,
      oldestUnreplicatedAt: expect.stringMatching(/^\d{4}-/),
      isNew: false,
    });
    open();
  });

  it("repairs the row that a restore of the control database has lost", async () => {
    const shop = await livingIn(2);
    await env.DB.prepare("DELETE FROM environments WHERE scope = ?").bind(scopeOfPath(shop.path)).run();
    await shop.resync();
    expect(await shop.row()).toEqual({ database: 2, generation: 1 });
  });
});

async function createIn(path: string): Promise<string> {
  return (await ask("POST", path, { body: { actionName: "deploy" } })).body.id;
}

describe("POST /databases/{n}/resync", () => {
  interface Resynced {
    readonly environments: number;
    readonly remaining: number;
    readonly next: string | null;
  }

  async function resync(number: number): Promise<Resynced[]> {
    // The intervals between batches, and not what waits for D1.
    hurryTime(10, 3000);
    const answers: Resynced[] = [];
    let next: string | null = "";
    while (next !== null) {
      const query: string = next === "" ? "" : `?cursor=${next}`;
      const { status, body } = await ask<Resynced>("POST", `/databases/${number}/resync${query}`);
      expect(status).toBe(202);
      answers.push(body);
      next = body.next;
    }
    return answers;
  }

  it("brings back what lives there, and deletes what a restore brought back of others, but not of a move", async () => {
    const here = await livingIn(2);
    const there = await livingIn(1);
    const moving = await livingIn(3);
    await put(moving.path, 2);
    await moving.driveUntil("resting");
    const gone = await livingIn(2);
    await put(gone.path, 1);
    await gone.driveUntil("resting");
    // As after a restore of database 2: its own rows are gone, and there are rows of environments that live elsewhere.
    await IN_2.prepare("DELETE FROM runs").run();
    for (let i = 0; i < 3; i++) await plantRun(IN_2, there.path);
    await plantRun(IN_2, gone.path);
    const label = IN_2.prepare("INSERT INTO run_labels (scope, label, id) VALUES (?, 'x', 'left')");
    await label.bind(scopeOfPath(there.path)).run();
    const answers = await resync(2);
    expect(answers.reduce((sum, { environments }) => sum + environments, 0)).toBeGreaterThan(1);
    await here.replicatedIn(2, here.ids);
    await moving.replicatedIn(2, moving.ids);
    expect([await there.idsIn(2), (await gone.idsIn(2)).length]).toEqual([[], 1]);
    expect(await IN_2.prepare("SELECT count(*) AS n FROM run_labels WHERE id = 'left'").first("n")).toBe(0);
    expect(await audited(here.path)).toEqual(["resync_requested database/2"]);
    expect(await audited(there.path)).toEqual([]);
  });

  it("deletes what a restore brought back of an environment that moves between two other databases", async () => {
    const shop = await livingIn(1);
    await put(shop.path, 3);
    await shop.driveUntil("resting");
    await plantRun(IN_2, shop.path);
    await resync(2);
    expect(await shop.idsIn(2)).toEqual([]);
  });

  it("begins the copy of an environment again that is on its way there", async () => {
    const shop = await livingIn(1);
    await put(shop.path, 2);
    await shop.replicatedIn(2, shop.ids);
    // The restore went back to the middle of the copy.
    const lost = IN_2.prepare("DELETE FROM runs WHERE scope = ? AND id <> ?");
    await lost.bind(scopeOfPath(shop.path), shop.ids[0] ?? "").run();
    await resync(2);
    await shop.driveUntil("resting");
    await shop.replicatedIn(2, shop.ids);
  });

  it("goes on after 25 environments, and reaches each once", async () => {
    const paths = Array.from({ length: 27 }, () => newRunsPath());
    for (const path of paths) await plantRun(databaseOf(3), path);
    const answers = await resync(3);
    expect(answers.length).toBeGreaterThan(1);
    for (const path of paths) expect(await new Environment(path).idsIn(3)).toEqual([]);
  });

  it("is refused for a database that is not bound", async () => {
    const { status, body } = await ask<Refusal>("POST", "/databases/7/resync");
    expect([status, body.code]).toEqual([409, "database_unknown"]);
  });
});

describe("nobody else", () => {
  it("opens any of this, and an organization named databases keeps its addresses", async () => {
    const shop = await livingIn(1);
    const { token } = await grantToken(newProject(), { role: "owner" });
    const [, o, p] = shop.path.split("/");
    const { token: own } = await grantToken(`/${o}/${p}`, { role: "owner" });
    for (const asker of [token, own]) {
      for (const [method, address] of [
        ["GET", "/databases"],
        ["GET", "/databases/1/environments"],
        ["POST", "/databases/1/resync"],
        ["GET", databasePath(shop.path)],
        ["PUT", databasePath(shop.path)],
      ] as const) {
        const body = method === "PUT" ? { body: { database: 2 } } : {};
        const answer = await ask<Refusal>(method, address, { token: asker, ...body });
        expect([method, address, answer.status, answer.body.code]).toEqual([method, address, 403, "forbidden"]);
      }
    }
    expect(await shop.move()).toBeNull();
    const granted = await grantToken("/databases/1", { role: "viewer" });
    expect((await ask("GET", "/databases/1/tokens")).status).toBe(200);
    expect((await ask("GET", "/databases/1/envs/e1/action-runs", { token: granted.token })).status).toBe(200);
    expect((await ask("POST", "/databases/1/envs/e1/resync")).status).toBe(202);
  });

  it.each(["64", "07", "-1", "1e1", "99", "0x1", "%31%31", "1.0", " 1", "２"])(
    "%j is the number of no database",
    async (number) => {
      const path = `/databases/${number}/environments`;
      expect((await ask<Refusal>("GET", path)).status).toBe(number === "%31%31" ? 200 : 404);
      expect((await ask<Refusal>("POST", path.replace("environments", "resync"))).status).toBe(
        number === "%31%31" ? 409 : 404,
      );
    },
  );
});
