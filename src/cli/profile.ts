/**
 * Profiles: what `login` saves, one file each in the user's config folder. A profile holds a token, so only its owner
 * may read the file. A file is replaced at once, so nobody reads half a profile.
 */

import {
  chmodSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { UsageError } from "./exit.ts";

export interface Profile {
  readonly url?: string;
  readonly org?: string;
  readonly project?: string;
  readonly env?: string;
  readonly token?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

const MEMBERS = ["url", "org", "project", "env", "token"] as const;
const SUFFIX = ".json";
/** The name becomes a file name. */
const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/i;

/** The profile that commands use if none is named. */
export const DEFAULT_PROFILE = "default";

/** The file of a profile, which may not exist. Throws UsageError for an invalid name. */
export function profilePath(
  name: string,
  env: Environment = process.env,
  platform: NodeJS.Platform = process.platform,
): string {
  if (!NAME.test(name)) {
    throw new UsageError(
      "--profile: use 1 to 63 letters, digits, dots, dashes and underscores, and begin with a letter or digit.",
    );
  }
  return join(profileFolder(env, platform), `${name}${SUFFIX}`);
}

/** The names of all profiles, sorted. */
export function profileNames(
  env: Environment = process.env,
  platform: NodeJS.Platform = process.platform,
): readonly string[] {
  let files: readonly string[];
  try {
    files = readdirSync(profileFolder(env, platform));
  } catch {
    return [];
  }
  return files
    .filter((file) => file.endsWith(SUFFIX))
    .map((file) => file.slice(0, -SUFFIX.length))
    .filter((name) => NAME.test(name))
    .sort();
}

function profileFolder(env: Environment, platform: NodeJS.Platform): string {
  return join(configFolder(env, platform), "action-runs");
}

function configFolder(env: Environment, platform: NodeJS.Platform): string {
  if (platform === "win32") return env.APPDATA || join(homedir(), "AppData", "Roaming");
  // The XDG specification says to ignore a relative path.
  const xdg = env.XDG_CONFIG_HOME ?? "";
  return isAbsolute(xdg) ? xdg : join(env.HOME || homedir(), ".config");
}

/** The profile at `path`, or null if there is none. Throws UsageError if the file is not a profile. */
export function readProfile(path: string): Profile | null {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (fault) {
    if ((fault as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw new UsageError(`Can't read ${path} (${(fault as NodeJS.ErrnoException).code}).`);
  }
  return parseProfile(text, path);
}

function parseProfile(text: string, path: string): Profile {
  const broken = new UsageError(`${path} is not a profile. Create it again with: action-runs login`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The message of JSON.parse quotes the text, which may hold the token.
    throw broken;
  }
  if (typeof value !== "object" || value === null) throw broken;
  const found = Object.entries(value).filter(([name]) => (MEMBERS as readonly string[]).includes(name));
  if (found.some(([, member]) => typeof member !== "string")) throw broken;
  return Object.fromEntries(found);
}

/** Saves `profile` at `path` with file mode 600 and folder mode 700. Throws the file system's errors. */
export function writeProfile(path: string, profile: Required<Profile>): void {
  const folder = dirname(path);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
  const draft = `${path}.${process.pid}.tmp`;
  try {
    const file = openSync(draft, "wx", 0o600);
    try {
      writeSync(file, `${JSON.stringify(profile, null, 2)}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(draft, path);
  } catch (fault) {
    rmSync(draft, { force: true });
    throw fault;
  }
}
