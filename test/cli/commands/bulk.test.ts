/** `cancel` and `retry` of many runs, and `bulk`: what they send, ask, print and exit with. */

import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import type { Schemas } from "../../../src/client/index.ts";
import { start } from "../command.ts";
import { cli, cliAtTerminal } from "../in-process.ts";
import { html, json } from "../misbehaving.ts";
import { bulkService, completed, ID, idOf, OPERATIONS, operation, preview, type Step } from "./bulk-service.ts";

const GOES_ON = `action-runs: The bulk operation goes on.
To follow it: action-runs bulk wait ${ID}
To stop it: action-runs bulk cancel ${ID}\n`;
const YES = ["--yes", "--max", "100"];
const item = (n: number, outcome: Schemas["BulkItem"]["outcome"], code: string | null): Schemas["BulkItem"] => ({
  runId: idOf(n),
  outcome,
  code,
  newRunId: null,
  actionName: "deploy",
  title: null,
  subject: null,
});

describe("in a script", () => {
  test.each([
    [
      ["cancel", idOf(1), idOf(2), "--yes", "--reason", "bad release", "--grace", "30"],
      { operation: "cancel", reason: "bad release", graceSeconds: 30, runIds: [idOf(1), idOf(2)] },
    ],
    [
      ["cancel", "--status", "pending", "--status", "running", "--label", "a", "--label", "b", ...YES],
      { operation: "cancel", filter: { status: ["pending", "running"], labels: ["a", "b"] }, maxRuns: 100 },
    ],
    [
      ["cancel", "--waiting", "approval", "--group", "deploys", "--triggered-by", "ci", ...YES],
      { operation: "cancel", filter: { triggeredBy: "ci", waiting: "approval", group: "deploys" }, maxRuns: 100 },
    ],
    [
      ["retry", "--action-name", "deploy", "--created-after", "2026-01-31T12:00:00Z", ...YES],
      { operation: "retry", filter: { actionName: "deploy", createdAfter: "2026-01-31T12:00:00Z" }, maxRuns: 100 },
    ],
    [
      ["retry", idOf(1), idOf(2), "--yes", "--include-retried", "--max", "2"],
      { operation: "retry", includeRetried: true, runIds: [idOf(1), idOf(2)] },
    ],
  ])("%j starts one operation without a preview, and prints it when it has ended", async (args, body) => {
    const { run, posted } = await bulkService({ reads: [operation({ status: "collecting" }), completed(3, 0, 0)] });
    const ended = await run(...args);
    expect(ended).toEqual({
      code: 0,
      stdout: `${JSON.stringify(completed(3, 0, 0))}\n`,
      stderr: `action-runs: Started the bulk operation ${ID}.\n`,
    });
    expect(posted()).toEqual([["/bulk-operations", body]]);
  });

  test.each([
    [["cancel", "--status", "running"], "use --yes"],
    [["cancel", "--status", "running", "--yes"], "also --max"],
    [["retry", "--status", "failed", "--max", "10"], "use --yes"],
    [["retry", idOf(1), idOf(2)], "use --yes"],
    [["retry", idOf(1), idOf(2), "--yes", "--max", "1"], "these are 2 runs"],
    [["cancel", idOf(1), "--status", "running", ...YES], "not both"],
    [["cancel", ...YES], "Name a run"],
    [["cancel", "--label", "x", "--pending-only", ...YES], "--pending-only works only with one run"],
    [["retry", idOf(1), idOf(2), "--yes", "-p", "a=b"], "--param works only with one run"],
    [["retry", "--label", "x", "--wait", ...YES], "--wait works only with one run"],
    [["retry", "--label", "x", "--not-before", "+2h", ...YES], "--not-before works only with one run"],
    [["cancel", "148ea617", "248ea617", "--yes"], "is not a whole id"],
    [["cancel", "--label", "x", "--yes", "--max", "10001"], "whole number from 1 to 10000"],
  ])("%j is a usage error that says %j, and nothing is sent", async (args, said) => {
    const { run, server } = await bulkService();
    const ended = await run(...args);
    expect(ended).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining(said) });
    expect(server.requests).toEqual([]);
  });

  test("a start whose answer gets lost is repeated with the same key and the same instant", async () => {
    const { server, settings } = await bulkService({
      starts: [(response) => response.destroy(), (response) => html(response, 502), operation()],
    });
    const args = ["cancel", "--since", "24h", ...YES];
    expect(await cli(args, { ...settings, ACTION_RUNS_RETRIES: "4" })).toMatchObject({ code: 0 });
    const starts = server.requests.filter(({ line }) => line.startsWith("POST"));
    expect(starts).toHaveLength(3);
    expect(new Set(starts.map(({ headers }) => headers["idempotency-key"])).size).toBe(1);
    expect(new Set(starts.map(({ body }) => body)).size).toBe(1);
  });

  test("a start that gets no answer may have begun, and the command says so", async () => {
    const { run } = await bulkService({ starts: [(response) => response.destroy()] });
    const ended = await run("cancel", "--label", "x", ...YES);
    expect(ended).toMatchObject({ code: 6, stdout: "" });
    expect(ended.stderr).toContain("may have begun. To see it: action-runs bulk list");
  });

  test("a start sends the key that is given, and a refusal exits by its status", async () => {
    const refuse: Step = (response) => json(response, 422, { error: "No.", code: "idempotency_key_reused" });
    const { run, server } = await bulkService({ starts: [refuse] });
    const ended = await run("cancel", "--label", "x", "--idempotency-key", "k", ...YES);
    expect(ended).toEqual({ code: 5, stdout: "", stderr: "action-runs: No. (idempotency_key_reused)\n" });
    expect(server.requests[0]?.headers["idempotency-key"]).toBe("k");
  });

  test("a start that is refused with 400 names the options and not the members of the request", async () => {
    const error = "filter.labels.0: is empty. filter.entityId: send a uuid. maxRuns: send a whole number.";
    const { run } = await bulkService({ starts: [(response) => json(response, 400, { error, code: "invalid_body" })] });
    const ended = await run("cancel", "--label", "", "--entity-id", "x", ...YES);
    expect(ended).toEqual({
      code: 2,
      stdout: "",
      stderr: "action-runs: --label: is empty. --entity-id: send a uuid. --max: send a whole number. (invalid_body)\n",
    });
  });

  test("one run needs no --yes, and is no bulk operation", async () => {
    const { run, posted } = await bulkService();
    expect(await run("cancel", idOf(1), "--yes", "--max", "5")).toMatchObject({ code: 0 });
    expect(posted()).toEqual([[`/action-runs/${idOf(1)}/cancel?include=details`, {}]]);
  });

  test("--dry-run needs no --yes and no --max, also for one run, and starts nothing", async () => {
    const { run, posted } = await bulkService();
    const ended = await run("cancel", "--label", "x", "--dry-run");
    expect(ended).toEqual({ code: 0, stdout: `${JSON.stringify(preview())}\n`, stderr: "" });
    await run("cancel", idOf(1), "--dry-run", "--yes");
    const sent = { operation: "cancel", dryRun: true };
    expect(posted()).toEqual([
      ["/bulk-operations", { ...sent, filter: { labels: ["x"] }, maxRuns: 500 }],
      ["/bulk-operations", { ...sent, runIds: [idOf(1)] }],
    ]);
  });

  test("--no-wait prints the operation as it begins, with its id", async () => {
    const { run, server } = await bulkService({ starts: [operation({ status: "collecting" })] });
    const args = ["retry", "--status", "failed", "--no-wait", ...YES];
    const ended = await run(...args);
    expect([ended.code, JSON.parse(ended.stdout).id]).toEqual([0, ID]);
    expect((await run(...args, "--no-json")).stdout).toContain(`To follow it: action-runs bulk wait ${ID}\n`);
    expect(server.requests.every(({ line }) => line.startsWith("POST"))).toBe(true);
  });
});

