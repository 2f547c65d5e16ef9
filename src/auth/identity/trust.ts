/**
 * Trusts: which proofs open a token that has no secret. A trust names an issuer and the claims that a proof must have.
 *
 * One of the claims is the *anchor*: it names something that nobody else can take over. A name can be given up and
 * registered by somebody else, and a branch or an environment exists in every repository. So a trust without an anchor
 * is refused when it is stored.
 */

import type { Context } from "hono";
import * as z from "zod/mini";
import { isJsonObject, jsonPointer, valueAt } from "../../base/json.ts";
import { ApiError, refusalOf } from "../../http/errors.ts";
import { type AppEnv, projectOf, usableIssuers } from "../../http/request-context.ts";
import { bounded, inDocument, listOf, objectOf } from "../../http/schemas.ts";
import { type Issuer, type IssuerKind, issuerNamed, mayTrust } from "../../settings/issuers.ts";

export const TRUSTED = ["people", "programs"] as const;

const CLAIMS_MAX = 20;
const VALUES_MAX = 10;
const CHARACTERS_MAX = 500;
const TEXT_WIRE = { type: "string", minLength: 1, maxLength: CHARACTERS_MAX } as const;
const LENGTH_RULE = `send 1 to ${CHARACTERS_MAX} characters.`;
const shortText = z
  .string({ error: "send a text." })
  .check(z.minLength(1, { error: LENGTH_RULE }), z.maxLength(CHARACTERS_MAX, { error: LENGTH_RULE }));
const VALUE_RULE = `send a text of 1 to ${CHARACTERS_MAX} characters, or a list of 1 to ${VALUES_MAX} such texts.`;
const claimValue = z.union(
  [shortText, listOf(VALUES_MAX, "values", shortText, VALUE_RULE, z.minLength(1, { error: VALUE_RULE }))],
  { error: VALUE_RULE },
);

const claims = bounded(
  CLAIMS_MAX,
  "claims",
  z.pipe(
    // zod leaves this name out of a record, and the trust would accept more than it says.
    z.custom<Readonly<Record<string, unknown>>>((value) => !isJsonObject(value) || !Object.hasOwn(value, "__proto__"), {
      error: "has the claim __proto__, and no proof can have it; omit it.",
    }),
    z
      .record(shortText, claimValue, { error: "send a JSON object." })
      .check(z.refine((named) => Object.keys(named).length > 0, { error: "is empty; send at least one claim." })),
  ),
);
inDocument(claims, {
  wire: {
    type: "object",
    minProperties: 1,
    maxProperties: CLAIMS_MAX,
    propertyNames: TEXT_WIRE,
    additionalProperties: {
      oneOf: [TEXT_WIRE, { type: "array", items: TEXT_WIRE, minItems: 1, maxItems: VALUES_MAX }],
    },
  },
});

export const trustSchema = objectOf(
  { for: z.enum(TRUSTED, { error: `send one of ${TRUSTED.join(", ")}.` }), issuer: shortText, claims: claims },
  DESCRIBE && {
    id: "Trust",
    members: {
      for: "`people` sign in to the console with the token, `programs` exchange their proof. Neither can do the other.",
      issuer: "An issuer of the operator's `OIDC_ISSUERS`, spelled exactly as there.",
      claims:
        "The claims that a proof must have, compared exactly. A list names values of which one must match. A claim that is a " +
        "list must contain the value. Numbers and booleans compare as their JSON text. A name that begins with `/` is a " +
        "JSON pointer. One claim must be an anchor of the issuer's kind.",
    },
    examples: [
      {
        for: "programs",
        issuer: "https://token.actions.githubusercontent.com",
        claims: { repository_id: "123", environment: "production" },
      },
    ],
  },
);

export type Trust = z.output<typeof trustSchema>;
export type Claims = Readonly<Record<string, unknown>>;

/** Each list has the claims that are an anchor together. */
type Anchors = readonly (readonly string[])[];

const PROGRAMS: Readonly<Record<IssuerKind, Anchors>> = {
  github: [["repository_id"], ["repository_owner_id", "job_workflow_ref"]],
  gitlab: [["project_id"], ["namespace_id", "ci_config_ref_uri"]],
  // Ids need a flag of the job.
  buildkite: [["pipeline_slug", "organization_slug"]],
  circleci: [["oidc.circleci.com/project-id"]],
  people: [["sub"]],
  other: [["sub"]],
};

const PEOPLE: Anchors = [["sub"], ["oid"], ["email"], ["groups"], ["roles"], ["hd"]];

function anchorsOf({ kind }: Pick<Issuer, "kind">, whom: Trust["for"]): Anchors {
  if (whom === "programs") return PROGRAMS[kind];
  // Anybody can make a group at GitLab.
  return kind === "gitlab" ? PEOPLE.filter(([name]) => name !== "groups") : PEOPLE;
}

