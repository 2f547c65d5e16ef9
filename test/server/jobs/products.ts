/** How each CI product uses its reporter's file: the scripts that it runs, and their environment. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../../src/dev/wrangler.ts";

export type Env = Readonly<Record<string, string>>;

export interface Step {
  /** The command with which the product runs the script's file. */
  readonly shell: readonly string[];
  readonly script: string;
  readonly env: Env;
}

/** The script of the project that the examples deploy. */
export const DEPLOY = "./deploy.sh";

export const read = (file: string) => readFileSync(join(ROOT, file), "utf8");

/** The indented lines after the line `header`, without their indent. */
export function block(source: string, header: RegExp): string {
  const [, ...lines] = source.slice(source.search(header)).split("\n");
  const indent = /^ */.exec(lines[0] ?? "")?.[0] ?? "";
  const end = lines.findIndex((line) => line !== "" && !line.startsWith(indent));
  return lines
    .slice(0, end < 0 ? undefined : end)
    .map((line) => line.slice(indent.length))
    .join("\n");
}

/** What the first group of the pattern matches. */
export const oneLine = (source: string, pattern: RegExp) => pattern.exec(source)?.[1] ?? "";

/** The steps of a job of GitHub or Azure: where `- ` begins a line at this indent. */
export const listedSteps = (source: string) =>
  source
    .slice(source.indexOf("\n    steps:"))
    .split(/^ {6}- /m)
    .slice(1);

/** A value after GitHub has evaluated `${{ a || b }}`. */
export function expression(source: string, context: unknown): string {
  const value = (path: string) =>
    path.split(".").reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], context);
  const names = /^\$\{\{ (.*) \}\}$/.exec(source)?.[1]?.split(" || ");
  if (names === undefined) return source;
  return String(names.map(value).find((found) => found !== undefined && found !== "") ?? "");
}

/** Each `NAME: value` at this indent, with its expressions evaluated. */
export function environment(source: string, indent: number, context: unknown): Env {
  const lines = source.matchAll(new RegExp(`^ {${indent}}([A-Z_]+): (.*)$`, "gm"));
  return Object.fromEntries([...lines].map(([, name, value = ""]) => [name, expression(value, context)]));
}

export const GITHUB = {
  GITHUB_ACTION_PATH: ROOT,
  GITHUB_SERVER_URL: "https://github.com",
  GITHUB_REPOSITORY: "acme/shop",
  GITHUB_RUN_ID: "42",
  GITHUB_RUN_ATTEMPT: "2",
};

/** The steps of action.yml: the first hides the token, the second reports. `env`: the runner's variables. */
export function actionSteps(inputs: Env, event: unknown, env: Env): readonly Step[] {
  const context = { inputs, github: { event } };
  const [, ...steps] = read("action.yml").split(/^ {4}- name: /m);
  return steps.map((source) => ({
    shell: ["sh", "-e"],
    script: block(source, / run: \|/),
    env: { ...env, ...environment(source, 8, context) },
  }));
}

const GITLAB = read("reporters/gitlab.yml");
export const GITLAB_FUNCTION = block(GITLAB, /- &action-runs \|/);

/** The two scripts of reporters/gitlab.yml, and the template's variables. */
export const GITLAB_TEMPLATE = {
  shell: ["bash", "-eo", "pipefail"],
  variables: environment(GITLAB, 4, {}),
  begin: `${GITLAB_FUNCTION}\n${/^ {4}- (action_runs heartbeat)$/m.exec(GITLAB)?.[1]}`,
  end: `${GITLAB_FUNCTION}\n${block(GITLAB, /- \|\n +OUTPUT=/)}`,
};

const [, JENKINS = ""] = /'''(.*)'''/s.exec(read("reporters/jenkins/vars/actionRuns.groovy")) ?? [];
export const JENKINS_SCRIPT = JENKINS.replaceAll("\\\\", "\\");

/** `actionRuns()` in a build with the environment `env`. */
export function jenkinsStep(STATUS: string, env: Env, { output = "", error = "" } = {}): Step {
  const values = { STATUS, OUTPUT: output, ERROR: error, MESSAGE: "", PROGRESS: "", EXTERNAL_URL: "" };
  return { shell: ["/bin/sh"], script: JENKINS_SCRIPT, env: { ...env, ...values } };
}