describe("an operation that has ended", () => {
  const aborted = (abortReason: Schemas["BulkOperation"]["abortReason"]) =>
    operation({ status: "aborted", abortReason });
  test.each<[string, Schemas["BulkOperation"], number]>([
    ["matches nothing", completed(0, 0, 0), 0],
    ["skips some", completed(2, 1, 0), 0],
    ["skips all", completed(0, 3, 0), 5],
    ["can't decide about a run", completed(2, 0, 1), 1],
    ["is stopped", aborted("asked"), 1],
    ["matches too many runs", aborted("too_many_runs"), 5],
    ["outlives its token", aborted("token_expired"), 3],
    ["is of a revoked token", aborted("token_revoked"), 3],
  ])("exits by how it went: if it %s", async (_, ended, code) => {
    const { run } = await bulkService({ reads: [ended] });
    expect((await run("cancel", "--label", "x", ...YES)).code).toBe(code);
    expect((await run("bulk", "wait", ID)).code).toBe(code);
    expect((await run("bulk", "get", ID)).code).toBe(0);
  });

  test("says which codes were skipped and failed, in the table, and beside JSON on stderr", async () => {
    const items = [
      item(1, "accepted", null),
      item(2, "skipped", "run_succeeded"),
      item(3, "skipped", "run_succeeded"),
      item(4, "skipped", "run_failed"),
      item(5, "failed", "unknown"),
    ];
    const { run } = await bulkService({ reads: [completed(1, 3, 1)], items });
    const args = ["cancel", "--label", "x", ...YES];
    const { stdout } = await run(...args, "--no-json");
    expect(stdout).toMatch(/^accepted: +1\nskipped: +3 \(2 run_succeeded, 1 run_failed\)\nfailed: +1 \(1 unknown\)$/m);
    const { code, stderr } = await run(...args, "--json");
    expect(code).toBe(1);
    expect(stderr).toContain(
      "The bulk operation is completed. 1 accepted, 3 skipped, 1 failed, 0 remaining. " +
        "Skipped: 2 run_succeeded, 1 run_failed. Failed: 1 unknown.",
    );
  });

  test("says how the runs of a cancel have ended, which runs are left and why it was stopped", async () => {
    const ended = operation({
      status: "aborted",
      abortReason: "asked",
      ended: { succeeded: 2, failed: 0, cancelled: 7 },
      filter: { status: ["pending", "running"], labels: ["x"] },
      counts: { matched: 20, accepted: 12, skipped: 0, failed: 0, remaining: 8 },
    });
    const { run } = await bulkService({ reads: [ended] });
    const { stdout } = await run("bulk", "get", ID, "--no-json");
    expect(stdout).toMatch(/^status: +aborted: stopped$/m);
    expect(stdout).toMatch(/^ended: +7 cancelled, 2 succeeded, 3 still open$/m);
    expect(stdout).toMatch(/^remaining: +8\nfilter: +status: pending, running\n +labels: x\nby: +ada$/m);
  });
});

