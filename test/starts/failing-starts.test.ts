/** Times whose run can't start: the run fails at once, and says why. Only a token that has ended disables a schedule. */
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { StorageLimit } from "../../src/runs/coordinator/context.ts";
import { clockFrom } from "../support/clock.ts";
import { change, until } from "../support/direct.ts";
import { faults, resetFaults } from "../support/faults.ts";
import { type Ask, ask, scopeOfPath } from "../support/requests.ts";
import { beginSession } from "../support/sessions.ts";
import { changed } from "../support/settings.ts";
import { givenProject, grantToken, newProject, revokeElsewhere } from "../support/tokens.ts";
import { ScheduledStarts } from "../support/worker.ts";
import {
  audited,
  comes,
  type Environment,
  environmentOf,
  givenAction,
  givenSchedule,
  HOURLY,
  put,
  ringAt,
  rowOf,
  runsIn,
  SHOWN,
  statusOf,
  stored,
  TRIGGER,
} from "./schedules.ts";

const at = (time: string) => Date.parse(`2030-12-02T${time}Z`);
const DUE = at("10:00:00");
const toMs = clockFrom(at("09:30:00"));
const clockAt = (time: string) => toMs(at(time) - at("09:30:00"));

const putAction = async ({ action }: Environment, definition: object) => {
  const { status } = await ask("PUT", action, { body: definition });
  if (status >= 300) throw new Error(`the action was not stored: ${status}`);
};

/** An environment of a project of its own, with a schedule that a token of the project has stored. */
async function givenTokens(options: { readonly expiresAt?: string } = {}) {
  const { project, path } = givenProject();
  const environment = await givenAction({}, path);
  const [one, other] = [
    await grantToken(project, { role: "admin", name: "one", ...options }),
    await grantToken(project, { role: "admin", name: "other" }),
  ];
  await stored(environment.path, HOURLY, { token: one.token });
  return { project, environment, one, other };
}

describe("a run that can't start fails at once", () => {
  it.each<[string, (environment: Environment) => Promise<unknown>, string]>([
    [
      "if the action is gone",
      ({ action }) => ask("DELETE", action),
      "No such action. GET …/actions lists the actions of this environment.",
    ],
    [
      "if the action has no trigger any more",
      (environment) => putAction(environment, {}),
      "The service starts runs of this action by itself, so the action needs a trigger. Add a trigger to the action first.",
    ],
    [
      "if the action's schema refuses the parameters",
      (environment) =>
        putAction(environment, { trigger: TRIGGER, parametersSchema: { type: "object", required: ["version"] } }),
      'parameters has no property "version". Send it.',
    ],
    [
      "if the action has too many labels",
      (environment) =>
        putAction(environment, { trigger: TRIGGER, labels: Array.from({ length: 10 }, (_, n) => `a:${n}`) }),
      "The run would have 11 labels. Send at most 10, together with those of the action.",
    ],
    [
      "if the action's secrets are lost",
      async (environment) => {
        await putAction(environment, { trigger: { ...TRIGGER, headers: { Authorization: "Bearer secret" } } });
        changed.CALLBACK_SIGNING_KEYS = "another-signing-key-for-tests-of-32-bytes";
      },
      "The action's secrets were sealed under a signing key that was removed. Store the action again with its secrets.",
    ],
    [
      "if its group has no free slot",
      async (environment) => {
        await putAction(environment, { trigger: TRIGGER, concurrency: { group: "prod", onConflict: "reject" } });
        const { body } = await ask("POST", `${environment.action}/runs`, { body: {} });
        await change(environment.runs, body.id, { type: "started" });
      },
      "This concurrency group has no free slot for the run's key, and the action does not wait. Try again when a run has ended.",
    ],
    [
      "if the key of its group needs what it lacks",
      (environment) =>
        putAction(environment, { trigger: TRIGGER, concurrency: { group: "prod", key: "{{ parameters.service }}" } }),
      "The concurrency key needs {{ parameters.service }}, which is missing or empty in this run. Send parameters.service.",
    ],
  ])("%s", async (_, prepare, error) => {
    const environment = await givenSchedule();
    await prepare(environment);
    const before = (await runsIn(environment)).length;
    await comes(environment, DUE);
    const run = (await runsIn(environment)).at(-1);
    expect(await runsIn(environment)).toHaveLength(before + 1);
    expect(run).toMatchObject({
      actionName: "deploy",
      status: "failed",
      startedAt: null,
      error: `[schedule] ${error}`,
      details: { source: "action", via: "schedule", schedule: "nightly", labels: ["schedule:nightly"] },
    });
    expect(await rowOf(environment)).toMatchObject({
      outcome: "failed",
      next_at: at("11:00:00"),
      last_run_id: run?.id,
    });
    expect((await statusOf(environment.path)).lastTime).toMatchObject({ outcome: "failed", runId: run?.id });
    const events = await ask<{ type: string; cause?: string }[]>("GET", `${environment.runs}/${run?.id}/events`);
    expect(events.body.map(({ type, cause }) => [type, cause])).toEqual([
      ["created", undefined],
      ["ended", "start"],
    ]);
  });

  it("and the next time starts a run, when what was wrong is right again", async () => {
    const environment = await givenSchedule();
    await ask("DELETE", environment.action);
    await comes(environment, DUE);
    await putAction(environment, { trigger: TRIGGER });
    await comes(environment, at("11:00:00"));
    expect((await runsIn(environment)).map(({ status }) => status)).toEqual(["failed", "pending"]);
    expect(await audited(environment)).toEqual(["schedule_put by root"]);
  });

  it("and replaces no retry that waits, because it brings nothing newer", async () => {
    const environment = await givenAction({ retry: { attempts: 1, delaySeconds: 7200 } });
    await stored(environment.path, HOURLY);
    const { body: run } = await ask("POST", `${environment.action}/runs`, { body: {} });
    await change(environment.runs, run.id, { type: "failed", error: "no", output: null });
    await until(async () => (await runsIn(environment)).length === 2);
    await putAction(environment, { trigger: TRIGGER, labels: Array.from({ length: 10 }, (_, n) => `a:${n}`) });
    await comes(environment, DUE);
    const runs = await runsIn(environment);
    expect(runs.find(({ details }) => details.retryOf === run.id)).toMatchObject({ status: "pending" });
    expect(runs.map(({ status }) => status).sort()).toEqual(["failed", "failed", "pending"]);
  });

  it("and metrics count it by its cause", async () => {
    const environment = await givenSchedule();
    await ask("DELETE", environment.action);
    await comes(environment, DUE);
    const base = environment.runs.replace(/\/action-runs$/, "");
    const { body } = await ask<string>("GET", `${base}/metrics`);
    expect(body).toMatch(/status="failed",cause="start"[^\n]*\} 1\n/);
  });
});

