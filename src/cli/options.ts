/** Options and arguments: how each is read, what completion offers for it, and the type of its value. */

import { Argument, InvalidArgumentError, Option } from "commander";
import { laterInstant, sinceInstant, TIMES_HELP, UNIT_MS, untilInstant } from "../words/since.ts";

export type Offer = "profiles" | "files after @" | Suggested;

/** What completion asks the service for. */
export const SUGGESTED = [
  "stored actions",
  "schedules",
  "webhook endpoints",
  "action names",
  "labels",
  "subjects",
  "creators",
  "concurrency groups",
] as const;
export type Suggested = (typeof SUGGESTED)[number];

interface How {
  /** Throws InvalidArgumentError. `before`: what was read so far, if the value can be repeated. */
  readonly read?: (text: string, before?: readonly string[]) => unknown;
  readonly choices?: readonly string[];
  readonly offers?: Offer;
}

interface OptionHow extends How {
  /** The variable. Default: one with the names of the command and the option, if the option takes a value. */
  readonly env?: string;
  readonly usual?: unknown;
  readonly isMandatory?: boolean;
  readonly conflicts?: readonly string[];
  /** Some of the values that the option accepts, for completion. */
  readonly suggests?: readonly string[];
}

type Read<H, Otherwise> = H extends { readonly read: (text: string) => infer V }
  ? V
  : H extends { readonly choices: readonly (infer V)[] }
    ? V
    : Otherwise;

type OptionValue<F, H> =
  | Read<H, F extends `${string}>` ? string : F extends `--no-${string}` ? boolean : true>
  | (H extends { readonly usual: unknown } | { readonly isMandatory: true } ? never : undefined);

/** `V`: the type of its value in the flags of a command. */
export class CliOption<F extends string = string, V = unknown> extends Option {
  declare readonly flags: F;
  declare readonly value: V;
  readonly offers: Offer | undefined;
  readonly suggests: readonly string[] | undefined;

  constructor(flags: F, about: string, how: OptionHow) {
    super(flags, about);
    this.offers = how.offers;
    this.suggests = how.suggests;
    if (how.choices) this.choices(how.choices);
    if (how.read) this.argParser(how.read as (text: string, before: unknown) => unknown);
    if (how.env) this.env(how.env);
    if (how.usual !== undefined) this.default(how.usual);
    if (how.conflicts) this.conflicts([...how.conflicts]);
    this.makeOptionMandatory(how.isMandatory === true);
  }
}

export type Options = readonly CliOption[];

export function option<const F extends string, const H extends OptionHow>(flags: F, about: string, how?: H) {
  return new CliOption<F, OptionValue<F, H>>(flags, about, how ?? {});
}

/** An option whose value is text, `@file`, or `@-`: see `readText`. */
export function textOption<const F extends string>(flags: F, about: string) {
  return option(flags, about, { offers: "files after @" });
}

export function grouped<const O extends Options>(heading: string, options: O): O {
  return options.map((one) => (Object.create(one) as CliOption).helpGroup(heading)) as unknown as O;
}

type Camel<S extends string> = S extends `${infer Word}-${infer Rest}` ? `${Word}${Capitalize<Camel<Rest>>}` : S;
type Long<F extends string> = F extends `${string}--no-${infer L}` ? L : F extends `${string}--${infer L}` ? L : never;
type NameOf<F extends string> = Long<F> extends `${infer Name} <${string}` ? Camel<Name> : Camel<Long<F>>;

/** What a command with these options gets: `{ waitTimeout: number | undefined }` of `--wait-timeout <seconds>`. */
export type FlagsOf<O extends Options> = { readonly [One in O[number] as NameOf<One["flags"]>]: One["value"] };

/** `V`: the type of its value. */
export class CliArgument<V = unknown> extends Argument {
  declare readonly value: V;
  readonly offers: Offer | undefined;

  constructor(name: string, about: string, { read, choices, offers }: How) {
    super(name, about);
    this.offers = offers;
    if (choices) this.choices(choices);
    if (read) this.argParser(read as (text: string, before: unknown) => unknown);
  }
}

export type Arguments = readonly CliArgument[];
export type ValuesOf<A extends Arguments> = { [K in keyof A]: A[K] extends CliArgument<infer V> ? V : never };

type ArgumentValue<N, H> = N extends `${string}...${string}`
  ? readonly string[]
  : Read<H, string> | (N extends `[${string}` ? undefined : never);

export function argument<const N extends string, const H extends How>(name: N, about: string, how?: H) {
  return new CliArgument<ArgumentValue<N, H>>(name, about, how ?? {});
}

/** All words of a type, because TypeScript reports a missing one. */
export function allOf<Word extends string>(words: Readonly<Record<Word, true>>): readonly Word[] {
  return Object.keys(words) as Word[];
}