describe("on a terminal", () => {
  test("shows what would happen before it asks, and starts after y with the same filter", async () => {
    const { atTerminal, posted } = await bulkService({ preview: preview({ wouldStart: 5 }) });
    const ended = await atTerminal("y\n", "cancel", "--label", "x", "--since", "24h");
    expect(ended.code).toBe(0);
    expect(JSON.parse(ended.stdout)).toEqual(completed(3, 0, 0));
    const shown = ended.stderr.slice(0, ended.stderr.indexOf("Cancel 2 runs? (y/N)"));
    expect(shown).toMatch(/^match: +3 \(1 pending, 1 running, 1 succeeded\)$/m);
    expect(shown).toMatch(/^of them: +2 can be cancelled, 1 has ended$/m);
    expect(shown).toMatch(/^then: +5 waiting runs would start, /m);
    expect(shown).toMatch(new RegExp(`^newest runs: +${idOf(3)}\n +${idOf(2)}\n +${idOf(1)}\n`));
    const [[, first], [, second]] = posted() as [[string, object], [string, object]];
    // No more runs than the user has seen.
    expect(first).toEqual({ ...second, maxRuns: 500, dryRun: true });
    expect(second).toMatchObject({ maxRuns: 3, filter: { labels: ["x"] } });
  });

  test.each(["n\n", "\n", "yess\n", ""])("after %j starts nothing", async (typed) => {
    const { atTerminal, posted } = await bulkService();
    const ended = await atTerminal(typed, "retry", idOf(1), idOf(2));
    expect(ended).toMatchObject({ code: 1, stdout: "" });
    expect(ended.stderr).toContain("Retry 1 run? (y/N)");
    expect(posted()).toHaveLength(1);
  });

  test.each([
    ["no run matches", preview({ matched: 0, byStatus: none() }), 0, "No runs match."],
    ["all have ended", preview({ byStatus: { ...none(), failed: 3 } }), 5, "None of these runs can be cancelled."],
    ["more than --max match", preview({ matched: { atLeast: 501 } }), 5, "More than 500 runs match."],
  ])("asks nothing if %s", async (_, found, code, said) => {
    const { atTerminal, posted } = await bulkService({ preview: found });
    const ended = await atTerminal("y\n", "cancel", "--label", "x");
    expect(ended).toMatchObject({ code, stdout: "", stderr: expect.stringContaining(said) });
    expect(ended.stderr).not.toContain("(y/N)");
    expect(posted()).toHaveLength(1);
  });

  test("shows how far it is in one line", async () => {
    const counts = { matched: 40, accepted: 16, skipped: 2, failed: 0, remaining: 22 };
    const collecting = operation({ status: "collecting", counts: { ...counts, matched: 300 } });
    const { atTerminal } = await bulkService({ reads: [collecting, operation({ counts }), completed(40, 0, 0)] });
    const { stderr } = await atTerminal("", "cancel", "--label", "x", "--yes");
    expect(stderr).toContain("\r\x1b[Jfinds the runs: 300 so far\r");
    expect(stderr).toContain("\r\x1b[J[#########-----------] 45 % 18 of 40: 16 accepted, 2 skipped, 0 failed\r");
    expect(stderr).toContain("Ctrl-C asks whether to stop it.");
  });
});

