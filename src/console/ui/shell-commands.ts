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
