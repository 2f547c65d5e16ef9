/** Commands for a terminal. PURE. The token stands in $ACTION_RUNS_TOKEN, never in a command. */

/** Whom a command asks, and about what. A whole project has no environment. */
export interface Target {
  /** Of the service. */
  readonly origin: string;
  readonly scope: { readonly o: string; readonly p: string; readonly envName?: string };
  /** For whom, if the token acts for others. */
  readonly person?: string | null;
}

/** Two commands that do the same: with `curl`, and with the project's command line. */
export interface Commands {
  readonly curl: string;
  readonly cli: string;
}

/**
 * `path`: below the environment. curl reads the header from stdin, because everybody on a machine can see command
 * lines.
 */
export function curl({ origin, scope, person }: Target, path: string, options: readonly string[] = []): string {
  const url = `${origin}/${scope.o}/${scope.p}/envs/${scope.envName}/${path}`;
  const acting = person ? ["-H", `On-Behalf-Of: ${person}`] : [];
  const command = lines(["curl", "-sS", "-H", "@-", ...acting, url], options);
  return `printf 'Authorization: Bearer %s' "$ACTION_RUNS_TOKEN" |\n  ${command}`;
}

/** The options of a curl that sends JSON. */
export function sending(method: "POST" | "PUT", json: string): readonly string[] {
  return ["-X", method, "-H", "Content-Type: application/json", "-d", json];
}

/** The command line reads $ACTION_RUNS_TOKEN by itself. */
export function cli({ origin, scope, person }: Target, words: readonly string[]): string {
  const { o, p, envName } = scope;
  const env = envName === undefined ? [] : ["--env", envName];
  const acting = person ? ["--on-behalf-of", person] : [];
  return lines(["action-runs", ...words], ["--url", origin, "--org", o, "--project", p, ...env, ...acting]);
}

/** A command, and its options on a line of their own. */
function lines(command: readonly string[], options: readonly string[]): string {
  return [command, options]
    .filter(({ length }) => length > 0)
    .map((words) => words.map(shellWord).join(" "))
    .join(" \\\n    ");
}

/** One word of a POSIX shell, whatever the text holds. */
export function shellWord(text: string): string {
  if (/^[\w./:@%+,-]+$/.test(text)) return text;
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** What a cancel says. The service's default counts for a missing member. */
export interface CancelWords {
  readonly reason?: string;
  readonly graceSeconds?: number;
}

export function readingCommands(target: Target, id: string): Commands {
  return { curl: curl(target, `action-runs/${id}?include=details`), cli: cli(target, ["get", id, "--details"]) };
}

export function watchingCommands(target: Target, id: string): Commands {
  return {
    curl: curl(target, `action-runs/${id}/events`, ["-N", "-H", "Accept: text/event-stream"]),
    cli: cli(target, ["watch", id]),
  };
}

export function cancelCommands(target: Target, id: string, words: CancelWords): Commands {
  const { reason, graceSeconds } = words;
  const flags = [
    ...(reason === undefined ? [] : ["--reason", reason]),
    ...(graceSeconds === undefined ? [] : ["--grace", String(graceSeconds)]),
  ];
  return {
    curl: curl(target, `action-runs/${id}/cancel`, sending("POST", JSON.stringify(words))),
    cli: cli(target, ["cancel", id, ...flags]),
  };
}

/** `parameters`: all of them, as JSON text. Null: they stay as they are. `notBefore`: when it starts; undefined: now. */
export function retryCommands(
  target: Target,
  id: string,
  parameters: string | null,
  notBefore?: string | undefined,
): Commands {
  const members = [
    ...(parameters === null ? [] : [`"parameters":${parameters}`]),
    ...(notBefore === undefined ? [] : [`"notBefore":"${notBefore}"`]),
  ];
  const body = `{${members.join()}}`;
  const flags = [
    ...(parameters === null ? [] : ["--replace-parameters", "--parameters", parameters]),
    ...(notBefore === undefined ? [] : ["--not-before", notBefore]),
  ];
  return {
    curl: curl(target, `action-runs/${id}/retry`, sending("POST", body)),
    cli: cli(target, ["retry", id, ...flags]),
  };
}

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

/** The command line reads the definition from a file. */
export function putCommands(target: Target, name: string, definition: object): Commands {
  return {
    curl: curl(target, `actions/${name}`, sending("PUT", JSON.stringify(definition))),
    cli: cli(target, ["action", "put", name, "--body", `@${name}.json`]),
  };
}

export function runCommands(target: Target, name: string): Commands {
  return {
    curl: curl(target, `actions/${name}/runs`, sending("POST", '{"parameters":{}}')),
    cli: cli(target, ["action", "run", name]),
  };
}
