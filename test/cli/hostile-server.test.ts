/** No text that a server sends reaches the terminal with its control characters, whatever member it is in. */

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Schemas } from "../../src/client/index.ts";
import { cli } from "./in-process.ts";
import { type BadServer, badServer, json, RUN } from "./misbehaving.ts";
import { settingsFor } from "./service.ts";

/** Clears the screen, sets a colour, goes back to the start of the line, and turns the text around. */
const EVIL = "evil\x1b[2J\x9b31m\r\u202e";
const RUN_ID = RUN.id;

/** Every text and every number of a response replaced. */
function hostile(value: unknown): unknown {
  if (typeof value === "string" || typeof value === "number") return EVIL;
  if (Array.isArray(value)) return value.map(hostile);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, hostile(member)]));
}

const INSTANT = RUN.createdAt;
const DETAILS = {
  title: "a",
  subject: "a",
  source: "action",
  action: { name: "a", version: 1 },
  retryOf: RUN_ID,
  bulkOperationId: RUN_ID,
  schedule: "a",
  retry: { runId: RUN_ID, at: INSTANT, attempt: 1, dropped: "a" },
  labels: ["a"],
  traceparent: "a",
  externalUrl: "https://ci.example",
  heartbeat: { at: INSTANT, message: "a", progress: 0.5, tail: "a" },
  cancel: { by: "a", reason: "a", requestedAt: INSTANT, until: INSTANT },
  via: "a",
  agent: "a",
  waiting: {
    ...{ for: "time", since: INSTANT, until: INSTANT, notBefore: INSTANT, group: "a", key: "a", reason: "a" },
    throughPause: { by: "a", byId: "a", via: "a", at: INSTANT, reason: "a" },
  },
  approval: { required: 2, approvals: [{ by: "a", byId: "a", via: "a", at: INSTANT, reason: "a" }] },
  delivery: { attempts: 1, reason: "a", nextAttemptAt: INSTANT },
  erasedAt: INSTANT,
} satisfies Required<Schemas["ActionRunDetails"]>;
const WHOLE = {
  ...RUN,
  entityId: RUN_ID,
  startedAt: INSTANT,
  completedAt: INSTANT,
  error: "a",
  parameters: { a: "a" },
  recommendations: { a: "a" },
  output: { a: "a" },
  details: DETAILS,
  callback: { url: "https://runs.example", token: "a", expiresAt: INSTANT },
};
const TOKEN = {
  id: RUN_ID,
  name: "a",
  role: "owner",
  envName: "prod",
  parentId: RUN_ID,
  createdBy: "a",
  person: "a",
  mayApprove: true,
  mayActForOthers: true,
  createdAt: INSTANT,
  expiresAt: INSTANT,
  lastUsedAt: INSTANT,
  oldSecretExpiresAt: INSTANT,
  token: "a",
};
const ENTRY = {
  at: INSTANT,
  actor: "a",
  actorName: "a",
  agent: "a",
  action: "a",
  target: "a",
  targetName: "a",
  scope: "a",
  gates: "added",
};
const ENDPOINT = {
  url: null,
  headers: { a: null },
  events: ["a"],
  actionNames: ["a"],
  labels: ["a"],
  payload: { a: "a" },
  signingSecret: "a",
  includeUnstored: false,
  onlyOnChange: true,
  disabled: false,
};
const DELIVERY = {
  runId: RUN_ID,
  type: "a",
  state: "failed",
  nextAttemptAt: INSTANT,
  attempts: [{ at: INSTANT, status: 500, durationMs: 1, reason: "a", excerpt: "a" }],
};
const RECOVERY = { since: INSTANT, until: INSTANT, include: "failed", messages: 1, isOver: false };
const STATUS = {
  origin: "a",
  disabledReason: "a",
  disabledAt: INSTANT,
  recover: RECOVERY,
  newestDelivery: DELIVERY,
  createdBy: "a",
  changedBy: "a",
  changedAt: INSTANT,
  incomplete: true,
  health: { state: "failing", failingSince: INSTANT, lastSuccessAt: INSTANT, isProbed: true },
};
const SCHEDULE = { action: "a", cron: "a", timezone: "a", parameters: { a: "a" }, labels: ["a"], disabled: false };
const VERSION = { version: 1, changedAt: INSTANT, actor: "a", actorName: "a", definition: SCHEDULE };
const SCHEDULE_STATUS = {
  name: "a",
  version: 1,
  ...{ changedAt: INSTANT, changedBy: "a", createdBy: "a", disabledAt: INSTANT, disabledReason: "a" },
  nextTimes: [{ at: INSTANT, local: "a" }],
  lastTime: { at: INSTANT, outcome: "a", runId: RUN_ID },
};
const PAUSE = {
  ...{ group: "a", reason: "a", from: INSTANT, until: INSTANT, active: true },
  ...{ by: "a", via: "a", at: INSTANT, warning: "a" },
};
const GROUP = { group: "a", key: "a", limit: 1, holders: 1, waiters: 1, paused: "a" };
const PREVIEW = { matched: 2, byStatus: { pending: 1, a: 1 }, newest: [RUN_ID], wouldStart: 1 };
const COUNTS = { matched: { atLeast: 5 }, accepted: 1, skipped: 1, failed: 1, remaining: 1 };
const OPERATION = {
  id: RUN_ID,
  operation: "cancel",
  status: "running",
  abortReason: "a",
  by: "a",
  byId: "a",
  filter: { status: ["a"], group: "a" },
  counts: COUNTS,
  ended: { succeeded: 1, failed: 1 },
  createdAt: INSTANT,
  completedAt: INSTANT,
};
const ITEM = { runId: RUN_ID, outcome: "skipped", code: "a", newRunId: RUN_ID };
const ACTION = { description: "a", trigger: { url: "https://ci.example" } };

