/**
 * The proof of a CI job, an OpenID Connect ID token that its product signs, and what a job gets for it: an access token, or
 * the token of its run's callback. Nothing is kept on the disk. No error contains a proof or a token.
 */

import { ActionRunsError, type Client, type Schemas } from "../../client/index.ts";
import type { CallSettings } from "../../client/settings.ts";
import { createSend } from "../../client/transport.ts";
import { CommandFailed, EXIT, UsageError } from "../exit.ts";
import { checkToken } from "../input.ts";

/** Null if the job has none. GitHub makes one for each audience. Elsewhere the job's file names the audience. */
export async function proofFor(audience: string, settings: CallSettings): Promise<string | null> {
  const { ACTION_RUNS_ID_TOKEN, ACTIONS_ID_TOKEN_REQUEST_URL, ACTIONS_ID_TOKEN_REQUEST_TOKEN } = process.env;
  if (ACTION_RUNS_ID_TOKEN) return withAudience(audience, checkToken(ACTION_RUNS_ID_TOKEN, "ACTION_RUNS_ID_TOKEN"));
  if (!ACTIONS_ID_TOKEN_REQUEST_URL || !ACTIONS_ID_TOKEN_REQUEST_TOKEN) return null;
  const url = URL.parse(ACTIONS_ID_TOKEN_REQUEST_URL);
  url?.searchParams.set("audience", audience);
  const token = checkToken(ACTIONS_ID_TOKEN_REQUEST_TOKEN, "ACTIONS_ID_TOKEN_REQUEST_TOKEN");
  const value = url === null ? null : await askGitHub(url, token, settings);
  return typeof value === "string" ? checkToken(value, "GitHub's proof") : noProof("the response has none");
}

/** Throws UsageError if the proof is for another service. Whoever gets it could use it there in place of this job. */
function withAudience(audience: string, proof: string): string {
  const [, claims = ""] = proof.split(".");
  let said: unknown;
  try {
    said = JSON.parse(Buffer.from(claims, "base64url").toString());
  } catch {
    // Then it has no audience.
  }
  const { aud } = (said ?? {}) as { readonly aud?: unknown };
  if ([aud].flat().includes(audience)) return proof;
  throw new UsageError(`ACTION_RUNS_ID_TOKEN has another audience. Let your CI product make it for ${audience}.`);
}

async function askGitHub(url: URL, token: string, settings: CallSettings): Promise<unknown> {
  const send = createSend(settings);
  try {
    const response = await send(new Request(url, { headers: { Authorization: `Bearer ${token}` } }));
    return ((await response.json()) as { readonly value?: unknown }).value;
  } catch (fault) {
    // Its sentences speak of the API, which is not who was asked.
    if (!(fault instanceof ActionRunsError)) throw fault;
    return noProof(fault.status === null ? "there was no response" : `the status is ${fault.status}`);
  }
}

function noProof(why: string): never {
  throw new CommandFailed(
    `GitHub gave no proof of this job: ${why}. Check that the job has "permissions: id-token: write", and try again.`,
    EXIT.unreachable,
  );
}

/** The token of the run's callback, for a proof of this job. Null: the job has no proof. Throws ActionRunsError. */
export async function callbackTokenFor(callbackUrl: string, settings: CallSettings): Promise<string | null> {
  const proof = await proofFor(callbackUrl, settings);
  if (proof === null) return null;
  const headers = { "Content-Type": "application/json" };
  const request = new Request(`${callbackUrl}/token`, { method: "POST", headers, body: JSON.stringify({ proof }) });
  const response = await createSend(settings)(request);
  return ((await response.json()) as Schemas["CallbackGrant"]).callbackToken;
}

export interface Unproven extends CallSettings, Pick<Client, "baseUrl" | "tokens"> {
  readonly org: string;
  readonly project: string;
}

const RENEWED_BEFORE_MS = 60_000;
const LASTS_MS = 15 * 60_000;

/** An access token of this job, and a `fetch` that sends a new one when it ends. */
export async function renewingAccess(connection: Unproven, tokenId: string) {
  const renewed = async () => {
    const { accessToken, expiresAt } = await accessFor(connection, tokenId);
    // This machine's clock can be behind the service's.
    const endsAt = Math.min(Date.parse(expiresAt), Date.now() + LASTS_MS);
    return { accessToken, renewAt: endsAt - RENEWED_BEFORE_MS };
  };
  let access = await renewed();
  const send = connection.fetch ?? globalThis.fetch;
  const fetch: typeof globalThis.fetch = async (input, init) => {
    // If there is no new one, the service says why the old one does not count.
    if (Date.now() >= access.renewAt) access = await renewed().catch(() => access);
    const request = new Request(input, init);
    request.headers.set("Authorization", `Bearer ${access.accessToken}`);
    return send(request, init);
  };
  return { token: access.accessToken, fetch };
}

/** Exchanges a proof of this job. Throws UsageError if the job has none, and ActionRunsError. */
export async function accessFor(connection: Unproven, tokenId: string): Promise<Schemas["ExchangedToken"]> {
  const { baseUrl, org, project, tokens } = connection;
  const proof = await proofFor(`${baseUrl}/${org}/${project}`, connection);
  if (proof === null) throw new UsageError(NO_PROOF);
  return tokens.exchange(tokenId, proof);
}

const NO_PROOF =
  "This job has no proof of what it is. On GitHub, give it `permissions: id-token: write`. Elsewhere, set ACTION_RUNS_ID_TOKEN.";
