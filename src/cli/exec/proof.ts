/**
 * The proof of a CI job, an OpenID Connect ID token that its product signs, and the callback token that a job gets for it.
 * Nothing is kept on the disk. No error contains a proof or a token.
 */

import { ActionRunsError, type Schemas } from "../../client/index.ts";
import { transportSettings } from "../../client/settings.ts";
import { createSend } from "../../client/transport.ts";
import { CommandFailed, EXIT, UsageError } from "../exit.ts";
import { checkToken } from "../input.ts";

type Calling = Parameters<typeof transportSettings>[0];

const NO_PROOF =
  "This job has no proof of what it is. On GitHub, give it `permissions: id-token: write`. Elsewhere, set ACTION_RUNS_ID_TOKEN.";

/** Whether the product of this job offers a proof. */
function hasProof(): boolean {
  const { ACTION_RUNS_ID_TOKEN, ACTIONS_ID_TOKEN_REQUEST_URL, ACTIONS_ID_TOKEN_REQUEST_TOKEN } = process.env;
  return Boolean(ACTION_RUNS_ID_TOKEN || (ACTIONS_ID_TOKEN_REQUEST_URL && ACTIONS_ID_TOKEN_REQUEST_TOKEN));
}

/** The proof of this job, from GitHub or from the variable that other products set. Throws UsageError without one. */
export async function proofFor(audience: string, settings: Calling): Promise<string> {
  const { ACTION_RUNS_ID_TOKEN: given, ACTIONS_ID_TOKEN_REQUEST_URL: address } = process.env;
  if (given) return proofWith(audience, checkToken(given, "ACTION_RUNS_ID_TOKEN"));
  const url = URL.parse(address ?? "");
  const token = process.env.ACTIONS_ID_TOKEN_REQUEST_TOKEN;
  if (url === null || !token) throw new UsageError(NO_PROOF);
  url.searchParams.set("audience", audience);
  const headers = { Authorization: `Bearer ${checkToken(token, "ACTIONS_ID_TOKEN_REQUEST_TOKEN")}` };
  try {
    const response = await createSend(transportSettings(settings))(new Request(url, { headers }));
    const { value } = (await response.json()) as { readonly value?: unknown };
    if (typeof value === "string") return value;
  } catch (fault) {
    // Its sentences speak of the API, which is not who was asked.
    if (!(fault instanceof ActionRunsError)) throw fault;
  }
  throw new CommandFailed("GitHub gave this job no proof. Try again.", EXIT.unreachable);
}

/** Throws UsageError if the proof is for another service, which could use it there in place of this job. */
function proofWith(audience: string, proof: string): string {
  const [, claims = ""] = proof.split(".");
  let said: { readonly aud?: unknown } = {};
  try {
    said = JSON.parse(Buffer.from(claims, "base64url").toString()) ?? {};
  } catch {
    // Its audience is then no text.
  }
  if ([said.aud].flat().includes(audience)) return proof;
  throw new UsageError(`ACTION_RUNS_ID_TOKEN has another audience. Let your CI product make it for ${audience}.`);
}

/** The token of the run's callback, for a proof of this job. Null: the job has no proof. Throws ActionRunsError. */
export async function callbackTokenFor(callbackUrl: string, settings: Calling): Promise<string | null> {
  if (!hasProof()) return null;
  const proof = await proofFor(callbackUrl, settings);
  const headers = { "Content-Type": "application/json" };
  const request = new Request(`${callbackUrl}/token`, { method: "POST", headers, body: JSON.stringify({ proof }) });
  const response = await createSend(transportSettings(settings))(request);
  return ((await response.json()) as Schemas["CallbackGrant"]).callbackToken;
}
