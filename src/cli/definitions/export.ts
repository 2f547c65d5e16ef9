/** `export`: copies runs into a file that the next export continues, and definitions into files for `apply`. */

import * as fs from "node:fs";
import { join } from "node:path";
import { ActionRunsError, type Client, type RunChanges } from "../../client/index.ts";
import { type ApiCall, calling, inTurns } from "../command.ts";
import { CommandFailed, EXIT, UsageError } from "../exit.ts";
import { lastingChanges } from "../follow.ts";
import { option } from "../options.ts";
import { complain, plain, toJson } from "../output.ts";
import { replaceFile } from "../settings.ts";
import {
  type Definition,
  entriesOf,
  FILES,
  isName,
  isSame,
  KINDS,
  type Kind,
  mapTexts,
  readDefinition,
  secretsIn,
} from "./files.ts";

const EXPORT = [
  option("--output <file>", "append the runs to this file; FILE.cursor beside it says where to go on"),
  option("--after <cursor>", "only runs that changed after this cursor; 0 for all that are kept"),
  option("--timeline", "with the events of each run, as the archive has them; one request for each run"),
  option("--definitions <folder>", `write ${FILES}`, { conflicts: ["output", "after", "timeline"] }),
  option("--prune", "with --definitions: remove the files of definitions that no longer exist"),
] as const;
type Call = ApiCall<typeof EXPORT>;

export const exportCommand = calling("export", {
  about:
    "Copy the runs or the definitions of an environment to files. Without --output, the runs are printed. Each is a line " +
    "with its details (NDJSON). The next export into the file continues where the last one ended, also after a kill. A run that has changed since " +
    "then comes again, so the last line of a run counts. With --definitions, write the actions, schedules and webhook " +
    "endpoints instead, without their secrets, as files that `apply` reads.",
  options: EXPORT,
  help: `
An export of definitions keeps what your files have in the places of secrets, if it
refers to a variable or has a placeholder. Otherwise null stands there.
`,
  examples: [
    "action-runs export --output runs.ndjson",
    "action-runs export | jq -r .status | sort | uniq -c",
    "action-runs export --definitions definitions",
  ],
  run: (call) =>
    call.flags.definitions === undefined ? exportRuns(call) : exportDefinitions(call, call.flags.definitions),
});

/** A line for each run. Only one page of the feed is in memory. */
async function exportRuns({ client, output, flags }: Call): Promise<undefined> {
  const { output: path, prune, timeline } = flags;
  if (prune) throw new UsageError("--prune works only with --definitions.");
  const file = path === undefined ? null : openExport(path, flags.after);
  let cursor = flags.after ?? file?.cursor ?? "0";
  let count = 0;
  try {
    for await (const changes of lastingChanges(client, { after: cursor, include: "details", say: complain })) {
      const runs = timeline ? await withTimelines(client, changes) : changes.runs;
      cursor = changes.cursor ?? cursor;
      count += runs.length;
      if (file === null) for (const run of runs) await output.line(toJson(run));
      else file.append(runs.map((run) => `${toJson(run)}\n`).join(""), cursor);
      if (changes.caughtUp) break;
    }
  } catch (fault) {
    if (!(fault instanceof ActionRunsError) || fault.code !== "cursor_gone") throw fault;
    throw new CommandFailed(
      "The environment was restored or resynced after the last export, or the cursor is that of another environment. Export all runs again with --after 0, best into a new file.",
      EXIT.conflict,
    );
  } finally {
    file?.close();
  }
  if (cursor === "0") complain(`${client.scope} has no runs. Check its name.`);
  if (path === undefined) complain(`Runs that were printed: ${count}. To go on from here later: --after ${cursor}`);
  else
    await output.show(
      { runs: count, cursor },
      () => `Runs that were written: ${count}. To go on from here later, repeat the command.`,
    );
}

/** A run that is no longer kept has none. */
function withTimelines(client: Client, { runs }: RunChanges) {
  return inTurns(runs, async (run) => {
    try {
      return { ...run, timeline: await Array.fromAsync(client.runs.events(run.id)) };
    } catch (fault) {
      if (fault instanceof ActionRunsError && fault.status === 404) return run;
      throw fault;
    }
  });
}

/** Only the owner may read what runs say. */
const PRIVATE = 0o600;

