/**
 * Which tests mirror what has changed. The tests of `src/a/b/` are in `test/a/b/`, and those of some rooms are elsewhere
 * as well. Vitest can't tell that from imports, because the files in test/support/ import the whole service.
 */

/** What a room is tested by besides its mirror, as beginnings of names. A `*` stands for the files of a folder alone. */
export const ALSO: Readonly<Record<string, readonly string[]>> = {
  "src/actions/": ["test/examples/"],
  "src/cli/": ["test/cli/"],
  "src/console/actions/": ["test/console/*", "test/server/console/action-home", "test/server/console/starts/events"],
  "src/console/bulk/": ["test/server/console/bulk"],
  "src/console/definitions/": ["test/server/console/action-home", "test/server/console/notifications"],
  "src/console/gates/": ["test/server/console/gates"],
  "src/console/notifications/": ["test/server/console/notifications"],
  "src/console/run/": ["test/console/*", "test/server/console/stories/on-call", "test/server/console/starts/retries"],
  "src/console/schedules/": ["test/console/schedules", "test/server/console/starts/schedules"],
  "src/console/runs/": ["test/console/", "test/server/console/live", "test/server/console/stories/on-call"],
  "src/console/session/": ["test/server/console/session"],
  "src/console/tokens/": ["test/server/console/stories/admin"],
  "src/console/": ["test/console/", "test/server/console/stories/on-call"],
  "src/definitions/": ["test/actions/versions", "test/webhook-endpoints/definition"],
  "src/dev/": ["test/tools/start", "test/tools/hello", "test/tools/deploy"],
  "src/http/": ["test/hostile/"],
  "src/service/": ["test/http/", "test/service/"],
  "src/runs/api/": ["test/runs/api/subscriptions/", "test/runs/api/trigger/"],
  "src/runs/api/bulk": ["test/runs/api/bulk/", "test/http/bulk-hops"],
  "src/runs/api/coordinator-calls": ["test/starts/", "test/runs/api/bulk/"],
  "src/runs/api/inbound": ["test/starts/inbound"],
  "src/runs/api/gate": ["test/runs/api/gates/", "test/http/gate-hops"],
  "src/runs/api/databases/": ["test/databases/"],
  "src/runs/coordinator/bulk": ["test/runs/api/bulk/", "test/outage/bulk"],
  "src/runs/coordinator/endpoints/": ["test/webhook-endpoints/deliver", "test/webhook-endpoints/send-delivery"],
  "src/runs/coordinator/gates/": ["test/gates/*", "test/runs/api/gates/"],
  "src/runs/coordinator/moves": ["test/databases/"],
  "src/runs/coordinator/retention": ["test/archive/"],
  "src/runs/coordinator/sending/": ["test/webhooks/"],
  "src/runs/replication/": ["test/databases/"],
  "src/runs/scheduling": ["test/gates/*"],
  "src/webhooks/": ["test/webhooks/"],
  "src/words/": ["test/cli/", "test/console/"],
  "bench/": ["test/tools/bench"],
  "bin/": ["test/tools/package"],
  "docs/": ["test/rules/", "test/server/readme/"],
  "examples/": ["test/examples/", "test/server/jobs/example-"],
  "migrations/": ["test/upgrade/", "test/database/"],
  "README.md": ["test/server/readme/"],
  "reporters/": ["test/server/jobs/reporters"],
  "tools/": ["test/rules/lock-files"],
};

/** What a change anywhere can break: who may see what, what the document says, and what each room may import. */
const ALWAYS = ["test/hostile/tenancy", "test/openapi/every-operation", "test/http/http", "test/rules/rooms"];

/** A change of these reaches every test, so no choice of tests is right. */
const EVERYWHERE =
  /^(src\/base\/|src\/settings\/|test\/support\/|test\/server\/[^/]*(?<!\.test)\.ts$|[^/]*\.(json|toml|ts)$)/;

export interface Room {
  /** The test files to run. */
  readonly files: readonly string[];
  /** Changed files that only the whole suite tests. */
  readonly everywhere: readonly string[];
  /** Changed files that no test mirrors. */
  readonly unmirrored: readonly string[];
}

/** `changed`, `tests`: paths from the project's folder. `tests`: all test files. */
export function roomOf(changed: readonly string[], tests: readonly string[]): Room {
  const mirrors = new Map(changed.map((path) => [path, mirrorOf(path, tests)]));
  const chosen = new Set([...[...mirrors.values()].flat(), ...matching(ALWAYS, tests)]);
  const everywhere = changed.filter((path) => EVERYWHERE.test(path));
  return {
    files: tests.filter((file) => chosen.has(file)),
    everywhere,
    unmirrored: changed.filter((path) => mirrors.get(path)?.length === 0 && !everywhere.includes(path)),
  };
}

function mirrorOf(path: string, tests: readonly string[]): readonly string[] {
  if (tests.includes(path)) return [path];
  const starts = Object.keys(ALSO).filter((start) => path.startsWith(start));
  const longest = starts.reduce((one, other) => (other.length > one.length ? other : one), "");
  return [...matching(ALSO[longest] ?? [], tests), ...inFolder(path.replace(/^(src|test)\//, ""), tests)];
}

/** The tests in the folder that mirrors this path; those of the folder above if it has none. */
function inFolder(path: string, tests: readonly string[]): readonly string[] {
  const folder = path.replace(/\/?[^/]*$/, "");
  if (folder === "") return [];
  const mirror = matching([`test/${folder}/*`], tests);
  return mirror.length > 0 ? mirror : inFolder(folder, tests);
}

function matching(names: readonly string[], tests: readonly string[]): readonly string[] {
  return tests.filter((file) => names.some((name) => fits(name, file)));
}

function fits(name: string, file: string): boolean {
  if (!name.endsWith("*")) return file.startsWith(name);
  const folder = name.slice(0, -1);
  return file.startsWith(folder) && !file.slice(folder.length).includes("/");
}

/** The projects of vitest.config.ts to which these tests belong. */
export function projectsOf(tests: readonly string[]): readonly string[] {
  return [...new Set(tests.map(projectOf))];
}

function projectOf(test: string): string {
  const [, room = ""] = test.split("/");
  if (room === "tools") return "tools";
  if (room === "server" || room === "products") return "server";
  return ["client", "words", "cli", "console", "rules"].includes(room) ? "node" : "runtime";
}
