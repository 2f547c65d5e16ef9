/**
 * The rules of signing in: what a typed token opens, where a sign-in at the issuer leads, and what the command line asks
 * for. The token itself is kept nowhere: it begins a session and is forgotten.
 */
import { createClient, type Schemas } from "../../client/index.ts";
import { checkedName } from "../../client/settings.ts";
import { type Page, type Project, pageAt, type Scope, scopeOf } from "../pages.ts";

/** Who is signed in and what the token may do, as `GET /whoami` says. */
export type Holder = Schemas["CurrentToken"];
export type Permission = Holder["permissions"][number];

/** The person of a sign-in at the issuer, or the token's name. */
export function shownName({ issuer, person, name }: Pick<Holder, "issuer" | "person" | "name">): string {
  return (issuer === null ? null : person) ?? name;
}

export interface Session {
  /** The half of the session that scripts may read. */
  readonly pageKey: string;
  readonly holder: Holder;
  /** When a page last asked for a renewal, in ms. In the storage, because a page can be open for minutes only. */
  readonly renewedAt: number;
  /** Where the last page was. Pages of the whole project link to the environment's pages with it. */
  readonly scope: Scope;
}

/** The scope that an address names. The environment is null on a page of the whole project. */
export type Address = (Project & { readonly envName: string | null }) | null;

/** What the fields of a scope hold. An empty name is filled from what the token opens. */
export type Typed = Readonly<Record<keyof typeof LABELS, string>>;

export interface Identified {
  readonly holder: Holder;
  readonly environments: readonly Schemas["Place"][];
}

const LABELS = { org: "Organization", project: "Project", env: "Environment" } as const;
/** As many environments as one page shows. Others can be typed. */
export const ENVIRONMENTS_SHOWN = 100;
/** `whoami` and `places` need no scope, but a client has one. */
const NO_SCOPE = { org: "none", project: "none", env: "none" };

/** Throws an ActionRunsError if the service can't answer, or does not know the token. `baseUrl`: the service's address. */
export async function identify(token: string, baseUrl: string): Promise<Identified> {
  const client = createClient({ baseUrl, ...NO_SCOPE, token, retries: 1 });
  const [holder, environments] = await Promise.all([client.whoami(), firstOf(client.places(), ENVIRONMENTS_SHOWN)]);
  return { holder, environments };
}

export async function firstOf<T>(all: AsyncIterable<T>, max: number): Promise<readonly T[]> {
  const first: T[] = [];
  for await (const one of all) if (first.push(one) >= max) break;
  return first;
}

/** Where to go without a question: to the address, if the token opens it, or to the only environment. PURE. */
export function chosenScope(address: Address, { holder, environments }: Identified): Scope | null {
  const known = environments.map(scopeOfEnvironment);
  if (address !== null && opens(holder, address)) {
    const { o, p } = address;
    const envName = address.envName ?? holder.envName ?? known.find((scope) => scope.o === o && scope.p === p)?.envName;
    return envName === undefined ? null : { o, p, envName };
  }
  const [only, ...others] = known;
  return only !== undefined && others.length === 0 ? only : null;
}

/** Whether the token opens the scope. If it does not, the service responds with 404, which does not say why. */
export function opens(holder: Pick<Holder, "project" | "envName">, scope: Address): boolean {
  if (scope === null) return true;
  if (holder.project !== null && holder.project !== `${scope.o}/${scope.p}`) return false;
  return holder.envName === null || scope.envName === null || holder.envName === scope.envName;
}

export function scopeOfEnvironment({ project, envName }: Schemas["Place"]): Scope {
  const [o = "", p = ""] = project.split("/");
  return { o, p, envName };
}

/** The typed names, filled from what the token opens. PURE. */
export function scopeFor(
  typed: Typed,
  holder: Pick<Holder, "project" | "envName">,
): { readonly scope: Scope } | { readonly field: keyof Typed; readonly problem: string } {
  const [org, project] = holder.project?.split("/") ?? [];
  const opened = { org, project, env: holder.envName ?? undefined };
  const names = { org: "", project: "", env: "" };
  for (const field of ["org", "project", "env"] as const) {
    const value = typed[field].trim();
    const only = opened[field];
    if (value === "" && only === undefined) {
      return { field, problem: `The token does not say which ${LABELS[field].toLowerCase()}. Type its name.` };
    }
    if (value !== "" && only !== undefined && value !== only) {
      return { field, problem: `The token opens only “${only}”. Type that, or leave the field empty.` };
    }
    try {
      names[field] = checkedName(LABELS[field], value || (only ?? ""));
    } catch (error) {
      return { field, problem: error instanceof Error ? error.message : String(error) };
    }
  }
  return { scope: { o: names.org, p: names.project, envName: names.env } };
}

/* SECTION: Signing in at the issuer of the organization. */

/** What the fragment of the address handed to the page. At most one of them is there. */
export interface Handed {
  /** Good once: of a sign-in at the issuer, or of a link that `npm start` printed. */
  readonly code: string | null;
  /** Why the sign-in at the issuer failed: a code of the API's errors. */
  readonly error: string | null;
}

export type Choices = Schemas["SignInChoices"];
export type Choice = Choices["tokens"][number];
/** What the command line asks for: its challenge of PKCE, its port on this machine, the characters that it printed. */
export type Login = Schemas["NewLoginCode"];

/** A `to` that the service refuses: it is too long, or could be read as another host. */
const IS_REFUSED = /^.{501}|\\|\/\//s;

export function returnTo(
  page: Page | null,
  { pathname, search }: { readonly pathname: string; readonly search: string },
) {
  if (page === null) return "/console";
  const path = `${pathname}${search}`;
  return IS_REFUSED.test(path) ? pathname : path;
}

/** Whether the session may see the page from which the person came. If not, they see the runs of what they chose. */
export function leadsBack(to: string, holder: Holder): boolean {
  const page = pageOf(to);
  if (page === null || page.name === "sign-in" || page.name === "choice") return false;
  return opens(holder, scopeOf(page));
}

/** The environment that `to` names, if it is one of this project. */
export function environmentOf(to: string, { o, p }: Project): string | null {
  const page = pageOf(to);
  const at = page && scopeOf(page);
  return at?.o === o && at.p === p ? at.envName : null;
}

function pageOf(to: string): Page | null {
  return pageAt(to.replace(/[?#].*$/, ""));
}

/** What the address of `/console/cli` asks for. Null if a part is missing or wrong. */
export function askedLogin(query: URLSearchParams): Omit<Login, "characters"> | null {
  const challenge = query.get("challenge") ?? "";
  const port = query.get("port") ?? "";
  const isWhole = /^[\w-]{43}$/.test(challenge) && /^[1-9]\d{0,4}$/.test(port) && Number(port) < 65_536;
  return isWhole ? { challenge, port: Number(port) } : null;
}

/** What somebody typed, as the service compares it. Base32 has no other characters. */
export function typedCharacters(text: string): string | null {
  const characters = text.toUpperCase().replaceAll(/[^A-Z0-9]/g, "");
  return /^[A-Z2-7]{6}$/.test(characters) ? characters : null;
}
