/**
 * The jobs in examples/, run as their products run them: against a receiver that notes their requests, and through it
 * against the real server.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { hostname, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ROOT } from "../../src/dev/wrangler.ts";
import { sharedServer } from "./place.ts";
import {
  actionSteps,
  block,
  type Env,
  environment,
  expression,
  GITHUB,
  GITLAB_TEMPLATE,
  jenkinsStep,
  read,
  type Step,
} from "./products.ts";
import { until } from "./until.ts";

const RUN_ID = "01a212de-9b55-8003-a8a9-dd2c148ea617";
const TOKEN = `${RUN_ID}:1795614708373:${"5e".repeat(32)}`;

const DEPLOY = "./deploy.sh";
/** A stand-in for a project's script. It fails for the version "broken". */
const DEPLOY_SH = `#!/bin/sh\nversion=\${1:-$VERSION}\necho "$version" >>deployed\n[ "$version" != broken ]\n`;

interface Arrived {
  readonly what: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly key: string | undefined;
  readonly body: unknown;
}

/** A status, which gets an empty object as its body, or a whole response. */
type Answer = number | Response;

const folder = mkdtempSync(join(tmpdir(), "action-runs-examples-"));
const places = (process.env.PATH ?? "").split(delimiter);
const pathOf = (command: string) => places.map((place) => join(place, command)).find((file) => existsSync(file));
const arrived: Arrived[] = [];
let answer: (request: Arrived) => Answer | Promise<Answer>;
const shared = sharedServer("of-examples-test");
let origin: string;
let callbackUrl: string;

async function receive(request: IncomingMessage): Promise<Response> {
  const body = JSON.parse(await text(request));
  const { authorization, "idempotency-key": key } = request.headers;
  const path = request.url ?? "";
  const what = `${request.method} ${path.replace(/^.*\//, "")} ${request.headers["content-type"]}`;
  const it: Arrived = { what, path, authorization, key: key?.toString(), body };
  arrived.push(it);
  const given = await answer(it);
  return typeof given === "number" ? new Response("{}", { status: given }) : given;
}

const server = createServer((request, response) => {
  receive(request).then(async (given) => response.writeHead(given.status).end(await given.text()));
});

beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  callbackUrl = `${origin}/acme/shop/envs/production/action-runs/${RUN_ID}/callback`;
  // Installed as examples/README.md says.
  mkdirSync(join(folder, "opt"));
  for (const file of ["examples/shell/job.sh", "reporters/report.sh"])
    copyFileSync(join(ROOT, file), join(folder, "opt", file.replace(/.*\//, "")));
  mkdirSync(join(folder, "checkout/reporters"), { recursive: true });
  writeFileSync(join(folder, "checkout/deploy.sh"), DEPLOY_SH, { mode: 0o755 });
  copyFileSync(join(ROOT, "reporters/report.sh"), join(folder, "checkout/reporters/report.sh"));
});

beforeEach(() => {
  arrived.length = 0;
  answer = () => 200;
  rmSync(join(folder, "runs"), { recursive: true, force: true });
  mkdirSync(join(folder, "runs"));
});

afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Running {
  readonly child: ChildProcess;
  /** The exit code and all output. */
  readonly ended: Promise<{ code: number | null; printed: string }>;
}

function run(command: readonly string[], env: Env, cwd = folder): Running {
  const [file = "", ...args] = command;
  const whole = { PATH: process.env.PATH ?? "", TMPDIR: folder, ...env };
  const child = spawn(file, args, { cwd, env: whole, stdio: ["ignore", "pipe", "pipe"] });
  const printed = Promise.all([text(child.stdout), text(child.stderr)]);
  const closed = once(child, "close") as Promise<[number | null]>;
  const ended = (async () => ({ code: (await closed)[0], printed: (await printed).join("") }))();
  return { child, ended };
}

function untilArrived(count: number): Promise<void> {
  return until(`${count} requests arrive`, () => arrived.length >= count);
}

const HEARTBEAT = "POST heartbeat application/json";
const CALLBACK = "POST callback application/json";
const AUTHORIZATION = `Bearer ${TOKEN}`;

// Debian's image for Node has no curl; .ci/run installs it.
const hasCurl = pathOf("curl") !== undefined;
if (!hasCurl) console.warn("curl is missing, so the examples are not run.");

/** A folder with links to programs, perhaps under other names, as busybox has them. */
function aliases(name: string, programs: Readonly<Record<string, string>>): string {
  const place = join(folder, name);
  mkdirSync(place, { recursive: true });
  for (const [alias, program] of Object.entries(programs)) {
    rmSync(join(place, alias), { force: true });
    symlinkSync(pathOf(program) ?? "", join(place, alias));
  }
  return place;
}

const withPath = (place: string) => `${place}${delimiter}${process.env.PATH}`;

const BUSYBOX = "awk cat cut date dd dirname mkdir mktemp od rm sed sh sleep tail tee tr uname";

/** Shells, each with the tools that it usually comes with. */
const MACHINES: readonly { name: string; shell: readonly string[]; needs: readonly string[]; path: () => string }[] = [
  {
    name: "dash, mawk",
    shell: ["dash"],
    needs: ["dash", "mawk"],
    path: () => withPath(aliases("dash", { sh: "dash", awk: "mawk" })),
  },
  {
    name: "bash, gawk",
    shell: ["bash"],
    needs: ["bash", "gawk"],
    path: () => withPath(aliases("bash", { sh: "bash", awk: "gawk" })),
  },
  {
    name: "busybox",
    shell: ["busybox", "sh"],
    needs: ["busybox"],
    path: () =>
      aliases("busybox", {
        ...Object.fromEntries(BUSYBOX.split(" ").map((tool) => [tool, "busybox"])),
        busybox: "busybox",
        curl: "curl",
      }),
  },
].filter(({ needs }) => needs.every((program) => pathOf(program) !== undefined));

describe.skipIf(!hasCurl)("examples/shell/job.sh", () => {
  const script = join(folder, "opt/job.sh");
  const begun = { what: HEARTBEAT, authorization: AUTHORIZATION, body: { message: `Begun on ${hostname()}` } };
  const key = `shell-${RUN_ID}`;

  function job(command: readonly string[], more: Env = {}, shell: readonly string[] = ["sh"]): Running {
    const given = { RUN_ID, CALLBACK_URL: callbackUrl, CALLBACK_TOKEN: TOKEN };
    return run([...shell, script, ...command], { ...given, RUNS_FOLDER: join(folder, "runs"), ...more });
  }

  it("sends a heartbeat, then one report of a command that succeeded", async () => {
    expect(await job(["true"]).ended).toEqual({ code: 0, printed: "The run has succeeded.\n" });
    const report = { status: "succeeded" };
    expect(arrived).toMatchObject([begun, { what: CALLBACK, authorization: AUTHORIZATION, key, body: report }]);
    expect(arrived).toHaveLength(2);
  });

  it.each([
    ['{"page":"https://shop.example"}\n', { status: "succeeded", output: { page: "https://shop.example" } }, 0],
    [
      "[1]",
      {
        status: "failed",
        error: expect.stringMatching(/^The command succeeded, but its output was refused\. .*JSON object/),
      },
      65,
    ],
    [
      `{"a":"${"x".repeat(200_000)}"}`,
      { status: "failed", error: expect.stringMatching(/^The command succeeded, but its/) },
      65,
    ],
  ])("reports what the command wrote to $OUTPUT_FILE, or that it was refused: %.40s", async (written, body, code) => {
    writeFileSync(join(folder, "written"), written);
    expect((await job(["sh", "-c", 'cat written >"$OUTPUT_FILE"']).ended).code).toBe(code);
    expect(arrived.at(-1)).toMatchObject({ what: CALLBACK, key, body });
  });

  describe.each(MACHINES)("in $name", ({ shell, path }) => {
    /** The reported error of a command that prints these bytes and fails. */
    async function errorFor(printed: Uint8Array): Promise<string> {
      writeFileSync(join(folder, "printed"), printed);
      const env = { PATH: path(), LC_ALL: "C.UTF-8" };
      const command = ["sh", "-c", `cat printed; printf %s "\${CALLBACK_TOKEN-}"; exit 3`];
      const ended = await job(command, env, shell).ended;
      expect(ended.code, ended.printed).toBe(3);
      expect(arrived, ended.printed).toMatchObject([begun, { what: CALLBACK, key, body: { status: "failed" } }]);
      const [, { body } = { body: null }] = arrived;
      return (body as { error: string }).error;
    }

    it("reports a command that failed with the end of its output, whatever its characters", async () => {
      const printed = 'Grüße, 日本語, 😀\na "b" \\ \u0001\t$(id)\n';
      expect(await errorFor(Buffer.from(printed))).toBe(`Exited with status 3.\n${printed.trimEnd()}`);
    });

    it("replaces bytes that are not UTF-8", async () => {
      const bytes = Buffer.concat([Buffer.from("a"), Buffer.from("fffec3", "hex"), Buffer.from("b")]);
      expect(await errorFor(bytes)).toBe("Exited with status 3.\na\ufffd\ufffd\ufffdb");
    });

    it.each([0, 1, 2, 3])("begins a long tail with a whole character, cut %i bytes in", async (offset) => {
      const error = await errorFor(Buffer.from(`${"😀".repeat(5000)}${"x".repeat(offset)}`));
      const whole = Math.floor((2000 - offset) / 4);
      expect(error).toBe(`Exited with status 3.\n${"😀".repeat(whole)}${"x".repeat(offset)}`);
    });

    it("ends the error after 2000 bytes, however much was printed", async () => {
      const error = await errorFor(Buffer.alloc(100_000, 1));
      expect(error).toBe(`Exited with status 3.\n${"\u0001".repeat(2000)}`);
    });
  });

  it("reports a missing command", async () => {
    expect((await job(["/nowhere/deploy.sh"]).ended).code).toBe(127);
    expect(arrived.at(-1)).toMatchObject({ what: CALLBACK, body: { status: "failed" } });
  });

  it.each([
    ["SIGTERM", 143],
    ["SIGINT", 130],
    ["SIGHUP", 129],
  ] as const)("on %s ends the command, reports once and sends no more heartbeats", async (signal, code) => {
    const started = job(["sleep", "60"], { BEAT_EVERY_SECONDS: "0.3" });
    await untilArrived(3);
    started.child.kill(signal);
    started.child.kill(signal);
    expect((await started.ended).code).toBe(code);
    await delay(700);
    expect(arrived[1]).toMatchObject({ what: HEARTBEAT, body: { message: `Still running on ${hostname()}` } });
    expect(arrived.filter(({ what }) => what === CALLBACK)).toHaveLength(1);
    expect(arrived.at(-1)).toMatchObject({ key, body: { status: "failed", error: `Stopped by ${signal}.` } });
  });

  it("ends the command if the run was cancelled", async () => {
    const cancel = { reason: null, requestedAt: "x", until: "y", remainingMs: 60_000 };
    answer = ({ what }) =>
      what === HEARTBEAT && arrived.length > 1 ? Response.json({ status: "running", deadlineAt: "x", cancel }) : 200;
    const started = job(["sleep", "60"], { BEAT_EVERY_SECONDS: "0.3" });
    expect((await started.ended).code).toBe(143);
    expect(arrived.map(({ what }) => what)).toEqual([HEARTBEAT, HEARTBEAT, CALLBACK]);
    expect(arrived.at(-1)).toMatchObject({ body: { status: "failed", error: "Stopped by SIGTERM." } });
  });

  it("lets a stopped command end by itself, and reports after that", async () => {
    const mark = join(folder, "runs", "mark");
    const whenReported: boolean[] = [];
    answer = ({ what }) => {
      if (what === CALLBACK) whenReported.push(existsSync(mark));
      return 200;
    };
    const command = `trap 'sleep 0.5; echo tidy >${mark}; exit 9' TERM; while :; do sleep 0.1; done`;
    const started = job(["sh", "-c", command], { BEAT_EVERY_SECONDS: "0.3" });
    await untilArrived(2);
    started.child.kill("SIGTERM");
    expect((await started.ended).code).toBe(143);
    expect(whenReported).toEqual([true]);
  });

  it("does not start the command if the first heartbeat is refused", async () => {
    answer = () => 409;
    const mark = join(folder, "runs", "mark");
    const { code, printed } = await job(["touch", mark]).ended;
    expect(code).toBe(69);
    expect(existsSync(mark)).toBe(false);
    // webhook discards the output of its commands.
    expect(readFileSync(join(folder, "runs", RUN_ID, "reports"), "utf8")).toBe(printed);
  });

  it("retries a failed report with the same key and body", async () => {
    answer = ({ what }) => (what === CALLBACK && arrived.length < 3 ? 503 : 200);
    expect((await job(["true"]).ended).code).toBe(0);
    const [first, ...again] = arrived.slice(1);
    expect(again).toEqual([first]);
  });

  it("ignores a second dispatch of the same run", async () => {
    await job(["true"]).ended;
    const second = await job(["false"]).ended;
    expect(second).toEqual({ code: 0, printed: `Run ${RUN_ID} has already started.\n` });
    expect(arrived).toHaveLength(2);
  });

  it("does not start the command without report.sh beside it", async () => {
    mkdirSync(join(folder, "alone"));
    copyFileSync(script, join(folder, "alone/job.sh"));
    const given = { RUN_ID, CALLBACK_URL: callbackUrl, CALLBACK_TOKEN: TOKEN };
    const ended = await run(["sh", "alone/job.sh", "true"], given).ended;
    expect(ended).toEqual({ code: 69, printed: "There is no alone/report.sh. Copy it from reporters/.\n" });
  });

  it("reports a missing folder", async () => {
    expect((await job(["true"], { RUNS_FOLDER: "/nowhere" }).ended).code).toBe(73);
    expect(arrived).toMatchObject([{ what: CALLBACK, body: { status: "failed" } }]);
  });

  it.each(["../../etc", "a b", "$(id)"])("refuses a run's id that is not a UUID and sends nothing: %s", async (id) => {
    expect((await job(["true"], { RUN_ID: id }).ended).code).toBe(64);
    expect(arrived).toEqual([]);
  });
});

interface Run {
  readonly id: string;
  readonly url: string;
  readonly token: string;
}

interface JobStep extends Step {
  /** Runs even after a step that failed. */
  readonly always?: boolean;
}

interface Job {
  readonly file: string;
  readonly page: string | null;
  readonly key: (run: Run) => string;
  /** The product's word for each end of a job, and the run's status for it. */
  readonly ends: Readonly<Record<string, "succeeded" | "failed">>;
  /** The beginning of the line that makes the runner hide the token. */
  readonly mask?: string;
  /** `status`: the job's status, in the product's word. */
  steps(run: Run, version: string, status: string): readonly JobStep[];
}

const CHECKOUT = `cp -R "${folder}/checkout/." .`;

/** The steps of a job of GitHub or Azure: where `- ` begins a line at this indent. */
const listed = (source: string) =>
  source
    .slice(source.indexOf("\n    steps:"))
    .split(/^ {6}- /m)
    .slice(1);

function githubJob(file: string, eventOf: (values: Env) => Record<string, unknown>): Job {
  return {
    file,
    page: "https://github.com/acme/shop/actions/runs/42",
    key: () => "github-42-2",
    ends: { success: "succeeded", failure: "failed", cancelled: "failed" },
    mask: "::add-mask::",
    steps: ({ id, url, token }, version, status) => {
      const event = eventOf({ run_id: id, callback_url: url, callback_token: token, version });
      const eventFile = join(folder, "event.json");
      writeFileSync(eventFile, JSON.stringify(event, null, 2));
      const context = { ...event, github: { event }, job: { status } };
      const env = { ...GITHUB, GITHUB_EVENT_PATH: eventFile };
      return listed(read(`examples/${file}`)).flatMap((source): readonly JobStep[] => {
        const always = /^ {8}if: always\(\)$/m.test(source);
        const [, used = ""] = /\buses: (.*)$/m.exec(source) ?? [];
        if (used.startsWith("actions/checkout@")) return [{ shell: ["sh"], script: CHECKOUT, env }];
        if (used !== "") {
          expect(used).toMatch(/^YOUR_ORG\/action-runs@v\d+$/);
          const inputs = { status: expression(/^ {10}status: (.*)$/m.exec(source)?.[1] ?? "", context) };
          return actionSteps(inputs, event, env).map((step) => ({ ...step, always }));
        }
        const script = / run: \|\n/.test(source) ? block(source, / run: \|/) : oneLine(source, / run: (.*)/);
        return [{ shell: ["bash", "-e"], script, env: { ...env, ...environment(source, 10, context) }, always }];
      });
    },
  };
}

/** A job that is a script and starts the given command. */
function scriptJob(file: string, script: string, key: string): Job {
  return {
    file,
    page: null,
    key: ({ id }) => `${key}-${id}`,
    ends: {},
    steps: ({ id, url, token }, version) => {
      const given = { RUN_ID: id, CALLBACK_URL: url, CALLBACK_TOKEN: token, VERSION: version };
      const env = { ...given, RUNS_FOLDER: join(folder, "runs") };
      return [
        { shell: ["sh"], script: CHECKOUT, env: {} },
        { shell: ["sh"], script: `exec sh ${script} ${DEPLOY}`, env },
      ];
    },
  };
}

const JOBS: readonly Job[] = [
  githubJob("github-actions/workflow-dispatch.yml", (inputs) => ({ inputs })),
  githubJob("github-actions/repository-dispatch.yml", ({ version, ...payload }) => ({
    client_payload: { ...payload, parameters: { version } },
  })),
  {
    file: "gitlab/.gitlab-ci.yml",
    page: "https://gitlab.com/acme/shop/-/jobs/42",
    key: () => "gitlab-42",
    ends: { success: "succeeded", failed: "failed", canceled: "failed" },
    steps: ({ id, url, token }, version, CI_JOB_STATUS) => {
      const source = read("examples/gitlab/.gitlab-ci.yml");
      expect(source).toContain("    file: reporters/gitlab.yml\n");
      expect(source).toContain("  extends: .action-run\n");
      // A script of its own would replace the template's.
      expect(source).not.toMatch(/^ {2}(before|after)_script:/m);
      const { shell, variables, begin, end } = GITLAB_TEMPLATE;
      const run = { RUN_ID: id, CALLBACK_URL: url, CALLBACK_TOKEN: token, VERSION: version };
      const job = { CI_JOB_ID: "42", CI_JOB_URL: "https://gitlab.com/acme/shop/-/jobs/42", CI_JOB_STATUS };
      const env = { ...variables, ...run, ...job };
      return [
        { shell: ["sh"], script: CHECKOUT, env: {} },
        // The runner makes one script of both.
        { shell, script: `${begin}\n${oneLine(source, /^ {4}- (\.\/deploy.*)$/m)}`, env },
        { shell, script: end, env, always: true },
      ];
    },
  },
  {
    file: "jenkins/Jenkinsfile",
    page: "https://jenkins.example.com/job/deploy/42/",
    key: () => "jenkins-deploy-42",
    ends: { SUCCESS: "succeeded", UNSTABLE: "failed", FAILURE: "failed", ABORTED: "failed", NOT_BUILT: "failed" },
    steps: ({ id, url, token }, version, status) => {
      const source = read("examples/jenkins/Jenkinsfile");
      const build = { BUILD_TAG: "jenkins-deploy-42", BUILD_URL: "https://jenkins.example.com/job/deploy/42/" };
      const env = { ...build, RUN_ID: id, CALLBACK_URL: url, CALLBACK_TOKEN: token, VERSION: version };
      const statements = [...source.matchAll(/^ +(?:sh '(.*)'|actionRuns(?:\(\)| status: '(\w+)'))$/gm)];
      return [
        { shell: ["sh"], script: CHECKOUT, env: {} },
        ...statements.map(({ index, 1: script, 2: said }): JobStep => {
          const always = index > source.indexOf("    always {");
          return script === undefined
            ? { ...jenkinsStep(said ?? status, env), always }
            : { shell: ["sh", "-xe"], script, env, always };
        }),
      ];
    },
  },
  {
    file: "azure-devops/azure-pipelines.yml",
    page: "https://dev.azure.com/acme/5f0e/_build/results?buildId=42",
    key: () => "azure-42-1",
    ends: { Succeeded: "succeeded", SucceededWithIssues: "succeeded", Failed: "failed", Canceled: "failed" },
    mask: "##vso[task.setsecret]",
    steps: ({ id, url, token }, version, AGENT_JOBSTATUS) => {
      const agent = {
        SYSTEM_COLLECTIONURI: "https://dev.azure.com/acme/",
        SYSTEM_TEAMPROJECTID: "5f0e",
        SYSTEM_JOBATTEMPT: "1",
        BUILD_BUILDID: "42",
      };
      const given = { ...agent, AGENT_JOBSTATUS, RUN_ID: id, CALLBACK_URL: url };
      return listed(read("examples/azure-devops/azure-pipelines.yml")).map((source) => {
        if (source.startsWith("checkout: self")) return { shell: ["sh"], script: CHECKOUT, env: {} };
        // A script sees a secret variable only if it maps the variable.
        const mapped: Env = source.includes("CALLBACK_TOKEN: $(CALLBACK_TOKEN)") ? { CALLBACK_TOKEN: token } : {};
        return {
          shell: ["bash"],
          script: source.startsWith("bash: |") ? block(source, /bash: \|/) : oneLine(source, /bash: (.*)/),
          env: { ...given, ...mapped, VERSION: version },
          always: source.includes("condition: always()"),
        };
      });
    },
  },
  scriptJob("shell/job.sh", `"${folder}/opt/job.sh"`, "shell"),
  scriptJob("any-product/job.sh", `"${ROOT}/examples/any-product/job.sh"`, "job"),
];

describe.skipIf(!hasCurl).each(JOBS)("a job of examples/$file", (job) => {
  const { page, key, ends, mask } = job;
  const work = join(folder, "work");
  const [success = "", failure = ""] = Object.keys(ends).filter((end) => !/Issues|UNSTABLE/.test(end));

  beforeEach(() => {
    rmSync(work, { recursive: true, force: true });
    mkdirSync(work);
    answer = ({ path, authorization = "", key, body }) => {
      const headers = new Headers({ Authorization: authorization, "Content-Type": "application/json" });
      if (key !== undefined) headers.set("Idempotency-Key", key);
      return fetch(new URL(path, shared.runs), { method: "POST", headers, body: JSON.stringify(body) });
    };
  });

  async function ask(method: string, path = "", body?: unknown): Promise<Record<string, unknown>> {
    const headers = { Authorization: `Bearer ${shared.token}`, "Content-Type": "application/json" };
    const given = await fetch(`${shared.runs}${path}`, { method, headers, body: JSON.stringify(body) });
    return (await given.json()) as Record<string, unknown>;
  }

  async function newRun(): Promise<Run> {
    const made = await ask("POST", "", { actionName: "deploy" });
    const { url, token } = made.callback as { url: string; token: string };
    return { id: String(made.id), url: `${origin}${new URL(url).pathname}`, token };
  }

  function runStep({ shell, script, env }: Step, PATH: string) {
    writeFileSync(join(folder, "step"), script);
    return run([...shell, join(folder, "step")], { ...env, PATH }, work).ended;
  }

  /** Runs the whole job. `end`: the product's word for its end, if its steps don't decide it. */
  async function runJob(given: Run, version: string, end?: string, path = process.env.PATH ?? "") {
    let printed = "";
    let failed = false;
    for (let at = 0; ; at += 1) {
      const step: JobStep | undefined = job.steps(given, version, end ?? (failed ? failure : success))[at];
      if (step === undefined) break;
      if (failed && !step.always) continue;
      const ended = await runStep(step, path);
      printed += ended.printed;
      failed ||= ended.code !== 0;
    }
    // The runner reads these lines, and from then on hides their values.
    const lines = printed.split("\n").filter((line) => mask === undefined || !line.startsWith(mask));
    if (mask !== undefined) expect(printed).toContain(`${mask}${given.token}`);
    expect(lines.join("\n")).not.toContain(given.token);
    return { failed, printed };
  }

  const deployed = () => (existsSync(join(work, "deployed")) ? readFileSync(join(work, "deployed"), "utf8") : "");

  it("sends a heartbeat, does the work once, and reports success", async () => {
    const one = await newRun();
    const { failed, printed } = await runJob(one, "1.4.2");
    expect(failed, printed).toBe(false);
    expect(deployed()).toBe("1.4.2\n");
    expect(arrived).toMatchObject([
      { what: HEARTBEAT, key: undefined, body: page === null ? {} : { externalUrl: page } },
      { what: CALLBACK, key: key(one) },
    ]);
    expect(await ask("GET", `/${one.id}`)).toMatchObject({ status: "succeeded" });
  });

  it("reports a failure once, and names the job's page", async () => {
    const one = await newRun();
    const { failed, printed } = await runJob(one, "broken");
    expect(failed, printed).toBe(true);
    expect(arrived).toMatchObject([{ what: HEARTBEAT }, { what: CALLBACK, key: key(one) }]);
    const error = page === null ? /exited with status 1/i : /^The job failed: https:/;
    expect(await ask("GET", `/${one.id}`)).toMatchObject({ status: "failed", error: expect.stringMatching(error) });
  });

  it("stops before the work if its run was cancelled, without a retry", async () => {
    const one = await newRun();
    await ask("DELETE", `/${one.id}`);
    const watched = join(folder, "watched");
    mkdirSync(watched, { recursive: true });
    writeFileSync(join(watched, "sleep"), `#!/bin/sh\necho "$@" >>"${work}/slept"\n`, { mode: 0o755 });
    const { failed, printed } = await runJob(one, "1.4.2", undefined, withPath(watched));
    expect(failed, printed).toBe(true);
    expect(deployed()).toBe("");
    expect(printed).toContain("run_cancelled");
    expect(arrived[0]?.what).toBe(HEARTBEAT);
    expect(arrived.slice(1).map(({ what }) => what)).toEqual(arrived.length > 1 ? [CALLBACK] : []);
    expect(existsSync(join(work, "slept"))).toBe(false);
    expect(await ask("GET", `/${one.id}`)).toMatchObject({ status: "cancelled" });
  });

  // The two usual ends are above.
  const others = Object.entries(ends).filter(([end]) => ![success, failure].includes(end));
  it.each(others)("reports the end %s as %s", async (end, expected) => {
    const one = await newRun();
    await runJob(one, "1.4.2", end);
    expect(await ask("GET", `/${one.id}`)).toMatchObject({ status: expected });
  });
});

describe.skipIf(!hasCurl)("examples/any-product/job.sh", () => {
  const given = () => ({ RUN_ID, CALLBACK_URL: callbackUrl, CALLBACK_TOKEN: TOKEN });
  const job = (command: readonly string[], env: Env = {}) =>
    run(["sh", join(ROOT, "examples/any-product/job.sh"), ...command], { ...given(), ...env }).ended;

  it("hides the token from the command, and exits with the command's status", async () => {
    expect(await job(["sh", "-c", `echo "\${CALLBACK_TOKEN-no token}"; exit 3`])).toEqual({
      code: 3,
      printed: "no token\n",
    });
    expect(arrived).toMatchObject([
      { what: HEARTBEAT, authorization: AUTHORIZATION },
      { what: CALLBACK, authorization: AUTHORIZATION, key: `job-${RUN_ID}` },
    ]);
  });

  it("does not start the command if the run was cancelled", async () => {
    const cancel = { reason: null, requestedAt: "x", until: "y", remainingMs: 60_000 };
    answer = () => Response.json({ status: "running", deadlineAt: "x", cancel });
    const ended = await job(["touch", join(folder, "runs/mark")]);
    expect(ended).toEqual({ code: 1, printed: "The run was cancelled.\n" });
    expect(existsSync(join(folder, "runs/mark"))).toBe(false);
  });

  it("prints nothing that a CI product would take for a command", async () => {
    answer = () =>
      Response.json({ error: ":::x::y ##[error]z ##vso[a]b ##teamcity[c]", code: "a_code" }, { status: 400 });
    const { printed } = await job(["true"]);
    expect(printed).toContain("a_code");
    expect(printed).not.toMatch(/::|##/);
  });

  it.each([408, 429, 500])("retries the same report after a %i", async (status) => {
    answer = ({ what }) => (what === CALLBACK && arrived.length < 3 ? status : 200);
    expect((await job(["true"])).code).toBe(0);
    expect(arrived).toHaveLength(3);
    expect(arrived[2]).toEqual(arrived[1]);
  });

  it.each([400, 409, 413])("does not retry after a %i, and prints the response", async (status) => {
    answer = () => Response.json({ error: "Here is why.", code: "a_code" }, { status });
    const { code, printed } = await job(["touch", join(folder, "runs/mark")]);
    expect(code).toBe(1);
    expect(printed).toBe(`The service answered: {"error":"Here is why.","code":"a_code"} ${status}\n`);
    expect(arrived).toHaveLength(1);
    expect(existsSync(join(folder, "runs/mark"))).toBe(false);
  });
});

const oneLine = (source: string, pattern: RegExp) => pattern.exec(source)?.[1] ?? "";

/** Secrets of the deploying project, which the product inserts wherever their names appear. */
const KEPT = { DEPLOY_KEY: "a key that callers must not see", CALLBACK_TOKEN: TOKEN };

/** Hostile parameters: each product's syntax for a secret, and characters with a meaning for shells and parsers. */
const HOSTILE = [
  "$(DEPLOY_KEY)",
  "v$(DEPLOY_KEY)$(CALLBACK_TOKEN)",
  "$$(DEPLOY_KEY)",
  "$(",
  "(~1)~0~01%28%25",
  "$DEPLOY_KEY",
  `\${DEPLOY_KEY}`,
  "$$DEPLOY_KEY",
  `\${CALLBACK_TOKEN}`,
  "~1DEPLOY_KEY)",
  "$[variables.DEPLOY_KEY]",
  `\${{ variables.DEPLOY_KEY }}`,
  `\${{ secrets.DEPLOY_KEY }}`,
  "$[[ inputs.version ]]",
  "`id`",
  "1; id",
  '"; id; "',
  "'",
  "\\",
  "&",
  "*",
  "-n",
  "%DEPLOY_KEY%",
  "1\n  script: id",
  "1\n",
  "{{ run.callbackToken }}",
];

/** How a product passes a value to the deploy script. null: the product refuses the value. */
type Hand = (source: string, value: string) => { script: string; env: Readonly<Record<string, string>> } | null;

const verbatim =
  (pattern: RegExp): Hand =>
  (source, value) => ({ script: oneLine(source, pattern), env: { VERSION: value } });

/** Expands `$NAME`, `${NAME}` and `$$` as GitLab's runner and Jenkins do. */
const dollars = (value: string) =>
  value.replaceAll(/\$(?:\$|(\w+)|\{(\w+)\})/g, (whole, bare, braced) => {
    const name: string | undefined = bare ?? braced;
    return name === undefined ? "$" : (Object.entries(KEPT).find(([kept]) => kept === name)?.[1] ?? whole);
  });

/** Expands `$(NAME)` once, as the Azure agent's VarUtil.ExpandValues does in the inputs and the env of every step. */
const macros = (text: string) =>
  text.replaceAll(/\$\((\w+)\)/g, (whole, name) => KEPT[name as keyof typeof KEPT] ?? whole);

/** Evaluates a template expression with the functions that the example uses. */
function evaluated(expression: string, value: string): string {
  if (expression === "parameters.version") return value;
  const [, inner, from, to] = /^replace\((.*), '([^']*)', '([^']*)'\)$/.exec(expression) ?? [];
  if (inner === undefined || from === undefined || to === undefined) throw new Error(`not known: ${expression}`);
  return evaluated(inner, value).replaceAll(from, () => to);
}

const HANDS: readonly { readonly file: string; readonly shell: readonly string[]; readonly hand: Hand }[] = [
  {
    file: "github-actions/workflow-dispatch.yml",
    shell: ["bash", "-e"],
    hand: verbatim(/VERSION: \$\{\{ inputs\.version \}\}\n +run: (.*)/),
  },
  {
    file: "github-actions/repository-dispatch.yml",
    shell: ["bash", "-e"],
    hand: verbatim(/VERSION: \$\{\{ github\.event\.client_payload\.parameters\.version \}\}\n +run: (.*)/),
  },
  {
    file: "gitlab/.gitlab-ci.yml",
    shell: ["bash", "-e"],
    hand: (source, value) => {
      const script = oneLine(source, /- (\.\/deploy\.sh .*)/);
      const input = /^spec:\n {2}inputs:\n {4}version:\n(?: {6}.*\n)*? {6}regex: '\\A(.*)\\z'$/m.exec(source)?.[1];
      // GitLab expands a pipeline variable. It inserts an input into the file's text before it parses the file.
      if (input === undefined) return { script, env: { VERSION: dollars(value) } };
      expect(source).toContain('VERSION: "$[[ inputs.version ]]"');
      return new RegExp(`^(?:${input})$(?!\\n)`).test(value) ? { script, env: { VERSION: dollars(value) } } : null;
    },
  },
  {
    file: "jenkins/Jenkinsfile",
    shell: ["sh", "-xe"],
    hand: (source, value) => {
      // Jenkins expands a parameter's variable (EnvVars.resolve), but not what withEnv sets.
      const isSet = /withEnv\(\["VERSION=\$\{params\.VERSION\}"\]\) \{\s+sh '\.\/deploy/.test(source);
      return {
        script: oneLine(source, /sh '(\.\/deploy\.sh [^']*)'/),
        env: { VERSION: isSet ? value : dollars(value) },
      };
    },
  },
  {
    file: "azure-devops/azure-pipelines.yml",
    shell: ["bash"],
    hand: (source, value) => ({
      script: macros(block(listed(source).find((step) => step.includes(DEPLOY)) ?? "", /bash: \|/)),
      env: { VERSION: macros(evaluated(oneLine(source, /VERSION: \$\{\{ (.*) \}\}$/m), value)) },
    }),
  },
  {
    file: "shell/hooks.json",
    shell: ["sh"],
    hand: (source, value) => {
      expect(source).toContain('{ "source": "payload", "name": "version", "envname": "VERSION" }');
      return { script: './deploy.sh "$VERSION"', env: { VERSION: value } };
    },
  },
];

describe.each(HANDS)("examples/$file", ({ file, shell, hand }) => {
  const source = readFileSync(join(ROOT, "examples", file), "utf8");

  /** What the deploy script gets as its first argument. */
  async function passedOn({ script, env }: NonNullable<ReturnType<Hand>>): Promise<string> {
    writeFileSync(join(folder, "deploy.sh"), "#!/bin/sh\nprintf '%s' \"$1\" >deployed\n");
    chmodSync(join(folder, "deploy.sh"), 0o755);
    writeFileSync(join(folder, "step"), script);
    expect(script).toContain(DEPLOY);
    const { code, printed } = await run([...shell, join(folder, "step")], { ...KEPT, ...env }).ended;
    expect(code, printed).toBe(0);
    return readFileSync(join(folder, "deployed"), "utf8");
  }

  it("passes the version on", async () => {
    for (const version of ["1.4.2", "v2.0.0-rc.1+build_7"]) {
      const handed = hand(source, version);
      expect(handed && (await passedOn(handed))).toBe(version);
    }
  });

  it("passes hostile versions on unchanged, or the product refuses them", async () => {
    const taken = HOSTILE.flatMap((value) => {
      const handed = hand(source, value);
      return handed === null ? [] : [{ value, version: handed.env.VERSION, script: handed.script }];
    });
    expect(new Set(taken.map(({ script }) => script)).size).toBeLessThan(2);
    // The product fills in variables, and the script is the same. So one shell can get all values in one variable, except
    // those whose beginning or end matters.
    const alone = taken.filter(({ value }) => ["-n", "1\n"].includes(value));
    const joined = (all: typeof taken, of: "value" | "version") => all.map((one) => one[of]).join("\n");
    for (const together of taken.length > 0 ? [taken, ...alone.map((one) => [one])] : []) {
      const handed = { script: together[0]?.script ?? "", env: { VERSION: joined(together, "version") } };
      expect(await passedOn(handed)).toBe(joined(together, "value"));
    }
  });
});
