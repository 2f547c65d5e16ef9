/**
 * Random stories of automatic retries: jobs fail and succeed, people cancel, release, retry and erase, pauses come and go,
 * tokens can't be asked about, and the object dies. Whatever happens, each chain and each message is as the rules say.
 */

import { runDurableObjectAlarm } from "cloudflare:test";
import { expect, it } from "vitest";
import type { NextRetry } from "../../src/runs/run.ts";
import { Random } from "../gates/random.ts";
import { coordinator, journal, restart, until } from "../support/direct.ts";
import { faults, resetFaults } from "../support/faults.ts";
import { receiver } from "../support/receiver/client.ts";
import { ask, newRunsPath } from "../support/requests.ts";
import { startGated } from "../support/runs/gated.ts";
import { grantToken } from "../support/tokens.ts";
import { useSettings } from "../support/use-settings.ts";
import { deliveryRows, putEndpoint, untilFannedOut } from "../webhook-endpoints/deliveries.ts";
import { ORIGIN } from "../webhooks/runs.ts";
import { reports, storeAction } from "./starts.ts";

await useSettings("development");

const STEPS = 150;
const ATTEMPTS = 2;
const SUBJECTS = ["shop", "mail"];
const EXPIRY = "SELECT expires_at AS expiresAt FROM tokens";

interface Row extends Record<string, SqlStorageValue> {
  readonly id: string;
  readonly status: string;
  readonly subject: string;
  readonly waiting_for: string | null;
  readonly released_at: number | null;
  readonly retry_of: string | null;
  readonly create_key: string;
  readonly next_retry: string | null;
  readonly erased_at: number | null;
  readonly run_key: number;
}

const rowsOf = (runs: string) =>
  journal<Row>(
    runs,
    `SELECT id, status, subject, waiting_for, released_at, retry_of, create_key, next_retry, erased_at, run_key FROM runs
     ORDER BY change_seq`,
  );
const isOpen = ({ status }: Row) => status === "pending" || status === "running";
const retryOf = ({ next_retry }: Row) => (next_retry === null ? null : (JSON.parse(next_retry) as NextRetry));

class Story {
  readonly runs = newRunsPath();
  readonly random: Random;
  readonly told: string[] = [];
  #token = "";

  constructor(seed: number) {
    this.random = new Random(seed);
  }

  async begin(): Promise<void> {
    const admin = await grantToken(this.runs.split("/").slice(0, 3).join("/"), { role: "admin", mayApprove: true });
    this.#token = admin.token;
    await this.#store({});
    const to = receiver();
    await putEndpoint(this.runs, to, {}, "all");
    await putEndpoint(this.runs, to, { final: true }, "final");
    await putEndpoint(this.runs, to, { events: ["action_run.failed"], final: true }, "failures");
  }

