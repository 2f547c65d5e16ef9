import { beforeAll, describe, expect, it } from "vitest";
import { replicatedRow } from "../support/replicated.ts";
import { ask, type CreatedRun, createRun, newRunsPath } from "../support/requests.ts";
import { everything } from "../support/rows.ts";
import { grantToken } from "../support/tokens.ts";

const runs = newRunsPath();
let run: CreatedRun;
let tokenId: string;
beforeAll(async () => {
  run = await createRun(runs);
  tokenId = (await grantToken("/acme/shop", { role: "viewer" })).id;
});

/** Values are JSON text, because JSON.stringify can't write some of them. */
const NO_OBJECTS = ["null", "[]", '"x"', "1", "true", "[{}]"];
const OVERFLOWS = ['{"n":1e400}', '{"a":[{"b":-1e400}]}', '{"a":{"b":{"c":9e999}}}'];
const NAMES = [
  "null",
  "1",
  "[]",
  '""',
  '"a\\u0000b"',
  '"a\\ud800"',
  '"a\\nb"',
  '"a\\u007fb"',
  '"a\\u0085b"',
  `"${"a".repeat(256)}"`,
];
/** What neither a title nor a subject can be. */
const FACES = [
  ...NAMES,
  '"   "',
  '"\\u00a0"',
  '"\\u2800"',
  '"a\\u202eb"',
  '"a\\u2028b"',
  `"${"\u{1f680}".repeat(129)}"`,
  `"${"\u0301".repeat(4096)}"`,
];
const UUIDS = [
  "1",
  '""',
  '"x"',
  '"0199d2a5-0000-8000-8000-00000000000"',
  '"0199d2a5-0000-8000-8000-0000000000000"',
  '"{0199d2a5-0000-8000-8000-000000000000}"',
  '"0199d2a5-0000-8000-8000-000000000000\\n"',
];
const MINUTES = ["0", "1.5", "43201", "1e400", '"60"', "null", "[60]", '{"toString":1,"valueOf":1}'];
const TIMES = [
  "0",
  "true",
  '""',
  '"soon"',
  '"2999-01-01"',
  '"2999-01-01T00:00:00"',
  '"2999-02-30T00:00:00Z"',
  '"2999-01-01T24:00:00Z"',
  '"2999-01-01T00:00:00+25:00"',
  '"9999999-01-01T00:00:00Z"',
  '"+012999-01-01T00:00:00Z"',
  `"2999-01-01T00:00:00.${"9".repeat(100)}Z"`,
  '"1970-01-01T00:00:00Z"',
];
const LABELS = [
  "null",
  "1",
  '"x"',
  "[1]",
  "[null]",
  '[""]',
  '["a\\u0000b"]',
  '["a\\u2028b"]',
  '["\\ud800"]',
  `["${"l".repeat(65)}"]`,
  `["${"\u{1f680}".repeat(65)}"]`,
];
const REASONS = ["null", "1", '"\\ud800"', '"a\\u2028b"', '"\\u001b[31m"', `"${"e".repeat(1025)}"`];
/** What only the service says about a run. */
const OF_THE_SERVICE = {
  id: ['"0199d2a5-0000-8000-8000-000000000000"'],
  source: ['"action"'],
  actionVersion: ["1"],
  retryOf: ['"0199d2a5-0000-8000-8000-000000000000"'],
  details: ["{}"],
  externalUrl: ['"https://ci.example.com/1"'],
};

interface Route {
  readonly name: string;
  readonly ask: () => readonly [path: string, token?: string];
  readonly valid: string;
  readonly members: Readonly<Record<string, readonly string[]>>;
  /** POST by default. */
  readonly method?: "PUT";
}

