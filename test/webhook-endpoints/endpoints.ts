/** Webhook endpoints, as the tests store them. */

import { env } from "cloudflare:workers";
import type { WholeEndpoint } from "../../src/webhook-endpoints/definition.ts";
import { loadEndpoint } from "../../src/webhook-endpoints/kind.ts";

import { type Answer, type Ask, ask } from "../support/requests.ts";
import { newProject, type Refusal } from "../support/tokens.ts";

export const URL_SECRET = "T0PSECRET-3391";
export const URL_A = `https://hooks.example.com/services/${URL_SECRET}`;
export const OWN_SECRET = `whsec_${btoa("a-signing-key-of-the-caller-32-b")}`;

/** An endpoint with a secret in each place but the signing secret. */
export const ENDPOINT = {
  url: URL_A,
  headers: { Authorization: "Bearer the-header-secret-7731", "Content-Type": "application/json" },
  secrets: { token: "the-named-secret-8842" },
  payload: { text: "{{ event.summary }}", token: "{{ secrets.token }}" },
  events: ["action_run.failed"],
};

/** The same, as a GET shows it. */
export const SHOWN = {
  ...ENDPOINT,
  url: null,
  headers: { Authorization: null, "Content-Type": "application/json" },
  secrets: { token: null },
  includeUnstored: false,
  onlyOnChange: false,
  final: false,
  disabled: false,
  signingSecret: null,
};

/** Of a GET, a PUT or a rotation, or of a refusal. */
export type EndpointOnWire = Partial<Refusal> & Partial<Record<keyof typeof SHOWN | "graceEndsAt", unknown>>;

/** `/{o}/{p}/envs/{envName}/webhook-endpoints` that no other test uses. */
export function newEndpointsPath(project = newProject(), envName = "production"): string {
  return `${project}/envs/${envName}/webhook-endpoints`;
}

export function newEndpointPath(): string {
  return `${newEndpointsPath()}/chat`;
}

export function refOf(path: string) {
  const [, o, p, , envName, , name = ""] = path.split("/");
  return { scope: `${o}/${p}/${envName}`, name };
}

export function put(path: string, body: unknown = ENDPOINT, options: Ask = {}): Promise<Answer<EndpointOnWire>> {
  return ask("PUT", path, { body, ...options });
}

export function rotate(path: string, body: unknown = {}, key?: string): Promise<Answer<EndpointOnWire>> {
  return ask("POST", `${path}/rotate-secret`, {
    body,
    ...(key !== undefined && { headers: { "Idempotency-Key": key } }),
  });
}

/** The endpoint as an attempt would get it. */
export async function loaded(path: string): Promise<WholeEndpoint> {
  const whole = await loadEndpoint(env, refOf(path));
  if (whole === null || whole === "secrets_lost") throw new Error(`the endpoint is not there: ${whole}`);
  return whole;
}

export async function audited(path: string): Promise<readonly string[]> {
  const [, o, p] = path.split("/");
  const { results } = await env.DB.prepare("SELECT action FROM audit WHERE project = ? ORDER BY rowid")
    .bind(`${o}/${p}`)
    .all<{ action: string }>();
  return results.map(({ action }) => action);
}
