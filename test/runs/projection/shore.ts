/** A group commit over a real journal, and a D1 whose flights stay up until the test ends them. */

import { runInDurableObject } from "cloudflare:test";
import { vi } from "vitest";
import type { RowStore } from "../../../src/runs/d1/store.ts";
import { AlarmClock } from "../../../src/runs/journal/alarm-clock.ts";
import { Journal } from "../../../src/runs/journal/journal.ts";
import { WaitingDeliveries } from "../../../src/runs/journal/waiting-deliveries.ts";
import { GroupCommit } from "../../../src/runs/projection/group-commit.ts";
import { coordinator, DAY_MS } from "../../support/direct.ts";
import { newRunsPath, scopeOfPath } from "../../support/requests.ts";
import { idAt, toJournaledRun } from "../../support/rows.ts";

export const CONTENT = "D1_ERROR: CHECK constraint failed: SQLITE_CONSTRAINT";
export const OUTAGE = "Network connection lost";

interface Flight {
  /** Each as `name@version`. */
  readonly rows: string[];
  /** What is bound. */
  readonly text: string;
  land(bookmark?: string): void;
  fail(why: string): void;
}

/** The test's body gets everything by the runs' names. No alarm rings, because all of it is over before the first is due. */
export function onShore(act: (shore: ReturnType<typeof makeShore>) => Promise<void>): () => Promise<void> {
  return async () => {
    const path = newRunsPath();
    await runInDurableObject(coordinator(path, 0), async (_instance, { storage }) => {
      const logged = vi.spyOn(console, "error").mockImplementation(() => {});
      try {
        await act(makeShore(path, storage, () => logged.mock.calls.length));
      } finally {
        logged.mockRestore();
        await storage.deleteAlarm();
      }
    });
  };
}

function makeShore(path: string, storage: DurableObjectStorage, troubles: () => number) {
  const owner = { name: `${scopeOfPath(path)}/0`, scope: scopeOfPath(path), n: 0 };
  const journal = new Journal(storage, owner);
  const alarms = new AlarmClock(storage, journal, new WaitingDeliveries());
  const flights: Flight[] = [];
  const store: RowStore = {
    land: (rows) =>
      new Promise((resolve, reject) => {
        flights.push({
          rows: rows.map((row) => {
            const [, version, , actionName] = JSON.parse(row);
            return `${actionName}@${version}`;
          }),
          text: `[${rows.join(",")}]`,
          land: (bookmark = "b") => resolve(bookmark),
          fail: (why) => reject(new Error(why)),
        });
      }),
    find: async () => ({ ids: [], stop: null }),
    delete: async () => {},
    registerAgain: () => {},
  };
  const commit = new GroupCommit(journal, alarms, store);
  const ids = new Map<string, string>();
  const idOf = (name: string) => {
    const id = ids.get(name) ?? idAt(Date.now());
    ids.set(name, id);
    return id;
  };
  /** Journals a version, as the coordinator does before it asks for a landing. */
  const write = (name: string, version: number, parameters = "{}") => {
    const id = idOf(name);
    const row = { id, version, actionName: name, parameters, deadlineAt: Date.now() + DAY_MS };
    const run = { ...toJournaledRun(row), createKey: `m:${id}` };
    commit.changed(journal.write(run, null, [], Date.now()).unlanded);
  };
  /** What a caller of this version has been told, once it is known. */
  const wait = (name: string, version: number) => {
    const told: { bookmark?: string | null } = {};
    void commit.landed(idOf(name), version).then((bookmark) => {
      told.bookmark = bookmark;
    });
    return told;
  };
  const flight = (n: number) => {
    const found = flights[n];
    if (found === undefined) throw new Error(`there is no flight ${n}`);
    return found;
  };
  /** Has the journal note what D1 confirmed, and reads it. */
  const landedVersion = (name: string) => {
    commit.confirmations.note();
    const query = "SELECT landed_version AS version FROM runs WHERE id = ?";
    return storage.sql.exec<{ version: number }>(query, idOf(name)).one().version;
  };
  return { commit, journal, flights, flight, write, wait, idOf, landedVersion, troubles };
}
