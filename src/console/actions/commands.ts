/**
 * The same as the pages do, as command lines. PURE. A token stands in a variable and not in the command. curl reads the
 * header from stdin, because everybody on a machine can see command lines.
 */

import type { Place } from "../routes/pages.ts";

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

export function cliPut(origin: string, place: Place, name: string): string {
  return `action-runs action put ${name} --body @${name}.json ${flagsOf(origin, place)}`;
}

export function curlPut(origin: string, place: Place, name: string, definition: object): string {
  return curl("PUT", `${addressOf(origin, place)}/${name}`, definition);
}

export function cliRun(origin: string, place: Place, name: string): string {
  return `action-runs action run ${name} ${flagsOf(origin, place)}`;
}

export function curlRun(origin: string, place: Place, name: string, parameters: object): string {
  return curl("POST", `${addressOf(origin, place)}/${name}/runs`, { parameters });
}

function addressOf(origin: string, { o, p, envName }: Place): string {
  return `${origin}/${o}/${p}/envs/${envName}/actions`;
}

function flagsOf(origin: string, { o, p, envName }: Place): string {
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