describe("a refusal of the service itself is tried again", () => {
  it("for example of a full object", async () => {
    const environment = await givenSchedule();
    const limit = vi.spyOn(StorageLimit.prototype, "isReached").mockReturnValue(true);
    const starts = vi.spyOn(ScheduledStarts.prototype, "start");
    vi.spyOn(console, "error").mockImplementation(() => {});
    await ringAt(environment.runs, DUE);
    await until(async () => starts.mock.calls.length === 1);
    await Promise.all(starts.mock.results.map(({ value }) => value));
    expect(await runsIn(environment)).toEqual([]);
    limit.mockRestore();
    await comes(environment, DUE, DUE + 60_000);
    expect((await runsIn(environment)).map(({ status }) => status)).toEqual(["pending"]);
  });
});

it("a time whose action can't be read is tried again", async () => {
  const environment = await givenSchedule();
  faults.reads = { refuse: (_, sql) => sql.includes("kind = 'action'") };
  const starts = vi.spyOn(ScheduledStarts.prototype, "start");
  vi.spyOn(console, "error").mockImplementation(() => {});
  await ringAt(environment.runs, DUE);
  await until(async () => starts.mock.calls.length === 1);
  await Promise.all(starts.mock.results.map(({ value }) => value));
  expect(await runsIn(environment)).toEqual([]);
  resetFaults();
  await comes(environment, DUE, DUE + 60_000);
  expect((await runsIn(environment)).map(({ status }) => status)).toEqual(["pending"]);
});

