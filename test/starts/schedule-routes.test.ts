import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { askWith, envWith } from "../support/bindings.ts";
import { clockFrom } from "../support/clock.ts";
import { direct } from "../support/direct.ts";
import { type Answer, ask, type Schemas, scopeOfPath } from "../support/requests.ts";
import { givenProject, grantToken, newProject } from "../support/tokens.ts";
import {
  givenAction,
  givenSchedule,
  HOURLY,
  put,
  rowOf,
  type ScheduleOnWire,
  SHOWN,
  statusOf,
  stored,
} from "./schedules.ts";

const NOW = Date.parse("2030-12-02T09:30:00Z");
const toMs = clockFrom(NOW);

const codeOf = ({ status, body }: Answer<ScheduleOnWire>) => [status, body.code, body.pointer];

describe("a PUT", () => {
  it("stores a schedule with its defaults, and a GET shows it", async () => {
    const { path } = await givenAction();
    const created = await put(path);
    expect([created.status, created.headers.get("ETag"), created.body]).toEqual([201, `"${NOW}"`, SHOWN]);
    expect(created.headers.get("Location")).toBe(`https://runs.example${path}`);
    const got = await ask("GET", path);
    expect([got.status, got.body]).toEqual([200, SHOWN]);
    const again = await put(path, SHOWN);
    expect([again.status, again.headers.get("ETag"), again.body]).toEqual([200, `"${NOW}"`, SHOWN]);
  });

  it("tells the coordinator, which knows the first time behind the PUT, and the sweep knows the coordinator", async () => {
    const environment = await givenSchedule();
    expect(await rowOf(environment)).toMatchObject({ version: NOW, next_at: Date.parse("2030-12-02T10:00:00Z") });
    const scope = scopeOfPath(environment.runs);
    const select = env.DB.prepare("SELECT due_at FROM coordinators WHERE scope = ?").bind(scope);
    expect(await select.first()).toEqual({ due_at: NOW });
  });

  it.each([
    ["an action that does not exist", {}, { action: "gone" }, 404, "action_not_found", undefined],
    ["an action without a trigger", { trigger: undefined }, {}, 422, "trigger_required", "/action"],
    ["a time zone that does not exist", {}, { timezone: "Europe/Atlantis" }, 400, "invalid_body", "/timezone"],
    ["an offset as time zone", {}, { timezone: "+01:00" }, 400, "invalid_body", "/timezone"],
    ["six fields", {}, { cron: "0 0 0 * * *" }, 400, "invalid_body", "/cron"],
    ["a cron without a time", {}, { cron: "0 0 30 2 *" }, 400, "invalid_body", "/cron"],
    ["a hostile action name", {}, { action: "../secrets" }, 400, "invalid_body", "/action"],
    ["an unknown member", {}, { notBefore: "now" }, 400, "invalid_body", "/notBefore"],
    [
      "parameters that the action's schema refuses",
      { parametersSchema: { type: "object", required: ["version"] } },
      {},
      422,
      "invalid_parameters",
      "/parameters/version",
    ],
    [
      "labels that leave no room for the schedule's own",
      { labels: Array.from({ length: 5 }, (_, n) => `a:${n}`) },
      { labels: Array.from({ length: 5 }, (_, n) => `b:${n}`) },
      422,
      "too_many_labels",
      "/labels",
    ],
    ["more than 64 KiB", {}, { parameters: { text: "x".repeat(65_536) } }, 400, "invalid_body", undefined],
  ])("refuses %s", async (_, action, schedule, status, code, pointer) => {
    const { path } = await givenAction(action);
    expect(codeOf(await put(path, { ...HOURLY, ...schedule }))).toEqual([status, code, pointer]);
    expect((await ask("GET", path)).status).toBe(404);
  });

  it("of a disabled schedule needs no action, because it starts nothing", async () => {
    const { path, action } = await givenSchedule();
    await ask("DELETE", action);
    expect((await put(path, { ...HOURLY, disabled: true })).status).toBe(200);
    expect((await put(path, { ...HOURLY, disabled: false })).status).toBe(404);
  });

  it("stores nothing while the coordinator can't be reached, but disables and deletes", async () => {
    const { path } = await givenSchedule();
    const getByName = () => ({ call: () => Promise.reject(new Error("unreachable")) });
    const broken = envWith({ COORDINATORS: { getByName } as unknown as typeof env.COORDINATORS });
    const changed = await askWith<ScheduleOnWire>(broken, "PUT", path, { body: { ...HOURLY, cron: "@daily" } });
    expect([changed.status, changed.body.code]).toEqual([503, "coordinator_unavailable"]);
    expect((await ask("GET", path)).body).toEqual(SHOWN);
    const disabled = { ...HOURLY, disabled: true };
    expect((await askWith(broken, "PUT", path, { body: disabled })).status).toBe(200);
    expect((await askWith(broken, "DELETE", path)).status).toBe(204);
  });
});

