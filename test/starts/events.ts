/** Events that start actions, as the products of others send them. */

import type { Inbound } from "../../src/actions/inbound.ts";
import { type Answer, type Ask, ask, newRunsPath } from "../support/requests.ts";
import type { DetailedRun } from "../support/runs/gated.ts";
import type { Refusal } from "../support/tokens.ts";

export const TRIGGER = { type: "webhook", url: "https://ci.example.com/hooks/deploy" } as const;
/** Of Standard Webhooks, and long enough for the others. */
export const SECRET = `whsec_${btoa("the-key-of-the-sender-of-events-1")}`;
export const OTHER_SECRET = `whsec_${btoa("another-key-that-nobody-here-knows")}`;

export type EventAnswer = Partial<Refusal> & { readonly id?: string; readonly ignored?: true };

export interface Takes {
  /** `/{o}/{p}/envs/{envName}/action-runs` */
  readonly runs: string;
  /** `/{o}/{p}/envs/{envName}/actions/deploy` */
  readonly action: string;
  /** Where the events go. */
  readonly url: string;
}

type InboundBody = Pick<Inbound, "verify"> & Readonly<Record<string, unknown>>;

/** Stores an action that takes events. `more`: other members of the action. */
export async function givenInbound(
  inbound: InboundBody = { verify: "token" },
  more: object = {},
  { runs = newRunsPath(), name = "deploy", ...options }: Ask & { readonly runs?: string; readonly name?: string } = {},
): Promise<Takes> {
  const action = `${runs.replace(/action-runs$/, "actions")}/${name}`;
  const body = { trigger: TRIGGER, inbound: { secret: SECRET, ...inbound }, ...more };
  const stored = await ask<unknown>("PUT", action, { body, ...options });
  if (stored.status >= 300) throw new Error(`not stored: ${stored.status} ${JSON.stringify(stored.body)}`);
  return { runs, action, url: await urlOf(action) };
}

export async function urlOf(action: string): Promise<string> {
  const { status, body } = await ask<{ readonly url: string }>("GET", `${action}/inbound`);
  if (status !== 200) throw new Error(`no URL: ${status} ${JSON.stringify(body)}`);
  return body.url;
}

export type Proof = (raw: string) => Promise<Record<string, string>> | Record<string, string>;

export async function hmac(key: string | Uint8Array<ArrayBuffer>, text: string): Promise<Uint8Array> {
  const bytes = typeof key === "string" ? new TextEncoder().encode(key) : key;
  const imported = await crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, new TextEncoder().encode(text)));
}

export const bearer =
  (secret = SECRET): Proof =>
  () => ({ Authorization: `Bearer ${secret}` });

export const github =
  (secret = SECRET): Proof =>
  async (raw) => ({ "X-Hub-Signature-256": `sha256=${(await hmac(secret, raw)).toHex()}` });

/** `ageMs`: how old the event says that it is. */
export const standard =
  ({ secret = SECRET, id = "msg_1", ageMs = 0 } = {}): Proof =>
  async (raw) => {
    const timestamp = Math.floor((Date.now() - ageMs) / 1000);
    const key = Uint8Array.fromBase64(secret.slice("whsec_".length));
    const signature = (await hmac(key, `${id}.${timestamp}.${raw}`)).toBase64();
    return { "webhook-id": id, "webhook-timestamp": String(timestamp), "webhook-signature": `v1,${signature}` };
  };

/** Sends an event. `body`: as JSON, or a text as it is. */
export async function send(
  url: string,
  body: unknown = { ref: "main" },
  proof: Proof = bearer(),
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer<EventAnswer>> {
  const raw = typeof body === "string" ? body : JSON.stringify(body);
  return ask("POST", url, { token: null, raw, headers: { ...(await proof(raw)), ...headers } });
}

/** The run that an event has started. */
export async function runOf(runs: string, { status, body }: Answer<EventAnswer>) {
  if (status !== 201) throw new Error(`no run was started: ${status} ${JSON.stringify(body)}`);
  return (await ask<DetailedRun>("GET", `${runs}/${body.id}?include=details`)).body;
}