describe("a token that has ended disables the schedule", () => {
  async function expectDisabled(environment: Environment, reason: string, by: string): Promise<void> {
    await comes(environment, DUE);
    await until(async () => (await rowOf(environment))?.next_at === null);
    const [run] = await runsIn(environment);
    expect(run).toMatchObject({ status: "failed", error: `[schedule] ${reason}`, triggeredBy: "one" });
    expect(await statusOf(environment.path)).toMatchObject({
      disabledAt: "2030-12-02T10:00:00.000Z",
      disabledReason: reason,
      nextTimes: [],
      lastTime: { outcome: "failed", runId: run?.id },
    });
    expect(await audited(environment)).toEqual([`schedule_put by ${by}`, "schedule_disabled by service"]);
    expect((await ask("GET", environment.path)).body).toEqual(SHOWN);
    const list = await ask<{ nextAt: string | null }[]>("GET", environment.schedules);
    expect(list.body.map(({ nextAt }) => nextAt)).toEqual([null]);
  }

  const REVOKED =
    "The token one, with which the schedule was stored, was revoked or has expired. Store the schedule again with another token.";
  const EXPIRED =
    "The token one, with which the schedule was stored, has expired. Store the schedule again with another token.";

  it("if it was revoked, and a PUT by another token enables the schedule", async () => {
    const { project, environment, one, other } = await givenTokens();
    expect((await ask("DELETE", `${project}/tokens/${one.id}`)).status).toBe(200);
    await expectDisabled(environment, REVOKED, "one");
    await comes(environment, DUE, at("11:00:00"));
    expect(await runsIn(environment)).toHaveLength(1);
    await stored(environment.path, SHOWN, { token: other.token });
    await comes(environment, at("12:00:00"));
    const runs = await runsIn(environment);
    expect(runs.map(({ status, triggeredBy }) => [status, triggeredBy])).toEqual([
      ["failed", "one"],
      ["pending", "other"],
    ]);
    expect((await statusOf(environment.path)).disabledReason).toBeNull();
  });

  it("if another isolate has revoked it, at the latest when this one asks again", async () => {
    const { environment, one } = await givenTokens();
    await revokeElsewhere(env.DB, one.id);
    await expectDisabled(environment, REVOKED, "one");
  });

  it("if it has expired", async () => {
    const { environment } = await givenTokens({ expiresAt: "2030-12-02T09:45:00Z" });
    await expectDisabled(environment, EXPIRED, "one");
  });

  it("and the coordinator finds that out, although the object dies in between", async () => {
    const { project, environment, one } = await givenTokens();
    await ask("DELETE", `${project}/tokens/${one.id}`);
    await comes(environment, DUE);
    await until(async () => (await rowOf(environment))?.next_at === null);
    // The row of D1 says so as well.
    const select = env.DB.prepare(
      "SELECT disabled_version = version AS isOff FROM definitions WHERE scope = ? AND kind = 'schedule'",
    );
    expect(await select.bind(scopeOfPath(environment.runs)).first("isOff")).toBe(1);
  });
});

describe("who can't leave a schedule behind", () => {
  it("a session of ROOT_TOKEN, but it can disable one", async () => {
    const project = newProject();
    const environment = await givenAction({}, `${project}/envs/prod/action-runs`);
    const root = await beginSession("a-root-token-for-tests-of-32-characters", project.slice(1));
    const options: Ask = { token: null, headers: root.headers };
    const refused = await put(environment.path, HOURLY, options);
    expect([refused.status, refused.body.code]).toEqual([403, "forbidden"]);
    await stored(environment.path, HOURLY);
    expect((await put(environment.path, { ...HOURLY, disabled: true }, options)).status).toBe(200);
    expect((await put(environment.path, HOURLY, options)).status).toBe(403);
  });

  it("a session of a token can, and its runs are the token's", async () => {
    const { project, environment, other } = await givenTokens();
    const session = await beginSession(other.token, project.slice(1));
    clockAt("09:31:00");
    await stored(environment.path, HOURLY, { token: null, headers: session.headers });
    await comes(environment, DUE);
    expect((await runsIn(environment)).map(({ triggeredBy }) => triggeredBy)).toEqual(["other"]);
  });

  it("a person for whom a portal acts is the creator of the runs, and can't approve them", async () => {
    const { project, path } = givenProject();
    const environment = await givenAction({ approval: {} }, path);
    const portal = await grantToken(project, { role: "admin", mayActForOthers: true, mayApprove: true });
    const as = (person: string): Ask => ({ token: portal.token, headers: { "On-Behalf-Of": person } });
    await stored(environment.path, HOURLY, as("ana"));
    await comes(environment, DUE);
    const [run] = await runsIn(environment);
    expect(run).toMatchObject({ triggeredBy: "ana", details: { via: "schedule" } });
    const approve = (person: string) => ask("POST", `${path}/${run?.id}/approve`, as(person));
    expect((await approve("ana")).status).toBe(403);
    expect((await approve("bo")).status).toBe(200);
  });
});

it("a name that no path can have starts nothing", async () => {
  const { schedules } = environmentOf((await givenAction()).runs);
  for (const name of ["..", "%2e%2e", "a:b", "a b", "x".repeat(64), "-a", "a%00"]) {
    expect((await put(`${schedules}/${name}`)).status).toBe(404);
  }
});