it("an environment that is being erased takes no schedule, and the sweep never hears of it", async () => {
  const environment = await givenAction();
  await direct(environment.runs).erasing.begin(NOW, false);
  expect(codeOf(await put(environment.path))).toEqual([409, "environment_erasing", undefined]);
  const select = env.DB.prepare("SELECT due_at FROM coordinators WHERE scope = ?");
  expect(await select.bind(scopeOfPath(environment.runs)).first()).toBeNull();
});

describe("who may store a schedule", () => {
  it("a token that manages actions, and no viewer", async () => {
    const { project, path: runs } = givenProject();
    const environment = await givenAction({}, runs);
    const viewer = await grantToken(project, { role: "viewer" });
    const admin = await grantToken(project, { role: "admin" });
    expect((await put(environment.path, HOURLY, { token: viewer.token })).status).toBe(403);
    expect((await put(environment.path, HOURLY, { token: admin.token })).status).toBe(201);
    expect((await ask("GET", environment.path, { token: viewer.token })).body).toEqual(SHOWN);
    expect((await ask("GET", `${environment.path}/versions`, { token: viewer.token })).status).toBe(403);
  });

  it("a token that acts for others must name a person, and the runs are this person's", async () => {
    const { project, path: runs } = givenProject();
    const environment = await givenAction({}, runs);
    const portal = await grantToken(project, { role: "admin", mayActForOthers: true });
    expect(codeOf(await put(environment.path, HOURLY, { token: portal.token }))).toEqual([
      422,
      "person_required",
      undefined,
    ]);
    const named = { token: portal.token, headers: { "On-Behalf-Of": "ana" } };
    expect((await put(environment.path, HOURLY, named)).status).toBe(201);
    const select = env.DB.prepare("SELECT changed_person FROM definitions WHERE scope = ? AND kind = 'schedule'");
    expect(await select.bind(scopeOfPath(runs)).first("changed_person")).toBe("ana");
  });

  it("the same schedule by another token is a new version, because its runs have another creator", async () => {
    const { project, path: runs } = givenProject();
    const { path } = await givenAction({}, runs);
    const [one, other] = [await grantToken(project, { role: "admin" }), await grantToken(project, { role: "admin" })];
    await put(path, HOURLY, { token: one.token });
    const same = await put(path, HOURLY, { token: one.token });
    const others = await put(path, HOURLY, { token: other.token });
    expect([same, others].map(({ headers }) => headers.get("ETag"))).toEqual([`"${NOW}"`, `"${NOW + 1}"`]);
  });
});

