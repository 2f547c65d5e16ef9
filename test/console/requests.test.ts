/** What the console sends twice, and when it tries a read again and polls. */

import { describe, expect, it } from "vitest";
import { ActionRunsError } from "../../src/client/index.ts";
import { secretProblem } from "../../src/console/definitions/secret-fields.tsx";
import { keyPerBody, problemsOf } from "../../src/console/ui/forms.tsx";
import { pollInMs, retryInMs } from "../../src/console/ui/load.tsx";

it("the same body gets the same key, so that a try after a lost response repeats the first", () => {
  const keyOf = keyPerBody();
  const first = keyOf({ parameters: { version: "1.4.2" } });
  expect(keyOf({ parameters: { version: "1.4.2" } })).toBe(first);
  keyOf({ parameters: { version: "1.4.3" } });
  expect(keyOf({ parameters: { version: "1.4.2" } })).toBe(first);
});

it("each other body gets another key, and a member that is left out is another body", () => {
  const keyOf = keyPerBody();
  const bodies = [
    {},
    { parameters: undefined, reason: "" },
    { parameters: {} },
    { parameters: { a: 1 } },
    { reason: "x" },
  ];
  expect(new Set(bodies.map(keyOf)).size).toBe(bodies.length);
});

it("another dialog gets other keys, because it means another change", () => {
  expect(keyPerBody()({})).not.toBe(keyPerBody()({}));
});

describe("an error", () => {
  const FIELDS = ["/a", "/a/b", "/ab", "/a b", "/list", "/in/x~1y", "/parameters"];
  const problemOf = (pointer: string | null, fields: readonly string[] = FIELDS) => {
    const error = new ActionRunsError("No.", { status: 400, code: "invalid_body", pointer });
    return [...problemsOf(error, fields, "Again.")];
  };

  it.each([
    ["/a", "/a"],
    ["/a/b", "/a/b"],
    ["/a/b/c", "/a/b"],
    ["/a/c", "/a"],
    ["/ab/0", "/ab"],
    ["/a b", "/a b"],
    ["/abc", null],
    ["/list/12", "/list"],
    ["/in/x~1y", "/in/x~1y"],
    ["/in/x/y", null],
    ["/parameters/__proto__", "/parameters"],
    ["/<img src=x>", null],
    ["/", null],
    [null, null],
  ])("that points to %j stands beside the field %j", (pointer, field) => {
    expect(problemOf(pointer)).toEqual([[field, "No."]]);
  });

  it.each([
    ["/a", "a: send a text.", "Send a text."],
    ["/a/c", "a.c: send a text.", "c: send a text."],
    ["/list/0", "list.0: is too long. a: send a text.", "Line 1: is too long. a: send a text."],
    ["/in/x~1y", "in.x/y: send a text.", "Send a text."],
    ["/ab", "a: send a text.", "a: send a text."],
    ["/a", "abc: send a text.", "abc: send a text."],
    ["/c", "c: send a text.", "c: send a text."],
    [null, "The name is taken.", "The name is taken."],
  ])("at %j does not repeat the name of its field: %s", (pointer, sentence, shown) => {
    const error = new ActionRunsError(sentence, { status: 400, code: "invalid_body", pointer });
    expect([...problemsOf(error, FIELDS, "Again.").values()]).toEqual([shown]);
    // As JSON, the definition has no labels.
    expect([...problemsOf(error, [""], "Again.").values()]).toEqual([sentence]);
  });

  it("of a secret that the service can't keep says what to type, in the words of a form", () => {
    const pointer = "/trigger/headers/Authorization";
    const words = "trigger.headers.Authorization: there is no stored value to keep. Send the value instead of null.";
    const error = (code: string) => new ActionRunsError(words, { status: 422, code, pointer });
    const told = secretProblem(error("secret_required"), [pointer], new Set());
    expect(told?.get(pointer)).toBe("The service has no stored value for this. Type the value.");
    const moved = secretProblem(error("secret_required"), [pointer], new Set([pointer]));
    expect(moved?.get(pointer)).toMatch(/^The service keeps the stored value only .* Type the value again\.$/);
    expect(secretProblem(error("invalid_body"), [pointer], new Set())).toBeNull();
    expect(secretProblem(error("secret_required"), ["/url"], new Set())).toBeNull();
  });

  it("that points anywhere stands beside a field that is the whole body", () => {
    expect(problemOf("/trigger/url", [""])).toEqual([["", "No."]]);
    expect(problemOf(null, [""])).toEqual([[null, "No."]]);
  });

  it("without a response says what another try does", () => {
    const lost = new ActionRunsError("No response came.", { status: null, code: "unreachable" });
    expect([...problemsOf(lost, FIELDS, "Again.")]).toEqual([[null, "No response came. Again."]]);
    const unknown = problemsOf(new Error("x"), FIELDS, "Again.").get(null);
    expect(unknown).toBe("Something went wrong in the console. Reload the page.");
  });
});

const refusal = (status: number | null, retryAfterMs: number | null = null) =>
  new ActionRunsError("No.", { status, code: "x", retryAfterMs });

describe("a read that failed", () => {
  it.each([
    ["no response", refusal(null), 2000],
    ["503", refusal(503), 2000],
    ["503 with Retry-After", refusal(503, 7000), 9000],
    ["429", refusal(429), 2000],
    ["a proxy's 502", refusal(502), 2000],
    ["400", refusal(400), null],
    ["404", refusal(404), null],
    ["a bug", new Error("x"), null],
  ])("after %s is tried again only if that may help", (_, error, ms) => {
    expect(retryInMs(error, 1, 1)).toBe(ms);
  });

  it("waits longer each time, up to a minute, and not everybody as long", () => {
    expect([1, 2, 3, 20].map((failed) => retryInMs(refusal(503), failed, 1))).toEqual([2000, 4000, 8000, 60_000]);
    expect(retryInMs(refusal(503), 1, 0)).toBe(1000);
  });
});

it("polls are up to a tenth early or late", () => {
  expect([0, 0.5, 1].map((random) => pollInMs(5000, random))).toEqual([4500, 5000, 5500]);
});
