/** What is printed fits the terminal's width, whatever text it contains: tables are cut, and lines broken between words. */

import stringWidth from "string-width";
import { describe, expect, test } from "vitest";
import { auditTable, tokenTable } from "../../src/cli/commands/administration.ts";
import { actionTable } from "../../src/cli/definitions/action.ts";
import { scheduleTable } from "../../src/cli/definitions/schedule.ts";
import { deliveryTable, endpointTable } from "../../src/cli/definitions/webhook.ts";
import { Output, wrap } from "../../src/cli/output.ts";
import { eventText, runTable, runText } from "../../src/cli/run-text.ts";

import type { Schemas } from "../../src/client/index.ts";
import { API_TOKEN, ENDPOINT, RUN } from "../support/api/api-objects.ts";

type ActionRun = Schemas["ActionRun"];
type AuditEntry = Schemas["AuditEntry"];

/** One character of two code points. */
const FLAG = "\u{1f1e9}\u{1f1ea}";
const TEXTS = [
  "deploy",
  "部署到生产环境并通知所有值班人员然后等待确认",
  `ship it 🚀🎉${FLAG}${"🚀".repeat(30)}`,
  "e\u0301".repeat(80),
  `${"한국어 배포 ".repeat(9)}`,
  "a-very-long-action-name-of-a-team-that-likes-long-names-and-then-some-more",
  "🇩🇪".repeat(40),
];
const WIDTHS = [20, 49, 60, 80, 100, 120, 200];

/** A terminal of this width, without colour. */
function terminal(columns: number): Output {
  process.env.NO_COLOR = "1";
  return new Output({ json: false }, { isTTY: true, columns } as NodeJS.WriteStream);
}

const runs = TEXTS.flatMap((text, index): ActionRun[] => [
  { ...RUN, status: "cancelled", actionName: text, triggeredBy: TEXTS[TEXTS.length - 1 - index] ?? "" },
  { ...RUN, status: "failed", actionName: text, error: `${text}: it failed`, completedAt: RUN.createdAt },
]);
const tokens = TEXTS.map((text): Schemas["ApiToken"] => ({
  ...API_TOKEN,
  name: text,
  envName: "production",
  createdBy: text,
  expiresAt: RUN.createdAt,
  lastUsedAt: RUN.createdAt,
  person: text,
}));
const entries = TEXTS.map(
  (text): AuditEntry => ({
    at: RUN.createdAt,
    actor: RUN.id,
    person: null,
    via: null,
    agent: null,
    reason: null,
    sessionId: null,
    actorName: text,
    action: "token_minted",
    target: RUN.id,
    targetName: text,
    scope: "acme/shop/production",
    gates: null,
    bulk: null,
  }),
);
const actions = TEXTS.map((text): Schemas["ListedAction"] => ({
  name: "a".repeat(63),
  version: 2_000_000_000,
  changedAt: RUN.createdAt,
  definition: {
    description: text,
    trigger: {
      type: "webhook",
      url: `https://ci.example.com/${"x".repeat(300)}`,
      method: "POST",
      headers: {},
      retry: { maxAttempts: 3, initialDelayMs: 1000 },
      startOn: "accepted",
    },
  },
}));
const endpoints = TEXTS.map((text): Schemas["ListedWebhookEndpoint"] => ({
  name: "portal-of-the-shop-team",
  version: 3,
  changedAt: RUN.createdAt,
  definition: { ...ENDPOINT, actionNames: [text, "b"], labels: [text] },
}));
const schedules = TEXTS.map((text): Schemas["ListedSchedule"] => ({
  name: "a".repeat(63),
  version: 2_000_000_000,
  changedAt: RUN.createdAt,
  nextAt: RUN.createdAt,
  definition: { action: text, cron: text, timezone: "America/Argentina/Buenos_Aires", parameters: {}, disabled: false },
}));
const deliveries = TEXTS.map((reason): Schemas["Delivery"] => ({
  runId: RUN.id,
  actionName: reason,
  title: reason,
  subject: reason,
  type: "action_run.failed",
  state: "failed",
  nextAttemptAt: null,
  attempts: [{ at: RUN.createdAt, status: 503, durationMs: 12, reason, excerpt: null }],
}));
const linesOf = (text: string) => text.split("\n");

describe.each(WIDTHS)("in %i cells", (columns) => {
  test.each([
    ["runs", () => runTable(runs, terminal(columns))],
    ["tokens", () => tokenTable(tokens, terminal(columns))],
    ["actions", () => actionTable(actions, terminal(columns))],
    ["the audit", () => auditTable(entries, terminal(columns))],
    ["endpoints", () => endpointTable(endpoints, terminal(columns))],
    ["schedules", () => scheduleTable(schedules, terminal(columns))],
    ["deliveries", () => deliveryTable(deliveries, terminal(columns))],
  ])("no row of the table of %s wraps", (_, table) => {
    const lines = linesOf(table());
    expect(Math.max(...lines.map((line) => stringWidth(line)))).toBeLessThanOrEqual(columns);
  });
});

