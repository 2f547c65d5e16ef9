/**
 * What a validating proxy between a caller and the service would do: each operation of the document is asked as its
 * schemas allow and as they don't. The answer must be described, and both must agree on what is refused.
 */

import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { newRunsPath } from "../support/requests.ts";
import { changed } from "../support/settings.ts";
import { grantToken } from "../support/tokens.ts";
import {
  type Access,
  accessFor,
  examplesOf,
  isAccepted,
  isValid,
  membersOf,
  OPERATIONS,
  parameterValue,
  resolve,
  type Sent,
  send,
  withMember,
} from "./described-requests.ts";

const ID = "01a212de-9b55-8003-a8a9-dd2c148ea617";
const SECRET = `whsec_${"A".repeat(32)}`;

/** What a member of a body is tried with. */
const VALUES: readonly unknown[] = [
  null,
  true,
  0,
  1,
  -1,
  0.5,
  1.5,
  10,
  11,
  99,
  100,
  43_200,
  43_201,
  3_600_000,
  3_600_001,
  [],
  ["x"],
  ["y", "x", "y"],
  [""],
  ["x".repeat(65)],
  ["a\u0007b"],
  [1],
  {},
  { a: 1 },
  { a: "x" },
  { "a b": "x" },
  { "X-A": "a\nb" },
  { "X-A": "é" },
  "",
  " ",
  "x",
  "é",
  "a\u0000b",
  "a\u0085b",
  "\ud800",
  "{{ run.id }}",
  "x".repeat(255),
  "x".repeat(256),
  "\u{1f600}".repeat(255),
  "\u{1f600}".repeat(256),
  ID,
  ID.toUpperCase(),
  `${ID}0`,
  `{${ID}}`,
  ID.replaceAll("-", ""),
  "2099-01-01T00:00:00Z",
  "2099-01-01t00:00:00.123456z",
  "2099-01-01T00:00:00+01:00",
  "2099-01-01T00:00:00",
  "2099-01-01",
  "2099-13-01T00:00:00Z",
  "2099-02-30T00:00:00Z",
  "2000-01-01T00:00:00Z",
  "https://ci.example.com/{{ run.id }}",
  "https://ci.example.com/a",
  "HTTPS://ci.example.com/a",
  "http://ci.example.com/a",
  "ftp://ci.example.com/a",
  "ci.example.com",
  "/a",
  "mailto:a@b.example",
  `https://ci.example.com/${"a".repeat(2025)}`,
  `https://ci.example.com/${"a".repeat(2026)}`,
  "webhook",
  "POST",
  "GET",
  "accepted",
  "heartbeat",
  "succeeded",
  "failed",
  "owner",
  "boss",
  "Prod",
  SECRET,
  SECRET.slice(0, -1),
  SECRET.slice(6),
  `${SECRET}!`,
];

/** What a parameter is tried with. */
const TEXTS: readonly string[] = [
  "",
  "0",
  "1",
  "-1",
  "60",
  "61",
  "200",
  "201",
  "1.5",
  "x",
  "é",
  "a\u0007b",
  "pending",
  "done",
  "x".repeat(255),
  "x".repeat(256),
  ID,
  ID.toUpperCase(),
  `${ID}0`,
  "2026-01-31T12:00:00Z",
  "2026-01-31T12:00:00+01:00",
  "2026-01-31",
  "2026-13-01T00:00:00Z",
];

/** All that is tried with an operation that needs a new run for each request which it accepts. */
const BOUNDS: readonly string[] = ["0", "60", "x", "pending", "x".repeat(255)];

/**
 * Rules that no schema can say: a member, a value that its schema allows and the service refuses, and the words of its
 * description that say so.
 */
