/**
 * The reporters for CI, run as their products run them, against the real server behind a proxy that loses responses.
 * Their `sleep` only notes how long it was asked to take.
 */

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { freePort } from "../../../src/dev/server.ts";
import { ROOT } from "../../../src/dev/wrangler.ts";
import { type Ended, hasCurl, JobMachine, programFile, type Run } from "./job-machine.ts";
import {
  actionSteps,
  type Env,
  GITHUB,
  GITLAB_FUNCTION,
  GITLAB_TEMPLATE,
  JENKINS_SCRIPT,
  jenkinsStep,
  read,
  type Step,
} from "./products.ts";

interface Refusal {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

const machine = new JobMachine("of-reporters-test");
const { folder, arrived } = machine;
const programs = join(folder, "programs");
const sleepsFile = join(folder, "sleeps");
/** The pauses so far, in seconds. */
const sleeps = () => (existsSync(sleepsFile) ? readFileSync(sleepsFile, "utf8").trim().split("\n") : []);
/** What happens to the next requests. A response replaces the server's. */
const faults: ("lose" | "cut" | Refusal)[] = [];

beforeAll(() => {
  mkdirSync(programs);
  writeFileSync(join(programs, "sleep"), `#!/bin/sh\necho "$1" >>'${sleepsFile}'\n`, { mode: 0o755 });
});

beforeEach(() => {
  faults.length = 0;
  rmSync(sleepsFile, { force: true });
  machine.answer = async (request) => {
    const fault = faults.shift();
    if (typeof fault === "object") return new Response(fault.body ?? "{}", fault);
    const answered = await machine.passOn(request);
    return fault ?? answered;
  };
});

const here = (env: Env): Env => ({ PATH: `${programs}${delimiter}${process.env.PATH}`, ...env });
const execute = (command: readonly string[], env: Env) => machine.run(command, here(env)).ended;
const step = (one: Step) => machine.step({ ...one, env: here(one.env) });

interface Told {
  readonly output?: string;
  readonly error?: string;
  /** Another value in the event that starts the job. */
  readonly beside?: string;
}

interface Reporter {
  readonly name: string;
  readonly key: string;
  readonly page: string;
  /** The product's word for each end. */
  readonly words: Readonly<Record<"succeeded" | "failed" | "cancelled", string>>;
  /** `word`: one of these, or "heartbeat". */
  report(run: Run, word: string, told?: Told): Promise<Ended>;
}

async function githubAction(run: Run, status: string, { output = "", error = "", beside = "" }: Told = {}) {
  const payload = { parameters: { beside }, callback_url: run.url, callback_token: run.token };
  const event = { client_payload: payload };
  const eventFile = join(folder, "event.json");
  writeFileSync(eventFile, JSON.stringify(event, null, 2));
  const env = { ...GITHUB, GITHUB_EVENT_PATH: eventFile };
  const ended: Ended[] = [];
  for (const one of actionSteps({ status, output, error }, event, env)) ended.push(await step(one));
  // The runner reads the output of the first step, and from then on hides these values.
  const [hidden, ...reported] = ended.map(({ printed }) => printed);
  expect(hidden?.split("\n")).toContain(`::add-mask::${run.token}`);
  return { code: ended.find(({ code }) => code !== 0)?.code ?? 0, printed: reported.join("") };
}

async function gitlabJob(run: Run, CI_JOB_STATUS: string, { output, error }: Told = {}) {
  for (const [name, content] of Object.entries({ "output.json": output, "error.txt": error })) {
    rmSync(join(folder, `action-run-${name}`), { force: true });
    if (content !== undefined) writeFileSync(join(folder, `action-run-${name}`), content);
  }
  const { shell, variables, begin, end } = GITLAB_TEMPLATE;
  const job = { CI_JOB_ID: "42", CI_JOB_STATUS, CI_JOB_URL: "https://gitlab.com/j/42" };
  const env = { ...variables, ...job, CALLBACK_URL: run.url, CALLBACK_TOKEN: run.token };
  return step({ shell, script: CI_JOB_STATUS === "heartbeat" ? begin : end, env });
}

async function jenkinsBuild(run: Run, status: string, told: Told = {}) {
  const build = { BUILD_TAG: "jenkins-shop é-42", BUILD_URL: "https://jenkins.example/job/shop/42/" };
  return step(jenkinsStep(status, { ...build, CALLBACK_URL: run.url, CALLBACK_TOKEN: run.token }, told));
}

const SHELLS = [["dash"], ["bash", "--posix"], ["busybox", "ash"]].filter(
  ([shell = ""]) => programFile(shell) !== undefined,
);
const scriptIn = (shell: readonly string[], how: string, env: Env) =>
  execute([...shell, join(ROOT, "reporters/report.sh"), how], env);
const sh = (run: Run, how: string, env: Env = {}) =>
  scriptIn(["sh"], how, { CALLBACK_URL: run.url, CALLBACK_TOKEN: run.token, REPORT_KEY: "key", ...env });

const REPORTERS: readonly Reporter[] = [
  ...SHELLS.map((shell) => ({
    name: `report.sh in ${shell.join(" ")}`,
    key: "azure-42-1",
    page: ": https://dev.azure.com/acme/5f0e/_build/results?buildId=42",
    words: { succeeded: "succeeded", failed: "failed", cancelled: "cancelled" },
    report: ({ url, token }: Run, how: string, { output = "", error = "" }: Told = {}) =>
      scriptIn(shell, how, {
        CALLBACK_URL: url,
        CALLBACK_TOKEN: token,
        OUTPUT: output,
        ERROR: error,
        BUILD_BUILDID: "42",
        SYSTEM_COLLECTIONURI: "https://dev.azure.com/acme/",
        SYSTEM_TEAMPROJECTID: "5f0e",
      }),
  })),
  {
    name: "action.yml",
    key: "github-42-2",
    page: ": https://github.com/acme/shop/actions/runs/42",
    words: { succeeded: "success", failed: "failure", cancelled: "cancelled" },
    report: githubAction,
  },
  {
    name: "gitlab.yml",
    key: "gitlab-42",
    page: ": https://gitlab.com/j/42",
    words: { succeeded: "success", failed: "failed", cancelled: "canceled" },
    report: gitlabJob,
  },
  {
    name: "actionRuns.groovy",
    key: "jenkins-shop___-42",
    page: ": https://jenkins.example/job/shop/42/",
    words: { succeeded: "SUCCESS", failed: "FAILURE", cancelled: "ABORTED" },
    report: jenkinsBuild,
  },
];

describe.skipIf(!hasCurl).each(REPORTERS)("$name", ({ key, page, words, report }) => {
  it.each([
    ["succeeded", { output: '{ "a": "}{\\"", "b": [{}] }' }, { status: "succeeded", output: { a: '}{"', b: [{}] } }],
    ["succeeded", { error: "none" }, { status: "succeeded", output: null, error: null }],
    ["failed", { error: 'a "b"\\ é\n$(id) `id`' }, { status: "failed", error: 'a "b"\\ é\n$(id) `id`' }],
    ["failed", { output: '{"a":1}' }, { status: "failed", error: `The job failed${page}`, output: { a: 1 } }],
    ["cancelled", {}, { status: "failed", error: "The job was cancelled.", output: null }],
    ["cancelled", { error: "Late." }, { status: "failed", error: "The job was cancelled.\nLate." }],
  ] as const)("reports a job that %s with %j", async (end, told, expected) => {
    const run = await machine.newRun();
    const { code, printed } = await report(run, words[end], told);
    expect(code, printed).toBe(0);
    expect(printed).toBe(`The run has ${expected.status}.\n`);
    expect(await machine.ask("GET", `/${run.id}`)).toMatchObject(expected);
    expect(arrived).toMatchObject([{ key, authorization: `Bearer ${run.token}` }]);
  });

  it("repeats a report with the same key if its response was lost, and accepts the replay", async () => {
    const run = await machine.newRun();
    faults.push("lose");
    const { code, printed } = await report(run, words.failed, { error: "3 tests failed" });
    expect(code, printed).toBe(0);
    expect(printed).not.toContain(run.token);
    const [first, ...again] = arrived;
    expect(first).toMatchObject({ key, path: new URL(run.url).pathname });
    expect(again).toEqual([first]);
    expect(sleeps()).toEqual(["1"]);
    expect((await report(run, words.failed, { error: "3 tests failed" })).code).toBe(0);
    expect(await machine.ask("GET", `/${run.id}`)).toMatchObject({ status: "failed", error: "3 tests failed" });
  });

  it("begins with a heartbeat that names the job's page, and fails if the run has ended", async () => {
    const run = await machine.newRun();
    const begun = await report(run, "heartbeat");
    expect(begun.code, begun.printed).toBe(0);
    expect(arrived[0]?.body).toEqual({ externalUrl: page.slice(2) });
    expect(await machine.ask("GET", `/${run.id}`)).toMatchObject({ status: "running" });
    await report(run, words.succeeded);
    expect((await report(run, "heartbeat")).code).toBe(5);
  });

  it("fails a heartbeat with its own exit code if the run was cancelled, and prints the reason", async () => {
    const run = await machine.newRun();
    const cancel = { reason: 'wrong "branch"', requestedAt: "x", until: "y", remainingMs: 1000 };
    faults.push({ status: 200, body: JSON.stringify({ status: "running", deadlineAt: "x", cancel }) });
    const asked = await report(run, "heartbeat");
    expect(asked.code, asked.printed).toBe(8);
    expect(asked.printed).toBe('report.sh: the run was cancelled: wrong \\"branch\\". The job must end.\n');
    await machine.ask("DELETE", `/${run.id}`);
    const over = await report(run, "heartbeat");
    expect(over.code, over.printed).toBe(8);
    expect(over.printed).toContain("run_cancelled");
    expect((await report(run, words.failed)).code).toBe(0);
  });

  it("prints nothing from a run that a CI product would take for a command", async () => {
    const run = await machine.newRun();
    const bad = ":::stop-commands::x ##[error]y ###vso[task.complete]z ##teamcity[blockOpened]";
    const cancel = { reason: bad };
    faults.push({ status: 200, body: JSON.stringify({ status: "running", deadlineAt: "x", cancel }) });
    for (const _ of "abc") faults.push({ status: 400, body: JSON.stringify({ error: bad, code: bad }) });
    for (const word of ["heartbeat", "heartbeat", words.failed, words.succeeded]) {
      const { printed } = await report(run, word);
      expect(printed).toContain("stop-commands");
      expect(printed).not.toMatch(/::|##/);
    }
  });

  it("says that the run was cancelled if a failure ends a cancelled run, whatever the output says", async () => {
    const run = await machine.newRun();
    const actionName = 'a,"status":"succeeded",b';
    const body = { id: run.id, actionName, entityId: null, status: "cancelled", output: { a: 1, status: "failed" } };
    faults.push({ status: 200, body: JSON.stringify(body) });
    const { code, printed } = await report(run, words.failed);
    expect([code, printed]).toEqual([0, "The run was cancelled.\n"]);
  });

  it("prints the service's refusal", async () => {
    const run = await machine.newRun();
    await machine.ask("DELETE", `/${run.id}`);
    const { code, printed } = await report(run, words.succeeded);
    expect(code).toBe(5);
    expect(printed).toMatch(/^report\.sh: refused with 409 run_cancelled\. .+\n$/);
  });
});

it("gitlab.yml and actionRuns.groovy contain reporters/report.sh word for word", () => {
  const script = read("reporters/report.sh");
  expect(GITLAB_FUNCTION).toBe(`action_runs() {\n  sh -s -- "$1" <<'END_OF_REPORT_SH'\n${script}END_OF_REPORT_SH\n}`);
  expect(JENKINS_SCRIPT).toBe(script);
});

describe.skipIf(!hasCurl)("action.yml", () => {
  it("uses the token of its own run, not another token in the event", async () => {
    const [run, other] = [await machine.newRun(), await machine.newRun()];
    expect((await githubAction(run, "success", { beside: other.token })).code).toBe(0);
    expect(arrived).toMatchObject([{ authorization: `Bearer ${run.token}` }]);
  });
});

describe.skipIf(!hasCurl)("report.sh", () => {
  it.each([
    ["succeeded", "succeeded", 0],
    ["failed", "failed", 0],
    ["failed", "cancelled", 0],
    ["failed", "succeeded", 5],
    ["succeeded", "failed", 5],
    ["failed", "heartbeat", 5],
  ])("for a run that %s, a report of %s exits %i", async (before, how, code) => {
    const run = await machine.newRun();
    await sh(run, before);
    const again = await sh(run, how, { REPORT_KEY: "another", ERROR: "another" });
    expect(again.code, again.printed).toBe(code);
    expect(arrived).toHaveLength(2);
  });

  it("accepts that a cancelled job's run was cancelled too", async () => {
    const run = await machine.newRun();
    await machine.ask("DELETE", `/${run.id}`);
    expect((await sh(run, "cancelled")).code).toBe(0);
  });

  it("sends message, progress and page with a heartbeat, and starts the run", async () => {
    const run = await machine.newRun();
    const news = { MESSAGE: 'say "é"', PROGRESS: "0.25", EXTERNAL_URL: "https://ci.example/42", OUTPUT: "unrelated" };
    expect(await sh(run, "heartbeat", news)).toEqual({ code: 0, printed: "" });
    const body = { message: 'say "é"', progress: 0.25, externalUrl: "https://ci.example/42" };
    expect(arrived[0]?.body).toEqual(body);
    expect(await machine.ask("GET", `/${run.id}`)).toMatchObject({ status: "running" });
    expect((await sh(run, "heartbeat")).code).toBe(0);
  });

  it("sends the end of TAIL with a heartbeat, and repeats a heartbeat without it if the service refuses it", async () => {
    const run = await machine.newRun();
    const tail = `${"x".repeat(20_000)}\n"é" \\ \t😀\nend`;
    expect(await sh(run, "heartbeat", { TAIL: tail, EXTERNAL_URL: "https://ci.example/42" })).toEqual({
      code: 0,
      printed: "",
    });
    const sent = arrived[0]?.body as { tail: string };
    expect(sent).toEqual({ externalUrl: "https://ci.example/42", tail: expect.any(String) });
    expect(sent.tail).toMatch(/^x+\n"é" \\ \t😀\nend\n$/);
    expect(Buffer.byteLength(sent.tail)).toBe(8193);
    faults.push({ status: 400, body: '{"error":"No.","code":"invalid_body","pointer":"/tail"}' });
    expect(await sh(run, "heartbeat", { TAIL: "one", MESSAGE: "m" })).toEqual({ code: 0, printed: "" });
    expect(arrived.slice(1).map(({ body }) => body)).toEqual([{ message: "m", tail: "one\n" }, { message: "m" }]);
    // A report has none.
    await sh(run, "succeeded", { TAIL: "one" });
    expect(arrived.at(-1)?.body).toEqual({ status: "succeeded" });
  });

  it.each([
    [{ status: 401, body: '{"error":"No.","code":"token_invalid"}' }, 3, 1],
    [{ status: 403, body: "<html>\n<p>no</p>" }, 3, 1],
    [{ status: 404 }, 4, 1],
    [{ status: 400 }, 1, 1],
    [{ status: 413 }, 1, 1],
    [{ status: 302, headers: { Location: "/elsewhere" } }, 1, 1],
    [{ status: 409, body: '{"error":"run_failed","code":"other"}' }, 5, 1],
    [{ status: 408 }, 6, 2],
    [{ status: 429 }, 6, 2],
    [{ status: 503 }, 6, 2],
    [{ status: 530 }, 6, 2],
  ] as const)("after %j exits %i after %i tries", async (answer, code, tries) => {
    faults.push(answer, answer);
    const run = { id: "a", url: `${machine.origin}/a/callback`, token: "a:1" };
    const ended = await sh(run, "failed", { REPORT_TRIES: "2" });
    expect(ended.code, ended.printed).toBe(code);
    expect(arrived).toHaveLength(tries);
  });

  it("waits as long as Retry-After says, at most a minute, and else twice as long each time", async () => {
    const later = (seconds: string) => ({ status: 429, headers: { "retry-after": seconds } });
    faults.push({ status: 503 }, later("30"), { status: 503 }, later("3"), later("3600"), { status: 200 });
    expect((await sh({ id: "a", url: `${machine.origin}/a/callback`, token: "a:1" }, "succeeded")).code).toBe(0);
    expect(sleeps()).toEqual(["1", "30", "4", "8", "60"]);
  });

  it("treats a response that breaks off as missing, whatever its status", async () => {
    const run = await machine.newRun();
    faults.push("cut", "cut");
    expect((await sh(run, "succeeded", { REPORT_TRIES: "2" })).code).toBe(6);
    expect((await sh(run, "succeeded")).code).toBe(0);
    expect(arrived).toHaveLength(3);
  });

  it("gives up if nobody listens, and says that the outcome is unknown", async () => {
    const url = `http://127.0.0.1:${await freePort()}/a/callback`;
    const ended = await sh({ id: "a", url, token: "a:1" }, "succeeded", { REPORT_TRIES: "2" });
    expect(ended.code).toBe(6);
    expect(ended.printed).toContain("may or may not have the report");
  });

  it.each<[string, Env]>([
    ["SUCCEEDED", {}],
    ["", {}],
    ["succeeded", { CALLBACK_URL: "" }],
    ["succeeded", { CALLBACK_URL: "file:///etc/passwd/callback" }],
    ["succeeded", { CALLBACK_TOKEN: "" }],
    ["succeeded", { CALLBACK_TOKEN: 'a:1\nX-Evil: "1"' }],
    ["succeeded", { OUTPUT: "[1]" }],
    ["succeeded", { OUTPUT: "{" }],
    ["succeeded", { OUTPUT: '{},"status":"failed","error":"x","output":{}' }],
    ["succeeded", { OUTPUT: '{"a":"\\\\"},"status":"failed","error":"","output":{"b":"\\""}' }],
    ["heartbeat", { PROGRESS: "half" }],
  ])("refuses to report %j with %j, and sends nothing", async (how, env) => {
    const ended = await sh({ id: "a", url: `${machine.origin}/a/callback`, token: "a:1" }, how, env);
    expect(ended.code, ended.printed).toBe(2);
    expect(arrived).toEqual([]);
  });

  it("hides the token from command lines, environments and sh -x", async () => {
    const seen = join(folder, "seen");
    const noting = `#!/bin/sh\n{ env; printf '%s\\n' "$@"; } >>'${seen}'\nPATH=\${PATH#*:} exec curl "$@"\n`;
    writeFileSync(join(programs, "curl"), noting, { mode: 0o755 });
    const run = await machine.newRun();
    const env = { CALLBACK_URL: run.url, CALLBACK_TOKEN: run.token };
    const { code, printed } = await scriptIn(["sh", "-x"], "succeeded", env);
    rmSync(join(programs, "curl"));
    expect(code, printed).toBe(0);
    for (const shown of [printed, readFileSync(seen, "utf8")]) expect(shown).not.toContain(run.token.slice(-64));
    expect(readFileSync(seen, "utf8")).toContain(run.url);
  });
});

describe.skipIf(!hasCurl).each(SHELLS)("report.sh's error, in %s", (...shell) => {
  let log = "";
  /** The error that the script sends for these bytes in its environment, and that the service accepts. */
  async function errorFor(bytes: Uint8Array): Promise<string> {
    writeFileSync(join(folder, "error"), Buffer.concat([bytes, Buffer.from("|")]));
    const script = `ERROR=$(cat error); ERROR=\${ERROR%|}; export ERROR; exec ${shell.join(" ")} ${ROOT}/reporters/report.sh failed`;
    const { url, token } = await machine.newRun();
    const env = { CALLBACK_URL: url, CALLBACK_TOKEN: token, LC_ALL: "C" };
    const { code, printed } = await execute(["sh", "-c", script], env);
    expect(code, printed).toBe(0);
    log = printed;
    return JSON.parse(arrived.at(-1)?.text ?? "").error;
  }
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

  it("is any text; bytes that are not UTF-8 are replaced as browsers do", async () => {
    const lines = [
      Buffer.from(Uint8Array.from({ length: 255 }, (_, index) => index + 1)),
      Buffer.from('\ufeffa"\\\t\r\n\b\f\u0001\u001b[31m\u007f é € 😀 \u2028 \\u0041 %s $HOME `id` \n\n'),
      Buffer.from("c0afe08080eda080edbfbff08080808ff48fbfbff4908080f5e282f09f98f0909080c2", "hex"),
      Buffer.from(Array.from({ length: 1500 }, (_, index) => Math.imul(index + 7, 2654435761) >>> 24 || 1)),
    ];
    for (const line of lines) expect(await errorFor(line)).toBe(decoder.decode(line));
  });

  it.each(["é", '"', "😀", "a\u0001", "\n"])("of many %j is sent as it is", async (unit) => {
    const whole = unit.repeat(Math.floor(100_000 / Buffer.byteLength(unit)));
    expect(await errorFor(Buffer.from(whole))).toBe(whole);
    expect(log).toMatch(/^The run has failed\.\nThe report was too long\./);
  });
});