test.each([
  [60, "148ea617"],
  [80, "148ea617"],
  [100, RUN.id],
  [200, RUN.id],
])("in %i cells each run shows its status, and %s as its id", (columns, id) => {
  for (const line of linesOf(runTable(runs, terminal(columns))).slice(1))
    expect(line).toMatch(new RegExp(`^${id}  (cancelled|failed   )  `));
});

test.each([60, 80, 120])(
  "in %i cells an endpoint shows its events, and a delivery the id that resend takes",
  (columns) => {
    expect(endpointTable(endpoints.slice(0, 1), terminal(columns))).toContain("failed, succeeded if changed");
    const [, delivery = ""] = linesOf(deliveryTable(deliveries.slice(0, 1), terminal(columns)));
    expect(delivery).toMatch(columns < 100 ? /^148ea617 / : new RegExp(`^${RUN.id} `));
  },
);

test("short ids are as long as they must be to differ", () => {
  const ids = ["01a212de-9b55-8003-a8a9-dd2c148ea617", "01a212de-9b55-8003-a8a9-dd3c148ea617"];
  const table = runTable(
    ids.map((id) => ({ ...RUN, id }) as ActionRun),
    terminal(80),
  );
  expect(linesOf(table).map((line) => line.split(" ")[0])).toEqual(["RUN", "2c148ea617", "3c148ea617"]);
});

test("in 80 cells a run shows its age and what it took, and of its error the first line", () => {
  const now = Date.parse("2026-11-25T16:21:48.373Z");
  const ended = {
    ...RUN,
    status: "failed",
    startedAt: "2026-11-25T13:22:00.000Z",
    error: "\nIt broke.\n  at x",
    completedAt: "2026-11-25T13:25:00.373Z",
  };
  const table = linesOf(runTable([ended as ActionRun], terminal(80), now));
  expect(table).toEqual([
    "RUN       STATUS  AGE  TOOK    BY    ACTION  ERROR",
    "148ea617  failed  3h   3m 12s  root  deploy  It broke.",
  ]);
});

test.each([60, 80, 120])(
  "in %i cells a long action leaves room for the error, and no line ends with spaces",
  (columns) => {
    const actionName = "rebuild-search-index-for-all-tenants";
    const failed = { ...RUN, actionName, status: "failed", error: "TypeError: it broke" } as ActionRun;
    const lines = linesOf(runTable([failed, { ...RUN, actionName } as ActionRun], terminal(columns)));
    expect(lines[0]).toMatch(/ACTION +ERROR$/);
    expect(lines[1]).toMatch(/rebuild-search-inde(…|x.*) {2}TypeError: /);
    if (columns > 60) expect(lines[1]).toMatch(/ {2}TypeError: it broke$/);
    for (const line of lines) expect(line).toBe(line.trimEnd());
  },
);

test("in 60 cells an action shows its whole name, and the audit says what was done", () => {
  const name = "rollout-of-the-shop-with-a-name-that-is-long";
  expect(actionTable([{ ...(actions[0] as Schemas["ListedAction"]), name }], terminal(60))).toContain(`\n${name}  `);
  expect(auditTable(entries, terminal(60))).toMatch(/^AT +ACTION +TARGET.*\n\S+ {2}token_minted {2}/);
});

test("in 80 cells a run shows at least 20 cells of its action", () => {
  for (const { actionName } of runs) {
    const [, line = ""] = linesOf(runTable([{ ...(runs[0] as ActionRun), actionName }], terminal(80)));
    const shown = line.slice(line.lastIndexOf("  ") + 2);
    const isWhole = shown === actionName.trim();
    // A character of two cells may not fit into the last one.
    expect(isWhole || stringWidth(shown) >= 19).toBe(true);
  }
});

test("in 80 cells a token shows its id, its role and 20 cells of its name; in 120 cells everything", () => {
  expect(tokenTable(tokens.slice(0, 1), terminal(80))).toMatch(/^TOKEN +ROLE .*NAME\n.*member .*deploy$/);
  expect(linesOf(runTable(runs.slice(0, 1), terminal(120)))[0]).toMatch(/^RUN +STATUS +AGE +TOOK +CREATED +BY +ACTION/);
  expect(linesOf(tokenTable(tokens, terminal(200)))[0]).toMatch(
    /^TOKEN +ROLE +ENVIRONMENT +EXPIRES +LAST USED +MADE BY +PERSON +MAY +NAME/,
  );
});

