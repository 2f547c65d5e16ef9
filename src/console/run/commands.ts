/** What the page does, as commands for a terminal. PURE. The token stands in $ACTION_RUNS_TOKEN, never in a command. */

import type { Scope } from "../routes/pages.ts";

export interface Target {
  /** Of the service. */
  readonly origin: string;
  readonly scope: Scope;
  readonly id: string;
}

/** Two commands that do the same. */
export interface Commands {
  readonly curl: string;
  readonly cli: string;
}

/** What a cancel says. The service's default counts for a missing member. */
export interface CancelWords {
  readonly reason?: string;
  readonly graceSeconds?: number;
}

export function readingCommands(target: Target): Commands {
  return { curl: curl(target, "?include=details"), cli: cli(target, ["get"], ["--details"]) };
}

export function watchingCommands(target: Target): Commands {
  return {
    curl: curl(target, "/events", ["-N", "-H", "Accept: text/event-stream"]),
    cli: cli(target, ["watch"], []),
  };
}

export function cancelCommands(target: Target, { reason, graceSeconds }: CancelWords): Commands {
  const flags = [
    ...(reason === undefined ? [] : ["--reason", reason]),
    ...(graceSeconds === undefined ? [] : ["--grace", String(graceSeconds)]),
  ];
  return {
    curl: curl(target, "/cancel", posting(JSON.stringify({ reason, graceSeconds }))),
    cli: cli(target, ["cancel"], flags),
  };
}

/** `parameters`: JSON text. Null: they stay as they are. */
export function retryCommands(target: Target, parameters: string | null): Commands {
  return {
    curl: curl(target, "/retry", posting(parameters === null ? "{}" : `{"parameters":${parameters}}`)),
    cli: cli(target, ["retry"], parameters === null ? [] : ["--parameters", parameters]),
  };
}

/** curl reads the header from stdin, because everybody on a machine can see command lines. */
function curl({ origin, scope, id }: Target, path: string, options: readonly string[] = []): string {
  const { o, p, envName } = scope;
  const url = `${origin}/${o}/${p}/envs/${envName}/action-runs/${id}${path}`;
  return [
    `printf 'Authorization: Bearer %s' "$ACTION_RUNS_TOKEN" |`,
    `  curl -sS -H @- ${[...options, url].map(shellWord).join(" ")}`,
  ].join("\n");
}

function posting(body: string): readonly string[] {
  return ["-X", "POST", "-H", "Content-Type: application/json", "-d", body];
}

function cli({ origin, scope, id }: Target, command: readonly string[], flags: readonly string[]): string {
  const { o, p, envName } = scope;
  const connection = ["--url", origin, "--org", o, "--project", p, "--env", envName];
  return ["action-runs", ...command, id, ...flags, ...connection].map(shellWord).join(" ");
}

/** One word of a POSIX shell, whatever the text holds. */
export function shellWord(text: string): string {
  if (/^[\w./:@%+,-]+$/.test(text)) return text;
  return `'${text.replaceAll("'", "'\\''")}'`;
}
