/**
 * Where settings come from: flags, then the environment (commander reads both), then the profile. A token is never a
 * flag's value, because everybody on the machine can read it. A job can prove what it is instead.
 */

import * as fs from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, isAbsolute, join } from "node:path";
import {
  type Callback,
  type Client,
  type ClientSettings,
  callback,
  createClient,
  type Schemas,
} from "../client/index.ts";
import { accessFor, callbackTokenFor, renewingAccess, type Unproven } from "./exec/proof.ts";
import { UsageError } from "./exit.ts";
import { checkToken, isObject, readToken } from "./input.ts";
import type { CALLBACK, CALLBACK_OF_EXEC, CONNECTION, FlagsOf } from "./options.ts";
import { proxiedFetch } from "./proxy.ts";

export type ConnectionFlags = FlagsOf<typeof CONNECTION>;
type CallFlags = Pick<ConnectionFlags, "retries" | "requestTimeout">;
type CallbackFlags = FlagsOf<typeof CALLBACK_OF_EXEC> & Partial<FlagsOf<typeof CALLBACK>>;

const OR = new Intl.ListFormat("en", { style: "long", type: "disjunction" });

const NOUNS = { url: "server", org: "organization", project: "project", env: "environment", token: "token" } as const;

/** What a command is about. Tokens belong to a project, but the client always needs an environment. */
export type Subject = "environment" | "project" | "service";

type Connection = Pick<ClientSettings, "baseUrl" | "org" | "project" | "env"> & ReturnType<typeof callSettings>;

/** A client for the environment that the settings name. Throws UsageError if a setting is missing. */
export async function connect(flags: ConnectionFlags, subject: Subject): Promise<Client> {
  const profile = namedProfile(flags.profile);
  const connection = connectionOf(flags, profile, subject);
  const { onBehalfOf, tokenId, tokenStdin } = flags;
  if (tokenId && !tokenStdin) {
    const access = await renewingAccess(unproven(connection), tokenId);
    return made(() => createClient({ ...connection, ...access, onBehalfOf }));
  }
  const token = tokenStdin
    ? await readToken("--token-stdin")
    : tokenFromElsewhere(connection.baseUrl, profile, flags.profile);
  return made(() => createClient({ ...connection, token, onBehalfOf }));
}

/** Exchanges the proof of this job for an access token. Throws UsageError if a setting or the proof is missing. */
export async function exchangeProof(flags: ConnectionFlags): Promise<Schemas["ExchangedToken"]> {
  if (!flags.tokenId) throw new UsageError("The token's id is missing. Use --token-id or ACTION_RUNS_TOKEN_ID.");
  const connection = connectionOf(flags, namedProfile(flags.profile), "project");
  return accessFor(unproven(connection), flags.tokenId);
}

function unproven(connection: Connection): Unproven {
  // The exchange reads no token.
  const { tokens } = made(() => createClient({ ...connection, token: "none" }));
  return { ...connection, tokens };
}

function connectionOf(flags: ConnectionFlags, profile: Profile, subject: Subject): Connection {
  const picked = (name: "org" | "project" | "env", isNeeded: boolean) =>
    isNeeded ? pick(name, flags, profile) : flags[name] || profile[name] || "none";
  const needsProject = subject !== "service" || flags.tokenId !== undefined;
  return {
    baseUrl: checkUrl(pick("url", flags, profile), "--url"),
    org: picked("org", needsProject),
    project: picked("project", needsProject),
    env: picked("env", subject === "environment"),
    ...made(() => callSettings(flags)),
  };
}

/** The named profile, which must exist, or the default profile, which may be missing. */
function namedProfile(name: string | undefined): Profile {
  const profile = readProfile(profilePath(name ?? DEFAULT_PROFILE));
  if (profile !== null) return profile;
  if (name === undefined) return {};
  const others = profileNames();
  const those = others.length === 0 ? "" : `You can use ${OR.format(others)}. `;
  throw new UsageError(`There is no profile ${name}. ${those}Create it with: action-runs login --profile ${name}`);
}

function pick(name: "url" | "org" | "project" | "env", flags: ConnectionFlags, profile: Profile): string {
  const value = flags[name] || profile[name];
  if (!value) throw missing(name, flags.profile);
  return value;
}

function missing(name: keyof Profile, profile: string | undefined): UsageError {
  const variable = `ACTION_RUNS_${name.toUpperCase()}`;
  const [option, more] = name === "token" ? ["token-stdin", " In a CI job, use --token-id."] : [name, ""];
  const how = `The ${NOUNS[name]} is missing. Use --${option}, ${variable}, or action-runs login.${more}`;
  const others = profile === undefined ? profileNames().filter((one) => one !== DEFAULT_PROFILE) : [];
  if (others.length === 0) return new UsageError(how);
  const those = OR.format(others.map((one) => `--profile ${one}`));
  return new UsageError(`${how} Or use one of your profiles: ${those}.`);
}

function tokenFromElsewhere(url: string, profile: Profile, named: string | undefined): string {
  const fromEnv = process.env.ACTION_RUNS_TOKEN;
  if (fromEnv) return checkToken(fromEnv, "ACTION_RUNS_TOKEN");
  if (!profile.token) throw missing("token", named);
  // Otherwise anyone who sets a variable, for example in a checked-out .env file, could receive the token.
  if (new URL(profile.url ?? "none:").origin !== new URL(url).origin) {
    throw new UsageError(
      `The profile's token is for another server than ${url}. Use --token-stdin, ACTION_RUNS_TOKEN, or action-runs login.`,
    );
  }
  return checkToken(profile.token, "The profile");
}

