/** What starts an action besides people: what its fields hold, and how its page says it. */

import { describe, expect, it } from "vitest";
import { RETRIED_ENDS } from "../../../src/base/limits.ts";
import { ACTION_FIELDS, EVENT_SECRET, RETRIED } from "../../../src/console/actions/action-fields.ts";
import { typedIn } from "../../../src/console/actions/form-values.ts";
import { formOf } from "../../../src/console/actions/schema-form.ts";
import { headersOf, retryText, toolText } from "../../../src/console/actions/starts-part.tsx";
import { numbersOf, secretsOf, unshownOf } from "../../../src/console/definitions/members.ts";

describe("the fields of an action", () => {
  const rule = { attempts: 2, delaySeconds: [60, 600], on: ["failed"] };
  const event = { verify: "github", secret: null, headers: ["x"], when: [], parameters: "{{ body }}" };
  it.each([
    [{ retry: rule, inbound: event }, null],
    [{ retry: { attempts: "many", delaySeconds: "soon" } }, null],
    [{ retry: { ...rule, on: ["approval"] } }, "retry"],
    [{ retry: { ...rule, on: ["toString"] } }, "retry"],
    [{ retry: { ...rule, delaySeconds: {} } }, "retry"],
    [{ retry: [] }, "retry"],
    [{ inbound: { ...event, secret: "whsec_typed" } }, "inbound"],
    [{ inbound: { secret: null } }, "inbound"],
    [{ inbound: { ...event, headers: [1] } }, "inbound"],
    [{ agents: {} }, null],
    [{ agents: { description: "Deploys" } }, null],
    [{ agents: { description: null } }, "agents"],
    [{ agents: true }, "agents"],
  ])("can show %j, unless of the member %j", (definition, member) => {
    expect(unshownOf(definition, ACTION_FIELDS)).toBe(member);
  });

  it("ask for the secret for events only if the definition leaves it null", () => {
    const pointersOf = (inbound: object) => secretsOf({ inbound });
    expect([pointersOf(event), pointersOf({ verify: "token" })]).toEqual([[EVENT_SECRET], []]);
  });

  it("know each end that the service can retry", () => {
    expect(Object.keys(RETRIED)).toEqual(RETRIED_ENDS);
  });

  it.each([
    ["60", 60],
    ["60, 600", [60, 600]],
    ["60 600", [60, 600]],
    ["soon", "soon"],
    [" ", undefined],
  ])("read %j seconds as %j", (text, value) => {
    expect(numbersOf(text)).toEqual(value);
  });
});

describe("a rule of automatic retries in words", () => {
  it.each([
    [
      { attempts: 1, delaySeconds: 60 },
      "1 retry, 1m 00s after the end, if the job reported a failure or no receiver took the webhook",
    ],
    [
      { attempts: 2, delaySeconds: [60, 7200], on: ["timeout" as const] },
      "2 retries, 1m 00s and 2h 00m after the end, if nobody reported an end in time",
    ],
  ])("%j", (rule, words) => {
    expect(retryText(rule)).toBe(words);
  });
});

describe("the tool of an action", () => {
  // test/mcp/calls.test.ts holds the service to the same names.
  it.each(["deploy", "Deploy_it-2", "a".repeat(36)])("of the name %s is told", (name) => {
    expect(toolText(name)).toBe(`Offered as the tool run_${name}`);
  });

  it.each(["deploy.shop", "a".repeat(37)])("of the name %s has another name, which is not told", (name) => {
    expect(toolText(name)).toBe("Offered as a tool");
  });
});

describe("the headers of a sample", () => {
  it.each([
    ["", {}],
    ["X-GitHub-Event: push\n\n a:b:c ", { "X-GitHub-Event": "push", a: "b:c" }],
    ["X-Empty:", { "X-Empty": "" }],
    ["__proto__: x", Object.fromEntries([["__proto__", "x"]])],
  ])("%j", (text, headers) => {
    expect(headersOf(text)).toEqual(headers);
  });

  it.each(["no colon", ": no name", "a b: c"])("%j is not one, and a sentence says so", (text) => {
    expect(headersOf(text)).toMatch(/ is not a header\. Type a name, a colon and a value\.$/);
  });
});

describe("the parameters of a schedule that somebody types", () => {
  const form = formOf({
    type: "object",
    properties: { count: { type: "integer" }, version: { type: "string" }, more: { type: "object" } },
    required: ["version"],
    additionalProperties: false,
  });
  it("are values, and a text that is none stays, so that the service refuses it", () => {
    const texts = new Map([
      ["/count", "many"],
      ["/version", "1"],
      ["/more", "{"],
    ]);
    expect(typedIn(form, texts)).toEqual({ count: "many", version: "1", more: "{" });
    expect(typedIn(form, new Map([["/count", "3"]]))).toEqual({ count: 3 });
  });

  it("are a text as a whole if they are typed as JSON that is none", () => {
    expect(typedIn(formOf(undefined), new Map([["", "{ "]]))).toBe("{ ");
    expect(typedIn(formOf(undefined), new Map([["", ""]]))).toEqual({});
  });
});
