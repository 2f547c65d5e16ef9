/**
 * Jobs that report with a proof: with the examples' workflows, and with the command line. The service, the issuer and the
 * programs are real; GitHub is a stand-in that signs proofs and starts a workflow run for each trigger.
 */

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import action from "../../../examples/github-actions/action-without-token.json" with { type: "json" };
import { createClient } from "../../../src/client/index.ts";
import { ROOT } from "../../../src/dev/wrangler.ts";
import { MAIN, type Settings } from "../../cli/command.ts";
import { cli } from "../../cli/in-process.ts";
import { type Ended, hasCurl, JobMachine } from "../jobs/job-machine.ts";
import { actionSteps, environment, expression, listedSteps, oneLine, read } from "../jobs/products.ts";
import { until } from "../until.ts";
import { type Env, expectNoSecret, type ProvenJobs, startProvenJobs } from "./proven-jobs.ts";

const machine = new JobMachine("of-report-with-proof-test");
const work = join(machine.folder, "work");
let jobs: ProvenJobs;
let client: ReturnType<typeof createClient>;
let tokenId: string;

beforeAll(async () => {
  jobs = await startProvenJobs();
  const scope = { baseUrl: jobs.origin, org: "acme", project: "shop", env: "production" };
  client = createClient({ ...scope, token: jobs.token });
  const claims = { repository_id: "74", environment: "production" };
  const trust = { for: "programs", issuer: jobs.issuer, claims } as const;
  ({ id: tokenId } = await client.tokens.create({ name: "github", role: "member", trust }));
  const { trigger, reporter, ...definition } = action as typeof action & { readonly trigger: object };
  await client.actions.put("deploy", {
    ...definition,
    reporter: { ...reporter, issuer: jobs.issuer, claims },
    trigger: { type: "webhook", url: jobs.dispatches, payload: trigger.payload, startOn: "heartbeat" },
  });
  mkdirSync(work);
  jobs.install("npx", `shift; exec "${process.execPath}" "${MAIN}" "$@"`);
  jobs.install("curl", `PATH=\${PATH#*:} exec curl "$@"`);
  writeFileSync(join(work, "deploy.sh"), '#!/bin/sh\necho "$1" >>deployed\n', { mode: 0o755 });
});
afterAll(() => jobs?.close());

const deployed = () => (existsSync(join(work, "deployed")) ? readFileSync(join(work, "deployed"), "utf8") : "");
const timelineOf = async (id: string) => (await client.runs.events(id).page()).entries.map(({ type }) => type);
const callbackUrl = (id: string) => `${jobs.origin}/acme/shop/envs/production/action-runs/${id}/callback`;

/** The inputs with which the trigger started the newest workflow run. */
const inputs = (): Env => JSON.parse(jobs.started.at(-1)?.split("\n")[1] ?? "").inputs;

/** Runs the job of examples/github-actions/without-token.yml, as GitHub does for this workflow run. */
async function runWorkflow(given: Env, claims: Parameters<ProvenJobs["job"]>[0]): Promise<Ended> {
  const eventFile = join(machine.folder, "event.json");
  const event = { inputs: given };
  writeFileSync(eventFile, JSON.stringify(event));
  const env = { ...jobs.job(claims), GITHUB_EVENT_PATH: eventFile };
  let printed = "";
  let code: number | null = 0;
  for (const source of listedSteps(read("examples/github-actions/without-token.yml"))) {
    if (code !== 0 && !/^ {8}if: always\(\)$/m.test(source)) continue;
    if (source.includes("uses: actions/checkout@")) continue;
    const context = { inputs: given, job: { status: code === 0 ? "success" : "failure" } };
    const withs = {
      status: expression(oneLine(source, /^ {10}status: (.*)$/m), context),
      "callback-url": oneLine(source, /^ {10}callback-url: (.*)$/m)
        .replace("https://runs.example.com/YOUR_ORGANIZATION/YOUR_PROJECT", `${jobs.origin}/acme/shop`)
        .replace(/\$\{\{ inputs\.run_id \}\}/, given.run_id ?? ""),
    };
    const steps = source.includes("uses: YOUR_ORG/action-runs@")
      ? actionSteps(withs, event, env)
      : [
          {
            shell: ["bash", "-e"],
            script: oneLine(source, / run: (.*)/),
            env: { ...env, ...environment(source, 10, context) },
          },
        ];
    for (const step of steps) {
      const ended = await machine.step({ ...step, env: { ...step.env, GITHUB_ACTION_PATH: ROOT } }, work);
      printed += ended.printed;
      code ||= ended.code;
    }
  }
  return { code, printed };
}

