import { describe, expect, it } from "vitest";
import { ask, newRunsPath } from "../support/requests.ts";

const runs = newRunsPath();
const tokens = "/acme/shop/tokens";
const ID = "0199d2a5-0000-8000-8000-000000000000";

const LIMITS = ["", "0", "201", "-1", "1.5", "1e2", "1e400", "NaN", "0x10", "%201", "1%20", "1%00", "%D9%A1", "1,2"];
const CURSORS = [
  "",
  "x",
  "%00",
  "%zz",
  ID,
  btoa("no uuid at all, but of 36 characters"),
  btoa(ID.toUpperCase().replace("0199D2A5", "0199D2AF")),
  `${btoa(ID)}=`,
  `${btoa(ID)}%0a`,
  "A".repeat(10_000),
];
/** Of a timeline, whose cursors are numbers; a list's are ids. */
const SEQ_CURSORS = ["-1", "01", "1.5", "1e3", " 1", "1\n", "1000000000000000", "\u0661", "NaN", "__proto__"];
/** Values that are invalid as `limit` and as `wait`. */
const WAITS = [...LIMITS, "61", "99", "100", "001"];
const NAMES = ["", "%00", "a%00b", "a%0ab", "%7f", "%C2%85", "a".repeat(256)];
const LABELS = ["", "%00", "a%0ab", "%7f", "%C2%85", "%E2%80%A8", "a".repeat(65), "%F0%9F%98%80".repeat(65)];
/** 11 of them, and a run has at most 10. */
const MANY_LABELS = Array.from({ length: 11 }, (_, i) => `label=${i}`).join("&");
const TIMES = [
  "",
  "0",
  "2026-01-01",
  "2026-01-01T00:00:00",
  "2026-02-29T00:00:00Z",
  "2026-01-01T24:00:00Z",
  "2026-01-01T00:00:00%2B24:00",
  "2026-01-01T00:00:00+01:00",
  "2026-01-01T00:00:00Z%00",
  `2026-01-01T00:00:00.${"0".repeat(1000)}Z`,
];

const anyOf = (name: string, values: readonly string[]) => values.map((value) => `${name}=${value}`);
const twice = (name: string, value: string) => `${name}=${value}&${name}=${value}`;

const EVERY_LIST = [
  ...anyOf("limit", LIMITS),
  ...anyOf("cursor", CURSORS),
  twice("limit", "10"),
  twice("cursor", btoa(ID)),
  "Limit=10",
  "limit%00=10",
  "colour=red",
  "colour",
  "__proto__=1",
  "__proto__=1&__proto__=2",
  "constructor=1",
  "toString=1",
  "limit[]=10",
  "%zz=1",
];
const WAITING = [
  ...anyOf("waiting", ["", "Any", "slot", "any,time", "time%00", "__proto__", "null"]),
  twice("waiting", "any"),
];
const GROUPS = [
  ...anyOf("group", ["", "-environment", ".a", "a%20b", "a%2Fb", "%C3%A9", "a%0A", "a%00", "a".repeat(64)]),
  twice("group", "prod"),
];
/** A cursor of groups is a group and a key, with a line feed between them. */
const GROUP_LIST = anyOf("cursor", [btoa("prod"), btoa("\nkeys"), btoa("-a\nkeyk"), btoa(`prod\n${"k".repeat(256)}`)]);
/** What a list and a summary refuse. */
const FILTERS = [
  ...EVERY_LIST,
  ...anyOf("status", ["", "Pending", "bogus", "pending,failed", "pending%00", "__proto__", "pending&status=bogus"]),
  ...WAITING,
  ...GROUPS,
  ...anyOf("actionName", NAMES),
  ...anyOf("triggeredBy", NAMES),
  ...anyOf("entityId", ["", "x", "1", `${ID}0`, `${ID}%00`, `{${ID}}`, "null"]),
  ...anyOf("createdAfter", TIMES),
  ...anyOf("createdBefore", TIMES),
  twice("actionName", "a"),
  twice("triggeredBy", "a"),
  twice("entityId", ID),
  twice("createdAfter", "2026-01-01T00:00:00Z"),
  twice("createdBefore", "2026-01-01T00:00:00Z"),
  ...anyOf("label", LABELS),
  "label=a&label=",
  MANY_LABELS,
  "Label=a",
  "label[]=a",
];
const INCLUDES = [
  ...anyOf("include", ["", "detail", "Details", "details,labels", "details%00", "true", "1", "__proto__"]),
  twice("include", "details"),
];
const ORDERS = [
  ...anyOf("order", ["", "asc", "Oldest", "newest,oldest", "oldest%00", "__proto__"]),
  twice("order", "oldest"),
];
const RUN_LIST = [...FILTERS, ...INCLUDES, ...ORDERS];
const SUMMARY = [...FILTERS, "order=oldest", "limit=10", `cursor=${btoa(ID)}`, "include=details", "wait=1"];

/** What a feed refuses. Its cursors have an error of their own. */
const CHANGES = [
  ...WAITING,
  ...GROUPS,
  ...anyOf("after=0&wait", ["", "-1", "61", "1.5", "x", "1%00", "+1", "0x1"]),
  ...anyOf("actionName", NAMES),
  ...anyOf("label", LABELS),
  ...INCLUDES,
  MANY_LABELS,
  twice("after", "0"),
  twice("after=0&wait", "1"),
  "status=failed",
  "limit=10",
  `cursor=${btoa(ID)}`,
  "After=0",
  "__proto__=1",
];

