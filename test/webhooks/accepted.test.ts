/** Conditions on the response, for products that answer 200 with an error inside. */

import { describe, expect, it } from "vitest";
import { type Conditions, parsedJson, RESPONSE_READ_MAX_BYTES, unmetCondition } from "../../src/webhooks/response.ts";

import { ask, newRunsPath } from "../support/requests.ts";
import type { Refusal } from "../support/tokens.ts";
import { useSettings } from "../support/use-settings.ts";
import { answering, fire, ORIGIN } from "./runs.ts";

await useSettings("development");

const RPC_OK = '{"jsonrpc":"2.0","id":1,"result":[3,{"1":7}]}';
const RPC_ERROR = '{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"s3cret"},"result":null}';
const HAS_RESULT = { exists: "response.result.0" };

function unmet(conditions: Conditions, body: string, location: string | null = null): string | null {
  return unmetCondition(conditions, parsedJson(new TextEncoder().encode(body)), location);
}

describe("a condition", () => {
  it.each<[string, Conditions[number], string]>([
    ["that a member exists", HAS_RESULT, RPC_OK],
    ["that a deep member exists", { exists: "response.result.1.1" }, RPC_OK],
    ["that a member exists, and it is false", { exists: "response.ok" }, '{"ok":false}'],
    ["that a boolean is equal", { equals: { "response.ok": true } }, '{"ok":true}'],
    ["that a text is equal", { equals: { "response.status": "queued" } }, '{"status":"queued"}'],
    ["that a number is equal", { equals: { "response.code": 0 } }, '{"code":0.0}'],
    [
      "of several members",
      { equals: { "response.a": 1, "response.b": "" }, exists: "response.c" },
      '{"a":1,"b":"","c":[]}',
    ],
  ])("%s holds", (_, condition, body) => {
    expect(unmet([condition], body)).toBeNull();
  });

  const NOT_EQUAL = "of the response is not the value in accepted";
  it.each<[string, Conditions[number], string, string]>([
    ["a missing member", HAS_RESULT, '{"ok":true}', "the response has no response.result.0"],
    ["null, as JSON-RPC sends it", { exists: "response.result" }, RPC_ERROR, "the response has no response.result"],
    ["an inherited member", { exists: "response.constructor" }, "{}", "the response has no response.constructor"],
    ["a missing member that is compared", { equals: { "response.ok": true } }, "{}", "the response has no response.ok"],
    ["another value", { equals: { "response.ok": true } }, '{"ok":false}', `response.ok ${NOT_EQUAL}`],
    ["a text for a boolean", { equals: { "response.ok": true } }, '{"ok":"true"}', `response.ok ${NOT_EQUAL}`],
    ["a text for a number", { equals: { "response.id": 1 } }, '{"id":"1"}', `response.id ${NOT_EQUAL}`],
  ])("%s does not hold", (_, condition, body, expected) => {
    expect(unmet([condition], body)).toBe(expected);
    // All must hold.
    expect(unmet([{ exists: "response.headers.location" }, condition], body, "/queue/1")).toBe(expected);
  });
});

it("a response that is not JSON meets no condition, not even one of its headers", () => {
  const location: Conditions = [{ exists: "response.headers.location" }];
  expect(unmet(location, "<html>", "/queue/1")).toBe("the response is not JSON of up to 64 KiB");
  expect(unmet(location, "{}", "/queue/1")).toBeNull();
  expect(unmet(location, "{}")).toBe("the response has no response.headers.location");
});

