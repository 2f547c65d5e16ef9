/**
 * The proof of a CI job, an OpenID Connect ID token that its product signs, and the callback token that a job gets for it.
 * Nothing is kept on the disk. No error contains a proof or a token.
 */

import { ActionRunsError, type Schemas } from "../../client/index.ts";
import { transportSettings } from "../../client/settings.ts";
import { createSend } from "../../client/transport.ts";
import { CommandFailed, EXIT } from "../exit.ts";
import { checkToken } from "../input.ts";

type Calling = Parameters<typeof transportSettings>[0];

/**
 * A proof for this audience; null if the job has none. GitHub makes a proof for each audience. Elsewhere the job's file
 * names the audience of `ACTION_RUNS_ID_TOKEN`.
 */
export async function proofFor(audience: string, settings: Calling): Promise<string | null> {
  const { ACTION_RUNS_ID_TOKEN, ACTIONS_ID_TOKEN_REQUEST_URL, ACTIONS_ID_TOKEN_REQUEST_TOKEN } = process.env;
  if (ACTION_RUNS_ID_TOKEN) return checkToken(ACTION_RUNS_ID_TOKEN, "ACTION_RUNS_ID_TOKEN");
  if (!ACTIONS_ID_TOKEN_REQUEST_URL || !ACTIONS_ID_TOKEN_REQUEST_TOKEN) return null;
  const url = URL.parse(ACTIONS_ID_TOKEN_REQUEST_URL);
  url?.searchParams.set("audience", audience);
  const token = checkToken(ACTIONS_ID_TOKEN_REQUEST_TOKEN, "ACTIONS_ID_TOKEN_REQUEST_TOKEN");
  const value = url === null ? null : await askGitHub(url, token, settings);
  return typeof value === "string" ? checkToken(value, "GitHub's proof") : noProof("the response has none");
}

async function askGitHub(url: URL, token: string, settings: Calling): Promise<unknown> {
  const send = createSend(transportSettings(settings));
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
export async function callbackTokenFor(callbackUrl: string, settings: Calling): Promise<string | null> {
  const proof = await proofFor(callbackUrl, settings);
  if (proof === null) return null;
  const headers = { "Content-Type": "application/json" };
  const request = new Request(`${callbackUrl}/token`, { method: "POST", headers, body: JSON.stringify({ proof }) });
  const response = await createSend(transportSettings(settings))(request);
  return ((await response.json()) as Schemas["CallbackGrant"]).callbackToken;
}
