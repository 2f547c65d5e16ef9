/**
 * The jobs in examples/, run as their products run them: against the real server, and with parameters that a product or
 * a shell could take for something else.
 */

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ROOT } from "../../../src/dev/wrangler.ts";
import { CALLBACK, HEARTBEAT, hasCurl, JobMachine, type Run } from "./job-machine.ts";
import {
  actionSteps,
  block,
  DEPLOY,
  type Env,
  environment,
  expression,
  GITHUB,
  GITLAB_TEMPLATE,
  jenkinsStep,
  listedSteps,
  oneLine,
  read,
  type Step,
} from "./products.ts";

/** A stand-in for a project's script. It fails for the version "broken". */
const DEPLOY_SH = `#!/bin/sh\nversion=\${1:-$VERSION}\necho "$version" >>deployed\n[ "$version" != broken ]\n`;

const machine = new JobMachine("of-example-jobs-test");
const { folder, arrived } = machine;
const work = join(folder, "work");

beforeAll(() => {
  // Installed as examples/README.md says.
  machine.install("opt", "examples/shell/job.sh", "reporters/report.sh");
  machine.install("checkout/reporters", "reporters/report.sh");
  writeFileSync(join(folder, "checkout/deploy.sh"), DEPLOY_SH, { mode: 0o755 });
});
beforeEach(() => {
  for (const name of ["runs", "work"]) {
    rmSync(join(folder, name), { recursive: true, force: true });
    mkdirSync(join(folder, name));
  }
});

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

const CHECKOUT: JobStep = { shell: ["sh"], script: `cp -R "${folder}/checkout/." .`, env: {} };