describe.skipIf(!hasCurl)("a workflow that proves who it is", () => {
  const release = (): Env => ({
    ...jobs.job({ run_id: "8000" }),
    ACTION_RUNS_URL: jobs.origin,
    ACTION_RUNS_ORG: "acme",
    ACTION_RUNS_PROJECT: "shop",
    ACTION_RUNS_ENV: "production",
    ACTION_RUNS_TOKEN_ID: tokenId,
    VERSION: "1.4.2",
  });

  it("runs an action, whose job reports, and nobody has seen a secret of the service", async () => {
    const source = read("examples/github-actions/start-a-run.yml");
    const script = oneLine(source, / run: (npx action-runs action run .*)/);
    const env = release();
    const waiting = machine.run(["bash", "-ec", script], env, work);
    await until("the trigger has started a workflow run", () => jobs.started.length === 1);
    const given = inputs();
    expect(given).toEqual({ run_id: expect.any(String), version: "1.4.2" });
    const { run_id: id = "" } = given;
    const job = await runWorkflow(given, { run_id: "9001" });
    expect(job).toMatchObject({ code: 0, printed: expect.stringContaining("The run has succeeded.") });
    const released = await waiting.ended;
    expect(released.code, released.printed).toBe(0);
    expect(deployed()).toBe("1.4.2\n");
    expect(await client.runs.get(id)).toMatchObject({ status: "succeeded", triggeredBy: "github" });
    expect(await timelineOf(id)).toEqual([
      ...["created", "attempt_started", "attempt_answered", "token_issued", "started", "heartbeat", "ended"],
    ]);
    const seen = jobs.seen();
    for (const noted of [`audience=${callbackUrl(id)}`, "action-runs"]) expect(seen).toContain(noted);
    const requestToken = env.ACTIONS_ID_TOKEN_REQUEST_TOKEN ?? "";
    expectNoSecret("a command line or an environment", seen, [requestToken]);
    expectNoSecret("the request that started the job", jobs.started.join("\n"));
    for (const { printed } of [job, released]) expectNoSecret("the output", printed, [requestToken]);
    expect(readdirSync(machine.folder).filter((name) => name.startsWith("tmp."))).toEqual([]);
  });

  it("deploys nothing when it is run again after its run has ended", async () => {
    const before = deployed();
    const again = await runWorkflow(inputs(), { run_id: "9001", run_attempt: "2" });
    expect([again.code, again.printed]).toEqual([5, expect.stringContaining("refused with 409 run_succeeded")]);
    expect(deployed()).toBe(before);
  });

  it("deploys nothing if the run has started another workflow run", async () => {
    const before = deployed();
    const { id } = await client.actions.run("deploy", { parameters: { version: "2.0.0" } });
    await until("the trigger has started a workflow run", async () =>
      (await timelineOf(id)).includes("attempt_answered"),
    );
    const other = await runWorkflow(inputs(), { run_id: "7777" });
    expect([other.code, other.printed]).toEqual([1, expect.stringContaining("refused with 403 another_execution")]);
    expect(deployed()).toBe(before);
    expect(await timelineOf(id)).toContain("token_refused");
    expect(await client.runs.get(id)).toMatchObject({ status: "pending" });
  });
});