describe("a 2xx response", () => {
  it("that meets the conditions starts the run, and its values are used", async () => {
    const r = await answering({ status: 200, body: '{"ok":true,"page":"https://ci.example.com/jobs/1"}' });
    const trigger = { accepted: [{ equals: { "response.ok": true } }], link: "{{ response.page }}" };
    const { untilStatus, created, path } = await fire(r.url, trigger);
    await untilStatus("running");
    const details = `${ORIGIN}${path}/${created.id}?include=details`;
    expect(await ask("GET", details)).toMatchObject({
      body: { details: { externalUrl: "https://ci.example.com/jobs/1" } },
    });
  });

  const NO_JSON = "the response is not JSON of up to 64 KiB";
  it.each<[string, string, string]>([
    ["has an error inside", RPC_ERROR, "the response has no response.result.0"],
    ["is not JSON", "<html>Please sign in</html>", NO_JSON],
    ["is empty", "", NO_JSON],
    ["is too long, although its start is JSON", `{"result":[1]}${" ".repeat(RESPONSE_READ_MAX_BYTES)}`, NO_JSON],
  ])("that %s fails the run, and no other attempt is made", async (_, body, reason) => {
    const r = await answering({ status: 200, body });
    const { untilStatus, untilAnswered, alarmIn } = await fire(r.url, { accepted: [HAS_RESULT] });
    const { host } = new URL(r.url);
    expect((await untilStatus("failed")).error).toBe(`[delivery] ${host} answered 200, but ${reason}.`);
    expect(await untilAnswered(1)).toMatchObject([
      { outcome: "given_up", status: 200, reason: `answered 200, but ${reason}` },
    ]);
    await alarmIn(3_600_000);
    expect(await r.inbox()).toHaveLength(1);
  });

  it("of exactly 64 KiB is read to its end", async () => {
    const body = JSON.stringify({ result: [1, ""] });
    const whole = body.replace('""', `"${"x".repeat(RESPONSE_READ_MAX_BYTES - body.length)}"`);
    const r = await answering({ status: 200, body: whole });
    await (await fire(r.url, { accepted: [HAS_RESULT] })).untilStatus("running");
  });

  it("that misses a condition after a heartbeat changes nothing", async () => {
    const r = await answering({ status: 200, body: RPC_ERROR, held: true });
    const { heartbeat, get, untilAnswered } = await fire(r.url, { accepted: [HAS_RESULT] });
    await r.untilInbox(1);
    expect((await heartbeat()).body).toMatchObject({ status: "running" });
    await r.release();
    expect(await untilAnswered(1)).toMatchObject([{ outcome: "overtaken", status: 200 }]);
    expect(await get()).toMatchObject({ status: "running" });
  });

  it("to a retry after an error counts as well", async () => {
    const r = await answering({ status: 503 }, { status: 202, body: RPC_OK });
    await (await fire(r.url, { accepted: [HAS_RESULT] })).untilStatus("running");
  });
});

describe("accepted is refused", () => {
  it.each<[string, unknown, string]>([
    ["as an object", { exists: "response.id" }, "/trigger/accepted"],
    ["without a condition", [], "/trigger/accepted"],
    [
      "with six conditions",
      [
        {
          equals: { "response.a": 1, "response.b": 1, "response.c": 1, "response.d": 1, "response.e": 1 },
          exists: "response.f",
        },
      ],
      "/trigger/accepted",
    ],
    ["with a condition that says nothing", [{}], "/trigger/accepted/0"],
    ["with an empty comparison", [{ equals: {} }], "/trigger/accepted/0"],
    ["with another member", [{ exist: "response.id" }], "/trigger/accepted/0"],
    ["with a path outside of the response", [{ exists: "parameters.id" }], "/trigger/accepted/0/exists"],
    ["with the whole response", [{ exists: "response" }], "/trigger/accepted/0/exists"],
    ["with a header that may be a secret", [{ exists: "response.headers.set-cookie" }], "/trigger/accepted/0/exists"],
    ["with a placeholder for a path", [{ exists: "{{ response.id }}" }], "/trigger/accepted/0/exists"],
    ["with a blank in a path", [{ exists: "response. id" }], "/trigger/accepted/0/exists"],
    ["with an empty name", [{ exists: "response..id" }], "/trigger/accepted/0/exists"],
    ["with a long path", [{ exists: `response.${"a".repeat(256)}` }], "/trigger/accepted/0/exists"],
    ["with null as a value", [{ equals: { "response.error": null } }], "/trigger/accepted/0/equals"],
    ["with an object as a value", [{ equals: { "response.error": {} } }], "/trigger/accepted/0/equals"],
    ["with a placeholder for a value", [{ equals: { "response.id": "{{ run.id }}" } }], "/trigger/accepted/0/equals"],
    ["with a long value", [{ equals: { "response.id": "a".repeat(257) } }], "/trigger/accepted/0/equals"],
  ])("is 400 at $2 if it is sent %s", async (_, accepted, pointer) => {
    const body = { actionName: "deploy", trigger: { type: "webhook", url: "http://127.0.0.1:9/", accepted } };
    const { status, body: error } = await ask<Refusal>("POST", ORIGIN + newRunsPath(), { body });
    expect([status, error.code]).toEqual([400, "invalid_body"]);
    expect(error.pointer).toContain(pointer);
  });

  it("in a stop request", async () => {
    const cancel = { url: "http://127.0.0.1:9/", accepted: [HAS_RESULT] };
    const body = { actionName: "deploy", trigger: { type: "webhook", url: "http://127.0.0.1:9/", cancel } };
    expect(await ask("POST", ORIGIN + newRunsPath(), { body })).toMatchObject({ status: 400 });
  });
});
