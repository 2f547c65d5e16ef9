/**
 * Keeps an environment's bookmark between two commands, so that `list` shows what the `create` before it made. One
 * small file for each server and environment, in the user's state folder. The file holds no token and no name.
 *
 * Commands must work without the file. If it can't be read or written, a command behaves as if it did not exist.
 */

import { createHash, randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { type BookmarkPart, mergedParts } from "../client/bookmark.ts";
import type { BookmarkStore } from "../client/index.ts";

/** After this time D1 has every change, unless it is down. */
const USEFUL_MS = 10 * 60_000;
/** How long an update waits for the update of another command. */
const LOCK_MAX_MS = 100;
const LOCK_PAUSE_MS = 2;

type Environment = Readonly<Record<string, string | undefined>>;

/** The environment that a bookmark belongs to. */
export interface BookmarkScope {
  readonly baseUrl: string;
  readonly org: string;
  readonly project: string;
  readonly env: string;
}

/** The file of this bookmark, which may not exist. */
export function bookmarkPath(
  { baseUrl, org, project, env: name }: BookmarkScope,
  env: Environment = process.env,
  platform: NodeJS.Platform = process.platform,
): string {
  const hash = createHash("sha256")
    .update(JSON.stringify([baseUrl, org, project, name]))
    .digest("hex");
  return join(stateFolder(env, platform), "action-runs", `bookmark-${hash.slice(0, 32)}.json`);
}

function stateFolder(env: Environment, platform: NodeJS.Platform): string {
  if (platform === "win32") return env.LOCALAPPDATA || join(homedir(), "AppData", "Local");
  // The XDG specification says to ignore a relative path.
  const xdg = env.XDG_STATE_HOME ?? "";
  return isAbsolute(xdg) ? xdg : join(env.HOME || homedir(), ".local", "state");
}

/**
 * A store that every command for this environment shares. If the file can't be written, it works for this process
 * alone.
 */
export function keptBookmarks(scope: BookmarkScope): BookmarkStore {
  let own: readonly BookmarkPart[] = [];
  const path = pathOrNull(scope);
  // Read the file each time, because another command may have written it.
  const read = () => mergedParts([...own, ...(path === null ? [] : partsInFile(path))]);
  return {
    read,
    update(change) {
      const lock = path === null ? null : lockOf(path);
      own = change(read());
      if (path !== null) writeParts(path, own);
      if (lock !== null) removeQuietly(lock);
    },
  };
}

function pathOrNull(scope: BookmarkScope): string | null {
  try {
    return bookmarkPath(scope);
  } catch {
    // The system does not know the user's home.
    return null;
  }
}

/**
 * Creates a lock file, because commands that end at the same time would overwrite what the others have just written.
 * Returns its path, or null without a lock. Waits a moment at most: an update takes under a millisecond.
 */
function lockOf(path: string): string | null {
  const lock = `${path}.lock`;
  for (let waitedMs = 0; waitedMs < LOCK_MAX_MS; waitedMs += LOCK_PAUSE_MS) {
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      writeFileSync(lock, "", { flag: "wx", mode: 0o600 });
      return lock;
    } catch (fault) {
      if ((fault as NodeJS.ErrnoException).code !== "EEXIST") return null;
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOCK_PAUSE_MS);
  }
  // The command that held it was killed.
  removeQuietly(lock);
  return null;
}

function partsInFile(path: string): readonly BookmarkPart[] {
  try {
    const { parts } = JSON.parse(readFileSync(path, "utf8")) as { readonly parts: readonly unknown[] };
    return parts.filter(isUsefulPart);
  } catch {
    return [];
  }
}

function isUsefulPart(part: unknown): part is BookmarkPart {
  const { text, at } = (part ?? {}) as { readonly text?: unknown; readonly at?: unknown };
  // A time far ahead comes from a clock that was wrong.
  return typeof text === "string" && typeof at === "number" && Math.abs(Date.now() - at) <= USEFUL_MS;
}

/** Replaces the file at once, so that no command reads half of it. */
function writeParts(path: string, parts: readonly BookmarkPart[]): void {
  const draft = `${path}.${randomUUID()}.tmp`;
  try {
    writeFileSync(draft, `${JSON.stringify({ parts })}\n`, { flag: "wx", mode: 0o600 });
    renameSync(draft, path);
  } catch {
    removeQuietly(draft);
  }
}

function removeQuietly(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // A read-only folder, for example of a CI runner.
  }
}