test("a table of tokens without a person or a flag has no column for them", () => {
  const plain = tokens.map((token) => ({ ...token, person: null, mayApprove: false, mayActForOthers: false }));
  expect(linesOf(tokenTable(plain, terminal(200)))[0]).toMatch(
    /^TOKEN +ROLE +ENVIRONMENT +EXPIRES +LAST USED +MADE BY +NAME$/,
  );
});

test("columns line up under their headings by cells, not by characters", () => {
  const two = [
    { ...RUN, triggeredBy: "root", actionName: "one" },
    { ...RUN, triggeredBy: "部署🚀", actionName: "two" },
  ] as ActionRun[];
  const lines = linesOf(runTable(two, terminal(200)));
  const starts = ["ACTION", "one", "two"].map((word, at) => stringWidth(lines[at]?.split(word)[0] ?? ""));
  expect(new Set(starts).size).toBe(1);
});

test("a cut cell ends with an ellipsis after a whole character", () => {
  const cut = linesOf(runTable([{ ...RUN, actionName: FLAG.repeat(40) } as ActionRun], terminal(80)))[1];
  expect(cut).toMatch(new RegExp(`  (${FLAG})+…$`));
});

test("a cell shows what nobody sees", () => {
  const actionName = "a\u200eb\u061cc\u202ed\u200be\ud800";
  expect(
    runTable([{ ...RUN, actionName } as ActionRun], terminal(200))
      .split("  ")
      .at(-1),
  ).toBe("a\\u200eb\\u061cc\\u202ed\\u200be\\ud800");
});

test("without a terminal nothing is left out or cut", () => {
  const output = new Output({ json: false }, { isTTY: false } as NodeJS.WriteStream);
  const table = runTable(runs, output);
  for (const text of TEXTS) expect(table).toContain(text);
});

test("the audit says what a change of an action did to its gates", () => {
  const entry = { ...(entries[0] as AuditEntry), action: "action_put", gates: "weakened" as const };
  expect(auditTable([entry], terminal(200))).toContain("  action_put (gates weakened)  ");
});

test("the audit says for whom a token acted, that an agent asked, and why", () => {
  const entry = {
    ...(entries[0] as AuditEntry),
    action: "run_approved",
    actorName: "portal",
    person: "ada@acme.example",
    via: "portal",
    agent: "claude-code",
    reason: "looks good",
  };
  expect(auditTable([entry], terminal(300))).toMatch(
    /ada@acme\.example via portal \(agent "claude-code"\) .* looks good/,
  );
});

test("a line is broken between words, goes on below its text, and long words stay whole", () => {
  expect(wrap("    at one (two) three four five", 24)).toBe("    at one (two) three\n    four five");
  expect(wrap("2026  the first and the second part", 26, 6)).toBe("2026  the first and the\n      second part");
  expect(wrap("see https://ci.example.com/jobs/1 and wait", 20)).toBe("see\nhttps://ci.example.com/jobs/1\nand wait");
  expect(wrap("部署到 生产环境 并通知 所有值班", 20)).toBe("部署到 生产环境\n并通知 所有值班");
  expect(wrap("a b c d e f g h i j k l m", 19)).toBe("a b c d e f g h i j k l m");
  expect(wrap("one two three four five six", Number.POSITIVE_INFINITY)).toBe("one two three four five six");
});

test.each([60, 80])("in %i cells an error and an event are broken between words", (columns) => {
  const error = `TypeError: ${"the search index of the tenant was gone ".repeat(4)}\n    at main (/srv/search/main.js:3:1)`;
  const run = runText({ ...RUN, status: "failed", error } as Schemas["ActionRun"], terminal(columns)).split("\n");
  const shown = run.slice(run.findIndex((line) => line.startsWith("error:")));
  for (const line of shown) expect(stringWidth(line)).toBeLessThanOrEqual(columns);
  expect(shown.map((line) => line.slice(17)).join(" ")).toContain("gone the search index of the tenant was");
  expect(shown.at(-1)).toBe(`${" ".repeat(21)}at main (/srv/search/main.js:3:1)`);

  const event = { seq: 3, type: "attempt_answered", at: RUN.createdAt, attempt: 1, outcome: "retry" };
  const reason = "could not be reached, or broke the connection off";
  const lines = eventText({ ...event, reason, nextAttemptAt: RUN.createdAt }, terminal(columns)).split("\n");
  expect(lines.length).toBeGreaterThan(1);
  for (const [index, line] of lines.entries()) {
    expect(stringWidth(line)).toBeLessThanOrEqual(columns);
    if (index > 0) expect(line).toMatch(/^ {22}\S/);
  }
});
