/** The ActionRun on the wire. */

import { describe, expect, it, vi } from "vitest";
import { toActionRun } from "../../src/runs/action-run.ts";
import { toRun } from "../support/rows.ts";

const CREATED_AT = Date.UTC(2026, 0, 31, 12);
const NOW = CREATED_AT + 2000;
const PENDING = toRun({ id: "019c0e5a-1800-8000-8000-000000000000", createdAt: CREATED_AT });

describe("the ActionRun on the wire", () => {
  it("has the contract's twelve fields in their order and nothing else", () => {
    const kept = { ...PENDING, createKey: "c:secret", changeKey: "m:secret", purgeAt: NOW };
    const reference =
      "id actionName entityId status parameters recommendations triggeredBy createdAt startedAt completedAt error output";
    expect(Object.keys(JSON.parse(toActionRun(kept))).join(" ")).toBe(reference);
    const ended = { ...PENDING, status: "failed", completedAt: NOW, error: "exit 1", output: "{}" } as const;
    expect(Object.keys(JSON.parse(toActionRun(ended))).join(" ")).toBe(reference);
  });

  it("is printed once for each version", () => {
    const stringify = vi.spyOn(JSON, "stringify");
    const run = { ...PENDING };
    const text = toActionRun(run);
    const calls = stringify.mock.calls.length;
    expect(calls).toBeGreaterThan(0);
    expect(toActionRun(run)).toBe(text);
    expect(stringify).toHaveBeenCalledTimes(calls);
    stringify.mockRestore();
    expect(toActionRun({ ...run, actionName: "another" })).not.toBe(text);
  });

  it("prints null for missing values, instants in UTC, and JSON as it was sent", () => {
    const open = toActionRun({ ...PENDING, parameters: '{"__proto__":1,"n":1e3}' });
    expect(open).toBe(
      '{"id":"019c0e5a-1800-8000-8000-000000000000","actionName":"deploy","entityId":null,"status":"pending",' +
        '"parameters":{"__proto__":1,"n":1e3},"recommendations":{},"triggeredBy":"root",' +
        '"createdAt":"2026-01-31T12:00:00.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}',
    );
    const odd = 'quote " back\\slash \u2028 \u{1f680} \n';
    const ended = toActionRun({
      ...PENDING,
      status: "failed",
      actionName: odd,
      triggeredBy: odd,
      error: odd,
      entityId: "0b6e5a57-8b0a-4f0e-9b0e-1d7f3a1f0c11",
      startedAt: CREATED_AT + 1000,
      completedAt: NOW,
      output: '{"a":[1]}',
    });
    expect(JSON.parse(ended)).toMatchObject({
      actionName: odd,
      triggeredBy: odd,
      error: odd,
      entityId: "0b6e5a57-8b0a-4f0e-9b0e-1d7f3a1f0c11",
      startedAt: "2026-01-31T12:00:01.000Z",
      completedAt: "2026-01-31T12:00:02.000Z",
      output: { a: [1] },
    });
  });
});