  async step(): Promise<void> {
    const { random, runs } = this;
    const rows = await rowsOf(runs);
    const open = random.maybe(rows.filter((row) => isOpen(row) && row.waiting_for === null));
    const waiting = random.maybe(rows.filter(({ waiting_for }) => waiting_for !== null));
    const failed = random.maybe(rows.filter(({ status, erased_at }) => status === "failed" && erased_at === null));
    const kind = random.weighted({
      start: 6,
      fail: 12,
      succeed: 2,
      cancel: 2,
      release: 6,
      approve: 3,
      again: 2,
      erase: 1,
      store: 1,
      pause: 1,
      hide: 1,
      die: 2,
    });
    this.told.push(`${kind} ${(open ?? waiting ?? failed)?.id ?? ""}`);
    switch (kind) {
      case "start":
        await startGated(ORIGIN + runs, { parameters: { service: random.of(SUBJECTS) } });
        return;
      case "fail":
      case "succeed":
        if (open !== null) await this.#report(open.id, kind === "fail" ? "failed" : "succeeded");
        return;
      case "cancel":
      case "release":
      case "approve": {
        const row = kind === "cancel" ? (waiting ?? open) : waiting;
        if (row !== null) await ask("POST", `${runs}/${row.id}/${kind}`, { token: this.#token });
        return;
      }
      case "again":
        if (failed !== null) await ask("POST", `${ORIGIN}${runs}/${failed.id}/retry`, { body: {} });
        return;
      case "erase":
        if (failed !== null)
          await ask("POST", `${runs}/${failed.id}/erase`, { body: { reason: "x" }, token: this.#token });
        return;
      case "store":
        return this.#store(random.of([{}, { approval: {} }, { concurrency: { group: "one" } }]));
      case "pause": {
        const pause = { method: random.of(["PUT", "DELETE"]), body: { reason: "a freeze" } };
        await ask(
          pause.method,
          runs.replace(/action-runs$/, "concurrency-groups/one/pause"),
          pause.method === "PUT" ? pause : {},
        );
        return;
      }
      case "hide":
        if (faults.reads === null) faults.reads = { refuse: (_bound, sql) => sql.startsWith(EXPIRY) };
        else resetFaults();
        return;
      case "die":
        return restart(runs);
    }
  }

  /** Everything that the service has to do is done. */
  async settle(): Promise<void> {
    resetFaults();
    await until(async () => {
      await runDurableObjectAlarm(coordinator(this.runs));
      return (await journal(this.runs, "SELECT 1 FROM planned_retries WHERE retry_id IS NULL")).length === 0;
    });
    await untilFannedOut(this.runs);
  }

  async check(): Promise<void> {
    const rows = await rowsOf(this.runs);
    const byId = new Map(rows.map((row) => [row.id, row]));
    const planned = await journal<{ run_id: string; retry_id: string }>(
      this.runs,
      "SELECT run_id, retry_id FROM planned_retries",
    );
    const ends = (await deliveryRows(this.runs)).filter(({ kind }) => kind === "ended");
    for (const row of rows) {
      const next = retryOf(row);
      const made = rows.filter(({ create_key }) => create_key === `t:auto:${row.id}`);
      expect(made.length, `${row.id} has one retry at most`).toBeLessThanOrEqual(1);
      const [retry] = made;
      if (next === null) {
        expect(retry, `${row.id} plans nothing`).toBeUndefined();
      } else {
        expect([row.status, next.runId], `the plan of ${row.id}`).toEqual(["failed", retry?.id ?? null]);
        const never =
          retry === undefined || (!isOpen(retry) && retry.released_at === null && retry.waiting_for === null);
        const began =
          retry !== undefined && (retry.released_at !== null || (retry.waiting_for === null && isOpen(retry)));
        expect(next.dropped === null, `${row.id}: ${next.dropped}`).toBe(!never || began);
      }
      const waits = retry !== undefined && retry.waiting_for !== null;
      expect(planned.filter(({ run_id }) => run_id === row.id).map(({ retry_id }) => retry_id)).toEqual(
        waits ? [retry.id] : [],
      );
      if (waits && retry !== undefined) this.#isNewest(rows, row, retry);
      this.#chain(byId, row);
      if (isOpen(row)) continue;
      const isFinal = next === null || next.dropped !== null;
      const wanted = [
        "all",
        ...(isFinal && row.status === "failed" ? ["failures"] : []),
        ...(isFinal ? ["final"] : []),
      ];
      const heard = ends.filter(({ run_id }) => run_id === row.id).map(({ endpoint }) => endpoint.split("@")[0]);
      expect(heard.sort(), `who heard of ${row.id}`).toEqual(wanted.sort());
    }
  }

  /** No run of the subject was created behind a retry that waits. */
  #isNewest(rows: readonly Row[], first: Row, retry: Row): void {
    const newer = rows.filter(
      ({ subject, run_key, id }) => subject === first.subject && run_key > retry.run_key && id !== retry.id,
    );
    expect(
      newer.map(({ id }) => id),
      `newer than the retry ${retry.id}`,
    ).toEqual([]);
  }

  #chain(byId: ReadonlyMap<string, Row>, row: Row): void {
    let attempts = 0;
    for (let at: Row | undefined = row; at?.create_key.startsWith("t:auto:"); at = byId.get(at.retry_of ?? ""))
      attempts++;
    expect(attempts, `retries up to ${row.id}`).toBeLessThanOrEqual(ATTEMPTS);
  }

  async #report(id: string, status: "failed" | "succeeded"): Promise<void> {
    // Somebody can have ended it meanwhile.
    await reports(this.runs, id, status).catch(() => {});
  }

  #store(gates: object): Promise<void> {
    const retry = { attempts: ATTEMPTS, delaySeconds: 3600 };
    return storeAction(this.runs, { subject: "{{ parameters.service }}", retry, ...gates }, "deploy", this.#token);
  }
}

it.each([1, 2, 3])("keeps its rules in the random story %i", async (seed) => {
  const story = new Story(seed);
  await story.begin();
  try {
    for (let n = 1; n <= STEPS; n++) {
      await story.step();
      if (n % 30 !== 0) continue;
      await story.settle();
      await story.check();
    }
  } catch (error) {
    throw new Error(`seed ${seed}, ${story.told.slice(-12).join("; ")}`, { cause: error });
  }
});