const FACETS = [
  "",
  "field=label",
  "contains=de",
  "limit=10",
  ...anyOf("contains=de&field", ["", "id", "status", "entityId", "Label", "label%00", "__proto__"]),
  ...anyOf("field=label&contains", ["", "d", "%F0%9F%9A%80", "a".repeat(256), "de%00", "de%0A"]),
  "field=label&field=label&contains=de",
  "field=label&contains=de&contains=de",
  "field=label&contains=de&limit=10",
  "field=label&contains=de&__proto__=1",
];

/** A cursor of the actions is a name, and this text can be one. */
const NAMES_AN_ACTION = `cursor=${btoa(ID.toUpperCase().replace("0199D2A5", "0199D2AF"))}`;
const ACTION_LIST = [
  ...anyOf(
    "cursor",
    ["-a", ".a", "a b", "a/b", "é", "a\n", "a".repeat(64)].map((name) =>
      new TextEncoder().encode(name).toBase64({ alphabet: "base64url", omitPadding: true }),
    ),
  ),
  "name=a",
  "label=a",
];

const TIMELINE = [
  ...EVERY_LIST,
  ...anyOf(
    "cursor",
    SEQ_CURSORS.map((text) => new TextEncoder().encode(text).toBase64({ alphabet: "base64url", omitPadding: true })),
  ),
  "after=1",
  "wait=1",
];
const OUTCOMES = [
  ...anyOf("outcome", ["", "Skipped", "null", "skipped,failed", "skipped%00", "__proto__"]),
  twice("outcome", "skipped"),
];
const ONE_RUN = [
  ...INCLUDES,
  ...anyOf("wait", WAITS),
  twice("wait", "1"),
  "Wait=1",
  "wait[]=1",
  "wait%00=1",
  "limit=10",
  `cursor=${btoa(ID)}`,
  "colour=red",
  "__proto__=1",
  "constructor=1",
];

/** A create and a run of an action ignore parameters that they don't know. */
const CHANGE = [...INCLUDES, "Include=details", "include[]=details", "colour=red", "__proto__=1", "wait=1"];
const bulk = runs.replace(/action-runs$/, "bulk-operations");
const actions = runs.replace(/action-runs$/, "actions");

describe("queries", () => {
  const cases = [
    ...RUN_LIST.map((query) => ({ what: "runs", query, path: runs })),
    ...SUMMARY.map((query) => ({ what: "a summary", query, path: `${runs}/summary` })),
    ...CHANGES.map((query) => ({ what: "the feed", query, path: `${runs}/changes` })),
    ...FACETS.map((query) => ({ what: "facets", query, path: `${runs}/facets` })),
    ...EVERY_LIST.map((query) => ({ what: "tokens", query, path: tokens })),
    ...[...EVERY_LIST.filter((query) => query !== NAMES_AN_ACTION), ...ACTION_LIST].map((query) => ({
      what: "actions",
      query,
      path: actions,
    })),
    ...[
      ...EVERY_LIST,
      "actor=",
      "actor=a&actor=b",
      "action=token_made",
      "person=two%20words",
      "since=soon",
      "until=",
    ].map((query) => ({ what: "the audit", query, path: "/acme/shop/audit" })),
    ...["status=pending", "actionName=a"].map((query) => ({ what: "tokens", query, path: tokens })),
    ...[btoa("1"), btoa("0")].map((cursor) => ({ what: "runs", query: `cursor=${cursor}`, path: runs })),
    ...TIMELINE.map((query) => ({ what: "events", query, path: `${runs}/${ID}/events` })),
    ...ONE_RUN.map((query) => ({ what: "one run", query, path: `${runs}/${ID}` })),
    ...CHANGE.map((query) => ({ what: "a cancel", query, path: `${runs}/${ID}/cancel`, body: {} })),
    ...[...EVERY_LIST, ...GROUPS, ...GROUP_LIST, "key=a", "waiting=any"].map((query) => ({
      what: "the groups",
      query,
      path: runs.replace(/action-runs$/, "concurrency-groups"),
    })),
    ...[...EVERY_LIST, "status=running", "operation=cancel", "outcome=failed"].map((query) => ({
      what: "the bulk operations",
      query,
      path: bulk,
    })),
    ...[...TIMELINE, ...OUTCOMES, "code=run_open"].map((query) => ({
      what: "the runs of a bulk operation",
      query,
      path: `${bulk}/${ID}/items`,
    })),
    ...["approve", "reject", "release"].flatMap((what) =>
      CHANGE.map((query) => ({ what: `a request to ${what}`, query, path: `${runs}/${ID}/${what}`, body: {} })),
    ),
    ...CHANGE.map((query) => ({ what: "a retry", query, path: `${runs}/${ID}/retry`, body: {} })),
    ...INCLUDES.map((query) => ({ what: "a create", query, path: runs, body: { actionName: "a" } })),
    ...INCLUDES.map((query) => ({ what: "a run of an action", query, path: `${actions}/a/runs`, body: {} })),
  ].map((example) => ({ body: undefined, ...example, shown: example.query.slice(0, 60) }));

  it.each(cases)("$what refuses ?$shown", async ({ path, query, body: sent }) => {
    const method = sent === undefined ? "GET" : "POST";
    const { status, body } = await ask<{ error: string }>(method, `${path}?${query}`, { body: sent });
    const pointer = expect.stringMatching(/^\/[^/]+$/);
    expect(body).toEqual({ error: expect.any(String), code: "invalid_query", pointer });
    expect(body.error.length).toBeLessThan(1000);
    expect(status).toBe(400);
  });
});
