import { describe, expect, it } from "vitest";
import { ask, createRun } from "../support/requests.ts";
import { grantToken, newProject, type Refusal } from "../support/tokens.ts";

const project = newProject();
const runsPath = `${project}/envs/prod/action-runs`;

/** What needs no more than `data:read`. */
const READS = [
  { method: "GET", suffix: "" },
  { method: "GET", suffix: "?wait=1" },
  { method: "GET", suffix: "/events" },
  { method: "DELETE", suffix: "" },
] as const;

describe("a run, asked for under another tenant's path", () => {
  const elsewhere = {
    "another environment": runsPath.replace("/prod/", "/dev/"),
    "another project": runsPath.replace(project, newProject()),
    "another organisation": runsPath.replace("/acme/", "/umbrella/"),
  };

  it.each(Object.entries(elsewhere))("is not there, not even for root: %s", async (_name, path) => {
    const run = await createRun(runsPath);
    const absent = await ask<Refusal>("GET", `${runsPath}/${crypto.randomUUID()}`);
    for (const { method, suffix } of READS) {
      const answer = await ask<Refusal>(method, `${path}/${run.id}${suffix}`);
      expect([answer.status, answer.body]).toEqual([404, absent.body]);
    }
    const { token } = run.callback;
    for (const [suffix, body] of [
      ["callback", { status: "succeeded" }],
      ["heartbeat", { message: "alive" }],
    ] as const) {
      expect((await ask("POST", `${path}/${run.id}/${suffix}`, { token, body })).status).toBe(401);
    }
    expect((await ask<{ id: string }[]>("GET", path)).body.map(({ id }) => id)).not.toContain(run.id);
    expect((await ask("GET", `${runsPath}/${run.id}`)).body.status).toBe("pending");
  });

  it("is told apart from no run by nothing in the answer to a token from outside", async () => {
    const run = await createRun(runsPath);
    const { token } = await grantToken(newProject(), { role: "owner" });
    for (const { method, suffix } of READS) {
      const there = await ask<Refusal>(method, `${runsPath}/${run.id}${suffix}`, { token });
      const absent = await ask<Refusal>(method, `${runsPath}/${crypto.randomUUID()}${suffix}`, { token });
      expect([there.status, there.body]).toEqual([absent.status, absent.body]);
    }
  });

  it("remembered as ended, is still for those alone who may see it", async () => {
    const run = await createRun(runsPath);
    await ask("DELETE", `${runsPath}/${run.id}`);
    for (let read = 0; read < 2; read++) expect((await ask("GET", `${runsPath}/${run.id}`)).status).toBe(200);
    const strangers = [
      await grantToken(newProject(), { role: "owner" }),
      await grantToken(project, { role: "admin", envName: "dev" }),
    ];
    for (const suffix of ["", "?wait=1", "/events"]) {
      for (const { token } of strangers) {
        expect((await ask("GET", `${runsPath}/${run.id}${suffix}`, { token })).status).toBe(404);
      }
      for (const path of Object.values(elsewhere)) {
        expect((await ask("GET", `${path}/${run.id}${suffix}`)).status).toBe(404);
      }
    }
  });
});
