/** The log's line run_ended: one for each run that ends, with nothing that a caller typed but an action's name. */

import { beforeEach, expect, it, vi } from "vitest";
import { EndLog } from "../../../src/runs/coordinator/ledger.ts";
import { alarmIn, coordinator, createAged, MINUTE_MS } from "../../support/direct.ts";
import { type ActionRun, ask, givenRun, newRunsPath, report, scopeOfPath } from "../../support/requests.ts";
import { toRun } from "../../support/rows.ts";

let lines: Record<string, unknown>[];

beforeEach(() => {
  lines = [];
  vi.spyOn(console, "log").mockImplementation((text: unknown) => {
    const line = JSON.parse(String(text));
    if (line.event === "run_ended") lines.push(line);
  });
});

it("is written once for each end, and neither for a refusal nor for a repetition", async () => {
  const { path, run, runPath } = await givenRun({ actionName: "a-name-with-a-password" });
  const key = { headers: { "Idempotency-Key": "a" } };
  expect(lines).toEqual([]);
  expect((await report(run, { status: "succeeded", output: { s: "hush" } }, key)).status).toBe(200);
  expect((await report(run, { status: "succeeded", output: { s: "hush" } }, key)).status).toBe(200);
  expect((await report(run, { status: "failed", error: "late" })).status).toBe(409);
  expect((await ask("DELETE", runPath)).status).toBe(409);
  await ask("GET", runPath);
  expect(lines).toEqual([
    {
      level: "info",
      event: "run_ended",
      coordinator: scopeOfPath(path),
      "cicd.pipeline.run.id": run.id,
      "cicd.pipeline.result": "success",
      cause: "callback",
      waitedMs: expect.any(Number),
      ranMs: 0,
    },
  ]);
});

it("names a stored action, and says how long the run waited", async () => {
  const path = newRunsPath();
  const actions = path.replace(/action-runs$/, "actions");
  expect((await ask("PUT", `${actions}/deploy`, { body: {} })).status).toBe(201);
  const { body: run } = await ask<ActionRun>("POST", `${actions}/deploy/runs`, { body: {} });
  expect((await ask("DELETE", `${path}/${run.id}`)).status).toBe(200);
  expect(lines).toMatchObject([
    { "cicd.pipeline.name": "deploy", "cicd.pipeline.result": "cancellation", cause: "cancel", ranMs: null },
  ]);
});

it("is written when the alarm ends a run", async () => {
  const path = newRunsPath();
  const createdAt = Date.now();
  const id = await createAged(path, { createdAt, deadlineAt: createdAt + MINUTE_MS });
  await alarmIn(2 * MINUTE_MS, coordinator(path));
  expect(lines).toMatchObject([
    { "cicd.pipeline.run.id": id, "cicd.pipeline.result": "timeout", cause: "deadline", waitedMs: MINUTE_MS },
  ]);
});

it.each([
  ["succeeded", "callback", "success"],
  ["failed", "callback", "failure"],
  ["failed", "delivery", "error"],
  ["failed", "deadline", "timeout"],
  ["failed", "silence", "timeout"],
  ["cancelled", "cancel", "cancellation"],
  ["cancelled", "callback", "cancellation"],
  ["cancelled", "silence", "cancellation"],
] as const)("has OpenTelemetry's result of a run that is %s by %s", (status, endCause, result) => {
  const ended = { status, endCause, createdAt: 1000, startedAt: 3500, completedAt: 10_000 };
  new EndLog("acme/shop/prod/0").write(toRun({ id: crypto.randomUUID(), ...ended }), 10_000);
  expect(lines).toMatchObject([{ "cicd.pipeline.result": result, cause: endCause, waitedMs: 2500, ranMs: 6500 }]);
});

it("is written 25 times a second at most, and the next line counts those left out", () => {
  const log = new EndLog("acme/shop/prod/0");
  const ended = { status: "cancelled", endCause: "cancel", completedAt: Date.now() } as const;
  const end = (now: number) => log.write(toRun({ id: crypto.randomUUID(), ...ended }), now);
  for (let n = 0; n < 55; n++) end(5000);
  expect(lines).toHaveLength(25);
  end(6000);
  expect(lines.at(-1)).toHaveProperty("leftOut", 30);
  end(6000);
  expect(lines.at(-1)).not.toHaveProperty("leftOut");
});

it("is not written for an open run", () => {
  new EndLog("acme/shop/prod/0").write(toRun({ id: crypto.randomUUID() }), 0);
  expect(lines).toEqual([]);
});
