/** Which idempotency key a try of a form gets, and which field an error belongs to. */

import { describe, expect, it } from "vitest";
import { ActionRunsError } from "../../src/client/index.ts";
import { keyPerBody, problemsOf } from "../../src/console/ui/use-change.ts";

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
