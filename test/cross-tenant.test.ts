import { describe, expect, it } from "vitest";
import { ask, createRun } from "./client.ts";
import { grantToken, newProject, type Refusal } from "./tokens.ts";

const project = newProject();
const runsPath = `${project}/envs/prod/action-runs`;

describe("a run, asked for under another tenant's path", () => {
  const elsewhere = {
    "another environment": runsPath.replace("/prod/", "/dev/"),
    "another project": runsPath.replace(project, newProject()),
    "another organisation": runsPath.replace("/acme/", "/umbrella/"),
  };

  it.each(Object.entries(elsewhere))("is not there, not even for root: %s", async (_name, path) => {
    const run = await createRun(runsPath);
    const absent = await ask<Refusal>("GET", `${runsPath}/${crypto.randomUUID()}`);
    for (const method of ["GET", "DELETE"]) {
      const answer = await ask<Refusal>(method, `${path}/${run.id}`);
      expect([answer.status, answer.body]).toEqual([404, absent.body]);
    }
    const reported = await ask("POST", `${path}/${run.id}/callback`, {
      token: run.callback.token,
      body: { status: "succeeded" },
    });
    expect(reported.status).toBe(401);
    expect((await ask<{ id: string }[]>("GET", path)).body.map(({ id }) => id)).not.toContain(run.id);
    expect((await ask("GET", `${runsPath}/${run.id}`)).body.status).toBe("pending");
  });

  it("is told apart from no run by nothing in the answer to a token from outside", async () => {
    const run = await createRun(runsPath);
    const { token } = await grantToken(newProject(), { role: "owner" });
    for (const method of ["GET", "DELETE"]) {
      const there = await ask<Refusal>(method, `${runsPath}/${run.id}`, { token });
      const absent = await ask<Refusal>(method, `${runsPath}/${crypto.randomUUID()}`, { token });
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
    for (const { token } of strangers) {
      expect((await ask("GET", `${runsPath}/${run.id}`, { token })).status).toBe(404);
    }
    for (const path of Object.values(elsewhere)) {
      expect((await ask("GET", `${path}/${run.id}`)).status).toBe(404);
    }
  });
});