const ROUTES: readonly Route[] = [
  {
    name: "create",
    ask: () => [runs],
    valid: '{"actionName":"deploy"}',
    members: {
      actionName: NAMES,
      title: FACES,
      subject: FACES,
      entityId: UUIDS,
      parameters: [...NO_OBJECTS, ...OVERFLOWS],
      recommendations: [...NO_OBJECTS, ...OVERFLOWS],
      timeout: MINUTES,
      heartbeatTimeout: MINUTES,
      labels: LABELS,
      ...OF_THE_SERVICE,
      status: ['"succeeded"'],
      triggeredBy: ['"root"'],
      createdAt: ['"2026-01-01T00:00:00Z"'],
      deadlineAt: ["1"],
    },
  },
  {
    name: "a successful callback",
    ask: () => [run.callback.url, run.callback.token],
    valid: '{"status":"succeeded"}',
    members: {
      status: ["null", "1", "true", "[]", "{}", '["succeeded"]', '"Succeeded"', '"running"', '"cancelled"', '""'],
      output: [...NO_OBJECTS, ...OVERFLOWS],
      error: ['"what?"', "null"],
      id: ['"0199d2a5-0000-8000-8000-000000000000"'],
    },
  },
  {
    name: "a failed callback",
    ask: () => [run.callback.url, run.callback.token],
    valid: '{"status":"failed","error":"e"}',
    members: { error: ["null", "1", "true", "[]", "{}"], output: [...NO_OBJECTS, ...OVERFLOWS] },
  },
  {
    name: "a heartbeat",
    ask: () => [run.callback.url.replace(/callback$/, "heartbeat"), run.callback.token],
    valid: '{"progress":0.5}',
    members: {
      message: ["null", "1", "[]", "{}", `"${"m".repeat(1025)}"`],
      tail: ["null", "1", "true", "[]", '["a"]', '{"length":9,"toString":1}'],
      output: ["{}"],
      at: ['"2026-01-01T00:00:00Z"'],
    },
  },
  ...["approve", "reject"].map((name) => ({
    name,
    ask: () => [`${runs}/${run.id}/${name}`] as const,
    valid: '{"reason":"why"}',
    members: { reason: REASONS, by: ['"root"'], required: ["1"], decision: ['"approved"'] },
  })),
  {
    name: "release",
    ask: () => [`${runs}/${run.id}/release`],
    valid: '{"throughPause":true,"reason":"why"}',
    members: { throughPause: ["null", "false", "1", '"true"', "[]"], reason: REASONS, by: ['"root"'] },
  },
  {
    name: "a pause",
    ask: () => [`${runs.replace(/action-runs$/, "pauses")}/prod`],
    method: "PUT",
    valid: '{"reason":"freeze"}',
    members: {
      reason: REASONS,
      from: [...TIMES.filter((at) => !at.includes("1970")), "null"],
      until: [...TIMES, "null"],
      by: ['"root"'],
      group: ['"other"'],
      at: ['"2999-01-01T00:00:00Z"'],
    },
  },
  {
    name: "cancel",
    ask: () => [`${runs}/${run.id}/cancel`],
    valid: '{"graceSeconds":60}',
    members: {
      reason: REASONS,
      graceSeconds: ["null", '"60"', "true", "[]", "-1", "3601", "0.5", "1e400"],
      by: ['"root"'],
      force: ["true"],
      until: ['"2026-01-01T00:00:00Z"'],
    },
  },
  {
    name: "a bulk operation",
    ask: () => [runs.replace(/action-runs$/, "bulk-operations")],
    valid: '{"operation":"cancel","maxRuns":5,"filter":{"status":["pending"]}}',
    members: {
      operation: ["null", "1", "[]", '["cancel"]', '"Cancel"', '"release"', '"reject"', '"__proto__"', '""'],
      reason: REASONS,
      graceSeconds: ["null", '"60"', "-1", "3601", "0.5", "1e400"],
      maxRuns: ["null", "0", "-1", "1.5", "10001", "1e400", '"5"', "true", "[5]"],
      dryRun: ["null", "1", '"true"', "[]"],
      runIds: ["null", "1", "{}", "[1]", "[null]", ...UUIDS.slice(0, 3).map((id) => `[${id}]`)],
      filter: [
        "null",
        "1",
        '"x"',
        "[]",
        "true",
        '{"unknown":1}',
        '{"__proto__":{"status":["failed"]}}',
        '{"constructor":{"prototype":{}}}',
        '{"label":["a"]}',
        '{"limit":5}',
        '{"order":"oldest"}',
        ...['"pending"', '["done"]', "[null]", '["pending","pending","pending","pending","pending","pending"]'].map(
          (status) => `{"status":${status}}`,
        ),
        ...[...LABELS.slice(0, 5), JSON.stringify(Array.from({ length: 11 }, (_, i) => `l${i}`))].map(
          (labels) => `{"labels":${labels}}`,
        ),
        ...NAMES.slice(2, 5).flatMap((name) => [`{"actionName":${name}}`, `{"triggeredBy":${name}}`]),
        ...UUIDS.slice(0, 3).map((id) => `{"entityId":${id}}`),
        ...TIMES.slice(2, 6).flatMap((at) => [`{"createdAfter":${at}}`, `{"createdBefore":${at}}`]),
        ...['"slot"', '["any"]', "null", '"Any"'].map((waiting) => `{"waiting":${waiting}}`),
        ...['"-environment"', '""', '".a"', "1", `"${"a".repeat(64)}"`].map((group) => `{"group":${group}}`),
      ],
      by: ['"root"'],
      byId: ['"root"'],
      status: ['"completed"'],
      token: ['"x"'],
      ...OF_THE_SERVICE,
    },
  },
  {
    name: "retry",
    ask: () => [`${runs}/${run.id}/retry`],
    valid: '{"parameters":{"a":1}}',
    members: {
      parameters: [...NO_OBJECTS, ...OVERFLOWS],
      recommendations: ["{}"],
      actionName: ['"deploy"'],
      labels: ["[]"],
      trigger: ["{}"],
      timeout: ["5"],
      ...OF_THE_SERVICE,
    },
  },
  {
    name: "a stored action",
    ask: () => [`${runs.replace(/action-runs$/, "actions")}/deploy`],
    method: "PUT",
    valid: '{"timeout":5}',
    members: {
      description: NAMES,
      timeout: MINUTES,
      heartbeatTimeout: MINUTES,
      labels: LABELS,
      parametersSchema: [
        ...NO_OBJECTS,
        '{"type":"string"}',
        '{"$ref":"https://a.example/b"}',
        '{"$ref":"#/$defs/none"}',
        '{"allOf":[{"$ref":"#"}]}',
        '{"required":"a"}',
        '{"properties":[]}',
        '{"pattern":"("}',
        '{"maximum":1e400}',
        '{"unknown":1}',
      ],
      trigger: NO_OBJECTS,
      name: ['"other"'],
      version: ["2"],
      actionName: ['"deploy"'],
      secrets: ["{}"],
    },
  },
  {
    name: "a trigger of a stored action",
    ask: () => [`${runs.replace(/action-runs$/, "actions")}/deploy`],
    method: "PUT",
    valid: '{"timeout":5}',
    members: {
      trigger: [
        '"url":"https://localhost/"',
        '"url":"https://ci.example.com:8443/"',
        '"url":"ftp://ci.example.com/"',
        '"url":"https://u:p@ci.example.com/"',
        '"url":"https://{{ run.id }}.example.com/"',
        '"url":null',
        '"headers":[]',
        '"headers":{"Host":null}',
        '"headers":{"a b":null}',
        '"headers":{"A":null,"a":null}',
        '"headers":{"A":1}',
        '"headers":{"A":"\\u0001"}',
        '"headers":{"A":"{{ nothing }}"}',
        '"signingSecret":""',
        '"signingSecret":"whsec_x"',
        '"signingSecret":1',
        '"secrets":[]',
        '"secrets":{"a b":"x"}',
        '"secrets":{"__proto__":"x"}',
        '"secrets":{"a":""}',
        '"secrets":{"a":1}',
        '"secrets":{"":"x"}',
        `"secrets":{"${"a".repeat(64)}":"x"}`,
        '"cancel":[]',
        '"cancel":{}',
        '"cancel":{"url":"https://10.0.0.1/"}',
        '"cancel":{"url":null}',
        '"secrets":{"a":"x"},"url":"https://ci.example.com/{{ secrets.a }}"',
        '"retry":{"maxAttempts":11}',
        '"type":"x"',
        '"payload":"{{ response.id }}"',
        '"extra":1',
        ...[
          '"retry":{}',
          '"method":"GET"',
          '"headers":[]',
          '"headers":{"Host":null}',
          '"headers":{"A":"\\n"}',
          '"payload":"{{ secrets.none }}"',
          '"payload":{"a":1e400}',
          '"payload":"{{ response }}"',
          '"payload":"{{ response.headers.set-cookie }}"',
          '"url":"https://{{ response.host }}/"',
          '"url":"https://ci.example.com:{{ response.port }}/"',
          '"url":"http://169.254.169.254/"',
          '"url":"javascript:x"',
          '"signingSecret":null',
          '"__proto__":{}',
        ].map((member) => `"cancel":{"url":"https://ci.example.com/",${member}}`),
        ...[
          "1",
          "null",
          "[]",
          "{}",
          '""',
          '"http://ci.example.com/{{ response.id }}"',
          '"javascript:alert({{ response.id }})"',
          '"data:text/html,{{ response.id }}"',
          '"https://u:p@ci.example.com/{{ response.id }}"',
          '"{{ response.a }}{{ response.b }}"',
          '"{{ response.headers.set-cookie }}"',
          '"{{ secrets.a }}"',
          '"https://ci.example.com/{{ run.callbackToken }}"',
          '"{{ response.id"',
          `"https://ci.example.com/${"x".repeat(2048)}"`,
        ].map((link) => `"link":${link}`),
      ].map((member) => `{"type":"webhook","url":"https://ci.example.com/",${member}}`),
    },
  },
  {
    name: "a run of an action",
    ask: () => [`${runs.replace(/action-runs$/, "actions")}/deploy/runs`],
    valid: '{"parameters":{}}',
    members: {
      title: ['"of the action"'],
      subject: ['"of the action"'],
      entityId: UUIDS,
      parameters: [...NO_OBJECTS, ...OVERFLOWS],
      recommendations: [...NO_OBJECTS, ...OVERFLOWS],
      timeout: MINUTES,
      heartbeatTimeout: ["1"],
      labels: LABELS,
      actionName: ['"deploy"'],
      trigger: ["{}", "null"],
      ...OF_THE_SERVICE,
    },
  },
  {
    name: "tokens",
    ask: () => ["/acme/shop/tokens"],
    valid: '{"name":"ci","role":"viewer"}',
    members: {
      name: [...NAMES, '"root"', '"ROOT"', '" root "', '"\\uff52\\uff4f\\uff4f\\uff54"'],
      role: ["null", "1", "[]", "{}", '["owner"]', '""', '"root"', '"Owner"', '"owner "', '"__proto__"'],
      envName: ["1", "{}", "[]", '""', '".."', '"E1"', '"a/b"', '"a\\n"', '"-a"', `"${"e".repeat(64)}"`],
      expiresAt: TIMES,
      permissions: ['["tokens:manage"]'],
    },
  },
  {
    name: "a rotation",
    ask: () => [`/acme/shop/tokens/${tokenId}/rotate`],
    valid: '{"overlapSeconds":60}',
    members: {
      overlapSeconds: ["null", "-1", "0.5", "604801", "1e21", "1e400", '"60"', "true", "[60]", "{}", '""'],
      token: ['"terr_"'],
      expiresAt: ["null"],
      role: ['"owner"'],
      hash: ['"x"'],
    },
  },
];

