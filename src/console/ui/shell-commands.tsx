/** Commands for a terminal, and how they are shown. The token stands in $ACTION_RUNS_TOKEN, never in a command. */
import type { Target } from "../session/session.tsx";
import { CopyButton } from "./parts.tsx";

/** Two commands that do the same: with `curl`, and with the project's command line. */
interface Commands {
  readonly curl: string;
  readonly cli: string;
}

/** `path`: below the environment. curl reads the header from stdin, because everybody can see command lines. */
export function curl({ origin, scope, person }: Target, path: string, options: readonly string[] = []): string {
  const url = `${origin}/${scope.o}/${scope.p}/envs/${scope.envName}/${path}`;
  const acting = person ? ["-H", `On-Behalf-Of: ${person}`] : [];
  const command = lines(["curl", "-sS", "-H", "@-", ...acting, url], options);
  return `printf 'Authorization: Bearer %s' "$ACTION_RUNS_TOKEN" |\n  ${command}`;
}

export function sending(method: "POST" | "PUT", json: string): readonly string[] {
  return ["-X", method, "-H", "Content-Type: application/json", "-d", json];
}

/** The command line reads $ACTION_RUNS_TOKEN by itself. */
export function cli({ origin, scope, person }: Target, words: readonly string[]): string {
  const { o, p, envName } = scope;
  const options = { "--url": origin, "--org": o, "--project": p, "--env": envName, "--on-behalf-of": person || null };
  return lines(["action-runs", ...words], flags(options));
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

function both(target: Target, path: string, options: readonly string[], words: readonly string[]): Commands {
  return { curl: curl(target, path, options), cli: cli(target, words) };
}

function flags(values: Readonly<Record<string, string | number | null | undefined>>): readonly string[] {
  return Object.entries(values).flatMap(([name, value]) => (value == null ? [] : [name, String(value)]));
}

export function readingCommands(target: Target, id: string): Commands {
  return both(target, `action-runs/${id}?include=details`, [], ["get", id, "--details"]);
}

export function watchingCommands(target: Target, id: string): Commands {
  return both(target, `action-runs/${id}/events`, ["-N", "-H", "Accept: text/event-stream"], ["watch", id]);
}

/** What a cancel says. The service's default counts for a missing member. */
export interface CancelWords {
  readonly reason?: string;
  readonly graceSeconds?: number;
}

export function cancelCommands(target: Target, id: string, words: CancelWords): Commands {
  const said = flags({ "--reason": words.reason, "--grace": words.graceSeconds });
  const body = JSON.stringify(words);
  return both(target, `action-runs/${id}/cancel`, sending("POST", body), ["cancel", id, ...said]);
}

/** `parameters`: all of them, as JSON text. Null: they stay as they are. `notBefore`: when it starts; undefined: now. */
export function retryCommands(target: Target, id: string, parameters: string | null, notBefore?: string): Commands {
  const members = [
    ...(parameters === null ? [] : [`"parameters":${parameters}`]),
    ...(notBefore === undefined ? [] : [`"notBefore":"${notBefore}"`]),
  ];
  const replacing = parameters === null ? [] : ["--replace-parameters", "--parameters", parameters];
  const words = ["retry", id, ...replacing, ...flags({ "--not-before": notBefore })];
  return both(target, `action-runs/${id}/retry`, sending("POST", `{${members.join()}}`), words);
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
  const body = JSON.stringify(definition);
  return both(target, `actions/${name}`, sending("PUT", body), ["action", "put", name, "--body", `@${name}.json`]);
}

export function runCommands(target: Target, name: string): Commands {
  return both(target, `actions/${name}/runs`, sending("POST", '{"parameters":{}}'), ["action", "run", name]);
}

/** A command to paste into a terminal, with a copy button. It never holds a token: use $ACTION_RUNS_TOKEN. */
export function Command({ what, text }: { readonly what: string; readonly text: string }) {
  return (
    <div class="command row no-wrap gap-4 card is-side">
      <pre>
        <code>{text}</code>
      </pre>
      <CopyButton what={what} text={text} />
    </div>
  );
}

interface CommandDetailsProps {
  readonly title?: string;
  /** What each pair is for, as in "to cancel the run". */
  readonly pairs: readonly (readonly [what: string, commands: Commands])[];
}

export function CommandDetails({ title = "As a command", pairs }: CommandDetailsProps) {
  return (
    <details class="disclosure">
      <summary>{title}</summary>
      <p class="hint">
        Both read your token from <code>$ACTION_RUNS_TOKEN</code>.
      </p>
      {pairs.map(([what, { cli, curl }]) => (
        <div key={what} class="stack">
          <Command what={`command ${what}`} text={cli} />
          <Command what={`curl ${what}`} text={curl} />
        </div>
      ))}
    </details>
  );
}