/** The variables in which a job gets its run. */
const variablesOf = ({ id, url, token }: Run, version: string) => ({
  RUN_ID: id,
  CALLBACK_URL: url,
  CALLBACK_TOKEN: token,
  VERSION: version,
});

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
      return listedSteps(read(`examples/${file}`)).flatMap((source): readonly JobStep[] => {
        const always = /^ {8}if: always\(\)$/m.test(source);
        const [, used = ""] = /\buses: (.*)$/m.exec(source) ?? [];
        if (used.startsWith("actions/checkout@")) return [CHECKOUT];
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
    steps: (run, version) => {
      const env = { ...variablesOf(run, version), RUNS_FOLDER: join(folder, "runs") };
      return [CHECKOUT, { shell: ["sh"], script: `exec sh ${script} ${DEPLOY}`, env }];
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
    steps: (run, version, CI_JOB_STATUS) => {
      const source = read("examples/gitlab/.gitlab-ci.yml");
      expect(source).toContain("    file: reporters/gitlab.yml\n");
      expect(source).toContain("  extends: .action-run\n");
      // A script of its own would replace the template's.
      expect(source).not.toMatch(/^ {2}(before|after)_script:/m);
      const { shell, variables, begin, end } = GITLAB_TEMPLATE;
      const job = { CI_JOB_ID: "42", CI_JOB_URL: "https://gitlab.com/acme/shop/-/jobs/42", CI_JOB_STATUS };
      const env = { ...variables, ...variablesOf(run, version), ...job };
      return [
        CHECKOUT,
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
    steps: (run, version, status) => {
      const source = read("examples/jenkins/Jenkinsfile");
      const build = { BUILD_TAG: "jenkins-deploy-42", BUILD_URL: "https://jenkins.example.com/job/deploy/42/" };
      const env = { ...build, ...variablesOf(run, version) };
      const statements = [...source.matchAll(/^ +(?:sh '(.*)'|actionRuns(?:\(\)| status: '(\w+)'))$/gm)];
      return [
        CHECKOUT,
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
    steps: (run, version, AGENT_JOBSTATUS) => {
      const agent = {
        SYSTEM_COLLECTIONURI: "https://dev.azure.com/acme/",
        SYSTEM_TEAMPROJECTID: "5f0e",
        SYSTEM_JOBATTEMPT: "1",
        BUILD_BUILDID: "42",
      };
      const { CALLBACK_TOKEN, ...given } = variablesOf(run, version);
      return listedSteps(read("examples/azure-devops/azure-pipelines.yml")).map((source) => {
        if (source.startsWith("checkout: self")) return CHECKOUT;
        // A script sees a secret variable only if it maps the variable.
        const mapped: Env = source.includes("CALLBACK_TOKEN: $(CALLBACK_TOKEN)") ? { CALLBACK_TOKEN } : {};
        return {
          shell: ["bash"],
          script: source.startsWith("bash: |") ? block(source, /bash: \|/) : oneLine(source, /bash: (.*)/),
          env: { ...agent, AGENT_JOBSTATUS, ...given, ...mapped },
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
  const [success = "", failure = ""] = Object.keys(ends).filter((end) => !/Issues|UNSTABLE/.test(end));

  /** Runs the whole job. `end`: the product's word for its end, if its steps don't decide it. */
  async function runJob(given: Run, version: string, end?: string, path = process.env.PATH ?? "") {
    let printed = "";
    let failed = false;
    for (let at = 0; ; at += 1) {
      const step: JobStep | undefined = job.steps(given, version, end ?? (failed ? failure : success))[at];
      if (step === undefined) break;
      if (failed && !step.always) continue;
      const ended = await machine.step({ ...step, env: { ...step.env, PATH: path } }, work);
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
    const one = await machine.newRun();
    const { failed, printed } = await runJob(one, "1.4.2");
    expect(failed, printed).toBe(false);
    expect(deployed()).toBe("1.4.2\n");
    expect(arrived).toMatchObject([
      { what: HEARTBEAT, key: undefined, body: page === null ? {} : { externalUrl: page } },
      { what: CALLBACK, key: key(one) },
    ]);
    expect(await machine.ask("GET", `/${one.id}`)).toMatchObject({ status: "succeeded" });
  });

  it("reports a failure once, and names the job's page", async () => {
    const one = await machine.newRun();
    const { failed, printed } = await runJob(one, "broken");
    expect(failed, printed).toBe(true);
    expect(arrived).toMatchObject([{ what: HEARTBEAT }, { what: CALLBACK, key: key(one) }]);
    const error = page === null ? /exited with status 1/i : /^The job failed: https:/;
    expect(await machine.ask("GET", `/${one.id}`)).toMatchObject({
      status: "failed",
      error: expect.stringMatching(error),
    });
  });

  it("stops before the work if its run was cancelled, without a retry", async () => {
    const one = await machine.newRun();
    await machine.ask("DELETE", `/${one.id}`);
    const watched = join(folder, "watched");
    mkdirSync(watched, { recursive: true });
    writeFileSync(join(watched, "sleep"), `#!/bin/sh\necho "$@" >>"${work}/slept"\n`, { mode: 0o755 });
    const { failed, printed } = await runJob(one, "1.4.2", undefined, `${watched}${delimiter}${process.env.PATH}`);
    expect(failed, printed).toBe(true);
    expect(deployed()).toBe("");
    expect(printed).toContain("run_cancelled");
    expect(arrived[0]?.what).toBe(HEARTBEAT);
    expect(arrived.slice(1).map(({ what }) => what)).toEqual(arrived.length > 1 ? [CALLBACK] : []);
    expect(existsSync(join(work, "slept"))).toBe(false);
    expect(await machine.ask("GET", `/${one.id}`)).toMatchObject({ status: "cancelled" });
  });

  // The two usual ends are above.
  const others = Object.entries(ends).filter(([end]) => ![success, failure].includes(end));
  it.each(others)("reports the end %s as %s", async (end, expected) => {
    const one = await machine.newRun();
    await runJob(one, "1.4.2", end);
    expect(await machine.ask("GET", `/${one.id}`)).toMatchObject({ status: expected });
  });
});

/** Secrets of the deploying project, which the product inserts wherever their names appear. */
const KEPT = { DEPLOY_KEY: "a key that callers must not see", CALLBACK_TOKEN: "a token that callers must not see" };

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

const ofGitlab: Hand = (source, value) => {
  const script = oneLine(source, /- (\.\/deploy\.sh .*)/);
  const input = /^spec:\n {2}inputs:\n {4}version:\n(?: {6}.*\n)*? {6}regex: '\\A(.*)\\z'$/m.exec(source)?.[1];
  // GitLab expands a pipeline variable. It inserts an input into the file's text before it parses the file.
  if (input === undefined) return { script, env: { VERSION: dollars(value) } };
  expect(source).toContain('VERSION: "$[[ inputs.version ]]"');
  return new RegExp(`^(?:${input})$(?!\\n)`).test(value) ? { script, env: { VERSION: dollars(value) } } : null;
};

const HANDS: readonly { readonly file: string; readonly shell: readonly string[]; readonly hand: Hand }[] = [
  ...["workflow-dispatch", "without-token"].map((name) => ({
    file: `github-actions/${name}.yml`,
    shell: ["bash", "-e"],
    hand: verbatim(/VERSION: \$\{\{ inputs\.version \}\}\n +run: (.*)/),
  })),
  {
    file: "github-actions/repository-dispatch.yml",
    shell: ["bash", "-e"],
    hand: verbatim(/VERSION: \$\{\{ github\.event\.client_payload\.parameters\.version \}\}\n +run: (.*)/),
  },
  { file: "gitlab/.gitlab-ci.yml", shell: ["bash", "-e"], hand: ofGitlab },
  { file: "gitlab/without-token.gitlab-ci.yml", shell: ["bash", "-e"], hand: ofGitlab },
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
      script: macros(block(listedSteps(source).find((step) => step.includes(DEPLOY)) ?? "", /bash: \|/)),
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
  const source = read(`examples/${file}`);

  /** What the deploy script gets as its first argument. */
  async function passedOn({ script, env }: NonNullable<ReturnType<Hand>>): Promise<string> {
    writeFileSync(join(folder, "deploy.sh"), "#!/bin/sh\nprintf '%s' \"$1\" >deployed\n", { mode: 0o755 });
    expect(script).toContain(DEPLOY);
    const { code, printed } = await machine.step({ shell, script, env: { ...KEPT, ...env } });
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
