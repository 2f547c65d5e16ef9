/** The receiving sides in examples/, run for real against a receiver on loopback: what they send, and that they send it once. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { hostname, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ROOT } from "../../src/dev/wrangler.ts";

const RUN_ID = "01a212de-9b55-8003-a8a9-dd2c148ea617";
const TOKEN = `${RUN_ID}:1795614708373:${"5e".repeat(32)}`;
const ARRIVES_WITHIN_MS = 20_000;

interface Arrived {
  readonly what: string;
  readonly authorization: string | undefined;
  readonly key: string | undefined;
  readonly body: unknown;
}

const folder = mkdtempSync(join(tmpdir(), "action-runs-examples-"));
const arrived: Arrived[] = [];
let answer: (request: Arrived) => number;
let callbackUrl: string;

async function receive(request: IncomingMessage): Promise<number> {
  const body = JSON.parse(await text(request));
  const { authorization, "idempotency-key": key } = request.headers;
  const what = `${request.method} ${request.url?.replace(/^.*\//, "")} ${request.headers["content-type"]}`;
  const it: Arrived = { what, authorization, key: key?.toString(), body };
  arrived.push(it);
  return answer(it);
}

const server = createServer((request, response) => {
  receive(request).then((status) => response.writeHead(status).end("{}"));
});

beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  callbackUrl = `http://127.0.0.1:${port}/acme/shop/envs/production/action-runs/${RUN_ID}/callback`;
  for (const place of ["impatient", "last"]) {
    mkdirSync(join(folder, place));
    writeFileSync(join(folder, place, "curl"), `#!${process.execPath}\n${CURL}`);
    chmodSync(join(folder, place, "curl"), 0o755);
  }
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

/**
 * As much of curl as the examples use, but for the pauses between its tries. Last on the PATH it stands in where
 * there is no curl; first, it saves the half minute that a refusal takes.
 */
const CURL = `
const { parseArgs } = require("node:util");
const { readFileSync } = require("node:fs");
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    fail: { type: "boolean", short: "f" },
    silent: { type: "boolean", short: "s" },
    error: { type: "boolean", short: "S" },
    retry: { type: "string", default: "0" },
    "retry-all-errors": { type: "boolean" },
    "max-time": { type: "string" },
    output: { type: "string", short: "o" },
    request: { type: "string", short: "X" },
    header: { type: "string", short: "H", multiple: true },
    data: { type: "string", short: "d" },
  },
});
const lines = values.header.flatMap((line) => (line === "@-" ? readFileSync(0, "utf8").trim().split("\\n") : [line]));
const headers = lines.map((line) => line.split(/: (.*)/s).slice(0, 2));
(async () => {
  for (let left = Number(values.retry); left >= 0; left -= 1) {
    const sent = await fetch(positionals[0], { method: values.request, headers, body: values.data }).catch(() => null);
    if (sent?.ok) return;
  }
  process.exitCode = 22;
})();
`;

interface Job {
  readonly child: ChildProcess;
  /** The exit code and all that it printed. */
  readonly ended: Promise<{ code: number | null; printed: string }>;
}

