/** Schedules when the coordinator has not heard of a change, and when one can't be computed. */

import { env } from "cloudflare:workers";
import { expect, it, vi } from "vitest";
import { DefinitionReads } from "../../src/runs/coordinator/endpoints/definition-reads.ts";
import { clockFrom } from "../support/clock.ts";
import { direct, journal, restart, until } from "../support/direct.ts";
import { ask, scopeOfPath } from "../support/requests.ts";
import { ScheduledStarts } from "../support/worker.ts";
import { comes, givenAction, givenSchedule, HOURLY, ringAt, rowOf, runsIn, stored } from "./schedules.ts";

const at = (time: string) => Date.parse(`2030-12-02T${time}Z`);
const DUE = at("10:00:00");
const toMs = clockFrom(at("09:30:00"));
const clockAt = (time: string) => toMs(at(time) - at("09:30:00"));

it("a time that a PUT took away before it came has no run, although the coordinator hears of the PUT later", async () => {
  const environment = await givenSchedule();
  clockAt("09:59:59");
  const lost = vi.spyOn(DefinitionReads.prototype, "read").mockResolvedValue();
  await stored(environment.path, { ...HOURLY, cron: "30 * * * *" });
  lost.mockRestore();
  clockAt("10:00:01");
  await direct(environment.runs).definitions.changed();
  expect(await rowOf(environment)).toMatchObject({ next_at: at("10:30:00"), decided_at: null });
  await ringAt(environment.runs, DUE + 2000);
  expect(await runsIn(environment)).toEqual([]);
});

it("a time that a PUT keeps has its run, although the coordinator hears of the PUT later", async () => {
  const environment = await givenSchedule();
  clockAt("09:59:59");
  const lost = vi.spyOn(DefinitionReads.prototype, "read").mockResolvedValue();
  await stored(environment.path, { ...HOURLY, cron: "0,30 * * * *" });
  lost.mockRestore();
  clockAt("10:00:01");
  await direct(environment.runs).definitions.changed();
  expect(await rowOf(environment)).toMatchObject({ next_at: DUE, decided_at: null });
});

it("the coordinator hears that a schedule is gone when its time comes, and tries it no more", async () => {
  const environment = await givenSchedule();
  await comes(environment, DUE);
  // Nothing is noted any more.
  await ringAt(environment.runs, at("10:40:00"));
  await until(
    async () => (await journal(environment.runs, "SELECT 1 FROM metadata WHERE name = 'endpoints_noted'")).length === 0,
  );
  await env.DB.prepare("DELETE FROM definitions WHERE scope = ? AND kind = 'schedule'")
    .bind(scopeOfPath(environment.runs))
    .run();
  await ringAt(environment.runs, at("11:00:00"));
  await until(async () => (await rowOf(environment)) === null, 5000);
  expect(await runsIn(environment)).toHaveLength(1);
});

it("a schedule whose time zone is not known any more holds up no other", async () => {
  const environment = await givenSchedule();
  const other = { ...environment, path: `${environment.schedules}/other` };
  await stored(other.path, HOURLY);
  await journal(environment.runs, "UPDATE schedules SET timezone = 'Mars/Olympus' WHERE name = 'nightly'");
  await restart(environment.runs);
  vi.spyOn(console, "error").mockImplementation(() => {});
  await ringAt(environment.runs, DUE);
  await until(async () => ((await rowOf(other))?.decided_at ?? 0) >= DUE, 5000);
});

it("a run that fails at once has each label once", async () => {
  const environment = await givenAction();
  await stored(environment.path, { ...HOURLY, labels: ["schedule:nightly"] });
  expect((await ask("DELETE", environment.action)).status).toBe(204);
  await comes(environment, DUE);
  expect((await runsIn(environment)).map(({ details }) => details.labels)).toEqual([["schedule:nightly"]]);
});

it("a time comes once, although the clock steps back behind it", async () => {
  const environment = await givenSchedule();
  await comes(environment, DUE);
  await ringAt(environment.runs, DUE - 600_000);
  await restart(environment.runs);
  await stored(environment.path, { ...HOURLY, parameters: { version: "2" } });
  await ringAt(environment.runs, DUE + 1000);
  expect(await rowOf(environment)).toMatchObject({ next_at: at("11:00:00"), decided_at: DUE });
  const starts = vi.spyOn(ScheduledStarts.prototype, "start");
  await ringAt(environment.runs, DUE + 2000);
  expect(starts).not.toHaveBeenCalled();
  expect(await runsIn(environment)).toHaveLength(1);
});
