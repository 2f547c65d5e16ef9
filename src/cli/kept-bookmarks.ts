/**
 * Keeps an environment's bookmark between two commands, so that `list` shows what the `create` before it made. One small
 * file for each server and environment, in the user's state folder. The file holds no token and no name.
 *
 * The file is only a help. If it can't be read or written, a command must behave as if there were none.
 */

import { createHash, randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { type BookmarkPart, mergedParts } from "../client/bookmark.ts";
import type { BookmarkStore } from "../client/index.ts";

/** After this time D1 has every change, unless it is down. */
const USEFUL_MS = 10 * 60_000;

type Environment = Readonly<Record<string, string | undefined>>;

/** The environment that a bookmark belongs to. */
export interface BookmarkPlace {
  readonly baseUrl: string;
  readonly org: string;
  readonly project: string;
  readonly env: string;
}

/** The file of this place's bookmark, which may not exist. */
export function bookmarkPath(
  { baseUrl, org, project, env: name }: BookmarkPlace,
  env: Environment = process.env,
  platform: NodeJS.Platform = process.platform,
): string {
  const place = createHash("sha256")
    .update(JSON.stringify([baseUrl, org, project, name]))
    .digest("hex");
  return join(stateFolder(env, platform), "action-runs", `bookmark-${place.slice(0, 32)}.json`);
}

function stateFolder(env: Environment, platform: NodeJS.Platform): string {
  if (platform === "win32") return env.LOCALAPPDATA || join(homedir(), "AppData", "Local");
  // The XDG specification says to ignore a relative path.
  const xdg = env.XDG_STATE_HOME ?? "";
  return isAbsolute(xdg) ? xdg : join(env.HOME || homedir(), ".local", "state");
}

/** A store that every command for this place shares. If the file can't be written, it works for this process alone. */
export function keptBookmarks(place: BookmarkPlace): BookmarkStore {
  let own: readonly BookmarkPart[] = [];
  // Each time from the file, because another command may have written it.
  const read = () => mergedParts([...own, ...partsInFile(place)]);
  return {
    read,
    update(change) {
      own = change(read());
      writeParts(place, own);
    },
  };
}

function partsInFile(place: BookmarkPlace): readonly BookmarkPart[] {
  try {
    const { parts } = JSON.parse(readFileSync(bookmarkPath(place), "utf8")) as { parts: readonly unknown[] };
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

function writeParts(place: BookmarkPlace, parts: readonly BookmarkPart[]): void {
  let draft: string | undefined;
  try {
    const path = bookmarkPath(place);
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    draft = `${path}.${randomUUID()}.tmp`;
    writeFileSync(draft, `${JSON.stringify({ parts })}\n`, { flag: "wx", mode: 0o600 });
    // At once, so that no command reads half a file.
    renameSync(draft, path);
  } catch {
    removeQuietly(draft);
  }
}

function removeQuietly(file: string | undefined): void {
  try {
    if (file !== undefined) rmSync(file, { force: true });
  } catch {
    // A read-only folder, for example of a CI runner.
  }
}