function run(command: readonly string[], env: Readonly<Record<string, string>>, impatient = false): Job {
  const path = [process.env.PATH, join(folder, "last")];
  if (impatient) path.unshift(join(folder, "impatient"));
  const [file = "", ...args] = command;
  const child = spawn(file, args, {
    cwd: folder,
    env: { ...env, PATH: path.join(delimiter) },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const printed = Promise.all([text(child.stdout), text(child.stderr)]);
  const closed = once(child, "close") as Promise<[number | null]>;
  const ended = (async () => ({ code: (await closed)[0], printed: (await printed).join("") }))();
  return { child, ended };
}

async function untilArrived(count: number): Promise<void> {
  const startedAt = Date.now();
  while (arrived.length < count) {
    if (Date.now() - startedAt > ARRIVES_WITHIN_MS)
      throw new Error(`only ${arrived.length} requests arrived`);
    await delay(20);
  }
}

const HEARTBEAT = "POST heartbeat application/json";
const CALLBACK = "POST callback application/json";
const AUTHORIZATION = `Bearer ${TOKEN}`;

describe("examples/shell/job.sh", () => {
  const script = join(ROOT, "examples/shell/job.sh");
  const begun = {
    what: HEARTBEAT,
    authorization: AUTHORIZATION,
    body: { message: `Begun on ${hostname()}` },
  };
  const key = `shell-${RUN_ID}`;

  function job(
    command: readonly string[],
    { impatient = false, ...more }: Record<string, unknown> = {},
  ): Job {
    const env = {
      RUN_ID,
      CALLBACK_URL: callbackUrl,
      CALLBACK_TOKEN: TOKEN,
      RUNS_FOLDER: join(folder, "runs"),
      ...more,
    };
    return run(["sh", script, ...command], env, impatient === true);
  }

  it("beats first, then reports a command that succeeded, once", async () => {
    expect(await job(["true"]).ended).toEqual({ code: 0, printed: "" });
    const report = { status: "succeeded", output: { host: hostname() } };
    expect(arrived).toMatchObject([
      begun,
      { what: CALLBACK, authorization: AUTHORIZATION, key, body: report },
    ]);
    expect(arrived).toHaveLength(2);
  });

  it("reports a command that failed, with what it printed last, whatever that was", async () => {
    const command = [
      "sh",
      "-c",
      `printf 'a "b" \\\\ \\001\\t\\303\\251\\n%s\\n' "\${CALLBACK_TOKEN-no token}"; exit 3`,
    ];
    expect((await job(command).ended).code).toBe(3);
    const error = 'Exited with status 3.\na "b" \\ ? ??\nno token';
    expect(arrived).toMatchObject([begun, { what: CALLBACK, key, body: { status: "failed", error } }]);
  });

  it("keeps a report within the limit of the service, however much was printed", async () => {
    const command = ["sh", "-c", `head -c 100000 /dev/zero | tr '\\0' '"'; exit 1`];
    await job(command).ended;
    expect(JSON.stringify(arrived.at(-1)?.body).length).toBeLessThan(8 * 1024);
    expect(arrived).toHaveLength(2);
  });

  it("reports a command that is not there", async () => {
    expect((await job(["/nowhere/deploy.sh"]).ended).code).toBe(127);
    expect(arrived.at(-1)).toMatchObject({ what: CALLBACK, body: { status: "failed" } });
  });

  it.each([
    ["SIGTERM", 143],
    ["SIGINT", 130],
    ["SIGHUP", 129],
  ] as const)("on %s ends the command, reports that once and beats no more", async (signal, code) => {
    const started = job(["sleep", "60"], { BEAT_EVERY_SECONDS: "0.3" });
    await untilArrived(3);
    started.child.kill(signal);
    started.child.kill(signal);
    expect((await started.ended).code).toBe(code);
    await delay(700);
    expect(arrived[1]).toMatchObject({
      what: HEARTBEAT,
      body: { message: `Still running on ${hostname()}` },
    });
    expect(arrived.filter(({ what }) => what === CALLBACK)).toHaveLength(1);
    expect(arrived.at(-1)).toMatchObject({ key, body: { status: "failed", error: `Stopped by ${signal}.` } });
  });

  it("gives a command that was told to stop the time to do so, and reports after that", async () => {
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

  it("runs nothing where the first heartbeat is refused, as it is for a run that was cancelled", async () => {
    answer = () => 409;
    const mark = join(folder, "runs", "mark");
    expect((await job(["touch", mark], { impatient: true }).ended).code).toBe(69);
    expect(existsSync(mark)).toBe(false);
  });

  it("tries again with the same key and the same body when the answer to a report was lost", async () => {
    answer = ({ what }) => (what === CALLBACK && arrived.length < 4 ? 503 : 200);
    expect((await job(["true"], { impatient: true }).ended).code).toBe(0);
    const [first, ...again] = arrived.slice(1);
    expect(again).toEqual([first, first]);
  });

  it("leaves a run that was delivered twice to the first", async () => {
    await job(["true"]).ended;
    const second = await job(["false"]).ended;
    expect(second).toEqual({ code: 0, printed: `Run ${RUN_ID} was begun before.\n` });
    expect(arrived).toHaveLength(2);
  });

  it("reports that it has no folder to write to", async () => {
    expect((await job(["true"], { RUNS_FOLDER: "/nowhere" }).ended).code).toBe(73);
    expect(arrived).toMatchObject([{ what: CALLBACK, body: { status: "failed" } }]);
  });

  it.each(["../../etc", "a b", "$(id)"])("refuses %j for a run's id and sends nothing", async (id) => {
    expect((await job(["true"], { RUN_ID: id }).ended).code).toBe(64);
    expect(arrived).toEqual([]);
  });
});

/** The scripts that a file hands to a shell, in order, as the shell gets them. */
function scriptsIn(file: string): readonly string[] {
  const source = readFileSync(join(ROOT, "examples", file), "utf8");
  if (file.endsWith("Jenkinsfile")) {
    // Groovy joins the lines that end in a backslash.
    return [...source.matchAll(/sh '''(.*?)'''/gs)].map(([, script = ""]) => script.replaceAll("\\\n", ""));
  }
  const blocks = source.matchAll(/^ *(?:- )?(?:(?:run|bash): )?\|\n( +)(.*\n(?:\1.*\n)*)/gm);
  return [...blocks].map(([, indent = "", script = ""]) => script.replaceAll(`\n${indent}`, "\n"));
}

const DEPLOY = "./deploy.sh";

interface Product {
  readonly file: string;
  /** As the product starts its shell. */
  readonly shell: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** The variable that says how the job stands, and what each of its values is to the run. */
  readonly status: string;
  readonly ends: Readonly<Record<string, "succeeded" | "failed">>;
  readonly page: string;
  readonly key: string;
  readonly mask?: string;
  readonly needsJq?: true;
}

const GITHUB: Omit<Product, "file"> = {
  shell: ["bash", "-e"],
  env: {
    GITHUB_EVENT_PATH: join(folder, "event.json"),
    GITHUB_SERVER_URL: "https://github.com",
    GITHUB_REPOSITORY: "acme/shop",
    GITHUB_RUN_ID: "42",
    GITHUB_RUN_ATTEMPT: "1",
  },
  status: "JOB_STATUS",
  ends: { success: "succeeded", failure: "failed", cancelled: "failed" },
  page: "https://github.com/acme/shop/actions/runs/42",
  key: "github-42-1",
  mask: "::add-mask::",
  needsJq: true,
};

const PRODUCTS: readonly Product[] = [
  { file: "github-actions/workflow-dispatch.yml", ...GITHUB },
  { file: "github-actions/repository-dispatch.yml", ...GITHUB },
  {
    file: "gitlab/.gitlab-ci.yml",
    shell: ["bash", "-e"],
    env: { CI_JOB_ID: "42", CI_JOB_URL: "https://gitlab.com/acme/shop/-/jobs/42" },
    status: "CI_JOB_STATUS",
    ends: { success: "succeeded", failed: "failed", canceled: "failed" },
    page: "https://gitlab.com/acme/shop/-/jobs/42",
    key: "gitlab-42",
  },
  {
    file: "jenkins/Jenkinsfile",
    shell: ["sh", "-xe"],
    env: { BUILD_NUMBER: "42", BUILD_URL: "https://jenkins.example.com/job/deploy/42/" },
    status: "RESULT",
    ends: {
      SUCCESS: "succeeded",
      UNSTABLE: "failed",
      FAILURE: "failed",
      ABORTED: "failed",
      NOT_BUILT: "failed",
    },
    page: "https://jenkins.example.com/job/deploy/42/",
    key: `jenkins-${RUN_ID}-42`,
  },
  {
    file: "azure-devops/azure-pipelines.yml",
    shell: ["bash"],
    env: {
      SYSTEM_COLLECTIONURI: "https://dev.azure.com/acme/",
      SYSTEM_TEAMPROJECTID: "5f0e",
      SYSTEM_JOBATTEMPT: "1",
      BUILD_BUILDID: "42",
    },
    status: "AGENT_JOBSTATUS",
    ends: { Succeeded: "succeeded", SucceededWithIssues: "succeeded", Failed: "failed", Canceled: "failed" },
    page: "https://dev.azure.com/acme/5f0e/_build/results?buildId=42",
    key: "azure-42-1",
    mask: "##vso[task.setsecret]",
    needsJq: true,
  },
];

// The hosted machines of GitHub and Azure have jq; this one need not, and then those rows show as skipped.
const hasJq = (process.env.PATH ?? "").split(delimiter).some((place) => existsSync(join(place, "jq")));

describe.each(PRODUCTS)("examples/$file", ({ file, shell, env, status, ends, page, key, mask, needsJq }) => {
  const [begin = "", report = "", ...others] = scriptsIn(file).filter((script) => !script.includes(DEPLOY));

  async function step(script: string, more: Readonly<Record<string, string>> = {}, impatient = false) {
    const inputs = { run_id: RUN_ID, callback_url: callbackUrl, callback_token: TOKEN };
    writeFileSync(join(folder, "event.json"), JSON.stringify({ inputs, client_payload: inputs }));
    writeFileSync(join(folder, "step"), script);
    const variables = file.startsWith("github")
      ? {}
      : { RUN_ID, CALLBACK_URL: callbackUrl, CALLBACK_TOKEN: TOKEN };
    return run([...shell, join(folder, "step")], { ...env, ...variables, ...more }, impatient).ended;
  }

  it("has one script that begins and one that reports", () => {
    expect(begin).toContain("/heartbeat");
    expect(report).toContain("Idempotency-Key: ");
    expect(others).toEqual([]);
  });

  it.skipIf(needsJq && !hasJq)(
    "begins with a heartbeat that names the job's page, and shows no token",
    async () => {
      const { code, printed } = await step(begin);
      expect(code, printed).toBe(0);
      const body = { message: expect.any(String), externalUrl: page };
      expect(arrived).toEqual([{ what: HEARTBEAT, authorization: AUTHORIZATION, key: undefined, body }]);
      const [first, ...rest] = printed.split("\n");
      if (mask !== undefined) expect(first).toBe(`${mask}${TOKEN}`);
      expect(mask === undefined ? printed : rest.join("\n")).not.toContain(TOKEN);
    },
  );

  it.skipIf(needsJq && !hasJq)("stops where the heartbeat is refused", async () => {
    answer = () => 409;
    expect((await step(begin, {}, true)).code).not.toBe(0);
  });

  it.skipIf(needsJq && !hasJq).each(Object.entries(ends))("reports %s as %s, once", async (end, expected) => {
    const { code, printed } = await step(report, { [status]: end });
    expect(code, printed).toBe(0);
    const body =
      expected === "succeeded"
        ? { status: "succeeded", output: { page } }
        : { status: "failed", error: expect.stringContaining(`ended as ${end}: ${page}`) };
    expect(arrived).toEqual([{ what: CALLBACK, authorization: AUTHORIZATION, key, body }]);
    expect(printed).not.toContain(TOKEN);
  });
});

/** What the project that deploys keeps from callers, and the product puts into whatever names it. */
const KEPT = { DEPLOY_KEY: "a key that callers must not see", CALLBACK_TOKEN: TOKEN };

/** What a caller's parameter may hold: each product's way to name a secret, and what would mean something on the way. */
const HOSTILE = [
  ...["$(DEPLOY_KEY)", "v$(DEPLOY_KEY)$(CALLBACK_TOKEN)", "$$(DEPLOY_KEY)", "$(", "(~1)~0~01%28%25"],
  ...[
    "$DEPLOY_KEY",
    `\${DEPLOY_KEY}`,
    "$$DEPLOY_KEY",
    `\${CALLBACK_TOKEN}`,
    "~1DEPLOY_KEY)",
    "$[variables.DEPLOY_KEY]",
  ],
  ...[
    `\${{ variables.DEPLOY_KEY }}`,
    `\${{ secrets.DEPLOY_KEY }}`,
    "$[[ inputs.version ]]",
    "`id`",
    "1; id",
    '"; id; "',
  ],
  ...["'", "\\", "&", "*", "-n", "%DEPLOY_KEY%", "1\n  script: id", "1\n", "{{ run.callbackToken }}"],
];

/** How a value comes to the script that deploys, and what the product makes of it on the way. null: it is refused. */
type Hand = (
  source: string,
  value: string,
) => { script: string; env: Readonly<Record<string, string>> } | null;

const oneLine = (source: string, pattern: RegExp) => pattern.exec(source)?.[1] ?? "";
const verbatim =
  (pattern: RegExp): Hand =>
  (source, value) => ({
    script: oneLine(source, pattern),
    env: { VERSION: value },
  });

/** `$NAME`, `${NAME}` and `$$`, as GitLab's runner and Jenkins expand them in every variable but a raw one. */
const dollars = (value: string) =>
  value.replaceAll(/\$(?:\$|(\w+)|\{(\w+)\})/g, (whole, bare, braced) => {
    const name: string | undefined = bare ?? braced;
    return name === undefined ? "$" : (Object.entries(KEPT).find(([kept]) => kept === name)?.[1] ?? whole);
  });

/** `$(NAME)`, as the agent's VarUtil.ExpandValues does: once, over the inputs and the env of every step. */
const macros = (text: string) =>
  text.replaceAll(/\$\((\w+)\)/g, (whole, name) => KEPT[name as keyof typeof KEPT] ?? whole);

/** A template expression, of as many functions as the example uses. */
function evaluated(expression: string, value: string): string {
  if (expression === "parameters.version") return value;
  const [, inner, from, to] = /^replace\((.*), '([^']*)', '([^']*)'\)$/.exec(expression) ?? [];
  if (inner === undefined || from === undefined || to === undefined)
    throw new Error(`not known: ${expression}`);
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
      const input = /^spec:\n {2}inputs:\n {4}version:\n(?: {6}.*\n)*? {6}regex: '\\A(.*)\\z'$/m.exec(
        source,
      )?.[1];
      // Sent as a variable of the pipeline it is expanded. An input goes into the file's text before that is parsed.
      if (input === undefined) return { script, env: { VERSION: dollars(value) } };
      expect(source).toContain('VERSION: "$[[ inputs.version ]]"');
      return new RegExp(`^(?:${input})$(?!\\n)`).test(value)
        ? { script, env: { VERSION: dollars(value) } }
        : null;
    },
  },
  {
    file: "jenkins/Jenkinsfile",
    shell: ["sh", "-xe"],
    hand: (source, value) => {
      // A parameter's variable is expanded (EnvVars.resolve), what withEnv sets is not.
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
      script: macros(
        scriptsIn("azure-devops/azure-pipelines.yml").find((script) => script.includes(DEPLOY)) ??
          oneLine(source, /bash: (\.\/deploy\.sh .*)/),
      ),
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

  async function deployed(value: string): Promise<string | null> {
    const handed = hand(source, value);
    if (handed === null) return null;
    expect(handed.script).toContain(DEPLOY);
    writeFileSync(join(folder, "deploy.sh"), "#!/bin/sh\nprintf '%s' \"$1\" >deployed\n");
    chmodSync(join(folder, "deploy.sh"), 0o755);
    writeFileSync(join(folder, "step"), handed.script);
    const { code, printed } = await run([...shell, join(folder, "step")], { ...KEPT, ...handed.env }).ended;
    expect(code, printed).toBe(0);
    return readFileSync(join(folder, "deployed"), "utf8");
  }

  it("hands the version on", async () => {
    for (const version of ["1.4.2", "v2.0.0-rc.1+build_7"]) expect(await deployed(version)).toBe(version);
  });

  it.each(HOSTILE)("hands %j on as it was sent, or the product refuses it", async (value) => {
    expect([value, null]).toContain(await deployed(value));
  });
});