/** More than for reads, because a lost report leaves the run open until its deadline. */
export const REPORT_RETRIES = 8;

/** Without a token, it gets one for a proof of this job. Throws UsageError, and the refusal of the proof. */
export async function callbackOf(flags: CallbackFlags) {
  if (!flags.callbackUrl) {
    throw new UsageError(
      "The callback is missing. Set CALLBACK_URL and CALLBACK_TOKEN to the URL and the token of the run's callback.",
    );
  }
  const url = checkUrl(flags.callbackUrl, "CALLBACK_URL");
  if (flags.tokenStdin) return { url, token: await readToken("--token-stdin") };
  const { CALLBACK_TOKEN = "" } = process.env;
  const calling = { ...callSettings(flags), retries: flags.retries ?? REPORT_RETRIES };
  const proven = CALLBACK_TOKEN === "" ? await callbackTokenFor(url, calling) : null;
  return { url, token: proven ?? checkToken(CALLBACK_TOKEN, "CALLBACK_TOKEN") };
}

/** The callback of a run. Throws as `callbackOf` does. `address`: if it is known already. */
export async function connectCallback(
  flags: CallbackFlags,
  options: { readonly idempotencyKey?: string; readonly retries?: number } = {},
  address?: Awaited<ReturnType<typeof callbackOf>>,
): Promise<Callback> {
  const { url, token } = address ?? (await callbackOf(flags));
  return made(() => callback(url, token, { ...callSettings(flags), ...options }));
}

/** Turns the client's TypeError for a setting into a usage error. Its message names the setting and holds no secret. */
export function made<T>(make: () => T): T {
  try {
    return make();
  } catch (fault) {
    if (fault instanceof TypeError) throw new UsageError(fault.message);
    throw fault;
  }
}

export function callSettings({ retries, requestTimeout }: CallFlags) {
  return { timeoutMs: requestTimeout * 1000, retries, fetch: proxiedFetch() };
}

/** A server's address, without a slash at the end. Throws UsageError. */
export function checkUrl(text: string, from: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new UsageError(`${from}: use an address such as https://runs.example.com.`);
  }
  if (url.username !== "" || url.password !== "" || url.hash !== "" || url.search !== "") {
    throw new UsageError(`${from}: remove user, password, query and fragment from the address.`);
  }
  return url.href.replace(/\/+$/, "");
}

/** What `login` saves in the user's config folder. It holds a token, so only its owner may read the file. */
export type Profile = { readonly [Member in keyof typeof NOUNS]?: string };

type Environment = Readonly<Record<string, string | undefined>>;

const SUFFIX = ".json";
const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/i;

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

function profileNames(): readonly string[] {
  const folder = profileFolder(process.env, process.platform);
  if (!fs.existsSync(folder)) return [];
  return fs
    .readdirSync(folder)
    .filter((file) => file.endsWith(SUFFIX))
    .map((file) => file.slice(0, -SUFFIX.length))
    .filter((name) => NAME.test(name))
    .sort();
}

function profileFolder(env: Environment, platform: NodeJS.Platform): string {
  if (platform === "win32") return join(env.APPDATA || join(homedir(), "AppData", "Roaming"), "action-runs");
  // The XDG specification says to ignore a relative path.
  const xdg = env.XDG_CONFIG_HOME ?? "";
  return join(isAbsolute(xdg) ? xdg : join(env.HOME || homedir(), ".config"), "action-runs");
}

/** The profile at `path`, or null if there is none. Throws UsageError if the file is not a profile. */
export function readProfile(path: string): Profile | null {
  let text: string;
  try {
    text = fs.readFileSync(path, "utf8");
  } catch (fault) {
    if ((fault as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw new UsageError(`Can't read ${path} (${(fault as NodeJS.ErrnoException).code}).`);
  }
  const broken = new UsageError(`${path} is not a profile. Create it again with: action-runs login`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The message of JSON.parse quotes the text, which may hold the token.
    throw broken;
  }
  if (!isObject(value)) throw broken;
  const found = Object.entries(value).filter(([name]) => Object.hasOwn(NOUNS, name));
  if (found.some(([, member]) => typeof member !== "string")) throw broken;
  return Object.fromEntries(found);
}

/** Saves `profile` at `path` with file mode 600 and folder mode 700. Throws the file system's errors. */
export function writeProfile(path: string, profile: Required<Profile>): void {
  const folder = dirname(path);
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  fs.chmodSync(folder, 0o700);
  replaceFile(path, `${JSON.stringify(profile, null, 2)}\n`, 0o600);
}

/** Writes a file at once, so that nobody reads half of it, and a kill leaves the old one. Throws the file system's errors. */
export function replaceFile(path: string, text: string, mode: number): void {
  // Hidden, because `apply` reads the other files of a folder.
  const draft = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  try {
    const file = fs.openSync(draft, "wx", mode);
    try {
      fs.writeFileSync(file, text);
      fs.fsyncSync(file);
    } finally {
      fs.closeSync(file);
    }
    fs.renameSync(draft, path);
  } catch (fault) {
    fs.rmSync(draft, { force: true });
    throw fault;
  }
}