describe.each(ROUTES)("$name", (route) => {
  const cases = Object.entries(route.members).flatMap(([member, values]) =>
    values.map((value) => ({ member, value, shown: value.slice(0, 60) })),
  );
  it.each(cases)("refuses $member: $shown", async ({ member, value }) => {
    const before = await everything();
    const [path, token] = route.ask();
    const raw = `${route.valid.slice(0, -1)},"${member}":${value}}`;
    const { status, body } = await ask<{ error: string }>(route.method ?? "POST", path, {
      raw,
      ...(token === undefined ? {} : { token }),
    });
    const pointer = expect.stringMatching(new RegExp(`^/${member}(/|$)`));
    expect(body).toEqual({ error: expect.any(String), code: "invalid_body", pointer });
    expect(body.error).toContain(member);
    expect(body.error.length).toBeLessThan(1000);
    expect(status).toBe(400);
    expect(await everything()).toEqual(before);
  });
});

it("a failed callback without an error is refused", async () => {
  const { status, body } = await ask<unknown>("POST", run.callback.url, {
    token: run.callback.token,
    body: { status: "failed" },
  });
  expect(status).toBe(400);
  expect(body).toEqual({ error: expect.stringContaining("error"), code: "invalid_body", pointer: "/error" });
});

describe("parameters, recommendations and output", () => {
  const DATA = [
    '{"__proto__":{"admin":true},"a":{"__proto__":1}}',
    '{"constructor":{"prototype":{"x":1}},"toString":1,"hasOwnProperty":null,"toJSON":2}',
    '{"nul":"a\\u0000b","\\u0000":1}',
    '{"lone":"\\ud800","\\udfff":["\\udc00x"]}',
    '{"":"","a\\nb":"\\u001b[31m"}',
    '{"sql":"\'); DROP TABLE runs; --","html":"</script>"}',
    '{"big":1e308,"small":-5e-324,"half":0.5,"list":[[],{},null,true]}',
    '{"emoji":"\u{1f680}","bidi":"\u202eabc"}',
  ];

  it.each(DATA)("keep %s unchanged", async (data) => {
    const raw = `{"actionName":"deploy","parameters":${data},"recommendations":${data}}`;
    const expected = JSON.stringify(JSON.parse(data));
    const created = await ask<CreatedRun>("POST", runs, { raw });
    expect(created.status).toBe(201);
    const { id, callback } = created.body;
    const reported = await ask("POST", callback.url, {
      token: callback.token,
      raw: `{"status":"succeeded","output":${data}}`,
    });
    expect(reported.status).toBe(200);
    const read = await ask("GET", `${runs}/${id}`);
    const again = await ask("GET", `${runs}/${id}`);
    const [listed] = (await ask<unknown[]>("GET", `${runs}?limit=1`)).body;
    const row = JSON.parse((await replicatedRow(runs, id))?.body ?? "{}");
    expect(listed).toEqual(read.body);
    for (const body of [reported.body, read.body, again.body, row]) {
      expect(JSON.stringify(body.parameters)).toBe(expected);
      expect(JSON.stringify(body.recommendations)).toBe(expected);
      expect(JSON.stringify(body.output)).toBe(expected);
    }
    expect(JSON.stringify(created.body.parameters)).toBe(expected);
  });

  it("change no prototype", () => {
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect("admin" in {}).toBe(false);
  });
});