/** `path`: the member has the rule only there. */
const IN_WORDS: readonly (readonly [member: string, value: unknown, words: RegExp, path?: RegExp])[] = [
  ["actionName", "\ud800", /Well-formed Unicode/],
  ["description", "\ud800", /Well-formed Unicode/],
  ...["title", "subject", "filter.subject", "agents.description"].flatMap((member) =>
    ["\ud800", "a\u202eb", "a\u2028b"].map((text) => [member, text, /Well-formed Unicode without invisible/] as const),
  ),
  ...[{ a: 1 }, { a: "x" }, { "a b": "x" }, { "X-A": "a\nb" }, { "X-A": "é" }].map(
    (schema) => ["parametersSchema", schema, /JSON Schema 2020-12/] as const,
  ),
  ["retry.delaySeconds", [1], /an array with one for each retry/],
  ["name", "\ud800", /Well-formed Unicode/],
  ["name", "a\u200bb", /invisible/],
  ["name", "Root", /looks like `root`/],
  ["person", "Root", /looks like `root`/],
  ...["{{ run.id }}", "https://ci.example.com/{{ run.id }}"].map(
    (key) => ["concurrency.key", key, /placeholders of `parameters` and `entity.id`/] as const,
  ),
  ...["title", "subject"].flatMap((member) =>
    ["{{ run.id }}", "https://ci.example.com/{{ run.id }}"].map(
      (text) => [member, text, /placeholders of `parameters`, `entity.id` and `labels`/, /actions/] as const,
    ),
  ),
  ["expiresAt", "2000-01-01T00:00:00Z", /in the future/],
  ["project", undefined, /Only `ROOT_TOKEN` must send it/],
  ["parameters", { a: "x".repeat(262_144) }, /At most 262144 bytes/, /^(?!.*\/schedules\/)/],
  ["parameters", { a: "x".repeat(65_536) }, /At most 65536 bytes/, /\/schedules\//],
  ...VALUES.filter((value) => typeof value === "string" && value.length <= 64).flatMap((text) => [
    ["cron", text, /separated by spaces/] as const,
    ["timezone", text, /IANA name/] as const,
  ]),
  ["recommendations", { a: "x".repeat(262_144) }, /At most 262144 bytes/],
  ["trigger.url", "http://ci.example.com/a", /`https`/],
  ["trigger.url", "https://localhost/a", /public host name/],
  ["trigger.url", "https://ci.example.com:8443/a", /port 443/],
  ["trigger.url", "https://{{ run.id }}.example.com/a", /in its path and query/],
  ["trigger.headers", { Host: "x" }, /can't set.*`host`/],
  ["trigger.payload", "{{ nothing }}", /placeholders such as/],
  ["trigger.signingSecret", `${SECRET}A`, /base64/],
  ["trigger.payload", "x".repeat(65_536), /any JSON/],
  ["trigger.payload", "{{ secrets.missing }}", /placeholders such as/],
  ["trigger.link", "https://ci.example.com/{{ run.callbackToken }}", /no secrets/],
  ["trigger.cancel.url", "http://ci.example.com/a", /`https`/],
  ["trigger.cancel.url", "https://localhost/a", /public host name/],
  ["trigger.cancel.url", "https://ci.example.com:8443/a", /port 443/],
  ["trigger.cancel.url", "https://{{ response.id }}.example.com/a", /in its path and query/],
  ["trigger.cancel.headers", { Host: "x" }, /can't set.*`host`/],
  ["trigger.cancel.payload", "{{ nothing }}", /placeholders such as/],
  ...[{ a: "x" }, { "a b": "x" }, { "X-A": "a\nb" }, { "X-A": "é" }].map(
    (claims) => ["reporter.claims", claims, /One claim must be an anchor/] as const,
  ),
  ...VALUES.filter((value) => typeof value === "string" && value !== "" && [...value].length <= 500).map(
    (issuer) => ["reporter.issuer", issuer, /An issuer of the operator's `OIDC_ISSUERS`/] as const,
  ),
  ...VALUES.filter((value) => typeof value === "string" && [...value].length <= 256).map(
    (text) => ["reporter.execution", text, /made from the receiver's response/] as const,
  ),
  ["message", "\u{1f600}".repeat(257), /At most 1024 bytes/],
  ["reason", "\u{1f600}".repeat(257), /At most 1024 bytes/],
  ["reason", "\ud800", /well-formed Unicode/],
  ["reason", "a\u2028b", /one line/],
  ["labels", ["\ud800"], /Well-formed Unicode/],
  ["filter.labels", ["\ud800"], /Well-formed Unicode/],
  ["filter.actionName", "\ud800", /Well-formed Unicode/],
  ["filter.triggeredBy", "\ud800", /Well-formed Unicode/],
  ["actionNames", ["\ud800"], /Well-formed Unicode/],
  ["url", "http://ci.example.com/a", /`https`/],
  ["url", "https://localhost/a", /public host name/],
  ["url", "https://ci.example.com:8443/a", /port 443/],
  ["url", "https://{{ run.id }}.example.com/a", /in its path and query/],
  ["headers", { Host: "x" }, /can't set.*`host`/, /webhook-endpoints/],
  ["payload", "{{ nothing }}", /[Pp]laceholders such as/],
  ["payload", "x".repeat(65_536), /any JSON/],
  ["payload", "{{ secrets.missing }}", /placeholders such as/],
  ["signingSecret", `${SECRET}A`, /base64/],
  ["inbound.headers", ["X-Gitlab-Token"], /whose name contains .*`token`/],
  ...["{{ run.id }}", "{{ headers.host }}"].map(
    (template) => ["inbound.parameters", template, /placeholders of `body` and of the named `headers`/] as const,
  ),
  ["inbound.when", [{ exists: "headers.host" }], /only headers that are in `headers`/],
];

/** A test of an action has more rules, and the words of the operation say them. */
function refusalOfTest({ path }: { readonly path: string }, raw: string): readonly number[] | null {
  if (!path.endsWith("/actions/{name}/test")) return null;
  const { definition } = JSON.parse(raw) as { definition?: Readonly<Record<string, unknown>> | null };
  if (definition?.approval !== undefined || definition?.concurrency !== undefined) return [409];
  return definition != null && definition.trigger === undefined ? [422] : null;
}

/** Members that need a trigger beside them, and the words that say so. Without it, the status is 422. */
const NEED_TRIGGER: readonly (readonly [string, RegExp])[] = [["notBefore", /Requires a trigger/]];

/** Parameters whose values the service has to know, and the words that say so. */
const KNOWN_VALUES: Readonly<Record<string, RegExp>> = {
  cursor: /refuses every other text/,
  after: /cursor of an earlier response/,
  "Last-Event-ID": /of this (run|feed)/,
  "If-Match": /\b412\b/,
  "If-None-Match": /\b412\b/,
};

/** Headers that the service ignores if they are malformed, and the words that say so. */
const IGNORED: Readonly<Record<string, RegExp>> = { traceparent: /ignores a malformed one/ };

// The example of a reporter names it.
beforeEach(() => {
  changed.OIDC_ISSUERS = JSON.stringify([{ issuer: "https://token.actions.githubusercontent.com", kind: "github" }]);
});

const CASES = OPERATIONS.map((operation) => [`${operation.method} ${operation.path}`, operation] as const);

describe.each(CASES)("%s", (_name, operation) => {
  const { parameters, body, security } = operation;
  const examples = (body === undefined ? [undefined] : (resolve(body).examples ?? [])) as readonly Body[];
  const [example] = examples;
  const isConsumed =
    operation.path.includes("{id}") ||
    operation.path.includes("{tokenId}") ||
    operation.path.includes("{sessionId}") ||
    operation.path.startsWith("/session") ||
    operation.path.includes("{name}") ||
    operation.path.includes("{group}") ||
    operation.path.endsWith("/erase") ||
    // Few operations can be under way at a time.
    operation.path.endsWith("/bulk-operations");
  let access: Access;
  beforeAll(async () => {
    access = await accessFor(operation);
  });

  /** Sends to a run or token that no earlier request changed. */
  const sendAfresh = async (sent: Sent) =>
    send(operation, isConsumed && operation.method !== "GET" ? await accessFor(operation) : access, sent);

  it("accepts each example of the document", async () => {
    for (const one of examples) expect(await sendAfresh({ body: one })).toMatchObject({ code: undefined });
    for (const parameter of parameters) {
      for (const text of examplesOf(parameter)) {
        expect(isValid(parameter.schema, parameterValue(parameter.schema, text)), text).toBe(true);
        if (parameter.in === "path") continue;
        const sent =
          parameter.in === "query"
            ? { query: [[parameter.name, text] as const] }
            : { headers: { [parameter.name]: text } };
        // A PUT's If-Match is that of an action which does not exist yet.
        const isNew = parameter.name === "If-Match" && operation.method === "PUT";
        const names = isNew ? { name: "new" } : {};
        expect(await sendAfresh({ body: example, names, ...sent }), parameter.name).toMatchObject({ code: undefined });
      }
    }
  });

  it.runIf(parameters.some((one) => one.in === "path"))("refuses names and ids that it does not describe", async () => {
    for (const { name, schema } of parameters.filter((one) => one.in === "path")) {
      for (const text of ["", "SHOP", "a_b", "-a", "a".repeat(64), "a b", "é", `${ID}0`, `{${ID}}`]) {
        if (isValid(schema, text)) continue;
        const { status } = await send(operation, access, {
          body: example,
          names: { [name]: encodeURIComponent(text) },
        });
        expect([name, text, status]).toEqual([name, text, expect.toBeOneOf([401, 404])]);
      }
    }
  });

  it("refuses other methods, and says which it accepts", async () => {
    const here = OPERATIONS.filter(({ path }) => path === operation.path).map(({ method }) => method);
    const accepted = [...here, ...(here.includes("GET") ? ["HEAD"] : [])].sort();
    const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"];
    for (const method of methods.filter((one) => !accepted.includes(one))) {
      const { status, headers } = await send(operation, access, { method });
      expect([method, status, headers.get("Allow")]).toEqual([method, 405, accepted.join(", ")]);
    }
  });

  it("responds to each token as described", async () => {
    const { o = "acme", p = "shop" } = access.names;
    const viewer = await grantToken(`/${o}/${p}`, { role: "viewer" });
    const elsewhere = await grantToken(newRunsPath().split("/").slice(0, 3).join("/"), { role: "owner" });
    // Without a token, the request of a session is its own.
    const ofNobody = operation.path.startsWith("/session") && access.token === null ? [] : [null];
    const strangers = [...ofNobody, "x", `terr_${"x".repeat(43)}`, `${ID}:1795614708373:${"0".repeat(64)}`];
    for (const token of [...strangers, viewer.token, elsewhere.token]) {
      const { status } = await send(operation, access, { body: example, token });
      if (security.length === 0) expect(status).toBeLessThan(400);
      else if (token === viewer.token || (token === elsewhere.token && !operation.path.includes("{")))
        expect(status).toBeOneOf([...operation.successes, 401, 403]);
      else expect(status).toBeOneOf([401, 403, 404, 429]);
    }
  });

  it.runIf(body !== undefined)("refuses bodies that are no JSON of its media type", async () => {
    const text = JSON.stringify(example);
    const bytes = new TextEncoder().encode(text);
    const types = ["", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1"];
    for (const type of types) {
      // Bytes, because text would be given a type.
      const { status } = await send(operation, access, { raw: bytes, headers: { "Content-Type": type } });
      expect([type, status]).toEqual([type, 415]);
    }
    for (const raw of [text.slice(1), "{", "null", "[]", '"x"', "1", "\ufeff", `${text}x`]) {
      expect([raw, (await send(operation, access, { raw })).status]).toEqual([raw, 400]);
    }
    for (const none of [{}, { raw: "" }]) {
      expect((await sendAfresh(none)).status < 400).toBe(!operation.isBodyRequired);
    }
  });

  it.runIf(body !== undefined)("refuses the bodies that its schema refuses", async () => {
    const schema = body ?? {};
    const members = new Map(membersOf(schema).map((member) => [member.path.join("."), member]));
    const words = IN_WORDS.flatMap(([member, value, says, path]) => [
      [member, value, says, path] as const,
      [`definition.${member}`, value, says, path] as const,
    ]).filter(([member, , , path]) => members.has(member) && (path?.test(operation.path) ?? true));
    const inWords = new Set(
      words.flatMap(([member, value]) =>
        examples.map((one) => JSON.stringify(withMember(schema, one ?? {}, member.split("."), value))),
      ),
    );
    // What changes one member of one example.
    const tried = examples.flatMap((one = {}) => [
      [{ ...one, unknown: 1 }],
      ...[...members.values()].map(({ path }) => [
        withMember(schema, one, path, undefined),
        ...VALUES.map((value) => withMember(schema, one, path, value)),
        withMember(schema, one, [...path.slice(0, -1), "unknown"], 1),
      ]),
    ]);
    const needing = NEED_TRIGGER.filter(([member]) => members.has(member) && members.has("trigger"));
    const lacksTrigger = (raw: string) => {
      const value = JSON.parse(raw);
      return value.trigger === undefined && needing.some(([member]) => value[member] !== undefined);
    };
    const lacksCondition = (raw: string) => JSON.stringify(JSON.parse(raw).filter) === "{}";
    const filter = members.get("filter");
    if (filter !== undefined) expect(filter.description).toMatch(/At least one condition is required/);
    const disagreements: unknown[] = [];
    const sent = new Set(inWords);
    for (const bodies of tried) {
      const texts = bodies.map((one) => JSON.stringify(one)).filter((raw) => !inWords.has(raw));
      const judged = texts.map((raw) => {
        const value = JSON.parse(raw);
        return { raw, isAllowed: isValid(schema, value), isAccepted: isAccepted(operation, "body", value) };
      });
      const allowed = judged.filter((one) => one.isAllowed);
      const refused = judged.filter((one) => !one.isAllowed);
      for (const { raw } of allowed.filter((one) => !one.isAccepted)) disagreements.push(shortened(raw));
      // What the validator refuses needs no request, but for one. What it accepts can be refused later.
      const asked = [
        ...(isConsumed ? allowed.slice(0, 1) : allowed),
        ...refused.filter((one) => one.isAccepted),
        ...refused.filter((one) => !one.isAccepted).slice(0, 1),
      ];
      for (const { raw } of asked) sent.add(raw);
    }
    await inGroups([...sent], async (raw) => {
      const isAllowed = isValid(schema, JSON.parse(raw)) && !inWords.has(raw);
      // A refusal changes nothing.
      const { status } = await (isAllowed ? sendAfresh({ raw }) : send(operation, access, { raw }));
      const isIncomplete = lacksTrigger(raw) || lacksCondition(raw);
      const isUnknown = operation.path.includes("/schedules/") && JSON.parse(raw).action !== "deploy";
      const isElsewhere = operation.path.endsWith("/database") && JSON.parse(raw).database !== 0;
      const expected = isIncomplete
        ? [422]
        : isElsewhere
          ? [409]
          : isUnknown
            ? [404]
            : (refusalOfTest(operation, raw) ?? operation.successes);
      if (!(isAllowed ? expected : [400]).includes(status)) {
        disagreements.push([shortened(raw), isAllowed, status]);
      }
    });
    expect(disagreements).toEqual([]);
    for (const [member, says] of needing) expect(members.get(member)?.description, member).toMatch(says);
    for (const [member, , says] of words) expect(members.get(member)?.description, member).toMatch(says);
    const isAllowed = ([member, value]: (typeof words)[number]) =>
      examples.some((one) => {
        const text = JSON.stringify(withMember(schema, one ?? {}, member.split("."), value));
        return isValid(schema, JSON.parse(text));
      });
    // Else the schema says the rule, and no words are needed.
    expect(words.filter(isAllowed)).toEqual(words);
  });

  it("refuses the queries and headers that its schemas refuse", async () => {
    const disagreements: unknown[] = [];
    for (const { name, in: where, schema, description } of parameters.filter((one) => one.in !== "path")) {
      const known = KNOWN_VALUES[name];
      if (known !== undefined) expect(description).toMatch(known);
      const ignored = IGNORED[name];
      if (ignored !== undefined) expect(description).toMatch(ignored);
      // No header can carry the others.
      const texts = TEXTS.filter((text) => where === "query" || !/[^ -~]/.test(text));
      await inGroups(texts, async (text) => {
        const headers = { Accept: "text/event-stream", [name]: text };
        // The feed of changes has no end, so only the head of its stream is asked for.
        const method = operation.path.endsWith("/changes") ? "HEAD" : operation.method;
        const sent = where === "query" ? { query: [[name, text] as const] } : { headers, method };
        const isAllowed = ignored !== undefined || isValid(schema, parameterValue(schema, text));
        if (isAllowed && isConsumed && !BOUNDS.includes(text)) return;
        const { status } = await (isAllowed
          ? sendAfresh({ body: example, ...sent })
          : send(operation, access, { body: example, ...sent }));
        if (isAllowed && known !== undefined && [400, 410, 412].includes(status)) return;
        if (isAllowed !== status < 400) disagreements.push([name, text, isAllowed, status]);
      });
    }
    expect(disagreements).toEqual([]);
  });

  it.runIf(operation.isCached)("answers 304 to who has its version already", async () => {
    const { headers } = await send(operation, access);
    const again = await send(operation, access, { headers: { "If-None-Match": headers.get("ETag") ?? "" } });
    expect(again.status).toBe(304);
    expect(again.headers.get("ETag")).toBe(headers.get("ETag"));
  });

  it("responds to an unknown query parameter as described", async () => {
    const { status } = await sendAfresh({ body: example, query: [["unknown", "1"]] });
    expect(status < 300 || status === 400).toBe(true);
  });
});

type Body = Record<string, unknown> | undefined;

/** A cut can leave half of a surrogate pair, which vitest can't report. */
const shortened = (raw: string) => raw.slice(0, 300).toWellFormed();

/** A few at a time. */
async function inGroups<T>(all: readonly T[], one: (each: T) => Promise<void>): Promise<void> {
  for (let from = 0; from < all.length; from += 16) await Promise.all(all.slice(from, from + 16).map(one));
}
