/**
 * What the pages do, as commands for a terminal. PURE. A token stands in a variable and not in the command. curl reads the
 * header from stdin, because everybody on a machine can see command lines.
 */

import type { Scope } from "../routes/pages.ts";

/** Something small to begin with. It calls a webhook, because most actions do. */
export const FIRST_DEFINITION = {
  description: "Deploys a version of the shop.",
  trigger: { type: "webhook", url: "https://ci.example.com/hooks/deploy" },
  parametersSchema: {
    type: "object",
    properties: { version: { type: "string", description: "Such as 1.4.2" } },
    required: ["version"],
  },
};

export function cliPut(origin: string, scope: Scope, name: string): string {
  return `action-runs action put ${name} --body @${name}.json ${flagsOf(origin, scope)}`;
}

export function curlPut(origin: string, scope: Scope, name: string, definition: object): string {
  return curl("PUT", `${addressOf(origin, scope)}/${name}`, definition);
}

export function cliRun(origin: string, scope: Scope, name: string): string {
  return `action-runs action run ${name} ${flagsOf(origin, scope)}`;
}

export function curlRun(origin: string, scope: Scope, name: string, parameters: object): string {
  return curl("POST", `${addressOf(origin, scope)}/${name}/runs`, { parameters });
}

function addressOf(origin: string, { o, p, envName }: Scope): string {
  return `${origin}/${o}/${p}/envs/${envName}/actions`;
}

function flagsOf(origin: string, { o, p, envName }: Scope): string {
  return `\\\n  --url ${origin} --org ${o} --project ${p} --env ${envName}`;
}

function curl(method: string, url: string, body: object): string {
  return [
    `printf 'Authorization: Bearer %s' "$ACTION_RUNS_TOKEN" |`,
    `  curl -sS -X ${method} ${url} -H @- \\`,
    `    -H 'Content-Type: application/json' -d ${quoted(JSON.stringify(body))}`,
  ].join("\n");
}

/** One argument for a POSIX shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
