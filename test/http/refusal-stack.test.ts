import { afterEach, expect, it } from "vitest";
import { ApiError, unauthorized } from "../../src/http/errors.ts";

const limit = Error.stackTraceLimit;
afterEach(() => {
  Error.stackTraceLimit = limit;
});

const frames = (error: Error) => (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));

it.each([limit, 0, 3, 100])("a refusal has no stack, and other errors keep theirs of %i frames", (kept) => {
  Error.stackTraceLimit = kept;
  const before = frames(new Error("a fault")).length;
  for (const refusal of [
    new ApiError("not_found", "Nothing is here."),
    unauthorized("No.", "unauthorized"),
  ]) {
    expect(frames(refusal)).toEqual([]);
    expect(refusal).toBeInstanceOf(Error);
    expect(refusal.message).toMatch(/\.$/);
  }
  expect(Error.stackTraceLimit).toBe(kept);
  expect(frames(new Error("a fault"))).toHaveLength(before);
  if (kept > 0) expect(before).toBeGreaterThan(0);
});

it("what caused a refusal keeps its stack, for that is what the log is asked for", () => {
  const cause = new Error("D1 is down");
  const refusal = new ApiError("database_unavailable", "Try again later.", {}, cause);
  expect(refusal.cause).toBe(cause);
  expect(frames(cause).length).toBeGreaterThan(0);
});
