/** Tokens for the tests: projects of their own, and API tokens in them. */

import { env } from "cloudflare:workers";
import { expect } from "vitest";
import type { Role } from "../../src/auth/principal.ts";
import { type Answer, ask, ROOT, type Schemas } from "./requests.ts";

export type TokenOnWire = Schemas["CreatedApiToken"] & { readonly token: string };

export interface Refusal {
  readonly error: string;
  readonly code: string;
  readonly pointer?: string;
}

/** 503 with a time to come back, and nothing of what is behind it. */
export function expectUnavailable(answer: Answer<unknown>, code: string): void {
  expect(answer).toMatchObject({ status: 503, body: { code } });
  expect(Number(answer.headers.get("Retry-After"))).toBeGreaterThan(0);
  expect(JSON.stringify(answer.body)).not.toMatch(/D1|SQL|network/i);
}

export interface Wanted {
  readonly role: Role;
  readonly name?: string;
  readonly envName?: string | null;
  readonly expiresAt?: string | null;
  readonly person?: string | null;
  readonly mayApprove?: boolean;
  readonly mayActForOthers?: boolean;
}

/** `/{o}/{p}` of a project that no other test uses. */
export function newProject(): string {
  return `/acme/p-${crypto.randomUUID().slice(0, 13)}`;
}

/** A project that no other test uses, and the runs of one of its environments. */
export function givenProject(): { readonly project: string; readonly path: string } {
  const project = newProject();
  return { project, path: `${project}/envs/prod/action-runs` };
}

export async function grantToken(project: string, wanted: Wanted, asker = ROOT): Promise<TokenOnWire> {
  const { status, body } = await ask<TokenOnWire>("POST", `${project}/tokens`, {
    token: asker,
    body: { name: "someone", ...wanted },
  });
  if (status !== 201) throw new Error(`the create of a token answered ${status}: ${JSON.stringify(body)}`);
  return body;
}

export async function sha256(text: string): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))).toHex();
}

/** A well-formed token that nobody created. */
export function unknownToken(): string {
  const random = crypto.getRandomValues(new Uint8Array(32));
  return `terr_${random.toBase64({ alphabet: "base64url", omitPadding: true })}`;
}

/** The address of a client that no other test uses, because guesses are counted by address. */
export function newAddress(): string {
  const [a, b, c] = crypto.getRandomValues(new Uint16Array(3));
  return `2001:${a?.toString(16)}:${b?.toString(16)}:${c?.toString(16)}::1`;
}

/** "ok", or the code of the refusal, for a token that a new client sends. */
export async function codeOfToken(project: string, token: string): Promise<string> {
  const headers = { "CF-Connecting-IP": newAddress() };
  const { status, body } = await ask<Refusal>("GET", `${project}/envs/prod/action-runs`, { token, headers });
  return status === 200 ? "ok" : body.code;
}

interface PutToken {
  readonly id: string;
  readonly parent: string | null;
  readonly expiresAt?: number;
}

/** Tokens as D1 holds them, without anybody having created them. */
export async function putTokens(project: string, tokens: readonly PutToken[]): Promise<void> {
  await env.DB.prepare(
    `INSERT INTO tokens (project, id, hash, name, role, parent_id, created_by, created_at, expires_at)
     SELECT ?1, value ->> 0, ?1 || (value ->> 0), 'put', 'admin', value ->> 1, 'root', 0, value ->> 2 FROM json_each(?2)`,
  )
    .bind(project.slice(1), JSON.stringify(tokens.map((one) => [one.id, one.parent, one.expiresAt ?? null])))
    .run();
}

/** Takes a token's row away, as a revocation in another isolate would. */
export async function revokeElsewhere(db: D1Database, id: string): Promise<void> {
  await db.prepare("DELETE FROM tokens WHERE id = ?").bind(id).run();
}

/** Replaces a token's secret as another isolate would, which tells this one nothing. */
export async function rotateElsewhere(id: string, oldExpiresAt = Date.now() + 3_600_000): Promise<void> {
  await env.DB.prepare("UPDATE tokens SET old_hash = hash, hash = ?, old_expires_at = ? WHERE id = ?")
    .bind(crypto.randomUUID(), oldExpiresAt, id)
    .run();
}