/** The claims that are the trust's anchor. Null: it has none. */
function anchorOf(trust: Trust, issuer: Pick<Issuer, "kind">): readonly string[] | null {
  const has = (name: string) => Object.hasOwn(trust.claims, name);
  return anchorsOf(issuer, trust.for).find((names) => names.every(has)) ?? null;
}

/** Why the claims can't be stored, as the rest of a sentence about them. Null: they can. */
export function claimsFault(trust: Trust, issuer: Pick<Issuer, "kind">): string | null {
  if (issuer.kind === "github" && trust.for === "programs" && ("sub" in trust.claims || "/sub" in trust.claims)) {
    return "has sub, whose format differs between repositories of GitHub; name repository_id, ref or environment instead.";
  }
  if (anchorOf(trust, issuer) !== null) return null;
  const names = anchorsOf(issuer, trust.for).map((together) => together.join(" with "));
  return `has no claim that only one holder can have; add ${new Intl.ListFormat("en", { type: "disjunction" }).format(names)}.`;
}

/** `path`: where the trust is. Throws `issuer_unknown`, `not_configured`, and `invalid_body` for `claimsFault`. */
export function requireTrusted(c: Context<AppEnv>, trust: Trust, path: readonly string[]): Issuer {
  const issuer = issuerNamed(usableIssuers(c), trust.issuer);
  if (issuer === null || !mayTrust(issuer, projectOf(c))) {
    const member = [...path, "issuer"].join(".");
    const sentence = `${member}: ${JSON.stringify(trust.issuer)} is not one of OIDC_ISSUERS for this project; ask the operator to add it.`;
    throw new ApiError("issuer_unknown", sentence, { pointer: jsonPointer([...path, "issuer"]) });
  }
  const fault = claimsFault(trust, issuer);
  if (fault !== null) throw refusalOf("invalid_body", [{ path: [...path, "claims"], message: fault }]);
  return issuer;
}

/** The claim that says which execution of the product a job belongs to. Null: the product has none that counts. */
export function executionClaim(kind: IssuerKind): string | null {
  return kind === "github" ? "run_id" : kind === "gitlab" ? "pipeline_id" : null;
}

/**
 * The claims of documents that belong together, the first counts first. An e-mail address stays only if the same
 * document says that it is verified: otherwise anybody could claim the address of somebody else.
 */
export function mergedClaims(...documents: readonly Claims[]): Claims {
  const verified = documents.find(({ email, email_verified }) => typeof email === "string" && email_verified === true);
  const { email: _, email_verified: __, ...rest } = Object.assign({}, ...documents.toReversed()) as Claims;
  return verified === undefined ? rest : { ...rest, email: verified.email, email_verified: true };
}

interface TrustFault {
  readonly claim: string;
  /** Whether the anchor differs. Then nobody is told which claim it is. */
  readonly isAnchor: boolean;
}

/** Why the trust does not accept the claims; null if it does. `claims`: see `mergedClaims`. */
export function trustFault(trust: Trust, claims: Claims, issuer: Pick<Issuer, "kind">): TrustFault | null {
  const anchor = anchorOf(trust, issuer) ?? [];
  const names = [...anchor, ...Object.keys(trust.claims).filter((name) => !anchor.includes(name))];
  const claim = names.find((name) => !isMet(trust.claims[name], claimNamed(claims, name)));
  return claim === undefined ? null : { claim, isAnchor: anchor.includes(claim) };
}

/** What to find a trust `for: people` by: one entry for each value of its anchor. */
export function anchorEntries(
  trust: Trust,
  issuer: Pick<Issuer, "kind">,
): readonly { anchor: string; value: string }[] {
  const [anchor = ""] = anchorOf(trust, issuer) ?? [];
  return [...new Set([trust.claims[anchor] ?? []].flat())].map((value) => ({ anchor, value }));
}

/** The entries that could accept these claims of a person. */
export function entriesOf(claims: Claims): readonly { anchor: string; value: string }[] {
  return PEOPLE.flatMap(([anchor = ""]) => textsOf(claims[anchor]).map((value) => ({ anchor, value })));
}

function isMet(wanted: string | readonly string[] | undefined, value: unknown): boolean {
  const accepted = [wanted ?? []].flat();
  return textsOf(value).some((text) => accepted.includes(text));
}

/** A text, a number or a boolean as texts, or each of those in a list. For anything else, the list is empty. */
export function textsOf(value: unknown): readonly string[] {
  return [value].flat().flatMap((one) => {
    if (typeof one === "string") return [one];
    // A number that is too large for a double was parsed as its neighbour, which somebody else may have.
    const isExact = typeof one === "boolean" || (typeof one === "number" && Math.abs(one) <= Number.MAX_SAFE_INTEGER);
    return isExact ? [JSON.stringify(one)] : [];
  });
}

/** The claim with this name, or the value at this JSON pointer (RFC 6901). */
function claimNamed(claims: Claims, name: string): unknown {
  if (name.startsWith("/")) return valueAt(claims, name);
  return Object.hasOwn(claims, name) ? claims[name] : undefined;
}
