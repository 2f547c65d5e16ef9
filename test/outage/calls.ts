/** What the tests of an outage share. */

import { expect } from "vitest";
import { type Answer, ask } from "../support/requests.ts";

export interface Refusal {
  readonly error: string;
  readonly code: string;
}

export async function createToken(path: string): Promise<{ id: string; token: string }> {
  const tokens = path.replace(/\/envs\/.*/, "/tokens");
  const created = await ask<{ id: string; token: string }>("POST", tokens, { body: { name: "ci", role: "member" } });
  expect(created.status).toBe(201);
  return created.body;
}

/** 503 with a time to come back, and nothing of what is behind it. */
export function expectUnavailable(answer: Answer<unknown>, code: string): void {
  expect(answer).toMatchObject({ status: 503, body: { code } });
  expect(Number(answer.headers.get("Retry-After"))).toBeGreaterThan(0);
  expect(JSON.stringify(answer.body)).not.toMatch(/D1|SQL|network/i);
}
