/** What reads runs besides lists: the count of a revocation. */

import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { hurryTimers } from "../support/direct.ts";
import { faults } from "../support/faults.ts";
import { ask } from "../support/requests.ts";
import { plantRun } from "../support/several-databases.ts";
import { grantToken, newProject } from "../support/tokens.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

const [IN_1, IN_3] = [env.DB_1, env.DB_3] as [D1Database, D1Database];

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