/** What each path is answered with. The first that matches counts. */
const ANSWERS: readonly (readonly [RegExp, unknown])[] = [
  [/^POST .*\/heartbeat$/, { status: "running", deadlineAt: INSTANT, cancel: DETAILS.cancel }],
  [/^POST .*\/tokens$/, TOKEN],
  [/^GET .*\/tokens/, [TOKEN]],
  [
    /^DELETE .*\/tokens/,
    {
      revoked: [RUN_ID],
      webhookEndpoints: [{ envName: "a", name: "a" }],
      actions: [],
      schedules: [{ envName: "a", name: "a" }],
      approvedRuns: [{ envName: "a", id: RUN_ID }],
    },
  ],
  [/^GET .*\/audit/, [ENTRY]],
  [/^GET \/whoami$/, { ...TOKEN, permissions: ["a"], project: "acme/shop" }],
  [/^GET .*\/action-runs\/summary$/, { pending: 1, failed: { atLeast: 1000 } }],
  [/^GET .*\/actions\?/, [{ name: "a", version: 1, changedAt: INSTANT, definition: ACTION }]],
  [/^(GET|PUT) .*\/actions\/deploy(\?.*)?$/, ACTION],
  [/^GET .*\/inbound$/, { url: "a", verify: "a", graceEndsAt: INSTANT }],
  [/^POST .*\/inbound\/try$/, { matches: true, parameters: { a: "a" }, error: "a" }],
  [/^POST .*\/inbound\/rotate-secret$/, { secret: "a", graceEndsAt: INSTANT }],
  [/^GET .*\/schedules$/, [{ name: "a", version: 1, changedAt: INSTANT, nextAt: INSTANT, definition: SCHEDULE }]],
  [/^(GET|PUT) .*\/schedules\/nightly$/, SCHEDULE],
  [/^GET .*\/schedules\/nightly\/status$/, SCHEDULE_STATUS],
  [/^GET .*\/versions/, [VERSION, { ...VERSION, definition: { ...SCHEDULE, b: "a" } }]],
  [/^GET .*\/webhook-endpoints\/chat\/status$/, STATUS],
  [/^GET .*\/webhook-endpoints\/chat\/deliveries/, [DELIVERY]],
  [/^POST .*\/webhook-endpoints\/chat\/recover$/, RECOVERY],
  [
    /^POST .*\/actions\/deploy\/preview$/,
    {
      request: { method: "POST", url: "https://ci.example/a", headers: { a: "a" }, payload: { a: "a" } },
      title: "a",
      subject: "a",
    },
  ],
  [
    /^POST .*\/(webhook-endpoints\/chat|actions\/deploy)\/test$/,
    { status: 500, durationMs: 1, outcome: "failed", reason: "a", excerpt: "a" },
  ],
  [/^POST .*\/webhook-endpoints\/chat\/rotate-secret$/, { signingSecret: "a", graceEndsAt: INSTANT }],
  [/^(GET|PUT) .*\/webhook-endpoints\/chat$/, ENDPOINT],
  [/^GET .*\/webhook-endpoints/, [{ name: "a", version: 1, changedAt: INSTANT, definition: ENDPOINT }]],
  [/^GET .*\/concurrency-groups/, [GROUP]],
  [/^GET .*\/pauses/, [PAUSE]],
  [/^PUT .*\/pauses\/deploys$/, PAUSE],
  [/^POST .*\/bulk-operations$/, { ...PREVIEW, ...OPERATION }],
  [/^GET .*\/bulk-operations$/, [OPERATION]],
  [/^GET .*\/bulk-operations\/.*\/items/, [ITEM]],
  [/\/bulk-operations\//, OPERATION],
  [/^GET .*\/action-runs(\?.*)?$/, [WHOLE]],
  [/\/action-runs|\/actions\/deploy\/runs|\/callback$/, WHOLE],
];
/** One of each type, and one of a type that nobody knows. */
const EVENTS = [
  "created",
  "started",
  "heartbeat",
  "heartbeats_thinned",
  "external_url",
  "cancel_requested",
  "waiting",
  "approved",
  "rejected",
  "released",
  "attempt_started",
  "attempt_answered",
  "let_through",
  "stop_started",
  "stop_answered",
  EVIL,
  "ended",
];
const SAID = [
  "by",
  "cause",
  "message",
  "progress",
  "externalUrl",
  "count",
  "url",
  "until",
  "reason",
  "externalUrlRefused",
  "for",
  "group",
  "key",
  "notBefore",
  "via",
  "replacedBy",
];
const TOLD = ["attempt", "host", "outcome", "status", "durationMs", "excerpt", "nextAttemptAt", "at", "retryAt"];

let server: BadServer;
let home: string;
beforeAll(async () => {
  server = await badServer(({ method, url = "" }, response) => {
    if (url.includes("/events")) {
      const members = Object.fromEntries([...SAID, ...TOLD].map((name) => [name, EVIL]));
      response.writeHead(200, { "Content-Type": "text/event-stream" });
      const events = EVENTS.map((type, index) => ({ seq: index + 1, type, ...members }));
      const tail = { tail: `${EVIL}\n`, at: EVIL };
      const frames = ["", ...events].map((one) =>
        one === "" ? `event: tail\ndata: ${JSON.stringify(tail)}\n\n` : `data: ${JSON.stringify(one)}\n\n`,
      );
      response.end(frames.join(""));
      return;
    }
    const [, answer] = ANSWERS.find(([pattern]) => pattern.test(`${method} ${url}`)) ?? [];
    if (answer === undefined) return json(response, 404, { error: EVIL, code: EVIL });
    json(response, 200, hostile(answer), { ETag: '"1"' });
  });
  home = mkdtempSync(join(tmpdir(), "action-runs-hostile-"));
  mkdirSync(join(home, "actions"));
  writeFileSync(join(home, "actions", "deploy.json"), "{}");
});
afterAll(async () => {
  await server.close();
  rmSync(home, { recursive: true });
});

const settings = () => ({
  ...settingsFor(server.url),
  CALLBACK_URL: `${server.url}/action-runs/callback`,
  CALLBACK_TOKEN: "x",
  HOME: home,
});

const COMMANDS = [
  `get ${RUN_ID} --details`,
  `get ${RUN_ID} --wait`,
  `get ${RUN_ID} --output a`,
  "summary",
  "whoami",
  "list",
  "create deploy",
  "create deploy --wait --wait-timeout 1",
  `retry ${RUN_ID}`,
  `cancel ${RUN_ID}`,
  `cancel ${RUN_ID} ${RUN_ID} --yes --no-wait`,
  "retry --status failed --dry-run",
  "bulk list",
  `bulk get ${RUN_ID}`,
  `bulk items ${RUN_ID}`,
  `bulk cancel ${RUN_ID}`,
  `watch ${RUN_ID}`,
  `approve ${RUN_ID} --yes`,
  `reject ${RUN_ID}`,
  `release ${RUN_ID}`,
  "list --waiting any",
  "group list",
  "group pauses",
  "pause deploys --reason a",
  "resume other",
  "report succeeded",
  "heartbeat",
  "token create ci --role member",
  "token list",
  `token revoke ${RUN_ID}`,
  "audit",
  "action list",
  "action get deploy",
  "action put deploy --body {}",
  "action run deploy",
  "action delete other",
  "action preview deploy",
  "action test deploy",
  "action inbound deploy",
  "action inbound-try deploy --event {}",
  "action rotate-secret deploy",
  "schedule list",
  "schedule get nightly",
  "schedule put nightly --cron @daily",
  "schedule versions nightly",
  "schedule status nightly",
  "schedule run nightly",
  "schedule delete other",
  "apply -f HOME --dry-run",
  "apply -f HOME --yes",
  "export --definitions HOME",
  "webhook list",
  "webhook get chat",
  "webhook versions chat",
  "webhook put chat --body {}",
  "webhook delete other",
  "webhook test chat",
  "webhook status chat",
  "webhook deliveries chat",
  `webhook resend other ${RUN_ID}`,
  "webhook recover chat --since 1h --include failed",
  "webhook enable other",
  "webhook rotate-secret chat",
];

// biome-ignore lint/suspicious/noControlCharactersInRegex: the test looks for control characters.
const ACTED_ON = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/;

test.each(COMMANDS)("%s shows no control characters, as text and as JSON", async (command) => {
  for (const format of ["--no-json", "--json"]) {
    const { stdout, stderr } = await cli([...command.replace("HOME", home).split(" "), format], settings());
    expect([format, stdout + stderr]).toEqual([format, expect.stringContaining("evil")]);
    expect([format, stdout.match(ACTED_ON), stderr.match(ACTED_ON)]).toEqual([format, null, null]);
  }
});

test("export writes no file whose name the server could choose to lead elsewhere", async () => {
  const lists = await badServer((_, response) =>
    json(response, 200, [{ name: "../../outside", version: 1, changedAt: INSTANT, definition: {} }]),
  );
  const { code, stderr } = await cli(["export", "--definitions", join(home, "a", "b")], settingsFor(lists.url));
  await lists.close();
  expect([code, stderr]).toEqual([1, expect.stringContaining("../../outside is not a name.")]);
  expect(readdirSync(home, { recursive: true }).filter((path) => String(path).includes("outside"))).toEqual([]);
});

test("login neither shows nor saves names that can't be names, and says what to do", async () => {
  const names = await badServer(({ url }, response) =>
    json(response, 200, url === "/" ? { name: "action-runs" } : { project: `acme/${EVIL}`, envName: "prod" }),
  );
  const { code, stdout, stderr } = await cli(["login", "--url", names.url], { HOME: home }, "terr_x");
  await names.close();
  expect([code, stdout, stderr.match(ACTED_ON)]).toEqual([6, "", null]);
  expect(stderr).toContain("Check the address of the server");
  expect(() => readFileSync(join(home, ".config", "action-runs", "default.json"))).toThrow("ENOENT");
});