describe("limits", () => {
  async function insert(scope: string, count: number): Promise<void> {
    const names = Array.from({ length: count }, (_, n) => `s-${n}`);
    const off = { ...SHOWN, disabled: true };
    await env.DB.prepare(
      `INSERT INTO definitions (scope, kind, name, version, created_version, change_id, created_by, created_by_name,
                                changed_at, changed_by, changed_by_name, changed_lineage, bytes, filter, definition)
       SELECT ?1, 'schedule', value, 1, 1, 'none', 'root', 'root', 0, 'root', 'root', '/root/', 2, ?4, ?3
       FROM json_each(?2)`,
    )
      .bind(scope, JSON.stringify(names), JSON.stringify(off), JSON.stringify({ ...off, origin: "" }))
      .run();
  }

  it("an environment has at most 100 schedules", async () => {
    const environment = await givenAction();
    await insert(scopeOfPath(environment.runs), 99);
    expect((await put(environment.path)).status).toBe(201);
    expect(codeOf(await put(`${environment.schedules}/more`))).toEqual([409, "too_many_schedules", undefined]);
    expect((await put(environment.path, { ...HOURLY, cron: "@daily" })).status).toBe(200);
  });

  it("a project has at most 500, whatever its environments are, and another project has its own", async () => {
    const project = newProject();
    const { schedules } = await givenAction({}, `${project}/envs/prod/action-runs`);
    const [, o, p] = project.split("/");
    for (const n of [1, 2, 3, 4]) await insert(`${o}/${p}/e-${n}`, 100);
    await insert(`${o}/${p}/prod`, 99);
    await insert(`${o}/${p}-other/prod`, 100);
    expect((await put(`${schedules}/last`)).status).toBe(201);
    await ask("DELETE", `${schedules}/s-0`);
    await insert(`${o}/${p}/e-5`, 1);
    expect(codeOf(await put(`${schedules}/more`))).toEqual([409, "too_many_schedules", undefined]);
  });
});

describe("a list and a status", () => {
  it("the list shows the next time of each schedule, and none of a disabled one", async () => {
    const { schedules, path } = await givenSchedule();
    await stored(`${schedules}/off`, { ...HOURLY, disabled: true });
    const { body } = await ask<Schemas["ScheduleList"]>("GET", schedules);
    expect(body.map(({ name, nextAt, definition }) => [name, nextAt, definition])).toEqual([
      ["nightly", "2030-12-02T10:00:00.000Z", SHOWN],
      ["off", null, { ...SHOWN, disabled: true }],
    ]);
    const versions = await ask<Schemas["ScheduleVersionList"]>("GET", `${path}/versions`);
    expect(versions.body).toMatchObject([{ version: NOW, definition: SHOWN }]);
    expect((await ask("GET", `${path}/versions/${NOW}`)).body).toEqual(SHOWN);
  });

  it("the status shows the next five times, in UTC and in the zone, over a change of the clocks", async () => {
    toMs(Date.parse("2027-03-26T12:00:00Z") - NOW);
    const { path } = await givenSchedule({ cron: "30 2 * * *", timezone: "Europe/Berlin" });
    expect(await statusOf(path)).toMatchObject({
      name: "nightly",
      changedBy: "root",
      createdBy: "root",
      disabledAt: null,
      disabledReason: null,
      lastTime: null,
      nextTimes: [
        { at: "2027-03-27T01:30:00.000Z", local: "2027-03-27T02:30:00.000+01:00" },
        { at: "2027-03-28T01:00:00.000Z", local: "2027-03-28T03:00:00.000+02:00" },
        { at: "2027-03-29T00:30:00.000Z", local: "2027-03-29T02:30:00.000+02:00" },
        { at: "2027-03-30T00:30:00.000Z", local: "2027-03-30T02:30:00.000+02:00" },
        { at: "2027-03-31T00:30:00.000Z", local: "2027-03-31T02:30:00.000+02:00" },
      ],
    });
    await stored(path, { ...HOURLY, disabled: true });
    expect((await statusOf(path)).nextTimes).toEqual([]);
  });

  it("a schedule that is deleted is gone for the coordinator, too", async () => {
    const environment = await givenSchedule();
    expect((await ask("DELETE", environment.path)).status).toBe(204);
    expect(await rowOf(environment)).toBeNull();
    expect((await ask<{ code: string }>("GET", `${environment.path}/status`)).body.code).toBe("schedule_not_found");
  });
});

it("a revocation and a rotation list the schedules that the token has stored", async () => {
  const { project, path: runs } = givenProject();
  const { path } = await givenAction({}, runs);
  const admin = await grantToken(project, { role: "admin" });
  await put(path, HOURLY, { token: admin.token });
  const left = { schedules: [{ envName: "prod", name: "nightly" }], moreSchedules: false };
  expect((await ask("POST", `${project}/tokens/${admin.id}/rotate`, { body: {} })).body).toMatchObject(left);
  expect((await ask("DELETE", `${project}/tokens/${admin.id}`)).body).toMatchObject(left);
});
