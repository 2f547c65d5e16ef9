/** An issuer of proofs: a key pair, what it signs, and the two documents by which others verify that. */

import {
  exportJWK,
  type GenerateKeyPairResult,
  generateKeyPair,
  type JWK,
  type JWTHeaderParameters,
  type JWTPayload,
  SignJWT,
} from "jose";

/** Good for so long, unless the claims say otherwise. */
const LASTS_SECONDS = 600;

export interface SigningIssuer {
  readonly issuer: string;
  /** The public keys, as `jwks` of an entry of `OIDC_ISSUERS` has them. */
  readonly jwks: { readonly keys: readonly JWK[] };
  /** The documents by path, below the issuer. */
  readonly documents: Readonly<Record<string, unknown>>;
  /**
   * A proof. `iss`, `iat` and `exp` are the issuer's, now, and in ten minutes. A member that is undefined is left out, so
   * a proof can lack what it needs.
   */
  sign(claims: JWTPayload, header?: Partial<JWTHeaderParameters>): Promise<string>;
}

/** Making a pair takes as long as a hundred requests, so issuers share the one of their key id. */
const pairs = new Map<string, Promise<GenerateKeyPairResult>>();

function pairOf(kid: string, alg: string): Promise<GenerateKeyPairResult> {
  const pair = pairs.get(`${kid} ${alg}`) ?? generateKeyPair(alg);
  pairs.set(`${kid} ${alg}`, pair);
  return pair;
}

/**
 * `kid`: of its key. Another issuer with the same `issuer` and another `kid` is this one with another key. `pair`: not
 * the one of all issuers with this `kid`.
 */
export async function newIssuer(
  issuer: string,
  kid = "programs-1",
  alg = "RS256",
  pair = pairOf(kid, alg),
): Promise<SigningIssuer> {
  const { publicKey, privateKey } = await pair;
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid, alg, use: "sig" }] };
  const about = { issuer, jwks_uri: `${issuer}/keys`, id_token_signing_alg_values_supported: [alg] };
  return {
    issuer,
    jwks,
    documents: { "/.well-known/openid-configuration": about, "/keys": jwks },
    sign(claims, header = {}) {
      const now = Math.floor(Date.now() / 1000);
      const all = { iss: issuer, iat: now, exp: now + LASTS_SECONDS, ...claims };
      const said = JSON.parse(JSON.stringify(all)) as JWTPayload;
      return new SignJWT(said).setProtectedHeader({ alg, kid, ...header }).sign(privateKey);
    },
  };
}