function none() {
  return { pending: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0 };
}

describe("while it waits", () => {
  test("goes on although the server goes away", async () => {
    const { run } = await bulkService({ reads: [operation(), (response) => response.destroy(), completed(3, 0, 0)] });
    const { code, stdout, stderr } = await run("cancel", "--label", "x", ...YES);
    expect([code, JSON.parse(stdout)]).toEqual([0, completed(3, 0, 0)]);
    expect(stderr.match(/The server can't answer now/g)).toHaveLength(1);
    expect(stderr.match(/The server answers again/g)).toHaveLength(1);
  });

  test("ends if its own token is revoked, and prints no token", async () => {
    const revoked = { error: "This API token is unknown or was revoked.", code: "token_invalid" };
    const { run } = await bulkService({ reads: [operation(), (response) => json(response, 401, revoked)] });
    const ended = await run("cancel", "--label", "x", ...YES);
    expect(ended).toMatchObject({ code: 3, stdout: "", stderr: expect.stringContaining("token_invalid") });
    expect(ended.stderr).not.toContain("terr_secret");
  });

  test("bulk wait stops after --wait-timeout, and says how to follow the operation", async () => {
    const { run } = await bulkService({ reads: [operation()] });
    const ended = await run("bulk", "wait", ID, "--wait-timeout", "1");
    expect(ended).toMatchObject({ code: 7, stdout: "" });
    expect(ended.stderr).toContain(GOES_ON);
  });
});

describe("a signal in a script", () => {
  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("leaves the operation and says how to follow or stop it: %s exits %i", async (name, code) => {
    const { settings, posted } = await bulkService({ reads: [operation()] });
    const { child, until, ended } = start(["cancel", "--label", "x", ...YES], settings);
    await until(/Started/);
    child.kill(name);
    expect(await ended).toMatchObject({ code, stdout: "", stderr: expect.stringContaining(GOES_ON) });
    expect(posted()).toHaveLength(1);
  });

  test("before the answer to the start says that the operation may have begun", async () => {
    const { run } = await bulkService({ starts: [() => process.emit("SIGTERM", "SIGTERM")] });
    const ended = await run("cancel", "--label", "x", ...YES);
    expect(ended).toMatchObject({ code: 143, stdout: "" });
    expect(ended.stderr).toContain("may have begun. To see it: action-runs bulk list");
  });
});

describe("Ctrl-C on a terminal", () => {
  /** Somebody presses it when the service is asked how far the operation is. */
  const pressed: Step = (response) => {
    json(response, 200, operation());
    process.emit("SIGINT", "SIGINT");
  };
  const args = ["cancel", "--label", "x", "--yes"];
  const asked = "Stop the bulk operation?";

  test("asks, and y stops the operation and waits for its end", async () => {
    const end = operation({ status: "aborted", abortReason: "asked" });
    // The line that changes in place is there when Ctrl-C comes.
    const reads = [operation(), pressed, operation({ abortReason: "asked" }), end];
    const { atTerminal, posted } = await bulkService({ reads });
    const ended = await atTerminal("y\n", ...args);
    expect([ended.code, JSON.parse(ended.stdout)]).toEqual([1, end]);
    expect(ended.stderr).toContain(asked);
    expect(posted().at(-1)).toEqual([`/bulk-operations/${ID}/cancel`, ""]);
  });

  test.each([
    ["n", "n\n"],
    ["no answer", ""],
    ["a second Ctrl-C in the place of an answer", "\x03"],
  ])("asks, and %s leaves the operation", async (_, typed) => {
    const { atTerminal, posted } = await bulkService({ reads: [pressed, operation()] });
    const ended = await atTerminal(typed, ...args);
    expect(ended).toMatchObject({ code: 130, stdout: "" });
    expect(ended.stderr).toContain(asked);
    expect(ended.stderr).toContain(GOES_ON);
    expect(posted()).toHaveLength(1);
  });

  test("takes the question back if the operation ends before the answer", async () => {
    const { settings, server } = await bulkService({ reads: [pressed, completed(3, 0, 0)] });
    const nothing = new Readable({ read() {} });
    const ended = await cliAtTerminal(args, settings, nothing);
    // Otherwise a later Ctrl-C would go to the question.
    expect(nothing.isPaused()).toBe(true);
    expect([ended.code, JSON.parse(ended.stdout)]).toEqual([0, completed(3, 0, 0)]);
    expect(ended.stderr).toContain(asked);
    expect(server.requests.map(({ line }) => line)).not.toContain(`POST ${OPERATIONS}/${ID}/cancel`);
  });

  test.each<[string, NodeJS.Signals, number, number]>([
    ["a second SIGINT", "SIGINT", 130, 1],
    ["SIGTERM, which asks nothing,", "SIGTERM", 143, 0],
  ])("%s leaves the operation", async (_, name, code, questions) => {
    const signalled: Step = (response) => {
      json(response, 200, operation());
      process.emit(name, name);
    };
    const { settings } = await bulkService({ reads: [signalled, signalled, operation()] });
    const ended = await cliAtTerminal(args, settings, new Readable({ read() {} }));
    expect([ended.code, ended.stderr.split(asked).length - 1]).toEqual([code, questions]);
    expect(ended.stderr).toContain(GOES_ON);
  });

  test("says why the operation can't be stopped, and that it goes on", async () => {
    const { atTerminal } = await bulkService({
      reads: [pressed, operation()],
      stopped: (response) => json(response, 403, { error: "No.", code: "forbidden" }),
    });
    const ended = await atTerminal("y\n", ...args);
    expect(ended).toMatchObject({ code: 3, stdout: "" });
    expect(ended.stderr).toContain("action-runs: The service does not stop it. No. (forbidden)\n");
    expect(ended.stderr).toContain(GOES_ON);
  });

  test("of `bulk wait` only stops waiting", async () => {
    const { atTerminal, posted } = await bulkService({ reads: [operation(), pressed, operation()] });
    const ended = await atTerminal("y\n", "bulk", "wait", ID);
    expect(ended).toMatchObject({ code: 130, stdout: "" });
    expect(ended.stderr).not.toContain(asked);
    expect(posted()).toEqual([]);
  });
});

describe("bulk", () => {
  test("list prints a table, or JSON", async () => {
    const reads = [operation({ status: "aborted", abortReason: "asked" })];
    const { run } = await bulkService({ reads });
    const { stdout } = await run("bulk", "list", "--no-json");
    expect(stdout).toMatch(
      new RegExp(
        `^BULK OPERATION +DOES +STATUS +MATCH +ACCEPTED +SKIPPED +FAILED +REASON +CREATED +BY\\n${ID} +cancel +aborted +3 +0 +0 +0 +asked +\\S+Z +ada\\n$`,
      ),
    );
    expect(JSON.parse((await run("bulk", "list")).stdout)).toEqual(reads);
  });

  test("items prints each run with its code, and the new run of a retry", async () => {
    const items = [
      { ...item(1, "accepted", null), newRunId: idOf(9), title: "deploy shop 1.4.2", subject: "shop" },
      item(2, "skipped", "already_retried"),
      item(3, null, null),
    ];
    const { run, server } = await bulkService({ items });
    const { stdout } = await run("bulk", "items", ID, "--no-json");
    expect(stdout.split("\n").map((line) => line.split(/ {2,}/))).toEqual([
      ["RUN", "ACTION", "OUTCOME", "CODE", "NEW RUN"],
      [idOf(1), "deploy shop 1.4.2", "accepted", idOf(9)],
      [idOf(2), "deploy", "skipped", "already_retried"],
      [idOf(3), "deploy", "undecided"],
      [""],
    ]);
    expect(JSON.parse((await run("bulk", "items", ID, "--outcome", "skipped")).stdout)).toEqual([items[1]]);
    expect(server.requests.at(-1)?.line).toBe(`GET ${OPERATIONS}/${ID}/items?outcome=skipped`);
  });

  test("cancel stops the operation, and prints it", async () => {
    const { run, posted } = await bulkService();
    const ended = await run("bulk", "cancel", ID, "--no-json");
    expect(ended).toMatchObject({ code: 0, stdout: expect.stringMatching(/^status: +running: is being stopped$/m) });
    expect(posted()).toEqual([[`/bulk-operations/${ID}/cancel`, ""]]);
  });
});
