/**
 * The jobs in examples/ that the service does not start: one runs a stored action and waits for it, the other one is a
 * run itself. Here they have an API token; the command line exchanges a proof for one.
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { createClient } from "../../../src/client/index.ts";
import { MAIN } from "../../cli/command.ts";
import { sharedServer } from "../installation.ts";
import { until } from "../until.ts";
import { JobMachine, programFile } from "./job-machine.ts";
import { block, type Env, oneLine, read } from "./products.ts";

const ORG = "of-start-a-run-test";
const { origin, token } = sharedServer(ORG);
const scope = { org: ORG, project: "shop", env: "production" };
const { actions, runs } = createClient({ baseUrl: origin, token, ...scope });
const machine = new JobMachine(ORG);
const bin = join(machine.folder, "bin");
const work = join(machine.folder, "work");

beforeAll(() => {
  mkdirSync(bin);
  mkdirSync(work);
  // The project's own package.
  writeFileSync(join(bin, "npx"), `#!/bin/sh\nshift\nexec "${process.execPath}" "${MAIN}" "$@"\n`, { mode: 0o755 });
  writeFileSync(join(work, "publish.sh"), '#!/bin/sh\necho published; [ -z "$BROKEN" ]\n', { mode: 0o755 });
});

const SETTINGS: Env = {
  PATH: `${bin}${delimiter}${process.env.PATH ?? ""}`,
  HOME: machine.folder,
  ACTION_RUNS_URL: origin,
  ACTION_RUNS_ORG: ORG,
  ACTION_RUNS_PROJECT: "shop",
  ACTION_RUNS_ENV: "production",
  ACTION_RUNS_TOKEN: token,
};

const GITHUB = read("examples/github-actions/start-a-run.yml");
const GITLAB = read("examples/gitlab/start-a-run.gitlab-ci.yml");

interface Example {
  readonly file: string;
  readonly source: string;
  readonly shell: readonly string[];
  /** The scripts of the two jobs. */
  readonly deploy: string;
  readonly report: string;
  /** Another execution has other variables. */
  env(execution: number): Env;
}

const EXAMPLES: readonly Example[] = [
  {
    file: "github-actions/start-a-run.yml",
    source: GITHUB,
    shell: ["bash", "-e"],
    deploy: oneLine(GITHUB, / run: (npx action-runs action run .*)/),
    report: block(GITHUB, / run: \|/),
    env: (execution) => ({ GITHUB_RUN_ID: `9${execution}`, GITHUB_RUN_ATTEMPT: "1", VERSION: "v1.4.2" }),
  },
  {
    file: "gitlab/start-a-run.gitlab-ci.yml",
    source: GITLAB,
    shell: ["bash", "-eo", "pipefail"],
    deploy: oneLine(GITLAB, /- (npx action-runs action run .*)/),
    report: block(GITLAB, / {4}- \|/),
    env: (execution) => ({ CI_PIPELINE_ID: `8${execution}`, CI_JOB_ID: `7${execution}`, CI_COMMIT_TAG: "v1.4.2" }),
  },
];

describe.skipIf(programFile("jq") === undefined).each(EXAMPLES)("examples/$file", ({ source, shell, ...job }) => {
  const run = (script: string, env: Env) => machine.step({ shell, script, env: { ...SETTINGS, ...env } }, work);
  const runsOf = async (actionName: string) => (await runs.list({ actionName }).page()).entries;

  it("runs a stored action once, also if the job runs again, and fails as the run does", async () => {
    await actions.put("deploy", { parametersSchema: { type: "object", required: ["version"] } });
    const before = (await runsOf("deploy")).length;
    const first = run(job.deploy, job.env(1));
    await until("the run is there", async () => (await runsOf("deploy")).length > before);
    const [{ id, parameters } = { id: "", parameters: {} }] = await runsOf("deploy");
    expect(parameters).toEqual({ version: "v1.4.2" });
    await runs.cancel(id);
    for (const { code, printed } of [await first, await run(job.deploy, job.env(1))])
      expect([code, printed]).toEqual([1, expect.stringContaining(`"id":"${id}"`)]);
    expect(await runsOf("deploy")).toHaveLength(before + 1);
  });

  it.each([
    ["succeeded", 2, {}],
    ["failed", 3, { BROKEN: "1" }],
  ] as const)("is a run that has %s, and shows no token", async (status, execution, broken) => {
    const { code, printed } = await run(job.report, { ...job.env(execution), ...broken });
    expect([code === 0, printed]).toEqual([status === "succeeded", expect.stringContaining("published")]);
    const [newest] = await runsOf("publish");
    expect(newest).toMatchObject({ status });
    const shown = printed.split("\n").filter((line) => !line.startsWith("::add-mask::"));
    expect(shown.join("\n")).not.toMatch(/[0-9a-f-]{36}:\d{13}:[0-9a-f]{64}/);
  });

  it("names no secret of the service, and asks its product for a proof", () => {
    const lines = source.split("\n").filter((line) => !/^ *#/.test(line));
    expect(lines.join("\n")).not.toMatch(/ACTION_RUNS_TOKEN:|secrets\.|Bearer/);
    expect(lines.join("\n")).toMatch(/ACTION_RUNS_TOKEN_ID: YOUR_TOKEN_ID/);
    expect(lines.join("\n")).toMatch(/id-token: write|id_tokens:\n +ACTION_RUNS_ID_TOKEN:/);
    // What stands between the braces becomes part of a script.
    for (const line of lines.filter((one) => one.includes("${{"))) expect(line).toMatch(/^ {10}VERSION: /);
  });
});

it("GitLab's proof is for the project that the job names", () => {
  const [url, org, project] = ["URL", "ORG", "PROJECT"].map((name) =>
    oneLine(GITLAB, new RegExp(`ACTION_RUNS_${name}: (.*)`)),
  );
  expect(oneLine(GITLAB, /aud: (.*)/)).toBe(`${url}/${org}/${project}`);
});
