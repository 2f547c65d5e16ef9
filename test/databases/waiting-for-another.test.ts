/** A database whose runs must wait for another one: it waits quietly. */

import { runInDurableObject } from "cloudflare:test";
import { expect, it } from "vitest";
import { AlarmClock } from "../../src/runs/coordinator/alarm/alarm-clock.ts";
import type { RowStore } from "../../src/runs/d1/store.ts";
import { Journal } from "../../src/runs/journal/journal.ts";
import { GroupCommit } from "../../src/runs/projection/group-commit.ts";
import { AFTER_ALL_IDS } from "../../src/runs/run-id.ts";
import { coordinator, until } from "../support/direct.ts";
import { newRunsPath, scopeOfPath } from "../support/requests.ts";
import { fillJournal } from "../support/rows-in-journal.ts";

it("a change that waits for the other database, after runs that landed again, starts no flight after the other", async () => {
  const path = newRunsPath();
  await fillJournal(path, { rows: 2, landed: true });
  await runInDurableObject(coordinator(path), async (_instance, { storage }) => {
    const journal = new Journal(storage, scopeOfPath(path));
    const store: RowStore = {
      find: () => Promise.reject(new Error("nobody looks")),
      delete: () => Promise.resolve(),
      land: () => scheduler.wait(1).then(() => "b"),
    };
    const rows = journal.landingIn(0);
    const [again, changed] = rows.between("", AFTER_ALL_IDS, 2);
    if (again === undefined || changed === undefined) throw new Error("there are no runs");
    let asked = 0;
    let mayGo = false;
    const mustWait = (id: string) => {
      if (id === changed.id) asked++;
      return id === changed.id && !mayGo;
    };
    const place = { database: 0, store, rows, mustWait };
    const commit = new GroupCommit(journal, place, new AlarmClock(storage, journal));
    commit.landAgain([again]);
    await until(async () => !commit.unlanded.has(again.id));
    commit.changed(changed);
    await until(async () => asked > 0);
    await scheduler.wait(300);
    expect(asked).toBeLessThan(10);
    mayGo = true;
    commit.goOn();
    await until(async () => !commit.unlanded.has(changed.id));
    commit.stop();
  });
});