export function wholeNumberFrom(least: number, most: number): (text: string) => number {
  return function wholeNumberFrom(text) {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Use a whole number from ${least} to ${most}.`);
  };
}

export function repeated(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

/** A reader of ids. The service checks the format, but an empty id or `..` would address another resource. */
export function readId(text: string): string {
  if (!/^\.{0,2}$/.test(text)) return text;
  throw new InvalidArgumentError("Use the id as it was shown.");
}

/** A reader of a person's name. The service also refuses what looks like root. */
export function readPerson(text: string): string {
  if (/^[\x21-\x7e]{1,255}$/.test(text)) return text;
  throw new InvalidArgumentError("Use 1 to 255 visible ASCII characters without spaces.");
}

export function readName(text: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(text)) return text;
  throw new InvalidArgumentError(
    "Use 1 to 63 letters, digits, dots, hyphens and underscores, beginning with a letter or a digit.",
  );
}

/** An instant that every machine reads alike. It can be more precise than a Date. */
const INSTANT = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d)$/;
/** The longest grace period, as the API bounds it. */
const GRACE_MAX_SECONDS = 604_800;

/** In the past: the first instant of what the text names. */
export const readSince = instantReader(sinceInstant);
/** In the past: the first instant after what the text names, so that a day is within. */
export const readUntil = instantReader(untilInstant);
/** In the past: the first instant of what the text names. One of RFC 3339 stays as it is written. */
export const readPast = (text: string) => (INSTANT.test(text) ? text : readSince(text));
/** The same ahead. The service refuses what no calendar has. */
export const readLater = (text: string) => (INSTANT.test(text) ? text : instantReader(laterInstant)(text));

/** It is read before anything is sent, so that a retry of the request repeats the same instant. */
function instantReader(read: typeof sinceInstant): (text: string) => string {
  return (text) => {
    const at = read(text, new Date());
    if (at !== null) return at.toISOString();
    throw new InvalidArgumentError(`Use ${TIMES_HELP}.`);
  };
}

/** How long an old secret still works, in seconds, from `90s`, `30m`, `12h` or `7d`. `0` needs no unit. */
export function readGracePeriod(text: string): number {
  const [, count = "", unit = ""] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const unitMs = unit === "s" ? 1000 : (UNIT_MS[unit] ?? Number.NaN);
  const seconds = text === "0" ? 0 : Number(count || Number.NaN) * (unitMs / 1000);
  if (seconds >= 0 && seconds <= GRACE_MAX_SECONDS) return seconds;
  throw new InvalidArgumentError("Use a time such as 30m, 12h or 7d, at most 7d. 0 ends the old secret at once.");
}

const REQUESTS = [
  option("--retries <count>", "how often to retry a failed request", {
    env: "ACTION_RUNS_RETRIES",
    read: wholeNumberFrom(0, 100),
  }),
  option("--request-timeout <seconds>", "how long to wait for a response", {
    env: "ACTION_RUNS_REQUEST_TIMEOUT",
    usual: 30,
    read: wholeNumberFrom(1, 3600),
  }),
] as const;

export const CONNECTION = grouped("Connection:", [
  option("--url <url>", "the server's address", { env: "ACTION_RUNS_URL" }),
  option("--org <name>", "the organization", { env: "ACTION_RUNS_ORG" }),
  option("--project <name>", "the project", { env: "ACTION_RUNS_PROJECT" }),
  option("--env <name>", "the environment", { env: "ACTION_RUNS_ENV" }),
  option("--profile <name>", "a profile that `login` saved, instead of `default`", {
    env: "ACTION_RUNS_PROFILE",
    offers: "profiles",
  }),
  option("--token-stdin", "read the token from stdin, not from ACTION_RUNS_TOKEN or the profile"),
  option("--token-id <id>", "in a CI job: a token that the job's proof opens, in place of a token", {
    env: "ACTION_RUNS_TOKEN_ID",
    read: readId,
  }),
  option("--on-behalf-of <person>", "the person for whom you act, if your token may act for others", {
    env: "ACTION_RUNS_ON_BEHALF_OF",
    read: readPerson,
  }),
  ...REQUESTS,
]);

export function withoutEnv<O extends Options>(options: O): O {
  return options.filter(({ long }) => long !== "--env") as unknown as O;
}

export const OUTPUT = grouped("Output:", [
  option("--json", "print JSON; the default if stdout is not a terminal"),
  option("--no-json", "print text, even if stdout is not a terminal"),
]);

const CALLBACK_URL = option(
  "--callback-url <url>",
  "the run's callback URL; its token is in CALLBACK_TOKEN, or comes for a proof of the job",
  { env: "CALLBACK_URL" },
);

/** Of a command that uses a run's callback. Another program owns the stdin of `exec`. */
export const CALLBACK = grouped("Connection:", [
  CALLBACK_URL,
  option("--token-stdin", "read the callback token from stdin, not from CALLBACK_TOKEN"),
  ...REQUESTS,
]);
export const CALLBACK_OF_EXEC = grouped("Connection:", [CALLBACK_URL, ...REQUESTS]);

/** `usual`: the limit without the option; undefined shows all. */
export function limitOption<const Usual extends number | undefined>(usual?: Usual) {
  const limit = { read: wholeNumberFrom(1, 1e9), usual };
  return option("-n, --limit <count>", "show at most this many", limit) as CliOption<
    "-n, --limit <count>",
    Usual extends number ? number : number | undefined
  >;
}
