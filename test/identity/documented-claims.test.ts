/// <reference types="vite/client" />
/**
 * The trusts that the documents show, against proofs as each product documents them: signed with a key of the test, and
 * then verified as the service does.
 */

import type { JWTPayload } from "jose";
import { describe, expect, it } from "vitest";
import exchangeDocument from "../../docs/exchange.md?raw";
import signInDocument from "../../docs/sign-in.md?raw";
import { verifyProof } from "../../src/auth/identity/proof.ts";
import {
  type Claims,
  claimsFault,
  mergedClaims,
  type Trust,
  trustFault,
  trustSchema,
} from "../../src/auth/identity/trust.ts";
import { type Issuer, issuersOf, type KeySet } from "../../src/settings/issuers.ts";
import * as documented from "./documented-claims.ts";
import { type DocumentedTrust, type Documents, PEOPLE, PROGRAMS, REFUSED_TRUSTS } from "./documented-trusts.ts";
import { newIssuer, type SigningIssuer } from "./issuer.ts";

const AUDIENCE = "https://runs.example/acme/shop";
const ALL = [...PROGRAMS, ...PEOPLE];

/** By issuer. */
const signers = new Map<string, Promise<SigningIssuer>>();

function signerOf({ entry }: Pick<DocumentedTrust, "entry">): Promise<SigningIssuer> {
  const signer = signers.get(entry.issuer) ?? newIssuer(entry.issuer);
  signers.set(entry.issuer, signer);
  return signer;
}

/** The entry as the operator's setting gives it, with the keys of the test. */
async function issuerOf(one: Pick<DocumentedTrust, "entry">): Promise<Issuer> {
  const { jwks } = await signerOf(one);
  const issuers = issuersOf({ OIDC_ISSUERS: JSON.stringify([one.entry]) });
  if (!issuers.ok || issuers.value[0] === undefined) throw new Error(issuers.ok ? "no issuer" : issuers.error);
  return { ...issuers.value[0], jwks: jwks as KeySet };
}

const trustOf = ({ entry, trust }: Pick<DocumentedTrust, "entry" | "trust">): Trust =>
  trustSchema.parse({ ...trust, issuer: entry.issuer });

/** The claims that count: those of the verified proof, and of UserInfo. */
async function provenBy(one: DocumentedTrust, { proof, userInfo = {} }: Documents): Promise<Claims> {
  const { iat: _, nbf: __, exp: ___, ...said } = proof;
  const signed = await (await signerOf(one)).sign({ ...said, aud: AUDIENCE } as JWTPayload);
  const expected = { issuer: await issuerOf(one), audience: AUDIENCE, now: Date.now(), waitUntil: () => {} };
  const verified = await verifyProof(signed, expected);
  return one.trust.for === "people" ? mergedClaims(verified, userInfo) : verified;
}

async function faultOf(one: DocumentedTrust, documents: Documents) {
  return trustFault(trustOf(one), await provenBy(one, documents), await issuerOf(one));
}

describe.each(ALL)("$name", (one) => {
  it("is a trust that can be stored", async () => {
    expect(claimsFault(trustOf(one), await issuerOf(one))).toBeNull();
  });

  if (one.accepts.length > 0) {
    it("accepts the documented proof", async () => {
      for (const documents of one.accepts) expect(await faultOf(one, documents)).toBeNull();
    });
  }

  it.each(one.refuses)("refuses a proof because of $because", async (documents) => {
    expect(await faultOf(one, documents)).toMatchObject({ claim: documents.because });
  });
});

it.each(REFUSED_TRUSTS)("can't be stored: $name", async (one) => {
  expect(claimsFault(trustOf(one), await issuerOf(one))).not.toBeNull();
});

it("every documented proof is one of the table, so that a trust says something about it", () => {
  const used = new Set(ALL.flatMap(({ accepts, refuses }) => [...accepts, ...refuses]).flatMap(Object.values));
  expect(Object.entries(documented).filter(([, claims]) => !used.has(claims))).toEqual([]);
});

it("GitLab's people and jobs have one issuer, which is one entry", async () => {
  const gitlab = PEOPLE.find(({ entry }) => entry.issuer === "https://gitlab.com");
  expect(gitlab?.entry.kind).toBe(PROGRAMS.find(({ entry }) => entry.issuer === "https://gitlab.com")?.entry.kind);
});

/** The JSON in a document that begins after this text, with its first brackets closed. */
function shownAfter(text: RegExp): readonly unknown[] {
  return [exchangeDocument, signInDocument].flatMap((document) =>
    [...document.matchAll(text)].map(({ index, 0: begin }) => {
      const rest = document.slice(index + begin.length);
      const ends = [...rest.matchAll(/[\]}]/g)].map((end) => rest.slice(0, end.index + 1));
      return ends.map(parsed).find((value) => value !== undefined);
    }),
  );
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

it("the documents show trusts and settings that the service takes, and the trusts are those of the table", () => {
  const settings = shownAfter(/OIDC_ISSUERS = '''/g).map((value) => issuersOf({ OIDC_ISSUERS: JSON.stringify(value) }));
  expect(settings).toMatchObject([{ ok: true }, { ok: true }]);
  const issuers = settings.flatMap((setting) => (setting.ok ? setting.value : []));
  const trusts = shownAfter(/"trust": /g).map((value) => trustSchema.parse(value));
  expect(trusts).toHaveLength(2);
  for (const trust of trusts) {
    expect(issuers.map(({ issuer }) => issuer)).toContain(trust.issuer);
    expect(ALL.map(trustOf)).toContainEqual(trust);
  }
});
