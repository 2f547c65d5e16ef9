/** OIDC_ISSUERS: whose proofs count (OpenID Connect). Only the operator names issuers: one can prove anything. PURE. */
import * as z from "zod/mini";
import { BoundedMap } from "../base/bounded-map.ts";
import { PATH_NAME } from "../base/limits.ts";
import { err, ok, type Result } from "../base/result.ts";
import type { Env } from "./env.ts";
import { isLoopback } from "./url-guard.ts";

const ISSUER_KINDS = ["github", "gitlab", "buildkite", "circleci", "people", "other"] as const;
export type IssuerKind = (typeof ISSUER_KINDS)[number];

const text = z.string().check(z.minLength(1), z.maxLength(500));
const project = z.string().check(z.regex(new RegExp(`^${PATH_NAME}/(?:${PATH_NAME}|\\*)$`)));

const issuerUrl = z.string().check(
  z.refine((value) => {
    const url = URL.parse(value);
    const isAllowed = url?.protocol === "https:" || (url?.protocol === "http:" && isLoopback(url.hostname));
    return isAllowed && !/[?#@\s]/.test(value);
  }),
);

const orNull = <Out, In>(schema: z.ZodMiniType<Out, In>) =>
  z.pipe(
    z.optional(schema),
    z.transform((value: Out | undefined) => value ?? null),
  );

const entry = z.strictObject({
  /** As its tokens say it, so it is compared exactly. */
  issuer: issuerUrl,
  /** Which claims name something that nobody else can take. */
  kind: z.enum(ISSUER_KINDS),
  /** `{o}/{p}`, or `{o}/*`: the projects that may trust it. Null: every project. */
  projects: orNull(
    z.pipe(
      z.union([project, z.array(project).check(z.minLength(1))]),
      z.transform((names: string | string[]) => [names].flat()),
    ),
  ),
  /** People sign in with this issuer. Null: only programs use it. */
  clientId: orNull(text),
  /** For people to read. */
  name: z.optional(text),
  /** What is asked for besides `openid email profile`. */
  scope: orNull(text),
  /** The claim that names the person of a session. Null: `email`, if it is verified. */
  personClaim: orNull(text),
  /** Its keys, for an issuer that the service can't reach. Null: they are fetched. */
  jwks: orNull(z.object({ keys: z.array(z.looseObject({ kty: z.string() }).check(z.refine(isPublicKey))) })),
});

/** A JSON Web Key Set (RFC 7517). */
export type KeySet = NonNullable<z.output<typeof entry>["jwks"]>;
export type Issuer = Omit<z.output<typeof entry>, "name"> & { readonly name: string };

/** The members of a public key (RFC 7518, section 6; RFC 8037). */
const PUBLIC: Readonly<Record<string, readonly string[]>> = {
  RSA: ["n", "e"],
  EC: ["crv", "x", "y"],
  OKP: ["crv", "x"],
};

function isPublicKey(key: { readonly kty: string; readonly [member: string]: unknown }): boolean {
  const members = Object.hasOwn(PUBLIC, key.kty) ? PUBLIC[key.kty] : undefined;
  return members?.every((member) => typeof key[member] === "string") === true && key.d === undefined;
}

/** Of issuers where anybody can make a group or rename a repository, which as another kind would be an anchor. */
const KIND_OF: Readonly<Record<string, IssuerKind>> = {
  "gitlab.com": "gitlab",
  "token.actions.githubusercontent.com": "github",
};

const ADVICE: Readonly<Record<string, string>> = {
  issuer: "issuer must be an https URL without query and fragment, as the issuer's tokens say it.",
  kind: `kind must be one of ${ISSUER_KINDS.join(", ")}.`,
  projects: "projects must be acme/shop, acme/*, or a list of such names.",
  jwks: 'jwks must be a JSON Web Key Set of public keys that sign: { "keys": [...] }.',
};

/** Per isolate, by the setting. */
const lists = new BoundedMap<Result<readonly Issuer[], string>>(4);

/** The issuers; empty if the setting is not set. The error is a sentence. */
export function issuersOf({ OIDC_ISSUERS = "" }: Pick<Env, "OIDC_ISSUERS">): Result<readonly Issuer[], string> {
  const known = lists.get(OIDC_ISSUERS);
  if (known !== undefined) return known;
  const list = parse(OIDC_ISSUERS.trim());
  lists.set(OIDC_ISSUERS, list);
  return list;
}

function parse(setting: string): Result<readonly Issuer[], string> {
  if (setting === "") return ok([]);
  const wrong = (sentence: string) => err(`OIDC_ISSUERS is not valid: ${sentence}`);
  let list: unknown;
  try {
    list = JSON.parse(setting);
  } catch {}
  if (!Array.isArray(list))
    return wrong('it must be a JSON list, such as [{ "issuer": "https://…", "kind": "github" }].');
  const issuers: Issuer[] = [];
  for (const [i, one] of list.entries()) {
    const parsed = entry.safeParse(one);
    if (!parsed.success) return wrong(`entry ${i + 1}: ${adviceOf(parsed.error.issues[0])}`);
    const { issuer, kind, name = hostOf(issuer) } = parsed.data;
    const known = KIND_OF[hostOf(issuer).replace(/\.$/, "")] ?? kind;
    if (known !== kind) return wrong(`entry ${i + 1}: the kind of ${hostOf(issuer)} must be ${known}.`);
    issuers.push({ ...parsed.data, name });
  }
  const people = issuers.filter(({ clientId }) => clientId !== null);
  // Two could name one person twice, and then this person could approve their own run.
  if (people.length > 1) return wrong("only one issuer can have a clientId.");
  if (people[0]?.projects === null) return wrong("an issuer with a clientId needs projects, such as acme/*.");
  if (people.some(({ jwks }) => jwks !== null))
    return wrong("an issuer with a clientId can't have jwks, because the service asks this issuer who signed in.");
  if (new Set(issuers.map(({ issuer }) => issuer)).size < issuers.length) return wrong("an issuer is listed twice.");
  return ok(issuers);
}

function adviceOf(issue: { readonly path: readonly PropertyKey[]; readonly code?: string } | undefined): string {
  const member = String(issue?.path[0] ?? "");
  if (issue?.code === "unrecognized_keys")
    return `it has an unknown member. Use ${Object.keys(entry.shape).join(", ")}.`;
  return (
    ADVICE[member] ?? (member === "" ? "it must be an object." : `${member} must be a text of 1 to 500 characters.`)
  );
}

function hostOf(issuer: string): string {
  return URL.parse(issuer)?.host ?? issuer;
}

export function issuerNamed(issuers: readonly Issuer[], name: string): Issuer | null {
  return issuers.find(({ issuer }) => issuer === name) ?? null;
}

export function signInIssuer(env: Pick<Env, "OIDC_ISSUERS">): Issuer | null {
  const issuers = issuersOf(env);
  return (issuers.ok && issuers.value.find(({ clientId }) => clientId !== null)) || null;
}

/** Whether the project may trust the issuer. `project`: `{org}/{project}`. */
export function mayTrust({ projects }: Issuer, project: string): boolean {
  const [org] = project.split("/");
  return projects === null || projects.some((one) => one === project || one === `${org}/*`);
}