describe("the command line in a job with a proof", () => {
  /** A run whose trigger has started a workflow run, and the settings of the job there. */
  async function started(claims: Readonly<Record<string, string>> = {}) {
    const before = jobs.started.length;
    const { id } = await client.actions.run("deploy", { parameters: { version: "1.4.2" } });
    await until("the trigger has started a workflow run", () => jobs.started.length > before);
    const run_id = String(9000 + jobs.started.length);
    const job: Settings = { ...jobs.job({ run_id, ...claims }), CALLBACK_URL: callbackUrl(id) };
    return { id, job };
  }

  it("sends heartbeats and reports", async () => {
    const { id, job } = await started();
    expect(await cli(["heartbeat", "-m", "building"], job)).toMatchObject({ code: 0, stderr: "" });
    expect(await cli(["report", "failed", "--error", "no"], job)).toMatchObject({ code: 0, stderr: "" });
    expect(await client.runs.get(id)).toMatchObject({ status: "failed", error: "no" });
  });

  it("runs a command, and gives it no token unless it is asked to", async () => {
    for (const keep of [[], ["--keep-token"]]) {
      const { id, job } = await started();
      const proof = { ACTION_RUNS_ID_TOKEN: await jobs.proofFor(job) };
      const { code, stdout, stderr } = await cli(["exec", ...keep, "--", "sh", "-c", "env"], { ...job, ...proof });
      expect(code, stderr).toBe(0);
      const hidden = stdout.replace(/^(ACTIONS_ID_TOKEN_REQUEST_TOKEN=.*\n|CALLBACK_TOKEN=[0-9a-f-]{36}:.*\n)/gm, "");
      expect(stdout.split("\n").length - hidden.split("\n").length).toBe(keep.length + 1);
      expectNoSecret("the command's environment", hidden);
      const { status, output } = await client.runs.get(id);
      expect(status).toBe("succeeded");
      expectNoSecret("the report", JSON.stringify(output), [job.ACTIONS_ID_TOKEN_REQUEST_TOKEN ?? ""]);
    }
  });

  it.each<[string, (id: string) => Promise<unknown>, number, string]>([
    ["has ended", (id) => end(id), 5, "run_failed"],
    ["was cancelled", (id) => client.runs.cancel(id), 8, "run_cancelled"],
  ])("starts no command if the run %s", async (_, change, code, words) => {
    const { id, job } = await started();
    await change(id);
    const mark = join(machine.folder, `mark-${code}`);
    const executed = await cli(["exec", "--", "touch", mark], job);
    expect(executed).toMatchObject({ code, stdout: "", stderr: expect.stringContaining(words) });
    expect(executed.stderr).toContain("The command was not started");
    expect(existsSync(mark)).toBe(false);
    expect((await cli(["heartbeat"], job)).code).toBe(code);
  });

  it("is refused in another workflow run", async () => {
    const { job } = await started({ run_id: "7777" });
    for (const args of [["heartbeat"], ["report", "succeeded"], ["exec", "--", "false"]]) {
      expect(await cli(args, job)).toMatchObject({
        code: 3,
        stdout: "",
        stderr: expect.stringContaining("another_execution"),
      });
    }
  });

  it("gets the token only after the receiver has answered the trigger", async () => {
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const usual = jobs.answer;
    jobs.answer = async (id) => {
      await released;
      return usual(id);
    };
    const { job, id } = await started();
    const early = await cli(["heartbeat", "--retries", "0"], job);
    expect(early).toMatchObject({ code: 6, stderr: expect.stringContaining("trigger_unanswered") });
    jobs.answer = usual;
    release();
    await until("the answer is known", async () => (await timelineOf(id)).includes("attempt_answered"));
    expect((await cli(["heartbeat", "--retries", "0"], job)).code).toBe(0);
  });

  it("says what is missing, and shows no token of the product", async () => {
    const { job } = await started();
    const { ACTIONS_ID_TOKEN_REQUEST_TOKEN: requestToken = "", ...without } = job;
    expect(await cli(["heartbeat"], without)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("CALLBACK_TOKEN: the token is missing"),
    });
    const wrong = { ...job, ACTIONS_ID_TOKEN_REQUEST_TOKEN: `${requestToken}-wrong` };
    const refused = await cli(["heartbeat"], wrong);
    expect(refused).toMatchObject({
      code: 6,
      stderr: expect.stringContaining("GitHub gave no proof of this job: the status is 401"),
    });
    expect(refused.stderr).not.toContain(requestToken);
  });

  async function end(id: string): Promise<void> {
    const run_id = String(9000 + jobs.started.length);
    const job = { ...jobs.job({ run_id }), CALLBACK_URL: callbackUrl(id) };
    expect((await cli(["report", "failed"], job)).code).toBe(0);
  }
});