/** A file that each export appends to. Its cursor is saved after its lines, so a kill repeats lines and loses none. */
function openExport(path: string, after: string | undefined) {
  const cursorPath = `${path}.cursor`;
  try {
    const saved = fs.existsSync(cursorPath) ? fs.readFileSync(cursorPath, "utf8").trim() : undefined;
    if (fs.statSync(path, { throwIfNoEntry: false })?.size && (after ?? saved) === undefined) {
      throw new UsageError(
        `${path} exists, and ${cursorPath} does not say where its export ended. Name another file, or remove this one.`,
      );
    }
    const file = fs.openSync(path, "a+", PRIVATE);
    dropHalfLine(file, path);
    return {
      cursor: saved,
      append(lines: string, cursor: string) {
        fs.writeFileSync(file, lines);
        fs.fsyncSync(file);
        replaceFile(cursorPath, `${cursor}\n`, PRIVATE);
      },
      close: () => fs.closeSync(file),
    };
  } catch (fault) {
    if (fault instanceof UsageError) throw fault;
    throw new UsageError(`--output: can't write ${path} (${(fault as NodeJS.ErrnoException).code}). Check the path.`);
  }
}

const LINE_FEED = 10;
const BRACE = 123;

/** Removes the part of a line that a killed export has left at the end. */
function dropHalfLine(file: number, path: string): void {
  const chunk = Buffer.alloc(64 * 1024);
  const { size } = fs.fstatSync(file);
  const refusal = new UsageError(`${path} is no file of an export. Name another file.`);
  fs.readSync(file, chunk, 0, 1, 0);
  if (size > 0 && chunk[0] !== BRACE) throw refusal;
  for (let at = size; at > 0; ) {
    const length = Math.min(at, chunk.length);
    at -= length;
    fs.readSync(file, chunk, 0, length, at);
    const end = chunk.subarray(0, length).lastIndexOf(LINE_FEED);
    if (end < 0) continue;
    if (at + end + 1 < size) fs.ftruncateSync(file, at + end + 1);
    return;
  }
  if (size > 0) throw refusal;
}

async function exportDefinitions({ client, output, flags }: Call, folder: string): Promise<undefined> {
  const written: string[] = [];
  const stale: string[] = [];
  let count = 0;
  fs.mkdirSync(folder, { recursive: true });
  for (const kind of KINDS) {
    const stored = await Array.fromAsync(kind.of(client).list());
    const odd = stored.find(({ name }) => !isName(name));
    // It could lead out of the folder.
    if (odd !== undefined)
      throw new CommandFailed(`${plain(odd.name)} is not a name. Check the address of the server.`);
    count += stored.length;
    const entries = entriesOf(folder, kind);
    const below = (name: string) => join(folder, kind.folder, name);
    if (stored.length > 0) fs.mkdirSync(join(folder, kind.folder), { recursive: true });
    const names = stored.map(({ name }) => `${name}.json`);
    for (const { name, definition } of stored) {
      const path = below(`${name}.json`);
      const before = entries.includes(`${name}.json`) ? known(path) : null;
      const shown = before === null ? definition : withReferences(kind, definition, before);
      if (before !== null && isSame(before, shown)) continue;
      replaceFile(path, `${JSON.stringify(shown, null, 2)}\n`, 0o666);
      written.push(path);
    }
    const found = entriesOf(folder, kind);
    const lost = names.find((name) => !found.includes(name));
    if (lost !== undefined) {
      throw new CommandFailed(`${below(lost)} is missing: this file system does not tell upper case from lower case.`);
    }
    const gone = found.filter((entry) => entry.endsWith(".json") && !names.includes(entry)).map(below);
    // A mistyped environment has nothing, and must not empty the folder.
    if (flags.prune && stored.length > 0) for (const path of gone) fs.rmSync(path);
    else stale.push(...gone);
  }
  if (count === 0) complain(`${client.scope} has no definitions. Check its name.`);
  for (const path of stale)
    complain(
      `${path}: nothing with this name is stored. \`apply\` would store it again. ${flags.prune ? "The file stays, because nothing of its kind is stored." : "--prune removes such files."}`,
    );
  await output.show(
    { definitions: count, written, stale },
    () => `Wrote ${written.length} of ${count} definitions to ${plain(folder)}. The others have not changed.`,
  );
}

function known(path: string): Definition | null {
  try {
    return readDefinition(path);
  } catch {
    return null;
  }
}

/** The stored definition, with what the file has in the places of secrets if it shows none. */
function withReferences(kind: Kind, stored: Definition, file: Definition): Definition {
  const texts = secretsIn(kind, file);
  return mapTexts(stored, (path, text) => {
    const own = texts.get(path);
    return text === null && kind.secret?.test(path) && /\$env:|\{\{/.test(own ?? "") ? own : text;
  });
}
