/** The bench's peer on PostgreSQL does what is measured, and nothing of it outlives the bench. */

import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { programs } from "../../bench/postgres/cluster.ts";
import { openServer } from "../../bench/postgres/peer.ts";
import type { Server } from "../../bench/server.ts";

const isMissing = programs() === null;
if (isMissing) console.warn("PostgreSQL is missing, so the bench's peer on it is not tested.");

const RUNS = "/acme/shop/envs/prod/action-runs";
const TOKEN = "a-token";
const NEW_RUN = { actionName: "deploy", parameters: { version: "1.4.2", region: "eu" } };
const REPORT = { status: "succeeded", output: { url: "https://ci.example.com/1" } };

describe.skipIf(isMissing)("the peer on PostgreSQL", () => {
  let folder: string;
  let peer: Server;
  const seed = JSON.stringify({
    id: "01a22700-0000-8000-8000-000000000000",
    actionName: "deploy",
    entityId: null,
    status: "running",
    parameters: { version: "1", at: "2026" },
    recommendations: {},
    triggeredBy: "bench",
    createdAt: "2026-11-29T12:00:00.123Z",
    startedAt: "2026-11-29T12:00:01.000Z",
    completedAt: null,
    error: null,
    output: null,
  });

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "action-runs-postgres-test-"));
    const runs = [{ scope: "acme/shop/prod", body: seed }];
    peer = await openServer({ folder, runs, apiToken: TOKEN, signingKey: "a-key" });
  });
  afterAll(() => peer?.stop());

  async function ask(path: string, body?: object, token = TOKEN) {
    const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
    const init = body === undefined ? { headers } : { method: "POST", headers, body: JSON.stringify(body) };
    const response = await fetch(new URL(path, peer.origin), init);
    const text = await response.text();
    return { status: response.status, text, json: JSON.parse(text), link: response.headers.get("Link") };
  }
  async function create() {
    const { status, json } = await ask(RUNS, NEW_RUN);
    expect([status, json.status, json.parameters]).toEqual([201, "pending", NEW_RUN.parameters]);
    const { url, token } = json.callback;
    return { id: json.id as string, path: `${RUNS}/${json.id}`, url, token };
  }

  it("ends a run once, for the holder of its own token", async () => {
    const [run, other] = [await create(), await create()];
    const [id, expiresAt, hmac] = run.token.split(":");
    for (const forged of [other.token, TOKEN, `${id}:${Number(expiresAt) + 1}:${hmac}`]) {
      expect(await ask(run.url, REPORT, forged)).toMatchObject({ status: 401, json: { code: "token_invalid" } });
    }
    const reports = await Promise.all([ask(run.url, REPORT, run.token), ask(run.url, REPORT, run.token)]);
    const [won, lost] = reports.toSorted((a, b) => a.status - b.status);
    expect(won).toMatchObject({ status: 200, json: { id: run.id, status: "succeeded", output: REPORT.output } });
    expect(lost).toMatchObject({ status: 409, json: { code: "run_succeeded" } });
    expect((await ask(run.path)).text).toBe(won?.text);
    expect((await ask(other.path)).json.status).toBe("pending");
  });

  it("lists runs by a cursor, the newest first, and shows a run of the service with the same bytes", async () => {
    const made = [await create(), await create()].map(({ id }) => id).toReversed();
    const ids: string[] = [];
    let next: string | undefined = `${RUNS}?limit=2`;
    let last = "";
    for (let pages = 0; next !== undefined && pages < 9; pages++) {
      const { json, link, text } = await ask(next);
      ids.push(...json.map(({ id }: { id: string }) => id));
      next = /^<(.*)>; rel="next"$/.exec(link ?? "")?.[1];
      last = text;
    }
    expect(ids.slice(0, 2)).toEqual(made);
    expect(ids).toEqual([...new Set(ids)].toSorted().toReversed());
    expect(last.endsWith(`${seed}]`)).toBe(true);
    expect((await ask(RUNS, undefined, "another")).status).toBe(401);
  });

  it("has all runs again after its server was killed, and leaves nothing when it stops", async () => {
    const run = await create();
    const [server = 0] = peer.pids;
    process.kill(server, "SIGKILL");
    await peer.ended();
    expect(peer.hasEnded()).toBe(true);
    await peer.restart();
    expect(peer.hasEnded()).toBe(false);
    expect((await ask(run.path)).json.status).toBe("pending");
    const [postmaster = ""] = readFileSync(join(folder, "data", "postmaster.pid"), "utf8").split("\n");
    await peer.stop();
    expect([peer.hasEnded(), existsSync(folder)]).toEqual([false, false]);
    expect(() => process.kill(Number(postmaster), 0)).toThrow("ESRCH");
  });
});
